"""Where two objects differ, item by item: lists aligned by key, each place with its kind and its owners."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import managed
from openinfra_tui.drift.managed import MISSING
from openinfra_tui.drift.model import Difference
from openinfra_tui.drift.proof import pointer
from openinfra_tui.drift.values import quantity, same, same_scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openinfra_tui.drift.schema import Type


def compare(
    after: Mapping[str, Any],
    live: Mapping[str, Any],
    kind: Type | None,
    owners: Sequence[managed.Entry] = (),
    desired: Mapping[str, Any] | None = None,
) -> tuple[Difference, ...]:
    """Every place where what the engine would leave differs from live, in the order of the paths.

    Args:
        after: the object after the apply.
        live: the object now.
        kind: its type, for the keys of lists.
        owners: managedFields of live, for the blame.
        desired: the manifest; a value that comes from elsewhere is `defaulted`.
    """
    comparison = _Comparison(owners, desired)
    comparison.walk(dict(after), dict(live), kind, ())
    return tuple(comparison.found)


class _Comparison:
    def __init__(self, owners: Sequence[managed.Entry], desired: Mapping[str, Any] | None) -> None:
        self.found: list[Difference] = []
        self._owners = owners
        self._desired = desired

    def walk(self, one: Any, other: Any, kind: Type | None, path: managed.Path) -> None:
        if one is MISSING:
            self._note(path, "added", one, other)
        elif other is MISSING:
            self._note(path, "defaulted" if self._by_default(path) else "removed", one, other)
        elif same(one, other):
            return
        elif isinstance(one, dict) and isinstance(other, dict):
            for name in sorted(one.keys() | other.keys()):
                below = kind.field(name) if kind else None
                self.walk(one.get(name, MISSING), other.get(name, MISSING), below, (*path, f"f:{name}"))
        elif isinstance(one, list) and isinstance(other, list):
            self._lists(one, other, kind, path)
        elif _same_quantity(one, other, kind):
            self._note(path, "quantity-equal", one, other)
        else:
            self._note(path, "defaulted" if self._by_default(path) else "value", one, other)

    def _lists(self, one: list[Any], other: list[Any], kind: Type | None, path: managed.Path) -> None:
        keys = kind.list_keys if kind else _guess_keys(one, other)
        first, second = _by_element(one, keys), _by_element(other, keys)
        if first is None or second is None:
            self._note(path, "order" if _same_items(one, other) else "value", one, other)
            return
        common = [element for element in second if element in first]
        if common != [element for element in first if element in second]:
            self._note(path, "order", one, other)
        below = kind.items if kind else None
        for element in [*first, *(new for new in second if new not in first)]:
            self.walk(first.get(element, MISSING), second.get(element, MISSING), below, (*path, element))

    def _by_default(self, path: managed.Path) -> bool:
        return self._desired is not None and _at(self._desired, path) is MISSING

    def _note(self, path: managed.Path, change: str, one: Any, other: Any) -> None:
        desired, live = (None if value is MISSING else value for value in (one, other))
        blame = managed.blame(self._owners, path)
        self.found.append(Difference(pointer(path), change, desired, live, blame))


def _same_quantity(one: Any, other: Any, kind: Type | None) -> bool:
    if type(one) is not type(other) or not (kind is None or kind.is_quantity or kind.is_int_or_string):
        return False
    number = quantity(one)
    return number is not None and number == quantity(other)


def _at(value: Any, path: managed.Path) -> Any:
    """What a path leads to; items are found by their exact key, defaults of keys play no part here."""
    for element in path:
        value = managed.step(value, element, None)
        if value is MISSING:
            return MISSING
    return value


def _guess_keys(one: list[Any], other: list[Any]) -> tuple[str, ...]:
    """For people only: items that all have a `name` of their own are aligned by it."""
    for items in (one, other):
        names = [item.get("name") if isinstance(item, dict) else None for item in items]
        if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            return ()
    return ("name",)


def _by_element(items: list[Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    if not keys or not all(isinstance(item, dict) for item in items):
        return None
    out = {
        "k:" + json.dumps({key: item[key] for key in keys if key in item}, separators=(",", ":")): item
        for item in items
    }
    return out if len(out) == len(items) else None


def _same_items(one: list[Any], other: list[Any]) -> bool:
    def text(value: Any) -> str:
        return json.dumps(value, sort_keys=True)

    return sorted(map(text, one)) == sorted(map(text, other))


def predict(desired: Any, live: Any, kind: Type | None) -> Any:
    """What a merge of desired into live would leave, unpruned and undefaulted: to show, no proof."""
    if isinstance(desired, dict) and isinstance(live, dict) and not (kind and kind.is_atomic_map):
        out = dict(live)
        for name, value in desired.items():
            below = kind.field(name) if kind else None
            out[name] = predict(value, live[name], below) if name in live else value
        return out
    if isinstance(desired, list) and isinstance(live, list):
        if kind and kind.is_set:
            return [*desired, *(item for item in live if item not in desired)]
        keys = kind.list_keys if kind else _guess_keys(desired, live)
        wanted, there = _by_element(_keyed(desired, kind), keys), _by_element(live, keys)
        if wanted is not None and there is not None:
            below = kind.items if kind else None
            merged = [
                predict(item, there[element], below) if element in there else item
                for element, item in wanted.items()
            ]
            return [*merged, *(item for element, item in there.items() if element not in wanted)]
    scalars = not isinstance(desired, dict | list) and not isinstance(live, dict | list)
    return live if scalars and same_scalar(desired, live, kind) else desired


def _keyed(items: list[Any], kind: Type | None) -> list[Any]:
    """Items with the defaults of their list keys, which the merge goes by."""
    defaults = kind.key_defaults if kind else {}
    return [{**defaults, **item} if isinstance(item, dict) and defaults else item for item in items]


def removed(value: Mapping[str, Any], paths: Sequence[managed.Path]) -> dict[str, Any]:
    """A copy of an object without what paths of fieldsV1 lead to."""
    out = json.loads(json.dumps(value))
    for path in paths:
        node: Any = out
        for element in path[:-1]:
            node = managed.step(node, element, None)
            if node is MISSING:
                break
        if node is MISSING:
            continue
        target = managed.step(node, path[-1], None)
        if target is MISSING:
            continue
        if isinstance(node, dict):
            del node[managed.decoded(path[-1])]
        else:
            node.remove(target)
    return dict(out)
