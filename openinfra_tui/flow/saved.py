"""Answers that wait to be gone on with: one file in the user's state folder, written whole or not at all.

It holds what would stand in a site file, and no secret: no question asks for one.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openinfra_tui.errors import UserError
from openinfra_tui.questions.answers import Answers
from openinfra_tui.questions.judge import fault
from openinfra_tui.questions.listing import listed

if TYPE_CHECKING:
    from openinfra_tui.questions.model import Question

_FORMAT = 1
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Saved:
    """What is kept: the answers, the site file that they are for, whether every question is asked."""

    answers: Answers
    file: Path
    everything: bool


def save(path: Path, saved: Saved) -> None:
    """Replace the file in one step; nobody else may read it.

    Raises:
        UserError: it cannot be written.
    """
    content = {
        "format": _FORMAT,
        "file": str(saved.file),
        "everything": saved.everything,
        "values": dict(saved.answers.values),
        "seen": sorted(saved.answers.seen),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as stream:
            json.dump(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        Path(stream.name).replace(path)
    except OSError as error:
        raise UserError(
            f"{path}: the answers cannot be kept: {error.strerror}", "set XDG_STATE_HOME"
        ) from error


def load(path: Path) -> Saved:
    """What was kept.

    Raises:
        UserError: nothing was kept, or it is not what `save` writes.
    """
    hint = f"remove {path} to begin anew"
    try:
        with path.open("rb") as stream:
            content = json.loads(stream.read(_MAX_BYTES))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no answers are kept there", "begin without --resume") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read", hint) from error
    if not _is_ours(content):
        raise UserError(f"{path}: not answers of this version", hint)
    return Saved(
        Answers(content["values"], frozenset(content["seen"])), Path(content["file"]), content["everything"]
    )


def forget(path: Path) -> None:
    """Take the file away, once its answers stand in a site file."""
    path.unlink(missing_ok=True)


def _is_ours(content: Any) -> bool:
    types = {"format": int, "file": str, "everything": bool, "values": dict, "seen": list}
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return False
    if any(not isinstance(content.get(key), kind) for key, kind in types.items()):
        return False
    if any(not isinstance(path, str) or _question(path) is None for path in content["seen"]):
        return False
    asked = [(_question(path), value) for path, value in content["values"].items()]
    return all(question is not None and not fault(question, value) for question, value in asked)


def _question(path: str) -> Question | None:
    question = listed(path)
    return None if question is None or "*" in path else replace(question, path=path)
