"""What kustomize-controller sends of a manifest: what the Go types of Kubernetes keep of it, and add.

Before it applies, it reads each object of a built-in kind into its type and writes it again (fluxcd/pkg, ssa,
normalize). That leaves out what the type does not have, null, and empty maps and lists; and it writes every
struct that is no pointer, so that Flux owns an empty `strategy` and `resources`. The server's own OpenAPI
tells which those are: their default is `{}`. Whether an empty text, 0 or false is left out it does not tell;
the server's answer does (`left_out`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import by_hand, managed, normalise
from openinfra_tui.drift.model import group_of
from openinfra_tui.drift.pointer import escaped
from openinfra_tui.drift.proof import SCALARS, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openinfra_tui.drift.model import Desired
    from openinfra_tui.drift.proof import Place
    from openinfra_tui.drift.schema import Type

# Groups of client-go's scheme; definitions (apiextensions.k8s.io) and aggregation are not among them.
_BUILT_IN = frozenset(
    {"", "apps", "autoscaling", "batch", "policy"}
    | {
        f"{name}.k8s.io"
        for name in (
            "admissionregistration",
            "authentication",
            "authorization",
            "certificates",
            "coordination",
            "discovery",
            "events",
            "flowcontrol.apiserver",
            "networking",
            "node",
            "rbac.authorization",
            "resource",
            "scheduling",
            "storage",
        )
    }
)
# Left as they are, for a fault of their types (kustomize-controller#1041).
_UNTOUCHED = frozenset({("rbac.authorization.k8s.io/v1", kind) for kind in ("Role", "ClusterRole")})
# Scalars that are written although they are empty, and that the server may have something else for.
_ADDED = {"StatefulSetSpec": ("serviceName", ""), "ResourceFieldSelector": ("divisor", "0")}


def by_flux(desired: Desired, kind: Type | None) -> tuple[Desired, tuple[str, ...]]:
    """A desired object as Flux sends it, and the pointers of what it leaves out as unknown.

    The same object where Flux sends it as it is. Without a type only what those of workloads add is known.
    """
    item = desired.object
    if not through_types(desired):
        return desired, ()
    unknown: list[Place] = []
    if kind is None:
        sent = by_hand.written(item)
    else:
        sent = _written(normalise.for_apply(item), kind, None, unknown)
        sent.pop("status", None)
    if sent == item:
        return desired, ()
    return desired.written(sent), tuple(map(told, unknown))


def through_types(desired: Desired) -> bool:
    """Whether Flux applies an object, and reads its kind into a type before."""
    version = str(desired.object.get("apiVersion", ""))
    untouched = (version, desired.object.get("kind")) in _UNTOUCHED
    of_flux = desired.application.ref.kind == "Kustomization"
    return of_flux and group_of(version) in _BUILT_IN and not untouched


def _written(value: Any, kind: Type | None, place: Place, unknown: list[Place]) -> Any:
    if kind is None:
        return value
    if isinstance(value, list):
        items = kind.items
        if items is None or not (items.properties or items.items):
            return value
        return [_written(item, items, (place, index), unknown) for index, item in enumerate(value)]
    if not isinstance(value, dict) or not kind.properties:
        return value  # a map of scalars, or what has a form of its own
    return _struct(value, kind, place, unknown)


def _struct(value: Mapping[str, Any], kind: Type, place: Place, unknown: list[Place]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, item in value.items():
        if name not in kind.properties:
            unknown.append((place, name))
        elif item.__class__ in SCALARS:
            out[name] = item
        elif item is not None:
            below = kind.field(name)
            written = _written(item, below, (place, name), unknown)
            if not _is_nothing(written, below) or name in kind.required:
                out[name] = written
    for name in kind.structs:
        if name not in out:
            out[name] = _written({}, kind.field(name), None, [])
    _complete(out, kind.sort)
    return out


def _is_nothing(value: Any, kind: Type | None) -> bool:
    """Whether a value is a map or list with nothing in it; an empty struct is something."""
    return not value and not (kind is not None and kind.properties and isinstance(value, dict))


def _complete(out: dict[str, Any], sort: str) -> None:
    """Add what the types, or Flux after them, write beside structs."""
    if sort == "ServicePort":
        by_hand.complete_port(out)
    elif sort == "PodSpec":
        by_hand.complete_containers(out)
    elif sort in _ADDED:
        out.setdefault(*_ADDED[sort])


def left_out(sent: Mapping[str, Any], answer: Mapping[str, Any], kind: Type | None) -> tuple[str, ...]:
    """Pointers of an empty text, 0 or false that was sent and that the server does not keep.

    Its types are those of Flux, which therefore never sends them.
    """
    return tuple(_zeros(sent, answer, kind, ""))


def _zeros(value: Any, answer: Any, kind: Type | None, path: str) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(answer, dict):
        for name, item in value.items():
            here = f"{path}/{escaped(name)}"
            if name not in answer:
                if not isinstance(item, dict | list) and not item:
                    yield here
            else:
                yield from _zeros(item, answer[name], kind.field(name) if kind else None, here)
    elif isinstance(value, list) and isinstance(answer, list):
        for index, item in enumerate(value):
            other = _same_item(item, answer, index, kind)
            yield from _zeros(item, other, kind.items if kind else None, f"{path}/{index}")


def _same_item(item: Any, items: list[Any], index: int, kind: Type | None) -> Any:
    """What an item of a list has become."""
    if kind is None or not kind.list_keys or not isinstance(item, dict):
        return items[index] if index < len(items) else None
    wanted = {key: item.get(key, kind.key_defaults.get(key)) for key in kind.list_keys}
    return managed.item_of(items, wanted, kind.key_defaults)
