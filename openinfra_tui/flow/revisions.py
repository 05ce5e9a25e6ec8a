"""What both engines would apply, at HEAD and at the revisions that they applied last."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift.desired import argo_apps, argo_entry, flux, source
from openinfra_tui.drift.desired.flux import Rendered
from openinfra_tui.drift.model import EngineRef
from openinfra_tui.flow import entry
from openinfra_tui.flow.before import Before

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from openinfra_tui.drift.desired import helm_head
    from openinfra_tui.drift.desired.argo_source import Tools
    from openinfra_tui.drift.desired.sealed import Opener
    from openinfra_tui.drift.desired.source import Source
    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.model import Desired
    from openinfra_tui.flow.reading import Reader

_COMMIT = re.compile(r"(?:^|[:/@])([0-9a-f]{40}|[0-9a-f]{64})$")
_MOST_REVISIONS = 4


@dataclass(frozen=True)
class Renderer:
    """Renders one repository for one cluster.

    Attributes:
        directory: the repository.
        temporary: makes a folder for other revisions.
        live: the cluster as far as it was read.
        lookup: what `substituteFrom` names.
        opener: decrypts SOPS values.
        kustomize: the program to use.
        offline: whether charts may not be fetched.
        against: `head`, `applied`, or empty for both.
        kube_version: of the cluster, for charts.
        api_versions: of the cluster, for charts.
    """

    directory: Path
    temporary: Callable[[], Path]
    live: Live
    lookup: flux.Lookup
    opener: Opener
    kustomize: str | None = None
    offline: bool = False
    against: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()

    def both(self, target: Source, roots: Sequence[Mapping[str, Any]]) -> tuple[Rendered, Before]:
        """What HEAD would apply, and what was applied last."""
        head = self.render(target, roots)
        before = Before(applied=applied(self.live))
        if self.against == "head":
            return head, before
        # Other repositories have Kustomizations in the same cluster.
        ours = Counter(commit for ref, commit in before.applied.items() if commit and ref in head.engines)
        wanted = [c for c, _ in ours.most_common() if c != target.revision or target.dirty]
        here = [commit for commit in wanted if source.has_commit(self.directory, commit)]
        for commit in here[:_MOST_REVISIONS]:
            files = source.at_revision(self.directory, commit, self.temporary() / commit)
            before.renders[commit] = self.render(files, roots)
        if not target.dirty:
            before.renders[target.revision] = head
        before.collect()
        if self.against == "applied":
            held = [item for item in head.objects if before.known(item.application.ref)]
            left = [item for item in head.objects if not before.known(item.application.ref)]
            head.objects = [*before.objects.values(), *left] if held else head.objects
        return head, before

    def render(self, files: Source, roots: Sequence[Mapping[str, Any]]) -> Rendered:
        """What one revision would apply: below Flux, then below Argo CD, which Flux may have brought."""
        of_flux = [root for root in roots if flux.is_kustomization(root)]
        of_argo = [root for root in roots if not flux.is_kustomization(root)]
        found = flux.render(files, of_flux, self.lookup, opener=self.opener, kustomize=self.kustomize)
        of_argo += [
            item.object
            for item in found.objects
            if argo_apps.is_application(item.object) or argo_apps.is_set(item.object)
        ]
        if of_argo:
            from openinfra_tui.drift.desired import argo

            more = argo.render(files, of_argo, self._tools(files, of_argo))
            found = Rendered(
                found.objects + more.objects, found.engines | more.engines, found.problems | more.problems
            )
        return found

    def releases(self, files: Source, head: Rendered) -> list[Desired]:
        """What HelmReleases would install from Git; those that cannot be rendered become problems of it."""
        from openinfra_tui.drift.desired import helm_head

        found, problems = helm_head.heads(head.objects, self.heads(files, head))
        head.problems |= problems
        head.engines |= {
            EngineRef(item.key.kind, item.key.namespace, item.key.name): item.object
            for item in head.objects
            if item.key.kind == "HelmRelease"
        }
        return found

    def heads(self, files: Source, head: Rendered) -> helm_head.Heads:
        """What renders HelmReleases of a revision."""
        from openinfra_tui.drift.desired import helm_head

        sources = (item["spec"].get("sourceRef") or {} for item in head.engines.values())
        own = frozenset(
            (str(reference.get("namespace") or ref.namespace), str(reference.get("name")))
            for ref, reference in zip(head.engines, sources, strict=True)
            if ref.kind == "Kustomization"
        )
        return helm_head.Heads(
            files,
            helm_head.by_name(head.objects),
            own,
            self.lookup,
            self.opener,
            self.live,
            self.kube_version,
            offline=self.offline,
            kustomize=self.kustomize,
        )

    def _tools(self, files: Source, roots: Sequence[Mapping[str, Any]]) -> Tools:
        from openinfra_tui.drift.desired.argo_source import Tools

        own = argo_entry.own_addresses(files, roots, source.remotes(self.directory))
        return Tools(
            self.opener,
            self.kustomize,
            self.offline,
            self.kube_version,
            self.api_versions,
            own,
            argo_apps.home(argo_apps.ref_of(root) for root in roots),
        )


def applied(live: Live) -> dict[EngineRef, str]:
    """The commit that each engine object applied last, empty when it names none."""
    found = {}
    for item in entry.kustomizations(live):
        revision = str((item.get("status") or {}).get("lastAppliedRevision") or "")
        match = _COMMIT.search(revision)
        if revision:
            found[flux.ref_of(item)] = match[1] if match else ""
    for item in entry.applications(live):
        history = (item.get("status") or {}).get("history") or ()
        if history and isinstance(history[-1], dict):
            names = history[-1].get("revisions") or [history[-1].get("revision")]
            # A chart has a version where a repository has a commit.
            commits = [str(name) for name in names if _COMMIT.fullmatch(str(name))]
            found[argo_apps.ref_of(item)] = commits[0] if commits else ""
    return found


def lookup(live: Live, reader: Reader | None, *, digests: bool) -> flux.Lookup:
    """What `substituteFrom` names, read from the threads that render.

    Args:
        live: the cluster as far as it was read.
        reader: asks its API server; None for a dump.
        digests: the dump holds digests where a Secret has values.
    """
    loop = asyncio.get_running_loop()

    def find(kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"namespace": namespace, "name": name}}
        known = live.find(manifest)
        if known is not None or reader is None or kind not in ("ConfigMap", "Secret"):
            return known if reader is not None or kind != "Secret" or not digests else None
        try:
            return asyncio.run_coroutine_threadsafe(reader.again(manifest), loop).result()
        except ApiError:
            return None

    return find
