"""What is wrong with a site file: every fault at once, each with file, line and path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 50
_SECRET = re.compile(r"AGE-SECRET-KEY|PRIVATE KEY|://[^/\s]*:[^/\s]*@|https?://[^/\s]*@", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """One fault.

    Attributes:
        file: the file as the user named it, or `--set PATH` for an override.
        line: line in the file from 1; 0 where there is none.
        path: dotted path from the top of the file, e.g. `spec.gitops.url`; empty for the whole file.
        message: what was found, what is allowed, and the nearest right word.
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.path, self.message) if part)


class SiteError(UserError):
    """The site file is not as it must be.

    Args:
        problems: every fault, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"and {len(self.problems) - SHOWN} more")
        hint = "`openinfra-tui schema` shows every key, what it allows and its default."
        super().__init__("\n".join(lines), hint)


def show(value: object) -> str:
    """A value as it may be printed: kind and content, short, escaped, and never a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return text(str(value))


def text(value: str) -> str:
    """A string in quotes, short and escaped; one that holds a secret is not shown."""
    if _SECRET.search(value):
        return "a text that is not shown, because it holds a secret"
    short = value if len(value) <= 60 else value[:57] + "..."
    escaped = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in short)
    return f'"{escaped}"'
