"""What the thing under the cursor means, what follows from it, and where that was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from openinfra_tui.tui.text import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

Part = tuple[str, str]


class Explanation(VerticalScroll, can_focus=False):
    """A few sentences, each part with a style of its own.

    Attributes:
        parts: what is said.
    """

    parts: tuple[Part, ...] = ()

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="said")

    def show(self, parts: Sequence[Part]) -> None:
        """Replace what is said: pairs of text and style; empty texts are left out."""
        self.parts = tuple(part for part in parts if part[0])
        lines = [literal(text, style, limit=2000) for text, style in self.parts]
        self.query_one("#said", Static).update(Content("\n").join(lines))
        self.scroll_home(animate=False)
