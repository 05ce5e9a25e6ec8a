"""Where the user's edit and the new render changed the same: both sides and what was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from openinfra_tui.flow.update import Accept
from openinfra_tui.tui.text import clean, literal
from openinfra_tui.tui.widgets.options import Options
from openinfra_tui.tui.wizard.page import PageView

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Key

    from openinfra_tui.tree.merge import Conflict
    from openinfra_tui.tui.wizard.view import View


class ConflictPage(PageView):
    """Each conflict; a decision is for its whole file, as half of each side would be nobody's."""

    KEYS = "o yours t new w write"

    class Decided(Message):
        """Every file has a side."""

        def __init__(self, accept: Accept) -> None:
            super().__init__()
            self.accept = accept

    def __init__(self, view: View, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(view)
        self._conflicts = conflicts
        self._sides: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """The conflicts, and the three texts of the one under the cursor."""
        yield Label(literal(f"{len(self._conflicts)} in conflict; nothing was written"), classes="title")
        yield Options(*(Option(self._line(one)) for one in self._conflicts), id="conflicts")
        with VerticalScroll(can_focus=False):
            yield Static(id="sides")

    def on_mount(self) -> None:
        """The first conflict."""
        options = self.query_one(OptionList)
        options.highlighted = 0
        options.focus()
        self.explain(
            [
                ("You changed this after the last render, and the new render changes it too.", ""),
                ("o keeps your file, t takes the new one; each for the whole file.", ""),
                ("To join them by hand: esc, edit the file, commit it, and write again.", "$text-muted"),
            ]
        )

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the three texts."""
        event.stop()
        one = self._conflicts[event.option_index]
        parts = []
        for title, text in (("yours", one.ours), ("new", one.theirs), ("before", one.base)):
            parts.append(literal(title, "bold $text-accent"))
            parts.append(literal("(not there)" if text is None else text.rstrip("\n"), limit=4000))
        self.query_one("#sides", Static).update(Content("\n").join(parts))

    def on_key(self, event: Key) -> None:
        """A side for the file under the cursor, or on with it."""
        options = self.query_one(OptionList)
        side = {"o": "ours", "t": "theirs"}.get(event.key)
        if side and options.highlighted is not None:
            self._sides[self._conflicts[options.highlighted].file] = side
            for number, one in enumerate(self._conflicts):
                options.replace_option_prompt_at_index(number, self._line(one))
        elif event.key == "w":
            self._decide()
        else:
            return
        event.stop()

    def _decide(self) -> None:
        files = {one.file for one in self._conflicts}
        if files - self._sides.keys():
            self.app.bell()
            return
        chosen = [
            tuple(sorted(file for file in files if self._sides[file] == side)) for side in ("ours", "theirs")
        ]
        self.post_message(self.Decided(Accept(*chosen)))

    def _line(self, one: Conflict) -> Content:
        side = self._sides.get(one.file, "")
        glyph, style = {"ours": ("o", "$text-success"), "theirs": ("t", "$text-success")}.get(
            side, ("?", "$text-warning")
        )
        where = f"{one.file}:{one.line}" if one.line else one.file
        return Content.assemble(
            (f" {glyph} ", style), clean(where, limit=200), (f"  {clean(one.where)}", "$text-muted")
        )
