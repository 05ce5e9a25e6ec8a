"""What every screen of the program has in common: styles, themes, and how one leaves."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType

from openinfra_tui.tui.dialogs import Confirm

ResultT = TypeVar("ResultT")
# Where Textual's own two themes have less than 4.5 to 1 between a text of ours and what is behind it.
_LEGIBLE = {
    "textual-dark": {"block-cursor-background": "#084372", "text-error": "#E8A0B0"},
    "textual-light": {
        "text-warning": "#6B430B",
        "text-success": "#25623A",
        "foreground-muted": "#1F1F1FC0",
    },
}
# Below it panes take turns; 80x24 is what every screen must fit.
WIDE = 100


class BaseApp(App[ResultT]):
    """An application that leaves on one key, after one question where something would be lost."""

    CSS_PATH = Path(__file__).with_name("styles.tcss")
    TITLE = "openinfra-tui"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it for instances
        (0, "-narrow"),
        (WIDE, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "leave", "Leave", priority=True, id="leave"),
    ]

    def get_css_variables(self) -> dict[str, str]:
        """The colours of the theme, as legible as they must be."""
        self.theme_variables = super().get_css_variables() | _LEGIBLE.get(self.theme, {})
        return self.theme_variables

    def at_stake(self) -> tuple[str, str] | None:
        """The question to ask before leaving and what follows from it, or None where nothing is lost."""
        return None

    def action_leave(self) -> None:
        """Leave, after one question at most; the same key again is the answer."""
        question = self.at_stake()
        if question is None or isinstance(self.screen, Confirm):
            self.exit()
            return

        def answered(said: bool | None) -> None:
            if said:
                self.exit()

        self.push_screen(Confirm(*question, yes="leave"), answered)
