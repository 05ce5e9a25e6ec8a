"""Paths of a report in an object: what stands there, and the JSON patch that brings it elsewhere."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.pointer import escaped, parts_of, unescaped
from openinfra_tui.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PART = re.compile(r"/([^/\[\]]*)|\[([^\]]*)\]")
ABSENT = object()


def at(value: Any, path: str) -> Any:
    """What stands at a path, or ABSENT."""
    for sort, name in _parts(path):
        if sort == "item":
            index = _index(value, name)
            value = value[index] if index is not None else ABSENT
        else:
            value = value[name] if isinstance(value, dict) and name in value else ABSENT
        if value is ABSENT:
            return ABSENT
    return value


def operation(desired: Mapping[str, Any], live: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The JSON patch operation that brings one difference to the desired object.

    Raises:
        Refused: it has nothing on the way to the path.
    """
    there, wanted = at(live, path), at(desired, path)
    pointer, missing = _pointer(desired, path)
    if there is ABSENT:
        return {"op": "remove", "path": pointer}
    if wanted is not ABSENT:
        return {"op": "replace", "path": pointer, "value": there}
    for name in reversed(missing):
        there = {name: there}
    return {"op": "add", "path": pointer, "value": there}


def applied(manifest: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """An object after operations of `operation`; the one that was given stays as it is."""
    out = copy.deepcopy(dict(manifest))
    for one in operations:
        *way, last = parts_of(str(one["path"]))
        holder: Any = out
        for word in way:
            holder = holder[int(word)] if isinstance(holder, list) else holder[word]
        if isinstance(holder, list):
            _in_list(holder, last, one)
        elif one["op"] == "remove":
            del holder[last]
        else:
            holder[last] = copy.deepcopy(one["value"])
    return out


def _in_list(holder: list[Any], place: str, one: Mapping[str, Any]) -> None:
    if place == "-":
        holder.append(copy.deepcopy(one["value"]))
    elif one["op"] == "remove":
        del holder[int(place)]
    elif one["op"] == "add":
        holder.insert(int(place), copy.deepcopy(one["value"]))
    else:
        holder[int(place)] = copy.deepcopy(one["value"])


def _parts(path: str) -> list[tuple[str, str]]:
    """A path in steps: a name, or an item of a list."""
    return [
        ("name", unescaped(match[1])) if match[1] is not None else ("item", match[2])
        for match in _PART.finditer(path)
    ]


def _index(items: Any, words: str) -> int | None:
    if not isinstance(items, list):
        return None
    pairs = [word.partition("=") for word in words.split(",")]
    for index, item in enumerate(items):
        if isinstance(item, dict) and all(str(item.get(name)) == value for name, _, value in pairs):
            return index
    return None


def _pointer(desired: Any, path: str) -> tuple[str, list[str]]:
    """The JSON pointer of a path in the desired object, or of the first mapping on the way that it lacks.

    With the names below that mapping. A new item goes to the end of its list.
    """
    pointer, value = "", desired
    parts = _parts(path)
    for number, (sort, name) in enumerate(parts):
        rest = parts[number + 1 :]
        if sort == "item":
            index = _index(value, name)
            if index is None and rest:
                raise Refused(f"Git has no item {name} on the way to {path}", "add it by hand")
            pointer += "/-" if index is None else f"/{index}"
            value = value[index] if index is not None else None
            continue
        pointer += "/" + escaped(name)
        if rest and not (isinstance(value, dict) and name in value):
            if any(one == "item" for one, _ in rest):
                raise Refused(f"Git holds no list on the way to {path}", "add it by hand")
            return pointer, [one for _, one in rest]
        value = value.get(name) if isinstance(value, dict) else None
    return pointer, []
