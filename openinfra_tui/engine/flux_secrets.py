"""The Secret that a release of Flux reads: decrypted from a file, or made by an operator from an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.engine import layout

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.plan.component import Component
    from openinfra_tui.plan.model import Plan

_ENCRYPTED = "secrets.sops.yaml"
# Without them the status of a new object, which is empty, would count as healthy.
_HEALTH = {
    "external-secret.yaml": (
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "current": "status.conditions.exists(e, e.type == 'Ready' && e.status == 'True')",
        },
    ),
    "sealed-secret.yaml": (
        {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "current": "status.conditions.exists(e, e.type == 'Synced' && e.status == 'True')",
        },
    ),
}


def is_decrypted(secret_files: Collection[str]) -> bool:
    """Whether kustomize-controller must decrypt files of this site."""
    return any(path.endswith(f"/{_ENCRYPTED}") for path in secret_files)


def health(plan: Plan, component: Component, secret_files: Collection[str]) -> tuple[Mapping[str, str], ...]:
    """When the object that makes the Secret of a component is done."""
    return _HEALTH.get(file_of(plan, component, secret_files), ())


def file_of(plan: Plan, component: Component, secret_files: Collection[str]) -> str:
    """The name of the file in which a component keeps its secrets, or nothing."""
    folder = layout.overlay(plan, component)
    return next((path.rsplit("/", 1)[-1] for path in secret_files if path.rsplit("/", 1)[0] == folder), "")


def build(
    plan: Plan, component: Component, secret_files: Collection[str], options: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """How an overlay makes the Secret of a component: an object of its store, or a decrypted file."""
    file = file_of(plan, component, secret_files)
    if not file:
        return [], {}
    if file != _ENCRYPTED:
        return [file], {}
    name = layout.secret_name(component)
    return [], {"secretGenerator": [{"name": name, "files": [f"values.yaml={file}"], **options}]}
