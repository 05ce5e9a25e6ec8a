"""Plain objects of a component, as kustomizations that both engines apply: a base, and the site's over it.

A folder becomes a ConfigMap whose name carries a digest of what is in it, so what mounts it is a changed
object when one of its files changes. kustomize follows the name from base to overlay and into every kind
that mounts one (kolla-kayobe.md 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.engine import layout
from openinfra_tui.yamlio import dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.plan.component import Component
    from openinfra_tui.plan.model import Plan

_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


def write(
    plan: Plan, component: Component, rendered: Mapping[str, Mapping[str, bytes]], sealed: bool
) -> dict[str, str]:
    """Both kustomizations.

    Args:
        plan: the steps of one cluster.
        component: what has `objects`.
        rendered: by component, the files of its skeleton.
        sealed: whether the engine decrypts the component's encrypted file into the Secret COMPONENT-secrets.
            Its name carries no digest: each encryption of the same values would be a change.
    """
    base, overlay = layout.base(component), layout.overlay(plan, component)
    files = {path for part in _of(plan, component) for path in rendered[part.name]}
    files |= {f"{overlay}/{vault.path}" for part in _of(plan, component) for vault in part.vaults}
    up = "../" * (overlay.count("/") + 1)
    site = _kustomization(component, overlay, files, [f"{up}{base}"])
    if sealed:
        site["secretGenerator"] = [
            {
                "name": f"{component.name}-secrets",
                "files": ["secrets.yaml=secrets.sops.yaml"],
                "options": {"disableNameSuffixHash": True},
            }
        ]
    return {
        f"{base}/kustomization.yaml": dump(_kustomization(component, base, files, [])),
        f"{overlay}/kustomization.yaml": dump(site),
    }


def _of(plan: Plan, component: Component) -> tuple[Component, ...]:
    return (component, *(part for part in plan.parts if part.part_of == component.name))


def _kustomization(
    component: Component, folder: str, files: Iterable[str], resources: list[str]
) -> dict[str, Any]:
    inner = sorted(path.removeprefix(f"{folder}/") for path in files if path.startswith(f"{folder}/"))
    resources += [path for path in inner if "/" not in path and path.endswith(".yaml")]
    made = []
    for name in component.objects.config_maps if component.objects else ():
        entries = [
            f"{key(path.removeprefix(f'{name}/'))}={path}" for path in inner if path.startswith(f"{name}/")
        ]
        if entries:
            made.append({"name": f"{component.name}-{name}", "files": entries})
    return {
        **_KUSTOMIZATION,
        "namespace": component.namespace,
        "resources": resources,
        **({"configMapGenerator": made} if made else {}),
    }


def key(path: str) -> str:
    """The key of a file in its ConfigMap, where no slash may be."""
    return path.replace("/", "__")
