"""Flux's objects against what our own components say: the order that they need, and what would deadlock.

Seen with Flux's controllers: both-engines-seen.md 12, 15, 17, and tests/controlplane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.check.report import (
    Fault,
    Repository,
    clean,
    dig,
    is_kind,
    mappings,
    named,
)
from openinfra_tui.check.steps import component_of, steps_before
from openinfra_tui.plan.component import load_components

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openinfra_tui.check.report import Place
    from openinfra_tui.plan.component import Component, Release


def check_flux_plan(repository: Repository) -> list[Fault]:
    """Faults of `dependsOn`, of releases that wait where they must not, and of their names."""
    components = load_components()
    faults: list[Fault] = []
    for entries in repository.clusters().values():
        found = {
            str(dig(item, "metadata.name")): (file, item)
            for file, item in entries
            if is_kind(item, "Kustomization", "kustomize.toolkit.fluxcd.io")
        }
        for name, text in _order(found, components):
            file, item = found[name]
            faults.append(Fault("reference", file, f"{named(item)}: {text}"))
        for name, (_, item) in found.items():
            component, configs = component_of(name, components)
            if component is None or configs:
                continue
            releases = {release.name: release for release in component.releases}
            late = _kinds(repository, found.get(f"{name}-configs")) if releases else set()
            folder = _folder(item)
            for built in repository.builds.get(folder, ()):
                texts = []
                if _kind(built) in late:
                    texts.append("is applied with the release that brings its kind: Flux can apply neither")
                release = releases.get(str(dig(built, "metadata.name")))
                if release and is_kind(built, "HelmRelease", "helm.toolkit.fluxcd.io"):
                    texts += _release(built, release)
                faults += [Fault("reference", folder, f"{named(built)}: {text}") for text in texts]
    return faults


def _folder(item: dict[str, Any]) -> str:
    return clean(dig(item, "spec.path")) or "."


def _kind(item: dict[str, Any]) -> tuple[str, str]:
    return str(item.get("apiVersion")), str(item.get("kind"))


def _kinds(repository: Repository, step: Place | None) -> set[tuple[str, str]]:
    """The kinds that a step applies."""
    return {_kind(item) for item in repository.builds.get(_folder(step[1]), ())} if step else set()


def _order(found: Mapping[str, Place], components: Mapping[str, Component]) -> Iterator[tuple[str, str]]:
    edges = {
        name: {str(need.get("name")) for need in mappings(item, "spec.dependsOn")}
        for name, (_, item) in found.items()
    }
    for name, before in steps_before(found, components).items():
        reached = _reached(name, edges)
        for other in sorted(before - reached):
            yield name, f"does not depend on {other}, which must be ready before it"
        component, configs = component_of(name, components)
        for other in () if component is None or configs else component.alongside:
            if other in reached:
                yield name, f"must not depend on {other}: their pods wait for one another"


def _reached(name: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    left = [name]
    while left:
        for other in edges.get(left.pop(), set()) - seen:
            seen.add(other)
            left.append(other)
    return seen


def _release(item: dict[str, Any], release: Release) -> Iterator[str]:
    if dig(item, "spec.releaseName") != release.name:
        yield f"releaseName is not {release.name}: pods and values go by that name"
    for action in ("install", "upgrade"):
        if release.disable_wait and dig(item, f"spec.{action}.disableWait") is not True:
            yield f"{action}.disableWait is not true: its pods wait for hooks that would run only after them"
