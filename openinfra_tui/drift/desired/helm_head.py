"""What a HelmRelease would install from Git: its chart and values as they stand there, rendered here.

The release that runs is read from Helm's own Secret (`helm.py`); this is the other side: `--against head`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui.build import helm as program
from openinfra_tui.drift.desired import charts
from openinfra_tui.drift.desired.helm import application_of, dressed
from openinfra_tui.drift.desired.post_render import post_rendered
from openinfra_tui.drift.model import Desired, EngineRef, key_of
from openinfra_tui.errors import ToolError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from openinfra_tui.drift.desired.flux import Lookup
    from openinfra_tui.drift.desired.sealed import Opener
    from openinfra_tui.drift.desired.source import Source
    from openinfra_tui.drift.live import Live

_TOOLKIT = "helm.toolkit.fluxcd.io"
_SOURCES = "source.toolkit.fluxcd.io"
_HOOK = "helm.sh/hook"


class Unread(Exception):
    """A release that cannot be rendered from what is here."""


@dataclass(frozen=True)
class Heads:
    """Renders HelmReleases of a repository.

    Attributes:
        files: the repository.
        objects: every desired object of it; sources and values are looked for there first.
        own: names of the GitRepository objects that are this repository.
        lookup: reads what is not in Git.
        opener: decrypts values.
        live: for scopes and versions.
        kube_version: of the cluster.
        offline: whether charts may not be fetched.
        kustomize: the program that runs post renderers.
    """

    files: Source
    objects: Mapping[Any, Mapping[str, Any]]
    own: frozenset[tuple[str, str]]
    lookup: Lookup
    opener: Opener
    live: Live
    kube_version: str = ""
    offline: bool = False
    kustomize: str | None = None

    def objects_of(self, release: Desired) -> list[Desired]:
        """The objects that helm-controller would make of one HelmRelease, hooks left out.

        Raises:
            Unread: a chart, a source or a value is not here.
        """
        item = release.object
        spec, metadata = item["spec"], item["metadata"]
        own = str(metadata["namespace"])
        namespace = str(spec.get("targetNamespace") or own)
        # helm-controller, GetReleaseName: a name of two parts where the target is another namespace.
        prefix = f"{spec['targetNamespace']}-" if spec.get("targetNamespace") else ""
        name = str(spec.get("releaseName") or f"{prefix}{metadata['name']}")
        told = program.Release(name, namespace, self.kube_version, self.live.api_versions(), crds=False)
        try:
            chart, content = self._chart(spec, own)
            values = self._merged(spec, own)
            found = charts.printed(chart, told, values, content=content, in_cluster=True)
            kept = [one for one in found if _HOOK not in _annotations(one.object)]
            made = self._post_rendered(kept, spec.get("postRenderers") or (), values)
        except (ToolError, UserError) as error:
            raise Unread(error.message) from error
        application = application_of(item)
        ready = dressed([one.object for one in made], name, namespace, self.live.scopes)
        return [
            Desired(manifest, application, release.origin, doubt=one.doubt)
            for manifest, one in zip(ready, made, strict=True)
        ]

    def values_of(self, release: Desired) -> dict[str, Any]:
        """The values of a release over those that its chart brings.

        Raises:
            Unread: a chart, a source or a value is not here.
        """
        spec, own = release.object["spec"], str(release.object["metadata"]["namespace"])
        try:
            chart, _ = self._chart(spec, own)
            values = charts.merged([program.defaults(chart)], self.opener).plain
            return charts.over(values, self._merged(spec, own).plain)
        except (ToolError, UserError) as error:
            raise Unread(error.message) from error

    def _merged(self, spec: Mapping[str, Any], namespace: str) -> charts.Values:
        return charts.merged([*self._values(spec, namespace), spec.get("values") or {}], self.opener)

    def _post_rendered(
        self, printed: list[charts.Printed], renderers: Sequence[Mapping[str, Any]], values: charts.Values
    ) -> list[charts.Printed]:
        if not renderers:
            return printed
        if values.opened:
            raise Unread("its post renderers would be run on values that are secret")
        doubts = {key_of(one.object): one.doubt for one in printed}
        made = post_rendered([one.object for one in printed], renderers, self.kustomize)
        return [charts.Printed(item, doubts.get(key_of(item), "")) for item in made]

    def _chart(self, spec: Mapping[str, Any], namespace: str) -> tuple[Path, str]:
        wanted = (spec.get("chart") or {}).get("spec") or {}
        reference = spec.get("chartRef") or wanted.get("sourceRef") or {}
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        place = str(reference.get("namespace") or namespace)
        if kind == "GitRepository" and (place, name) in self.own:
            return self.files.path(str(wanted.get("chart"))), self.files.digest
        found = self._find(_SOURCES, kind, place, name)
        if found is None:
            raise Unread(f"its source {kind} {place}/{name} is neither in Git nor in the cluster")
        origin = found.get("spec") or {}
        url = str(origin.get("url", "")).rstrip("/")
        if kind == "HelmRepository":
            chart, version = str(wanted.get("chart")), str(wanted.get("version") or "*")
            if url.startswith("oci://"):
                url = f"{url}/{chart}"
            return program.fetch(program.Chart(url, chart, version), offline=self.offline), ""
        if kind == "OCIRepository":
            ref = origin.get("ref") or {}
            version = str(ref.get("tag") or ref.get("semver") or "")
            if not version:
                raise Unread(f"its source {kind} {place}/{name} names no version")
            package = program.Chart(url, url.rpartition("/")[2], version)
            return program.fetch(package, offline=self.offline), ""
        raise Unread(f"its chart comes from {kind} {place}/{name}, whose files are not here")

    def _values(self, spec: Mapping[str, Any], namespace: str) -> Iterable[bytes]:
        for reference in spec.get("valuesFrom") or ():
            if reference.get("targetPath"):
                raise Unread("a value of it goes to one path, which is not rendered here")
            kind, name = str(reference.get("kind")), str(reference.get("name"))
            holder = self._find("", kind, namespace, name) or self.lookup(kind, namespace, name)
            key = str(reference.get("valuesKey") or "values.yaml")
            held = _held(holder, key) if holder is not None else None
            if held is not None:
                yield held
            elif not reference.get("optional"):
                raise Unread(
                    f"its values {kind} {namespace}/{name} {key} are neither in Git nor in the cluster"
                )

    def _find(self, group: str, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        known = self.objects.get((group, kind, namespace, name))
        if known is not None:
            return known
        same = (item for item in self.live.of_kind(group, kind) if item["metadata"]["name"] == name)
        return next((item for item in same if item["metadata"].get("namespace") == namespace), None)


def heads(desired: Iterable[Desired], renderer: Heads) -> tuple[list[Desired], dict[EngineRef, str]]:
    """The objects of every HelmRelease among some desired ones, and why some have none."""
    found: list[Desired] = []
    problems: dict[EngineRef, str] = {}
    for item in desired:
        if (item.key.group, item.key.kind) != (_TOOLKIT, "HelmRelease") or item.problem:
            continue
        try:
            found += renderer.objects_of(item)
        except Unread as error:
            ref = EngineRef("HelmRelease", item.key.namespace, item.key.name)
            problems[ref] = f"unread: {error}"
    return found, problems


def by_name(desired: Iterable[Desired]) -> dict[tuple[str, str, str, str], Mapping[str, Any]]:
    """Objects as `Heads` looks for them."""
    keyed = ((item.key, item.object) for item in desired)
    return {(key.group, key.kind, key.namespace, key.name): manifest for key, manifest in keyed}


def _annotations(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    return (manifest.get("metadata") or {}).get("annotations") or {}


def _held(holder: Mapping[str, Any], key: str) -> bytes | None:
    plain = (holder.get("stringData") or {}).get(key)
    if plain is not None:
        return str(plain).encode()
    value = (holder.get("data") or {}).get(key)
    if value is None:
        return None
    return base64.b64decode(str(value)) if holder.get("kind") == "Secret" else str(value).encode()
