"""Manifests of another repository, applied by Flux at one commit: what has no chart that can be a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.engine import flux_mirror, layout, pins
from openinfra_tui.plan.mirrors import mirrors_of
from openinfra_tui.yamlio import dump

if TYPE_CHECKING:
    from openinfra_tui.plan.component import Component, Manifests
    from openinfra_tui.plan.model import Plan

_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_NAMESPACE = "flux-system"


def write(plan: Plan, component: Component, manifests: Manifests) -> dict[str, str]:
    """The source and what applies it, and the site's pin.

    Nothing is ever pruned: a definition that goes takes every object of its kind along. Only the folder that
    is applied is checked out (`sparseCheckout`, GitRepository API reference).
    """
    base, overlay = layout.base(component), layout.overlay(plan, component)
    led = flux_mirror.manifests(plan, component, manifests)
    comment = pins.renovate_git(mirrors_of(plan.site.spec).repository(manifests.url))
    source = _object("source.toolkit.fluxcd.io/v1", "GitRepository", component.name)
    applied = {
        # The step's own Kustomization has the component's name, in the same namespace.
        **_object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", f"{component.name}-manifests"),
        "spec": {
            "interval": "1h",
            "retryInterval": "1m",
            "timeout": "10m",
            "path": f"./{manifests.path}",
            "prune": False,
            "wait": True,
            "sourceRef": {"kind": "GitRepository", "name": component.name},
        },
    }
    fetched = {**source, "spec": {"interval": "1h", "url": manifests.url, "sparseCheckout": [manifests.path]}}
    pin = dump({**source, "spec": {"ref": {"tag": manifests.tag, "commit": manifests.commit}}})
    return {
        **{f"{overlay}/{name}": text for name, text in led.files.items()},
        f"{base}/manifests.yaml": f"{dump(fetched)}---\n{dump(applied)}",
        f"{base}/kustomization.yaml": dump({**_KUSTOMIZATION, "resources": ["manifests.yaml"]}),
        f"{overlay}/kustomization.yaml": dump(
            {
                **_KUSTOMIZATION,
                "resources": [f"{'../' * (overlay.count('/') + 1)}{base}"],
                "patches": [{"path": "pin.yaml"}, *led.patches],
            }
        ),
        f"{overlay}/pin.yaml": pin.replace("    tag:", f"    {comment}\n    tag:"),
    }


def _object(api_version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": _NAMESPACE}}
