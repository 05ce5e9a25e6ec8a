"""Who owns which field: `metadata.managedFields` of a live object.

Grammar of fieldsV1 (structured-merge-diff, fieldpath/serialize-pe.go): `f:NAME` a field, `k:{json}` an item
of a keyed list, `v:json` an item of a set, `i:N` an index, `.` the node itself. A node without children is
owned itself; a node with children only when `.` is among them.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from openinfra_tui.drift.model import Blame
from openinfra_tui.drift.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from openinfra_tui.drift.schema import Type

MISSING: Any = object()
Path = tuple[str, ...]  # elements as fieldsV1 writes them


class Entry(NamedTuple):
    """One entry of managedFields."""

    manager: str
    operation: str
    api_version: str
    time: str
    subresource: str
    fields: Mapping[str, Any]


def entries(live: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The entries of a live object, in its order; entries without fields (`[{}]`) are left out."""
    found = (live.get("metadata") or {}).get("managedFields") or ()
    return tuple(
        Entry(
            str(item.get("manager", "")),
            str(item.get("operation", "")),
            str(item.get("apiVersion", "")),
            str(item.get("time", "")),
            str(item.get("subresource", "")),
            item["fieldsV1"],
        )
        for item in found
        if isinstance(item, dict) and isinstance(item.get("fieldsV1"), dict)
    )


def own(found: Iterable[Entry], manager: str) -> Entry | None:
    """The entry that a server-side apply of this manager left behind."""
    for entry in found:
        if entry.manager == manager and entry.operation == "Apply" and not entry.subresource:
            return entry
    return None


WHOLE = "="  # in a union: somebody owns this node as a whole


def union(found: Iterable[Entry]) -> dict[str, Any]:
    """What several entries hold together; a node that one of them owns as a leaf is marked WHOLE."""
    out: dict[str, Any] = {}

    def add(into: dict[str, Any], fields: Mapping[str, Any]) -> None:
        if not fields:
            into[WHOLE] = {}
        for element, below in fields.items():
            if element == ".":
                into["."] = {}
            else:
                add(into.setdefault(element, {}), below)

    for entry in found:
        if entry.fields:
            add(out, entry.fields)
    return out


def taken_over(entry: Entry, manager: str) -> bool:
    """Whether Flux folds an entry into its own before it applies (drift.md A2).

    Managers whose name starts with `kubectl`, `before-first-apply` (Update), and an Update entry of its own.
    Entries of a subresource stay.
    """
    if entry.subresource:
        return False
    if entry.manager.startswith("kubectl"):
        return True
    return entry.operation == "Update" and entry.manager in ("before-first-apply", manager)


def paths(fields: Mapping[str, Any], prefix: Path = ()) -> Iterator[Path]:
    """Every path that a set of fields holds, parents before children."""
    for element, below in fields.items():
        if element == ".":
            continue
        path = (*prefix, element)
        if not below or "." in below:
            yield path
        if below:
            yield from paths(below, path)


def holds(fields: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether a set holds this very path."""
    node: Mapping[str, Any] = fields
    for element in path:
        if element not in node:
            return False
        node = node[element]
    return not node or "." in node


def touches(fields: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether a set holds this path, something below it, or an atomic node above it."""
    node: Mapping[str, Any] = fields
    for element in path:
        if not node:
            return True  # owned as a whole
        if element not in node:
            return False
        node = node[element]
    return True


def states(fields: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether a set holds this very path or something below it.

    An empty map or list that is owned above it says nothing of what is in it.
    """
    node: Mapping[str, Any] = fields
    for element in path:
        if element not in node:
            return False
        node = node[element]
    return True


def blame(found: Iterable[Entry], path: Sequence[str]) -> tuple[Blame, ...]:
    """Who owns a path, newest first."""
    owners = [entry for entry in found if touches(entry.fields, path) and path]
    owners.sort(key=lambda entry: entry.time, reverse=True)
    return tuple(Blame(entry.manager, entry.operation, entry.time) for entry in owners)


@lru_cache(maxsize=65536)
def decoded(element: str) -> Any:
    """The value after the first colon: a name, a decoded key or value, an index."""
    kind, _, text = element.partition(":")
    return text if kind == "f" else json.loads(text)


def step(value: Any, element: str, kind: Type | None) -> Any:
    """What an element leads to, or MISSING.

    Args:
        value: a mapping or list.
        element: one element of a path.
        kind: the type of `value`; the defaults of list keys come from it.
    """
    sort, name = element[:1], decoded(element)
    if sort == "f":
        return value.get(name, MISSING) if isinstance(value, dict) else MISSING
    if not isinstance(value, list):
        return MISSING
    if sort == "k":
        return item_of(value, name, kind.key_defaults if kind else {})
    if sort == "v":
        return name if name in value else MISSING
    return value[name] if isinstance(name, int) and name < len(value) else MISSING


def item_of(items: list[Any], wanted: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:
    """The item of a keyed list that has some keys, or MISSING."""
    for item in items:
        if not isinstance(item, dict):
            continue
        for key, value in wanted.items():
            if item.get(key, defaults.get(key, MISSING)) != value:
                break
        else:
            return item
    return MISSING


def below(kind: Type | None, element: str) -> Type | None:
    """The type of what an element leads to."""
    if kind is None:
        return None
    return kind.field(decoded(element)) if element.startswith("f:") else kind.items


# System metadata is stripped from every set (apimachinery, managedfields/internal/stripmeta.go).
_SYSTEM = {
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ),
}


def leftovers(
    fields: Mapping[str, Any], desired: Any, live: Any, kind: Type | None, *, merged: bool = False
) -> list[Path]:
    """Topmost paths that a set holds, that live still has and desired lacks: what an apply would remove.

    An empty set or keyed list of a manifest is in no set of fields, as the server answers: who owns that node
    as a leaf, because somebody else made it, may have it removed. Without a schema any empty list may be one.
    A three-way merge (`merged`) knows no sets of fields.
    """
    found: list[Path] = []
    unknown = kind is None

    def states(value: Any, kind: Type | None) -> bool:
        if merged or value != [] or not isinstance(value, list):
            return value is not MISSING
        return not (unknown or (kind is not None and (kind.list_keys or kind.is_set)))

    def walk(node: Mapping[str, Any], wanted: Any, there: Any, kind: Type | None, path: Path) -> None:
        for element, children in node.items():
            if element == ".":
                continue
            here = (*path, element)
            now = step(there, element, kind)
            if now is MISSING or (here in _SYSTEM and not children):
                continue
            then = step(wanted, element, kind) if wanted is not MISSING else MISSING
            sort = below(kind, element)
            if not states(then, sort) and (not children or "." in children):
                found.append(here)
            elif children:
                walk(children, then, now, sort, here)

    if not _all_stated(fields, desired, kind):
        walk(fields, desired, live, kind, ())
    return found


def _all_stated(node: Mapping[str, Any], wanted: Any, kind: Type | None) -> bool:
    """Whether a manifest states all that a set holds, at first sight; most do."""
    fields = wanted if wanted.__class__ is dict else {}
    for element, children in node.items():
        if element[0] == "f":
            then = fields.get(element[2:])
            if children:
                below = kind.field(element[2:]) if kind else None
        elif element == ".":
            continue
        elif element[0] == "k" and wanted.__class__ is list:
            then = item_of(wanted, decoded(element), kind.key_defaults if kind else {})
            below = kind.items if kind else None
        else:
            return False
        if then is None or then is MISSING or then == []:  # an empty list may state nothing
            return False
        if children and not _all_stated(children, then, below):
            return False
    return True


COMPACT = (",", ":")  # as the server writes keys, which are compared as text
# What an empty set or keyed list adds to a set of fields: not even itself.
NOTHING: dict[str, Any] = {"": {}}


def fields_of(value: Any, kind: Type | None) -> dict[str, Any]:
    """The set of fields that a manifest states, each of its maps and items of keyed lists included."""
    if isinstance(value, dict) and not (kind is not None and kind.is_atomic_map):
        out: dict[str, Any] = {".": {}} if value else {}
        for name, item in value.items():
            below = fields_of(item, kind.field(name) if kind else None)
            if below is not NOTHING:
                out[f"f:{name}"] = below
        return NOTHING if out.keys() == {"."} else out
    if value == [] and isinstance(value, list) and kind is not None and (kind.list_keys or kind.is_set):
        return NOTHING
    if isinstance(value, list) and kind is not None and kind.list_keys:
        out = {".": {}}
        for item in value:
            keys = {key: (item.get(key, kind.key_defaults.get(key))) for key in kind.list_keys}
            named = {key: found for key, found in keys.items() if found is not None}
            out[f"k:{json.dumps(named, sort_keys=True, separators=COMPACT)}"] = fields_of(item, kind.items)
        return out
    if isinstance(value, list) and kind is not None and kind.is_set:
        return {".": {}, **{f"v:{json.dumps(item)}": {} for item in value}}
    return {}


def locate(live: Any, path: Path) -> str:
    """The JSON pointer of a path in an object, positions for items; empty when it is not there."""
    out = ""
    node = live
    for element in path:
        found = step(node, element, None)
        if found is MISSING:
            return ""
        if isinstance(node, dict):
            out += "/" + escaped(decoded(element))
        else:
            out += f"/{next(index for index, item in enumerate(node) if item is found or item == found)}"
        node = found
    return out
