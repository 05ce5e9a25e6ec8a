"""What an engine removes although a server-side apply of its manifest would not (drift.md A2, A6).

Flux folds the fields of kubectl into its own, Argo CD those of one client-side manager, and a three-way merge
removes what it applied last.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import client_side, managed
from openinfra_tui.drift.mask import LAST_APPLIED
from openinfra_tui.drift.pointer import for_removal, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.drift.managed import Entry, Path
    from openinfra_tui.drift.model import Application
    from openinfra_tui.drift.schema import Type

_FLUX = "kustomize.toolkit.fluxcd.io"
_DROPPED = (LAST_APPLIED, f"{_FLUX}/checksum", "fluxcd.io/sync-checksum")


def reverts(
    application: Application,
    entries: tuple[Entry, ...],
    wanted: Mapping[str, Any],
    there: Mapping[str, Any],
    kind: Type | None,
) -> list[Path]:
    """Paths of fieldsV1 that the engine removes beyond what a server-side apply removes.

    Args:
        application: how the object is applied.
        entries: of the live object's managedFields.
        wanted: the manifest.
        there: the live object.
        kind: its type.
    """
    if application.client_side:
        return _applied_last(wanted, there, kind)
    annotations = (wanted.get("metadata") or {}).get("annotations") or {}
    if application.takes_over and str(annotations.get(f"{_FLUX}/ssa", "")).lower() == "merge":
        return []
    mine = managed.own(entries, application.manager)
    folded = [entry for entry in entries if entry is not mine and _folds(application, entry)]
    found: dict[Path, None] = dict.fromkeys(_annotations(application, there, wanted))
    if not folded:
        return list(found)
    kept = [entry for entry in entries if entry not in folded and entry is not mine]
    stated = (managed.fields_of(wanted, kind), *(entry.fields for entry in kept))
    for entry in folded:
        tops = set(managed.leftovers(entry.fields, wanted, there, kind))
        for path in managed.paths(entry.fields):
            gone = any(path[:length] in tops for length in range(1, len(path) + 1))
            # An item goes with all that others own in it, unless one of them owns the item.
            held = managed.states if path[-1].startswith("f:") else managed.holds
            if not gone or any(held(other.fields, path) for other in kept):
                continue
            if above := _alone_in(path, kind, stated):
                found[above] = None
            elif not _states_nothing(there, path, kind):  # no set of fields holds it: it goes only with more
                found[path] = None
    # A path below another one goes with it.
    return [path for path in found if not any(path[:n] in found for n in range(1, len(path)))]


def _annotations(application: Application, there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Path]:
    """Annotations that Flux removes whoever owns them (fluxcd/pkg, ssa: the cleanup before an apply)."""
    if not application.takes_over:
        return []
    held = (there.get("metadata") or {}).get("annotations") or {}
    kept = (wanted.get("metadata") or {}).get("annotations") or {}
    return [
        ("f:metadata", "f:annotations", f"f:{name}") for name in _DROPPED if name in held and name not in kept
    ]


def _states_nothing(there: Mapping[str, Any], path: Path, kind: Type | None) -> bool:
    """Whether a path leads to an empty set or keyed list, which is in no set of fields."""
    value: Any = there
    for element in path:
        value, kind = managed.step(value, element, kind), managed.below(kind, element)
    return isinstance(value, list) and not value and kind is not None and bool(kind.list_keys or kind.is_set)


def _alone_in(path: Path, kind: Type | None, stated: Iterable[Mapping[str, Any]]) -> Path:
    """The topmost field of a struct around a path in which nobody else states anything.

    It goes as a whole, with what nobody owns in it (structured-merge-diff, Set.EnsureNamedFieldsAreMembers).
    """
    for length, element in enumerate(path[:-1], start=1):
        above = path[:length]
        properties = (
            (kind.node.get("properties") or {}) if kind is not None and element.startswith("f:") else {}
        )
        named = element[2:] in properties and above != ("f:metadata",)
        if named and not any(managed.states(fields, above) for fields in stated):
            return above
        kind = managed.below(kind, element)
    return ()


def without(applied: Mapping[str, Any], paths: tuple[Path, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An object without some paths, and the JSON pointers of maps and lists of which nothing is left.

    Args:
        applied: the object as a server-side apply leaves it.
        paths: of fieldsV1.
    """
    out: dict[str, Any] = deepcopy(dict(applied))
    emptied = []
    pointers = [pointer for path in paths if (pointer := managed.locate(out, path))]
    for pointer in for_removal(pointers):
        *above, last = parts_of(pointer)
        node: Any = out
        for part in above:
            node = node[int(part)] if isinstance(node, list) else node[part]
        del node[int(last) if isinstance(node, list) else last]
        if not node:
            emptied.append(pointer.rpartition("/")[0])
    return out, tuple(emptied)


def _folds(application: Application, entry: Entry) -> bool:
    """Whether the engine makes the fields of an entry its own before it applies."""
    if application.takes_over:
        return managed.taken_over(entry, application.manager)
    # client-go, csaupgrade: the Update entry of the one manager that is named.
    return (
        bool(application.migrates)
        and entry.manager == application.migrates
        and entry.operation == "Update"
        and not entry.subresource
    )


def _applied_last(wanted: Mapping[str, Any], there: Mapping[str, Any], kind: Type | None) -> list[Path]:
    """What a three-way merge removes: applied last, still there, and not wanted any more."""
    last = client_side.last_applied(there)
    if last is None:
        return []
    group = str(wanted.get("apiVersion", "")).rpartition("/")[0]
    known = None if client_side.is_custom(group) or kind is None else kind.strategic
    return managed.leftovers(managed.fields_of(last, known), wanted, there, known, merged=True)
