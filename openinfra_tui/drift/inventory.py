"""What an engine applied once and no longer wants: inventories of Flux, labels of its owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.model import Application, EngineRef, Key, ObjectVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLUX = "kustomize.toolkit.fluxcd.io"
# Objects that controllers make with the labels of what they belong to.
_COPIED = frozenset({"Endpoints", "EndpointSlice", "ControllerRevision", "ReplicaSet", "Pod"})


def entries(engine: Mapping[str, Any]) -> dict[Key, str]:
    """The objects of `status.inventory`, each with its version (`<ns>_<name>_<group>_<kind>`, cli-utils)."""
    found: dict[Key, str] = {}
    for entry in ((engine.get("status") or {}).get("inventory") or {}).get("entries") or ():
        namespace, _, rest = str(entry.get("id", "")).partition("_")
        rest, _, kind = rest.rpartition("_")
        name, _, group = rest.rpartition("_")
        if name and kind:
            # A colon in the name of an RBAC object is written as two underscores.
            found[Key(group, kind, namespace, name.replace("__", ":"))] = str(entry.get("v", ""))
    return found


def owner_of(manifest: Mapping[str, Any]) -> EngineRef | None:
    """The Kustomization that an object's labels name."""
    labels = (manifest.get("metadata") or {}).get("labels") or {}
    name, namespace = labels.get(f"{_FLUX}/name"), labels.get(f"{_FLUX}/namespace")
    return EngineRef("Kustomization", str(namespace), str(name)) if name and namespace else None


def is_copy(manifest: Mapping[str, Any]) -> bool:
    """Whether a controller made an object and copied labels onto it."""
    metadata = manifest.get("metadata") or {}
    return bool(metadata.get("ownerReferences")) or manifest.get("kind") in _COPIED


def not_in_git(
    live: Mapping[str, Any], key: Key, application: Application, *, listed: bool, waiting: bool
) -> ObjectVerdict:
    """The verdict of an object that Git does not hold.

    Args:
        live: the object.
        key: its identity.
        application: of its engine object.
        listed: it is in the inventory, so the engine knows it.
        waiting: the revision that was applied last still held it.
    """
    metadata = live.get("metadata") or {}
    switches = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    kept = ""
    for name in ("prune", "reconcile"):
        if str(switches.get(f"{_FLUX}/{name}", "")).lower() == "disabled":
            kept = f"{_FLUX}/{name}: disabled"
    if not listed:
        kept = "labelled by the engine, and not in its inventory"
    elif not application.prune:
        kept = kept or "the engine does not prune"
    elif owner_of(live) != application.ref:
        kept = kept or "it lost the labels of its owner, without which Flux deletes nothing"
    deleted = not kept and not application.suspended
    reason = kept or ("suspended: nothing deletes it now" if application.suspended else None)
    return ObjectVerdict(
        str(live.get("apiVersion", "")),
        key,
        "pending" if waiting and deleted else "extra",
        "delete" if deleted else "none",
        "local",
        application.ref,
        reason=reason,
    )
