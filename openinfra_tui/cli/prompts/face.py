"""What a face must be able to do, so that the interview need not know which one it has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Move(Enum):
    """What can be said instead of an answer: go back, or leave it to the default."""

    BACK = "back"
    SKIP = "skip"


@dataclass(frozen=True)
class Option:
    """One line to choose: what it stands for, its text, and why it cannot be chosen, if it cannot."""

    value: Any
    text: str
    refused: str = ""


class Face(Protocol):
    """A terminal that asks. Every method but `say` may answer with a Move."""

    def say(self, text: str) -> None:
        """Show some lines."""

    def choose(self, title: str, options: Sequence[Option], default: Any) -> Any:
        """One of the options that can be chosen."""

    def several(self, title: str, options: Sequence[Option], chosen: Sequence[Any]) -> Any:
        """A list of the options."""

    def text(self, title: str, default: str, check: Callable[[str], str]) -> Any:
        """A line of text, for which `check` has no message. An empty line is SKIP, or what is shown."""
