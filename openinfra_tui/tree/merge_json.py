"""Three-way merge of JSON: objects by key, every other value as a whole.

The result is written with the indentation of the user's text.
"""

from __future__ import annotations

import json
import re
from typing import Any

from openinfra_tui.tree.clash import Clash
from openinfra_tui.tree.order import ordered
from openinfra_tui.tree.yaml_read import NotStructured

_ABSENT = object()
_INDENT = re.compile(r"\n([ \t]+)\S")


def merge_json(base: str, ours: str, theirs: str, prefer: str = "") -> str | tuple[Clash, ...]:
    """Merge three texts of JSON.

    Args:
        base: what both come from.
        ours: the user's.
        theirs: the new one.
        prefer: `ours` or `theirs` to settle every conflict so; else conflicts are returned.

    Returns:
        The merged text, or what clashes.

    Raises:
        NotStructured: a text is not JSON, or has a key twice.
    """
    old, mine, new = (_load(text) if text.strip() else _ABSENT for text in (base, ours, theirs))
    clashes: list[Clash] = []
    merged = _value(old, mine, new, "", prefer, clashes)
    if clashes:
        return tuple(clashes)
    found = _INDENT.search(ours)
    return json.dumps(merged, indent=found.group(1) if found else None, ensure_ascii=False) + "\n"


def _load(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise NotStructured("not JSON") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise NotStructured("a key stands twice")
    return dict(pairs)


def _value(base: Any, ours: Any, theirs: Any, where: str, prefer: str, clashes: list[Clash]) -> Any:
    if _same(ours, base) or _same(ours, theirs):
        return theirs
    if _same(theirs, base):
        return ours
    if isinstance(ours, dict) and isinstance(theirs, dict):
        old = base if isinstance(base, dict) else {}
        out = {}
        for key in ordered(list(old), list(ours), list(theirs)):
            name = str(key)
            place = f"{where}.{name}" if where else name
            before, mine, new = (side.get(name, _ABSENT) for side in (old, ours, theirs))
            merged = _value(before, mine, new, place, prefer, clashes)
            if merged is not _ABSENT:
                out[name] = merged
        return out
    if not prefer:
        clashes.append(Clash(where, 0, _text(base), _text(ours), _text(theirs)))
    return theirs if prefer == "theirs" else ours


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one type: in Python 1, 1.0 and true are equal, in JSON they are three values."""
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return json.dumps(one) == json.dumps(other)


def _text(value: Any) -> str | None:
    return None if value is _ABSENT else json.dumps(value, indent=2, ensure_ascii=False)
