"""What identifies an item of a list, and a document among several.

The keys of Kubernetes' own lists are those of its API (`x-kubernetes-list-map-keys` and
`x-kubernetes-patch-merge-key` in its OpenAPI document); `path` is that of kustomize's `patches`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from openinfra_tui.tree.yaml_lines import Entry

# The first tuple for which every item of all sides has the first key, and no two items are alike, is taken.
_IDENTITIES = (
    ("name", "namespace"),
    ("name", "namespace", "kind", "apiVersion", "valuesKey", "targetPath"),
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("mountPath",),
    ("devicePath",),
    ("topologyKey", "whenUnsatisfiable"),
    ("ip",),
    ("uid",),
    ("type",),
    ("path",),
)
# Lists of words whose order means nothing: kustomize's and Kubernetes' own.
_SETS = ("resources", "components", "configurations", "crds", "finalizers", "accessModes", "namespaces")
_DOCUMENT = ("apiVersion", "kind")


def item_keys(
    name: str, base: Sequence[Entry], ours: Sequence[Entry], theirs: Sequence[Entry]
) -> list[list[Hashable]] | None:
    """The key of every item of three lists, or None when nothing identifies them.

    Args:
        name: the key in the mapping above that holds the list.
        base: the items that both come from.
        ours: the user's items.
        theirs: the new items.
    """
    sides = (base, ours, theirs)
    maps = [[_fields(item) for item in side] for side in sides]
    if all(fields is not None for side in maps for fields in side):
        objects = [[_object(item, 0) for item in side] for side in sides]
        if all(cast("tuple[str, object]", key)[0] == "object" for side in objects for key in side) and all(
            len(set(side)) == len(side) for side in objects
        ):
            return objects
        for names in _IDENTITIES:
            keys = [[_identity(fields or {}, names) for fields in side] for side in maps]
            if all(None not in side and len(set(side)) == len(side) for side in keys):
                return keys
        return None
    words: list[list[Hashable]] = [[item.body.value for item in side] for side in sides]
    alone = all(len(set(side)) == len(side) for side in words)
    return words if name in _SETS and alone and not any(any(side) for side in maps) else None


def document_keys(*sides: Sequence[Entry]) -> list[list[Hashable]]:
    """The key of every document: the object that it is, else its number."""
    if all(len(side) <= 1 for side in sides):
        return [[("document", 1)] * len(side) for side in sides]
    keys = [[_object(entry, number) for number, entry in enumerate(side, 1)] for side in sides]
    if all(len(set(side)) == len(side) for side in keys):
        return keys
    return [[("document", number) for number in range(1, len(side) + 1)] for side in sides]


def shown(key: Hashable, *, first: bool) -> str:
    """A key as part of a path: `.spec`, `[name=x]`, `Deployment/x: `."""
    kind, value = cast("tuple[str, object]", key)
    if kind == "document":
        return f"document {value}: "
    if kind == "object":
        return f"{value}: " if first else f"[{value}]"
    if kind == "item":
        parts = cast("tuple[tuple[str, str | None], ...]", value)
        return "[" + ",".join(f"{name}={text}" for name, text in parts if text is not None) + "]"
    return str(value) if first else f".{value}"


def _fields(entry: Entry) -> dict[str, str] | None:
    """The scalars of a mapping by their key; None for what is no mapping."""
    kind, pairs = cast("tuple[str, frozenset[tuple[tuple[str, str], tuple[str, str]]]]", entry.body.value)
    if kind != "map":
        return None
    return {key[1]: value[1] for key, value in pairs if isinstance(value[1], str)}


def _identity(fields: dict[str, str], names: tuple[str, ...]) -> Hashable:
    if names[0] not in fields:
        return None
    return ("item", tuple((name, fields.get(name)) for name in names))


def _object(entry: Entry, number: int) -> Hashable:
    fields = _fields(entry) or {}
    kind, pairs = cast("tuple[str, frozenset[tuple[tuple[str, str], Hashable]]]", entry.body.value)
    metadata = next((value for key, value in pairs if kind == "map" and key[1] == "metadata"), None)
    named = (
        dict(cast("tuple[str, frozenset[tuple[tuple[str, str], tuple[str, str]]]]", metadata)[1])
        if (metadata is not None and cast("tuple[str, object]", metadata)[0] == "map")
        else {}
    )
    words = {key[1]: value[1] for key, value in named.items()}
    if not all(name in fields for name in _DOCUMENT) or "name" not in words:
        return ("document", number)
    where = f"{words['namespace']}/" if "namespace" in words else ""
    return ("object", f"{fields['apiVersion']} {fields['kind']} {where}{words['name']}")
