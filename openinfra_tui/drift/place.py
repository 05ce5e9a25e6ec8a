"""Whether there is a place for an object in the cluster: its kind, its scope, its namespace."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from openinfra_tui.drift.model import Desired, ObjectVerdict
from openinfra_tui.drift.verdict import blocked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.drift.live import Live

# A kind that is not served although nothing is wrong with us: the engine meets the same wall.
_WALLS = ("conversion",)


class Overlay(NamedTuple):
    """Kinds and namespaces that the desired objects themselves bring."""

    kinds: frozenset[tuple[str, str]]
    namespaces: frozenset[str]


def overlay(desired: Iterable[Desired]) -> Overlay:
    """What a set of objects, or the engine for it, brings for its own members."""
    kinds, namespaces = set(), set()
    for item in desired:
        if item.application.makes_namespace:
            namespaces.add(item.application.namespace)
        spec = item.object.get("spec") or {}
        if item.key.kind == "CustomResourceDefinition":
            kinds.add((str(spec.get("group")), str((spec.get("names") or {}).get("kind"))))
        elif item.key.kind == "Namespace" and not item.key.group:
            namespaces.add(item.key.name)
    return Overlay(frozenset(kinds), frozenset(namespaces))


def scoped(desired: Desired, live: Live) -> Desired:
    """An object without a namespace where its kind has none, and in the engine's where it names none."""
    kind = str(desired.object.get("apiVersion")), str(desired.object.get("kind"))
    if live.scopes.get(kind) and not desired.key.namespace and desired.application.namespace:
        metadata = {**desired.object["metadata"], "namespace": desired.application.namespace}
        return dataclasses.replace(desired, object={**desired.object, "metadata": metadata})
    if live.scopes.get(kind) is False and desired.key.namespace:
        metadata = {name: value for name, value in desired.object["metadata"].items() if name != "namespace"}
        return dataclasses.replace(desired, object={**desired.object, "metadata": metadata})
    return desired


def hindrance(desired: Desired, live: Live, brings: Overlay) -> ObjectVerdict | None:
    """The verdict of an object for which there is no place or no reading, None when it can be compared."""
    key, version = desired.key, str(desired.object.get("apiVersion"))
    kind = version, key.kind
    if desired.problem or not key.name:
        return None  # told by the comparison
    if version in live.stale:
        return blocked(desired, f"api-down: {version}: {live.stale[version]}")
    if kind not in live.scopes:
        return _not_served(desired, live, brings)
    if live.scopes[kind] and not key.namespace:
        return blocked(desired, "namespace: the object has none, and nothing sets one")
    failure = live.failures and (
        live.failures.get(kind) or live.failures.get((version, f"{key.kind}/{key.namespace}/{key.name}"))
    )
    if failure and live.of(desired) is None and (version, key) not in live.absent:
        if failure.startswith(_WALLS):
            return blocked(desired, failure)
        return _unread(desired, failure)
    return _namespace(desired, live, brings)


def _not_served(desired: Desired, live: Live, brings: Overlay) -> ObjectVerdict | None:
    key = desired.key
    if (key.group, key.kind) in brings.kinds and not live.versions(key.group, key.kind):
        return _missing(desired, "its definition is applied with it")
    if not live.complete_scopes:
        return _unread(desired, "dump: holds no object of this kind")
    served = live.versions(key.group, key.kind)
    if served:
        return blocked(desired, f"api-removed: this version is not served; served: {', '.join(served)}")
    return blocked(desired, "no-match: the cluster does not know this kind")


def _namespace(desired: Desired, live: Live, brings: Overlay) -> ObjectVerdict | None:
    name = desired.key.namespace
    if not name or live.namespaces is None:
        return None
    if name not in live.namespaces:
        if name in brings.namespaces:
            return _missing(desired, "its namespace is applied with it")
        return blocked(desired, f"namespace: {name} does not exist, and nothing here makes it")
    if name in live.ending and live.of(desired) is None:
        return blocked(desired, f"namespace-terminating: {name} is being deleted")
    return None


def _missing(desired: Desired, reason: str) -> ObjectVerdict:
    return plain(desired, "missing", "create", "local", reason)


def _unread(desired: Desired, reason: str) -> ObjectVerdict:
    return plain(desired, "unverified", "none", None, reason)


def plain(
    desired: Desired, verdict: str, following: str, proof: str | None, reason: str | None = None
) -> ObjectVerdict:
    """A verdict of a desired object that no difference stands behind."""
    return ObjectVerdict(
        str(desired.object.get("apiVersion")),
        desired.key,
        verdict,
        following,
        proof,
        desired.application.ref,
        desired.origin,
        reason=reason,
    )
