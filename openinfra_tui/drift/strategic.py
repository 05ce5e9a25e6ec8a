"""The strategic merge patch of a client-side apply of a built-in kind (apimachinery, strategicpatch).

It knows lists by their patch merge key alone, ports of a Service by their number, merges every map key by
key, puts lists in the order of the manifest, and takes away what was applied last and is not wanted any more.
Where a map is of the sort `retainKeys`, a change of it takes away whatever is not stated.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import managed
from openinfra_tui.drift.managed import MISSING
from openinfra_tui.drift.values import same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.drift.managed import Path
    from openinfra_tui.drift.schema import StrategicType

_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"


def patch(
    wanted: Mapping[str, Any], there: Mapping[str, Any], kind: StrategicType, gone: Iterable[Path]
) -> dict[str, Any]:
    """The patch that makes a live object what a manifest wants, without what was applied last alone.

    Args:
        wanted: the manifest.
        there: the live object.
        kind: its type.
        gone: paths to take away, with the elements of `kind`.
    """
    out: dict[str, Any] = _stated(deepcopy(dict(wanted)), there, kind)
    for path in gone:
        _take_away(out, path)
    return out


def _stated(wanted: Any, there: Any, kind: StrategicType | None) -> Any:
    if isinstance(wanted, dict):
        known = there if isinstance(there, dict) else {}
        out: dict[str, Any] = {}
        for name, item in wanted.items():
            below = kind.field(name) if kind else None
            out[name] = _stated(item, known.get(name), below)
            if order := _order(item, below):
                out[_ORDER + name] = order
        if kind is not None and kind.retains and not _within(wanted, known, kind):
            out[_RETAIN] = sorted(wanted)
        return out
    if isinstance(wanted, list) and kind is not None and kind.list_keys:
        return [_stated_item(item, there, kind) for item in wanted]
    return wanted


def _order(wanted: Any, kind: StrategicType | None) -> list[Any]:
    """The elements of a list that is merged, by their keys, in the order that is wanted."""
    if not isinstance(wanted, list) or kind is None:
        return []
    if kind.is_set:
        return wanted
    keys = kind.list_keys
    if not keys or not all(isinstance(item, dict) and all(key in item for key in keys) for item in wanted):
        return []
    return [{key: item[key] for key in keys} for item in wanted]


def _stated_item(item: Any, there: Any, kind: StrategicType) -> Any:
    other = _counterpart(item, there, kind)
    out = _stated(item, None if other is MISSING else other, kind.items)
    if kind.retains and isinstance(item, dict) and not _within(item, other, kind.items):
        out = {**out, _RETAIN: sorted(item)}
    return out


def _counterpart(item: Any, there: Any, kind: StrategicType) -> Any:
    if not isinstance(there, list) or not isinstance(item, dict):
        return MISSING
    return managed.item_of(there, {key: item.get(key) for key in kind.list_keys}, {})


def _within(wanted: Any, there: Any, kind: StrategicType | None) -> bool:
    """Whether all that is wanted is there already."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return all(
            _within(item, there.get(name), kind.field(name) if kind else None)
            for name, item in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(there, list) and kind is not None and kind.list_keys:
        return all(_within(item, _counterpart(item, there, kind), kind.items) for item in wanted)
    return same(wanted, there)


def _take_away(out: dict[str, Any], path: Path) -> None:
    node: Any = out
    above: tuple[dict[str, Any], str] = (out, "")
    for element, following in pairwise(path):
        value = managed.decoded(element)
        if element.startswith("f:"):
            if not isinstance(node, dict):
                return
            above = (node, value)
            node = node.setdefault(value, {} if following.startswith("f:") else [])
        else:
            if not isinstance(node, list):
                return
            found = managed.item_of(node, value, {})
            if found is MISSING:
                found = dict(value)
                node.append(found)
            node = found
    last, value = path[-1], managed.decoded(path[-1])
    if last.startswith("f:") and isinstance(node, dict):
        node[value] = None
    elif last.startswith("k:") and isinstance(node, list):
        node.append({"$patch": "delete", **value})
    elif last.startswith("v:") and above[1]:
        holder, name = above
        holder.setdefault(f"$deleteFromPrimitiveList/{name}", []).append(value)
        if holder.get(name) == []:
            del holder[name]
