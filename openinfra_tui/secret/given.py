"""Secrets that the operator has and gives to us, each in a file: never in an argument or a site file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.errors import Refused, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIMIT = 4096


def read_given(files: Mapping[str, Path], repository: Path) -> dict[str, str]:
    """The value of each name: the one line that its file holds.

    Raises:
        Refused: a file is in the repository, where the next commit would take it along.
        UserError: a file cannot be read, or is not one short line of text; the message never holds any of it.
    """
    out: dict[str, str] = {}
    for name, file in files.items():
        if file.resolve().is_relative_to(repository.resolve()):
            raise Refused(f"{file} is in the repository, in clear", "move it elsewhere")
        try:
            with file.open("rb") as stream:
                text = stream.read(_LIMIT + 1).decode("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"{file} cannot be read: {type(error).__name__}", "name a file of one line"
            ) from None
        if not text or len(text) > _LIMIT or not text.isprintable():
            raise UserError(f"{file} does not hold one line of text", f"write only the secret {name} into it")
        out[name] = text
    return out
