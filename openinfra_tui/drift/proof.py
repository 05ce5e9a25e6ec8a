"""The local proof that applying an object would change nothing (drift.md C3).

If every leaf of desired is in live with an equal value, items of keyed lists and sets stand in the same
relative order, atomic nodes are equal as a whole, and nothing that we own by Apply would be left out, then
the server's merge equals live and it takes its no-op branch: no defaulting, no change. The proof is
one-sided: what cannot be proved is not drift, it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from openinfra_tui.drift import managed
from openinfra_tui.drift.by_hand import Struct
from openinfra_tui.drift.managed import MISSING
from openinfra_tui.drift.pointer import escaped
from openinfra_tui.drift.values import same, same_scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.schema import Type

    # Where a walk stands: the place above and the step from there. Most places are never told.
    _Step = str | int | tuple[tuple[str, ...], tuple[Any, ...]]
    Place = tuple["Place", _Step] | None

SCALARS = frozenset({str, int, float, bool})


class Proof(NamedTuple):
    """Whether a no-op is proved; where not, the first place that stood in the way and why."""

    proven: bool
    path: str = ""
    why: str = ""


class _Unproven(Exception):
    def __init__(self, place: Place, why: str) -> None:
        super().__init__(place, why)
        self.place = place
        self.why = why


def prove(
    desired: Mapping[str, Any], live: Mapping[str, Any], own: managed.Entry | None, kind: Type | None
) -> Proof:
    """Try to prove that an apply of `desired` by the owner of `own` leaves `live` as it is.

    Args:
        desired: normalised manifest (`normalise.for_apply`).
        live: the object in the version of desired.
        own: the Apply entry of the engine's manager, None when there is none: then nothing is pruned.
        kind: the type; without one managedFields tell what is merged and what replaced.
    """
    if desired.get("apiVersion") != live.get("apiVersion"):
        return Proof(False, "/apiVersion", "live was read in another version")
    if own is not None and own.api_version != desired.get("apiVersion"):
        return Proof(False, "/apiVersion", f"last applied as {own.api_version}")
    fields = managed.union(managed.entries(live)) if kind is None else None
    try:
        for name, value in desired.items():
            if name in ("apiVersion", "kind"):
                continue
            if name == "metadata":
                _metadata(value, live.get("metadata") or {}, fields, kind)
                continue
            below = kind.field(name) if kind else None
            _covered(value, live.get(name, MISSING), _child(fields, name), below, (None, name), kind is None)
    except _Unproven as unproven:
        return Proof(False, told(unproven.place), unproven.why)
    if own is not None and (left := managed.leftovers(own.fields, desired, live, kind)):
        return Proof(False, pointer(left[0]), "applied once by the engine and no longer in Git")
    return Proof(True)


def pointer(path: managed.Path) -> str:
    """A path of fieldsV1 as the pointer that a report shows."""
    out = ""
    for element in path:
        value = managed.decoded(element)
        if element.startswith("f:"):
            out += "/" + escaped(value)
        elif element.startswith("k:"):
            out += "[" + ",".join(f"{key}={item}" for key, item in value.items()) + "]"
        else:
            out += f"[{value}]"
    return out


def told(place: Place) -> str:
    """A place in words, as `pointer` writes it."""
    steps: list[str] = []
    while place is not None:
        place, step = place
        if isinstance(step, str):
            steps.append(f"/{step}")
        elif isinstance(step, int):
            steps.append(f"[{step}]")
        else:
            pairs = zip(*step, strict=True)
            steps.append("[" + ",".join(f"{key}={value}" for key, (_, value) in pairs) + "]")
    return "".join(reversed(steps))


def _metadata(
    desired: Mapping[str, Any], live: Mapping[str, Any], fields: Mapping[str, Any] | None, kind: Type | None
) -> None:
    """Metadata has one type everywhere; name and namespace are what brought the two together."""
    below = kind.field("metadata") if kind else None
    own = _child(fields, "metadata")
    above: Place = (None, "metadata")
    for name, value in desired.items():
        if name in ("name", "namespace"):
            continue
        _covered(
            value,
            live.get(name, MISSING),
            _child(own, name),
            below.field(name) if below else None,
            (above, name),
            below is None,
        )


def _child(fields: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    return fields.get(f"f:{name}") if fields else None


def _covered(
    desired: Any,
    live: Any,
    own: Mapping[str, Any] | None,
    kind: Type | None,
    place: Place,
    deduced: bool,
) -> None:
    """Raise unless each leaf of desired is in live.

    Args:
        desired: a value of the manifest.
        live: the value there, or MISSING.
        own: what anybody owns below, where there is no schema.
        kind: the type of the value, None when it is not declared or there is no schema.
        place: where we are.
        deduced: there is no schema at all, so `own` is the only word on lists and maps.
    """
    if live is MISSING:
        raise _Unproven(place, "not in the live object")
    if desired is None:
        raise _Unproven(place, "an explicit null")
    if isinstance(desired, dict) and isinstance(live, dict):
        _map(desired, live, own, kind, place, deduced)
    elif isinstance(desired, list) and isinstance(live, list):
        _list(desired, live, own, kind, place, deduced)
    elif isinstance(desired, dict | list) or not same_scalar(desired, live, kind):
        raise _Unproven(place, "another value")


def _map(
    desired: dict[str, Any],
    live: dict[str, Any],
    own: Mapping[str, Any] | None,
    kind: Type | None,
    place: Place,
    deduced: bool,
) -> None:
    # What nobody owns field by field may be atomic.
    perhaps_atomic = deduced and (own is None or managed.WHOLE in own) and not isinstance(desired, Struct)
    if (kind is not None and kind.is_atomic_map) or perhaps_atomic:
        _equal(desired, live, kind, place)
        return
    for name, value in desired.items():
        there = live.get(name, MISSING)
        # What most leaves are needs neither a type nor a name.
        if value.__class__ in SCALARS and there.__class__ is value.__class__ and there == value:
            continue
        below = kind.field(name) if kind else None
        _covered(value, there, _child(own, name), below, (place, name), deduced)


def _list(
    desired: list[Any],
    live: list[Any],
    own: Mapping[str, Any] | None,
    kind: Type | None,
    place: Place,
    deduced: bool,
) -> None:
    if deduced and own is not None and managed.WHOLE in own:
        own = None
    keys = kind.list_keys if kind else _keys_by_ownership(own) if deduced else ()
    if keys:
        _keyed(desired, live, own, kind, keys, place, deduced)
    elif (kind is not None and kind.is_set) or (
        deduced and own is not None and any(e.startswith("v:") for e in own)
    ):
        _set(desired, live, place)
    elif not deduced:
        _equal(desired, live, kind, place)
    else:
        # Atomic, or not known: equal lists merge to themselves whatever sort they are,
        # unless an item stands twice, which a set or a keyed list would refuse.
        _equal(desired, live, kind, place)
        if any(same(one, other) for index, one in enumerate(desired) for other in desired[:index]):
            raise _Unproven(place, "an item stands twice, and the sort of the list is not known")


def _keys_by_ownership(own: Mapping[str, Any] | None) -> tuple[str, ...]:
    for element in own or ():
        if element.startswith("k:"):
            return tuple(managed.decoded(element))
    return ()


def _keyed(
    desired: list[Any],
    live: list[Any],
    own: Mapping[str, Any] | None,
    kind: Type | None,
    keys: tuple[str, ...],
    place: Place,
    deduced: bool,
) -> None:
    defaults = kind.key_defaults if kind else {}
    # Where a schema tells the sorts of lists, nobody asks who owns what.
    owned = {
        _identity(managed.decoded(element), keys, {}, place): below
        for element, below in ((own or {}).items() if deduced else ())
        if element.startswith("k:")
    }
    places: dict[tuple[Any, ...], int] = {}
    for index, item in enumerate(live):
        identity = _identity(item, keys, defaults, place)
        if identity in places:
            raise _Unproven(place, "live holds one key twice")
        places[identity] = index
    last = -1
    for item in desired:
        if deduced and isinstance(item, dict) and any(key not in item for key in keys):
            raise _Unproven(place, "an item lacks a key of the list, whose default is not known")
        identity = _identity(item, keys, defaults, place)
        here: Place = (place, (keys, identity))
        index_there = places.get(identity)
        if index_there is None:
            raise _Unproven(here, "not in the live object")
        if index_there <= last:
            raise _Unproven(place, "another order")
        last = index_there
        _covered(item, live[index_there], owned.get(identity), kind.items if kind else None, here, deduced)


def _identity(item: Any, keys: tuple[str, ...], defaults: Mapping[str, Any], place: Place) -> tuple[Any, ...]:
    if not isinstance(item, dict):
        raise _Unproven(place, "an item of a keyed list is not a map")
    identity = []
    for key in keys:
        value = item.get(key, defaults.get(key))
        if isinstance(value, dict | list):
            raise _Unproven(place, "a key of a list is not a scalar")
        identity.append((isinstance(value, bool), value))  # True is not 1
    return tuple(identity)


def _set(desired: list[Any], live: list[Any], place: Place) -> None:
    last = -1
    for index, item in enumerate(desired):
        if any(same(item, other) for other in desired[:index]):
            raise _Unproven(place, "an item of a set stands twice")
        places = [where for where, other in enumerate(live) if same(item, other)]
        if len(places) != 1:
            raise _Unproven(place, "not once in the live set")
        if places[0] <= last:
            raise _Unproven(place, "another order")
        last = places[0]


def _equal(desired: Any, live: Any, kind: Type | None, place: Place) -> None:
    """Raise unless two values are equal as a whole, with the equalities that the types allow."""
    if isinstance(desired, dict) and isinstance(live, dict):
        if desired.keys() != live.keys():
            raise _Unproven(place, "an atomic map with other keys")
        for name, value in desired.items():
            _equal(value, live[name], kind.field(name) if kind else None, (place, name))
    elif isinstance(desired, list) and isinstance(live, list):
        if len(desired) != len(live):
            raise _Unproven(place, "an atomic list of another length")
        for index, (one, other) in enumerate(zip(desired, live, strict=True)):
            _equal(one, other, kind.items if kind else None, (place, index))
    elif desired is None or isinstance(desired, dict | list) or not same_scalar(desired, live, kind):
        raise _Unproven(place, "another value")
