"""Flux: how the overlay of a site turns sources and images to its mirrors.

`components/` stays that of every site.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openinfra_tui.engine import layout, mirror, pins
from openinfra_tui.engine.flux_sources import bare
from openinfra_tui.plan.mirrors import mirrors_of
from openinfra_tui.yamlio import dump

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.plan.component import Component, Manifests, Release
    from openinfra_tui.plan.model import Plan

_SOURCE = "source.toolkit.fluxcd.io/v1"
_RELEASE = "helm.toolkit.fluxcd.io/v2"
_PATCH, _OWN_SOURCE, _VALUES_PATCH = "mirror.yaml", "mirror-source.yaml", "mirror-values.yaml"
_HEADER = "# By way of spec.mirrors.\n"


@dataclass(frozen=True)
class Led:
    """What an overlay has more for its mirrors; nothing where nothing is mirrored.

    Attributes:
        files: by name in the overlay.
        resources: objects that only this site has.
        patches: after the pin.
        maps: generators of ConfigMaps.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[str, ...] = ()
    patches: tuple[Mapping[str, Any], ...] = ()
    maps: tuple[Mapping[str, Any], ...] = ()


def common(plan: Plan, sources: Mapping[str, str], used: Collection[str]) -> Led:
    """The chart sources that a group of releases shares."""
    mirrors = mirrors_of(plan.site.spec)
    objects = []
    for name in sorted(used):
        if name == pins.GIT_SOURCE:
            if mirrors.git:
                objects.append(_git(name, mirrors.repository(pins.GIT_URL)))
        elif mirrors.charts:
            objects.append(_helm(name, mirrors.chart(sources[name])))
    return _patched(objects)


def manifests(plan: Plan, component: Component, foreign: Manifests) -> Led:
    """The source of a folder of another repository."""
    mirrors = mirrors_of(plan.site.spec)
    if not mirrors.git:
        return Led()
    return _patched([_git(component.name, mirrors.repository(foreign.url), "flux-system")])


def release(plan: Plan, component: Component, one: Release, url: str, *, shared: bool, images: str) -> Led:
    """The source of a release of its own, and its images.

    Args:
        plan: the steps of one cluster.
        component: who has the release.
        one: the release.
        url: where `components/` has its chart from.
        shared: whether the source is that of a group.
        images: the values that lead its images through the mirror; empty for none.
    """
    place = layout.chart_place(plan, one)
    led = Led()
    if place != url and one.source != pins.GIT_SOURCE:
        if pins.is_oci(url) and pins.is_oci(place):
            oci = bare(_SOURCE, "OCIRepository", component.name)
            led = _patched([{**oci, "spec": {"url": f"{place}/{one.chart}"}}])
        elif pins.is_oci(url):
            led = _from_helm_repository(component, one, place)
        elif not shared:
            led = _patched([_helm(component.name, place)])
    return _with_values(led, component, one, shared, images) if images else led


def _from_helm_repository(component: Component, one: Release, place: str) -> Led:
    """A chart of an OCI registry, from a Helm repository: another kind of source, so another reference."""
    source = {"kind": "HelmRepository", "name": component.name}
    gone = {**bare(_SOURCE, "OCIRepository", component.name), "$patch": "delete"}
    turned = {
        **bare(_RELEASE, "HelmRelease", one.name),
        "spec": {"chartRef": None, "chart": {"spec": {"chart": one.chart, "sourceRef": source}}},
    }
    own = _helm(component.name, place)
    own["spec"] = {"interval": "1h", **own["spec"]}
    led = _patched([gone, turned])
    return Led({**led.files, _OWN_SOURCE: _HEADER + dump(own)}, (_OWN_SOURCE,), led.patches)


def _with_values(led: Led, component: Component, one: Release, shared: bool, images: str) -> Led:
    name = f"{component.name}-mirror-values"
    # Behind the values of the component, of the group and of the site; before secrets and the operator's own.
    place = f"/spec/valuesFrom/{3 if shared else 2}"
    added = {"op": "add", "path": place, "value": {"kind": "ConfigMap", "name": name}}
    target = {"group": "helm.toolkit.fluxcd.io", "kind": "HelmRelease", "name": one.name}
    return Led(
        {**led.files, mirror.FILE: images, _VALUES_PATCH: _HEADER + dump([added])},
        led.resources,
        (*led.patches, {"path": _VALUES_PATCH, "target": target}),
        ({"name": name, "files": [f"values.yaml={mirror.FILE}"]},),
    )


def _patched(objects: list[dict[str, Any]]) -> Led:
    if not objects:
        return Led()
    return Led({_PATCH: _HEADER + "---\n".join(dump(item) for item in objects)}, (), ({"path": _PATCH},))


def _helm(name: str, url: str) -> dict[str, Any]:
    kind = {"type": "oci"} if pins.is_oci(url) else {}
    return {**bare(_SOURCE, "HelmRepository", name), "spec": {**kind, "url": url}}


def _git(name: str, url: str, namespace: str = "") -> dict[str, Any]:
    return {**bare(_SOURCE, "GitRepository", name, namespace), "spec": {"url": url}}
