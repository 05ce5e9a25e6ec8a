"""Generated names: a ConfigMap whose content changed is one object under a new name, not two objects.

kustomize ends generated names with ten characters of a digest (api/hasher, encode).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.difference import compare
from openinfra_tui.drift.normalise import compared, for_apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from openinfra_tui.drift.model import EngineRef, Key, ObjectVerdict

_GENERATED = re.compile(r"(?P<stem>.+)-[2456789bcdfghkmt]{10}")
_NEW = frozenset({"missing", "pending", "unverified"})
_OLD = frozenset({"extra", "pending"})


def paired(
    found: Iterable[ObjectVerdict],
    wanted: Callable[[Key], Mapping[str, Any] | None],
    live: Callable[[str, Key], Mapping[str, Any] | None],
) -> list[ObjectVerdict]:
    """Verdicts in which what takes the place of an old object stands for both, with their differences.

    Args:
        found: verdicts of all objects.
        wanted: the desired object of an identity.
        live: the live object of an apiVersion and identity.
    """
    verdicts = list(found)
    old: dict[tuple[object, ...], list[ObjectVerdict]] = {}
    new: dict[tuple[object, ...], list[ObjectVerdict]] = {}
    for item in verdicts:
        place = _place(item.key, item.engine)
        if place is not None and item.next == "delete" and item.verdict in _OLD:
            old.setdefault(place, []).append(item)
        elif place is not None and item.next == "create" and item.verdict in _NEW:
            new.setdefault(place, []).append(item)
    replaced: dict[int, ObjectVerdict] = {}
    gone: set[int] = set()
    for place, items in new.items():
        before = old.get(place, [])
        if len(items) != 1 or len(before) != 1:
            continue  # which takes the place of which cannot be told
        (item,), (other,) = items, before
        if item.verdict == "unverified":
            # Its name is not known: the old one may be the very same.
            reason = f"{item.reason}; {other.key.name} is there"
            replaced[id(item)] = item._replace(next="none", reason=reason)
            gone.add(id(other))
            continue
        then, now = live(other.api_version, other.key), wanted(item.key)
        if then is None or now is None:
            continue
        differences = compare(compared(for_apply(now)), compared(then), None, ())
        reason = f"takes the place of {other.key.name}, which is deleted"
        reason = f"{item.reason}; {reason}" if item.reason else reason
        replaced[id(item)] = item._replace(differences=differences, reason=reason)
        gone.add(id(other))
    return [replaced.get(id(item), item) for item in verdicts if id(item) not in gone]


def _place(key: Key, engine: EngineRef | None) -> tuple[object, ...] | None:
    name = _GENERATED.fullmatch(key.name)
    if key.kind not in ("ConfigMap", "Secret") or key.group or name is None:
        return None
    return key.kind, key.namespace, name["stem"], engine
