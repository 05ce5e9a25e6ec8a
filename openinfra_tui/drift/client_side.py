"""A client-side apply, as Argo CD makes it unless it is told otherwise: a three-way merge sent as a patch.

Of a built-in kind that is a strategic merge patch, of a custom resource a JSON merge patch (kubectl, apply).
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import managed, strategic
from openinfra_tui.drift.mask import LAST_APPLIED
from openinfra_tui.drift.values import same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.managed import Path
    from openinfra_tui.drift.model import Desired
    from openinfra_tui.drift.schema import StrategicType, Type


def is_custom(group: str) -> bool:
    """Whether kinds of a group have no Go type in kubectl: their merges know no list keys."""
    return "." in group and not group.endswith(".k8s.io")


def view(desired: Desired, kind: Type | None) -> StrategicType | None:
    """The type as a client-side apply of a built-in kind sees it, which is a strategic merge patch."""
    custom = is_custom(desired.key.group)
    return kind.strategic if desired.application.client_side and not custom and kind is not None else None


def patch(
    desired: Desired,
    payload: Mapping[str, Any],
    live: Mapping[str, Any],
    patched: StrategicType | None,
    gone: list[managed.Path],
) -> dict[str, Any] | None:
    """The merge patch that a client-side apply sends; of a custom resource a JSON merge patch.

    None where it is no client-side apply, or where there is no type to make a patch by.

    Args:
        desired: the object.
        payload: its manifest as it is sent.
        live: the object there.
        patched: the type, from `view`.
        gone: paths to take away.
    """
    if patched is not None:
        return strategic.patch(payload, live, patched, gone)
    if desired.application.client_side and is_custom(desired.key.group):
        return merge_patch(payload, live, gone)
    return None


def lists_equal(wanted: Any, there: Any) -> bool:
    """Whether every list of a manifest is in the live object as it is."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return all(lists_equal(value, there.get(key)) for key, value in wanted.items())
    return same(wanted, there) if isinstance(wanted, list) else True


def last_applied(there: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a client-side apply noted that it applied last."""
    text = ((there.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        last = json.loads(text) if text else None
    except ValueError:
        return None
    return last if isinstance(last, dict) else None


def merge_patch(payload: Mapping[str, Any], there: Mapping[str, Any], gone: list[Path]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) of a manifest that also removes some paths of maps.

    A null of the manifest removes only what was applied last (apimachinery, jsonmergepatch).
    """
    out: dict[str, Any] = _without_nulls(deepcopy(dict(payload)), last_applied(there) or {})
    for path in gone:
        node: Any = out
        for element in path[:-1]:
            node = node.setdefault(str(managed.decoded(element)), {}) if isinstance(node, dict) else None
        if isinstance(node, dict) and path[-1].startswith("f:"):
            node[str(managed.decoded(path[-1]))] = None
    return out


def _without_nulls(value: dict[str, Any], last: Any) -> dict[str, Any]:
    known = last if isinstance(last, dict) else {}
    return {
        name: _without_nulls(item, known.get(name)) if isinstance(item, dict) else item
        for name, item in value.items()
        if item is not None or known.get(name) is not None
    }
