"""Before and after the interview: which face, what of answers that were kept, whether to replace a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from openinfra_tui.cli.prompts.face import Face, Option
from openinfra_tui.questions.answers import site_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from openinfra_tui.flow.saved import Saved
    from openinfra_tui.questions.answers import Answers

# Terminals that cannot move the cursor, which prompt_toolkit needs.
_DUMB = ("", "dumb", "unknown")


def face_of(environ: Mapping[str, str], *, plain: bool) -> Face:
    """The face that the terminal can carry; says its keys.

    Args:
        environ: `TERM` says what the terminal can do.
        plain: line by line, whatever it can do.
    """
    face: Face
    if plain or environ.get("TERM", "") in _DUMB or not sys.stdout.isatty():
        from openinfra_tui.cli.prompts.plain import KEYS, PlainFace

        face = PlainFace()
    else:
        from openinfra_tui.cli.prompts.drawn import KEYS, DrawnFace

        face = DrawnFace()
    face.say(KEYS)
    return face


def begin_anew(face: Face, kept: Saved) -> bool:
    """Whether answers that were kept may be forgotten; asked before anything replaces them."""
    options = [Option(False, f"go on with them, for {kept.file}"), Option(True, "forget them and begin anew")]
    return face.choose("Answers are kept from before.", options, False) is True


def may_write(face: Face, file: Path, answers: Answers) -> bool:
    """Whether the site file may be written; asked only where it would replace something else."""
    if not file.exists() or file.read_bytes() == site_text(answers).encode():
        return True
    options = [Option(False, "leave the file as it is, and keep the answers"), Option(True, "replace it")]
    return face.choose(f"{file} exists and says something else.", options, False) is True
