"""Three-way merge of lines, by `git merge-file`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from openinfra_tui.proc import run

# Longer than any line of equals signs that a document underlines a title with.
_SIZE = 61
_BINARY = b"\0"
_MOST_CONFLICTS = 127  # git-merge-file(1): the exit code is the number of conflicts, truncated to 127


@dataclass(frozen=True)
class Region:
    """Lines that both sides changed: the first line in the user's text, from 1, and the three texts."""

    line: int
    base: str
    ours: str
    theirs: str


def merge_lines(base: bytes, ours: bytes, theirs: bytes, prefer: str = "") -> bytes | tuple[Region, ...]:
    """Merge texts by lines.

    Args:
        base: what both come from.
        ours: the user's.
        theirs: the new one.
        prefer: `ours` or `theirs` to settle every conflict so; else conflicts are returned.

    Returns:
        The merged text, or the regions that both changed. What is not text is one region.

    Raises:
        ToolError: git is missing.
    """
    if any(_BINARY in text for text in (base, ours, theirs)):
        if prefer:
            return ours if prefer == "ours" else theirs
        return (Region(1, *("not text, and not shown" for _ in range(3))),)
    with tempfile.TemporaryDirectory(prefix="openinfra-") as folder:
        places = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for place, text in zip(places, (ours, base, theirs), strict=True):
            place.write_bytes(text)
        words = ["git", "merge-file", "-p", "--diff3", f"--marker-size={_SIZE}"]
        words += [f"--{prefer}"] if prefer else []
        done = run([*words, *places], ok_codes=range(_MOST_CONFLICTS + 1))
    return done.stdout if done.code == 0 else _regions(done.stdout.decode("utf-8", "replace"))


def _regions(text: str) -> tuple[Region, ...]:
    out: list[Region] = []
    sides: list[list[str]] = []
    line = 1
    for row in text.splitlines(keepends=True):
        mark = row[:_SIZE]
        if mark == "<" * _SIZE:
            sides = [[]]
        elif sides and mark in ("|" * _SIZE, "=" * _SIZE):
            sides.append([])
        elif sides and mark == ">" * _SIZE:
            ours, base, theirs = ("".join(side) for side in sides)
            out.append(Region(line, base, ours, theirs))
            line += len(sides[0])
            sides = []
        elif sides:
            sides[-1].append(row)
        else:
            line += 1  # counted in the merged text; close to the user's own
    return tuple(out)
