"""Flux: the sources of charts, and the patches that hold their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.engine import pins
from openinfra_tui.yamlio import dump

if TYPE_CHECKING:
    from openinfra_tui.plan.component import Component, Release


def source(component: Component, release: Release, url: str, shared: bool) -> list[dict[str, Any]]:
    """The source that the component owns; none where its group has it."""
    if pins.is_oci(url):
        spec = {
            "interval": "1h",
            "url": f"{url}/{release.chart}",
            "layerSelector": {
                "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
                "operation": "copy",
            },
        }
        return [{**bare("source.toolkit.fluxcd.io/v1", "OCIRepository", component.name), "spec": spec}]
    return [] if shared else [helm_repository(component.name, url)]


def pin(component: Component, release: Release, url: str, place: str) -> str:
    """The patch that holds the version, where a mirror may have turned one kind of source into the other."""
    comment = pins.renovate(release, place)
    if release.source == pins.GIT_SOURCE:
        return ""
    if pins.is_oci(url) and pins.is_oci(place):
        source = bare("source.toolkit.fluxcd.io/v1", "OCIRepository", component.name)
        text = dump({**source, "spec": {"ref": {"tag": release.version}}})
        return text.replace("    tag:", f"    {comment}\n    tag:")
    patch = {
        **bare("helm.toolkit.fluxcd.io/v2", "HelmRelease", release.name),
        "spec": {"chart": {"spec": {"version": release.version}}},
    }
    return dump(patch).replace("      version:", f"      {comment}\n      version:")


def helm_repository(name: str, url: str) -> dict[str, Any]:
    """A Helm repository."""
    return {
        **bare("source.toolkit.fluxcd.io/v1", "HelmRepository", name),
        "spec": {"interval": "1h", "url": url},
    }


def git_repository() -> dict[str, Any]:
    """The repository of the charts that have no published package."""
    return {
        **bare("source.toolkit.fluxcd.io/v1", "GitRepository", pins.GIT_SOURCE),
        "spec": {"interval": "1h", "url": pins.GIT_URL},
    }


def bare(api_version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    """An object without content."""
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **place}}
