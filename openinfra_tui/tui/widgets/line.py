"""A line to type in."""

from __future__ import annotations

from textual.widgets import Input

from openinfra_tui.tui.text import clean

_LONGEST = 4000


class Line(Input):
    """An input that never holds what a terminal would obey, whether typed, pasted or read from a file."""

    def validate_value(self, value: str) -> str:
        """Spell out what cannot be shown."""
        return clean(value, limit=_LONGEST).replace("\n", " ")
