"""What one object names in another place must be there.

Sources of the rules: Flux, Kustomization and HelmRelease API references (spec.path, dependsOn, sourceRef,
valuesFrom and its default key `values.yaml`). What only Argo CD has is in `argocd.py`.
"""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from openinfra_tui.check.argocd import folders
from openinfra_tui.check.made_secrets import check_stores, made_secret
from openinfra_tui.check.report import (
    KUSTOMIZATION_FILES,
    Fault,
    Place,
    Repository,
    clean,
    dig,
    is_kind,
    is_object,
    mapping,
    mappings,
    named,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLUX = "flux-system"
_BUILTIN_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease", _FLUX, "argocd"}


def check_references(repository: Repository) -> list[Fault]:
    """Faults of kind `reference`, cluster by cluster."""
    faults: list[Fault] = []
    for entries in repository.clusters().values():
        flux = [pair for pair in entries if is_kind(pair[1], "Kustomization", "kustomize.toolkit.fluxcd.io")]
        faults += _kustomizations(repository, flux)
        reached: list[Place] = list(entries)
        for _, item in flux:
            folder = clean(dig(item, "spec.path"))
            target = dig(item, "spec.targetNamespace")
            for built in repository.builds.get(folder or ".", ()):
                meta = built.get("metadata") or {}
                moved = (
                    {**built, "metadata": {**meta, "namespace": target}}
                    if target and meta.get("namespace")
                    else built
                )
                reached.append((folder or ".", moved))
        for _, item in entries:
            for folder in folders(item) if is_kind(item, "Application", "argoproj.io") else ():
                reached += [(folder, built) for built in repository.builds.get(folder, ())]
        faults += _sources(reached)
        faults += _namespaces(reached)
        faults += check_stores(reached)
    with_made = {folder: _with_made(items) for folder, items in repository.builds.items()}
    shared = tuple(item for items in with_made.values() for item in items if _is_watched(item))
    for folder, items in with_made.items():
        for item in items:
            faults += [Fault("reference", folder, text) for text in _values_from(item, (*items, *shared))]
    return sorted(set(faults))


def _with_made(items: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """The objects of a build, and the Secrets that operators make of them."""
    return (*items, *(made for item in items if (made := made_secret(item)) is not None))


def _is_watched(item: dict[str, Any]) -> bool:
    """Whether a HelmRelease of another build notices a change of it (helm-controller, label of the watch)."""
    labels = mapping(item, "metadata.labels")
    return (
        item.get("kind") in ("ConfigMap", "Secret") and labels.get("reconcile.fluxcd.io/watch") == "Enabled"
    )


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return str(dig(item, "metadata.namespace") or _FLUX), str(dig(item, "metadata.name"))


def _kustomizations(repository: Repository, flux: list[Place]) -> Iterator[Fault]:
    graph: dict[tuple[str, str], set[tuple[str, str]]] = {}
    counted = Counter(_key(item) for _, item in flux)
    for file, item in flux:
        folder = clean(dig(item, "spec.path"))
        if folder is None or not (repository.root / folder).is_dir():
            yield Fault("reference", file, f"{named(item)}: path {dig(item, 'spec.path')} does not exist")
        elif not any((repository.root / folder).rglob("*.y*ml")):
            yield Fault("reference", file, f"{named(item)}: path {dig(item, 'spec.path')} has no manifests")
        key = _key(item)
        if counted[key] > 1:
            yield Fault("reference", file, f"{named(item)} is defined {counted[key]} times in this cluster")
        wanted = {
            (str(need.get("namespace") or key[0]), str(need.get("name")))
            for need in mappings(item, "spec.dependsOn")
        }
        graph[key] = wanted
        for space, name in sorted(wanted - counted.keys()):
            yield Fault("reference", file, f"{named(item)}: depends on {space}/{name}, which does not exist")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " -> ".join(name for _, name in error.args[1])
        yield Fault(
            "reference", flux[0][0], f"dependsOn goes in a circle, nothing of it would ever start: {circle}"
        )


def _sources(reached: list[Place]) -> Iterator[Fault]:
    known = {(str(item.get("kind")), *_key(item)) for _, item in reached}
    for file, item in reached:
        if is_kind(item, "Kustomization", "kustomize.toolkit.fluxcd.io"):
            refs = [dig(item, "spec.sourceRef")]
        elif is_kind(item, "HelmRelease", "helm.toolkit.fluxcd.io"):
            refs = [dig(item, "spec.chart.spec.sourceRef") or dig(item, "spec.chartRef")]
        elif is_kind(item, "HelmChart", "source.toolkit.fluxcd.io"):
            refs = [dig(item, "spec.sourceRef")]
        else:
            continue
        for ref in refs:
            if not isinstance(ref, dict):
                yield Fault("reference", file, f"{named(item)} names no source")
                continue
            where = (str(ref.get("kind")), str(ref.get("namespace") or _key(item)[0]), str(ref.get("name")))
            if where not in known and where[1:] != (_FLUX, _FLUX):  # made by the bootstrap of Flux
                yield Fault(
                    "reference",
                    file,
                    f"{named(item)}: source {where[0]} {where[1]}/{where[2]} does not exist",
                )


def _namespaces(reached: list[Place]) -> Iterator[Fault]:
    known = {str(dig(item, "metadata.name")) for _, item in reached if item.get("kind") == "Namespace"}
    for _, item in reached:
        if is_kind(item, "HelmRelease", "helm.toolkit.fluxcd.io") and dig(
            item, "spec.install.createNamespace"
        ):
            known.add(str(dig(item, "spec.targetNamespace") or dig(item, "metadata.namespace")))
        makes = "CreateNamespace=true" in texts(item, "spec.syncPolicy.syncOptions")
        if item.get("kind") == "Application" and makes:
            known.add(str(dig(item, "spec.destination.namespace")))
    for file, item in reached:
        places = ["metadata.namespace"]
        places += ["spec.targetNamespace"] if item.get("kind") in ("HelmRelease", "Kustomization") else []
        places += ["spec.destination.namespace"] if item.get("kind") == "Application" else []
        for space in sorted({str(found) for place in places if (found := dig(item, place))}):
            if space not in known | _BUILTIN_NAMESPACES:
                yield Fault(
                    "reference", file, f"{named(item)}: namespace {space} is made by nothing in this cluster"
                )


def _values_from(item: dict[str, Any], items: tuple[dict[str, Any], ...]) -> Iterator[str]:
    if not is_kind(item, "HelmRelease", "helm.toolkit.fluxcd.io"):
        return
    space = dig(item, "metadata.namespace")
    for ref in mappings(item, "spec.valuesFrom"):
        kind, name, key = ref.get("kind"), ref.get("name"), str(ref.get("valuesKey") or "values.yaml")
        found = [
            other
            for other in items
            if other.get("kind") == kind
            and dig(other, "metadata.name") == name
            and dig(other, "metadata.namespace") == space
        ]
        if not found:
            if not ref.get("optional"):
                yield f"{named(item)}: valuesFrom {kind} {name} is not in the same build and namespace"
            continue
        keys = {key for part in ("data", "stringData", "binaryData") for key in mapping(found[0], part)}
        if key not in keys:
            yield f"{named(item)}: valuesFrom {kind} {name} has no key {key}"


def buildable(repository_documents: dict[str, tuple[Any, ...]]) -> list[str]:
    """Folders below sites/ and clusters/ with a kustomization that stands on its own, sorted."""
    out = []
    for file, documents in repository_documents.items():
        folder, _, name = file.rpartition("/")
        component = any(is_object(item) or isinstance(item, dict) for item in documents) and any(
            isinstance(item, dict) and item.get("kind") == "Component" for item in documents
        )
        if name in KUSTOMIZATION_FILES and file.split("/")[0] in ("sites", "clusters") and not component:
            out.append(folder)
    return sorted(out)
