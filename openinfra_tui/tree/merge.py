"""Three-way merge of one file: the last pristine render, the user's file, the new render.

YAML is merged on its structure, JSON on its values, everything else by lines. What only one side changed is
taken from that side. What both changed differently is a conflict, and a file with a conflict is not merged
at all: nothing half-merged leaves this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from openinfra_tui.tree.merge_json import merge_json
from openinfra_tui.tree.merge_text import merge_lines
from openinfra_tui.tree.merge_yaml import merge_yaml
from openinfra_tui.tree.yaml_read import NotStructured, sound

if TYPE_CHECKING:
    from openinfra_tui.tree.clash import Clash

# A whole file as one side of a conflict is shown up to here.
_SHOWN = 2000


@dataclass(frozen=True)
class Conflict:
    """One thing that the user and the new render changed differently.

    Attributes:
        file: the file.
        where: the path in the document, such as `spec.values.replicas`; empty for lines and whole files.
        line: the line in the user's file, from 1; 0 when the user has no such line.
        base: what the last render wrote; None when it did not have it. `ours` (the user's) and `theirs`
            (the new render's) likewise.
    """

    file: str
    where: str
    line: int
    base: str | None
    ours: str | None
    theirs: str | None


@dataclass(frozen=True)
class Merged:
    """What became of one file: its content (None: it goes or stays away), or the conflicts."""

    content: bytes | None
    conflicts: tuple[Conflict, ...] = ()


def merge_file(
    path: str, base: bytes | None, ours: bytes | None, theirs: bytes | None, prefer: str = ""
) -> Merged:
    """Merge one file.

    Args:
        path: the file's path, which tells its kind and names it in conflicts.
        base: the last pristine render; None when that had no such file.
        ours: the user's file; None when it is not there.
        theirs: the new render; None when it has no such file any more.
        prefer: `ours` or `theirs` to settle conflicts so; everything else is merged all the same.

    Raises:
        ToolError: git is missing.
    """
    if ours in (base, theirs):
        return Merged(theirs)
    if theirs == base:
        return Merged(ours)
    if base is None or ours is None or theirs is None:
        return _whole(path, base, ours, theirs, prefer)  # without a base nobody can tell who changed what
    try:
        old, mine, new = (side.decode("utf-8") for side in (base, ours, theirs))
    except UnicodeDecodeError:
        return _whole(path, base, ours, theirs, prefer)
    done: str | tuple[Clash, ...]
    try:
        if path.endswith((".yaml", ".yml")):
            done = merge_yaml(old, mine, new, prefer)
        elif path.endswith(".json"):
            done = merge_json(old, mine, new, prefer)
        else:
            return _lines(path, base, ours, theirs, prefer)
    except NotStructured:
        return _lines(path, base, ours, theirs, prefer)
    if isinstance(done, str):
        return Merged(done.encode())
    return Merged(None, tuple(Conflict(path, c.where, c.line, c.base, c.ours, c.theirs) for c in done))


def _lines(path: str, base: bytes, ours: bytes, theirs: bytes, prefer: str) -> Merged:
    done = merge_lines(base, ours, theirs, prefer)
    if isinstance(done, bytes):
        if path.endswith((".yaml", ".yml")) and sound(ours) and not sound(done):
            return _whole(path, base, ours, theirs, prefer)
        return Merged(done)
    return Merged(
        None, tuple(Conflict(path, "", part.line, part.base, part.ours, part.theirs) for part in done)
    )


def _whole(path: str, base: bytes | None, ours: bytes | None, theirs: bytes | None, prefer: str) -> Merged:
    if prefer:
        return Merged(ours if prefer == "ours" else theirs)
    texts = (
        None if side is None else side.decode("utf-8", "replace")[:_SHOWN] for side in (base, ours, theirs)
    )
    return Merged(None, (Conflict(path, "", 1 if ours is not None else 0, *texts),))
