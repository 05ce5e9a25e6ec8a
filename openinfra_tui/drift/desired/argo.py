"""The objects that Argo CD would apply from a repository: entry points, then recursively as it does."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.build.helm import NotFetched
from openinfra_tui.drift.desired import argo_apps, argo_roots, argo_sets, argo_source, goyaml
from openinfra_tui.drift.desired.flux import Rendered
from openinfra_tui.drift.model import Desired, EngineRef, key_of
from openinfra_tui.errors import ToolError, UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from openinfra_tui.drift.desired.argo_source import Tools
    from openinfra_tui.drift.desired.source import Source

TRACKING_ID = "argocd.argoproj.io/tracking-id"
# Argo CD 3 puts no mark on definitions (reposerver/repository/repository.go).
_UNMARKED = ("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True)
class Tracking:
    """How Argo CD marks what it applies: `application.resourceTrackingMethod` and the like of argocd-cm.

    Attributes:
        method: annotation (the default since v3), label, or annotation+label.
        label: the key of the label.
        namespace: where Argo CD runs; Applications elsewhere are told by their namespace too.
        installation: an id of this Argo CD, empty for none.
    """

    method: str = "annotation"
    label: str = "app.kubernetes.io/instance"
    namespace: str = "argocd"
    installation: str = ""

    def instance(self, ref: EngineRef) -> str:
        """The name of an Application in tracking marks."""
        return argo_apps.instance(ref, self.namespace)

    def identity(self, manifest: Mapping[str, Any], ref: EngineRef, namespace: str) -> str:
        """What the annotation of an object says; of one without a namespace, that of the destination."""
        key = key_of(dict(manifest))
        return f"{self.instance(ref)}:{key.group}/{key.kind}:{key.namespace or namespace}/{key.name}"

    def owns(self, manifest: Mapping[str, Any], ref: EngineRef) -> bool:
        """Whether an object is marked as applied by an Application; a mark copied from another is none."""
        metadata = manifest.get("metadata") or {}
        if self.method == "label":
            return (metadata.get("labels") or {}).get(self.label) == self.instance(ref)
        mark = str((metadata.get("annotations") or {}).get(TRACKING_ID) or "")
        # Of what has no namespace, any that the mark names will do: it is unique without.
        return mark == self.identity(manifest, ref, mark.rpartition(":")[2].partition("/")[0])


def tracking(settings: Mapping[str, Any] | None, namespace: str) -> Tracking:
    """The marks that `argocd-cm` asks for; without it those of a new installation."""
    data = (settings or {}).get("data") or {}
    plain = Tracking()
    return Tracking(
        str(data.get("application.resourceTrackingMethod") or plain.method),
        str(data.get("application.instanceLabelKey") or plain.label),
        namespace or plain.namespace,
        str(data.get("installationID") or ""),
    )


def marked(desired: Desired, marks: Tracking) -> Desired:
    """An object with the marks that Argo CD puts on it; its namespace must be known by now."""
    ref = desired.application.ref
    if ref.kind != "Application" or (desired.key.group, desired.key.kind) == _UNMARKED:
        return desired
    metadata = dict(desired.object.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop("argocd.argoproj.io/installation-id", None)
    if marks.method != "label":
        annotations[TRACKING_ID] = marks.identity(desired.object, ref, desired.application.namespace)
        if marks.installation:
            annotations["argocd.argoproj.io/installation-id"] = marks.installation
    if annotations:
        metadata["annotations"] = annotations
    if marks.method != "annotation":
        # A label holds 63 characters and must not end in a sign.
        name = marks.instance(ref)
        name = name if marks.method == "label" else name[:63].rstrip("-_.")
        metadata["labels"] = {**(metadata.get("labels") or {}), marks.label: name}
    return dataclasses.replace(desired, object={**desired.object, "metadata": metadata})


def entry_points(files: Source, remotes: Iterable[str]) -> list[dict[str, Any]]:
    """Applications and ApplicationSets of a repository that no other one of it applies.

    Args:
        files: the repository.
        remotes: addresses of the repository, as Git knows them.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    for name in files.manifests():
        content = (files.root / name).read_bytes()
        if argo_apps.GROUP.encode() not in content:
            continue
        try:
            documents = goyaml.load_all(content)
        except (yaml.YAMLError, ValueError):
            continue
        found += [
            (name, item)
            for item in documents
            if (argo_apps.is_application(item) or argo_apps.is_set(item))
            and "{{" not in str(item["metadata"])
        ]
    own = own_addresses(files, [item for _, item in found], remotes)
    places = [(name, _applied(item, own)) for name, item in found]
    return [found[index][1] for index in argo_roots.roots(places)]


def _applied(item: Mapping[str, Any], own: Collection[str]) -> set[str]:
    """The folders of this repository that an Application applies; those of a set are not known yet."""
    if not argo_apps.is_application(item):
        return set()
    return {
        argo_apps.path_of(source)
        for source in argo_apps.sources(item)
        if source.get("path") is not None
        and argo_apps.is_git(source)
        and argo_apps.address(str(source.get("repoURL", ""))) in own
    }


def own_addresses(
    files: Source, engines: Iterable[Mapping[str, Any]], remotes: Iterable[str]
) -> frozenset[str]:
    """Addresses of this repository: Git's remotes where Applications name one, else where their paths are."""
    known = {argo_apps.address(url) for url in remotes}
    named: dict[str, bool] = {}
    for item in engines:
        for source in _git_sources(item):
            url = argo_apps.address(str(source.get("repoURL", "")))
            named[url] = named.get(url, False) or _is_here(files, source, item)
    if known & named.keys():
        return frozenset(known)
    return frozenset(url for url, here in named.items() if here)


def _is_here(files: Source, source: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether the folder of a source, or a values file that it lends to another one, is in the repository."""
    if source.get("path") is not None:
        return (files.root / argo_apps.path_of(source)).is_dir()
    lent = f"${source['ref']}/" if source.get("ref") and argo_apps.is_application(item) else ""
    names = (
        name
        for other in argo_apps.sources(item)
        for name in (other.get("helm") or {}).get("valueFiles") or ()
    )
    return bool(lent) and any(
        str(name).startswith(lent) and (files.root / str(name).removeprefix(lent)).is_file() for name in names
    )


def _git_sources(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    if argo_apps.is_application(item):
        return [source for source in argo_apps.sources(item) if argo_apps.is_git(source)]
    template = item["spec"].get("template") or {}
    inner = argo_apps.sources(template) if isinstance(template.get("spec"), dict) else []
    generators = [entry["git"] for entry in item["spec"].get("generators") or () if entry.get("git")]
    return [source for source in (*inner, *generators) if argo_apps.is_git(source)]


def render(files: Source, roots: Sequence[Mapping[str, Any]], tools: Tools, *, jobs: int = 4) -> Rendered:
    """Every object below some Applications and ApplicationSets.

    Args:
        files: the repository.
        roots: entry points.
        tools: what a render needs.
        jobs: builds at a time.
    """
    rendered = Rendered()
    waiting = list(roots)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        while waiting:
            fresh = {argo_apps.ref_of(item): item for item in waiting}
            fresh = {ref: item for ref, item in fresh.items() if ref not in rendered.engines}
            rendered.engines |= {ref: dict(item) for ref, item in fresh.items()}
            waiting = []
            for ref, item in fresh.items():
                if argo_apps.is_set(item):
                    try:
                        waiting += argo_sets.applications(item, files, tools)
                    except argo_sets.NotEvaluated as error:
                        rendered.problems[ref] = f"source: {error}"
            applications = [item for item in fresh.values() if argo_apps.is_application(item)]
            for item, (objects, problem) in zip(
                applications, pool.map(lambda item: _one(files, item, tools), applications), strict=True
            ):
                if problem:
                    rendered.problems[argo_apps.ref_of(item)] = problem
                rendered.objects += objects
                waiting += [
                    desired.object
                    for desired in objects
                    if argo_apps.is_application(desired.object) or argo_apps.is_set(desired.object)
                ]
    return rendered


def _one(files: Source, item: Mapping[str, Any], tools: Tools) -> tuple[list[Desired], str]:
    """The objects of one Application, and why they are not all of them."""
    other = argo_apps.elsewhere(item)
    if other:
        return [], f"source: its objects are in the cluster {other}"
    application = argo_apps.application_of(item)
    found: list[Desired] = []
    problem = ""
    for source in argo_apps.sources(item):
        if source.get("ref") and source.get("path") is None and not source.get("chart"):
            continue  # only named by other sources
        try:
            printed = argo_source.objects(files, source, item, tools)
        except argo_source.Elsewhere as error:
            problem = problem or f"source: {error}"
            continue
        except NotFetched as error:
            problem = problem or f"unread: {error.message}"
            continue
        except ToolError as error:
            missing = error.message.endswith("is not installed")
            return [], f"{'unread' if missing else 'build'}: {error.message}"
        except UserError as error:
            return [], f"build: {error.message}"
        near = argo_apps.path_of(source) if tools.holds(source) else ""
        for one in printed:
            name = str((one.object.get("metadata") or {}).get("name") or "")
            origin = files.origin(str(one.object.get("kind", "")), name, near)
            how = argo_apps.for_object(application, one.object)
            found.append(Desired(one.object, how, origin, doubt=one.doubt))
    return found, problem
