"""The question before an action: the exact requests and files, and Cancel as what Enter does at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from openinfra_tui.flow.actions import shown_body
from openinfra_tui.tui.drift.words import FAINT
from openinfra_tui.tui.text import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.app import ComposeResult

    from openinfra_tui.flow.actions import Action

_LONGEST = 4000


class ActionDialog(ModalScreen[bool]):
    """Shows an action, and asks.

    Args:
        action: what would be done.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer", priority=True),
        Binding("escape,n", "dismiss(False)", priority=True),
        Binding("tab,left,right,shift+tab", "turn", priority=True),
    ]
    sure: reactive[bool] = reactive(False)

    def __init__(self, action: Action) -> None:
        super().__init__()
        self._action = action

    def compose(self) -> ComposeResult:
        """What, why, how, and the two answers."""
        with Vertical(classes="dialog"):
            yield Label(literal(self._action.title), classes="title")
            yield Label(literal(self._action.why))
            with VerticalScroll():
                yield Static(Content("\n").join(_lines(self._action)))
            yield Static(id="answers")

    def on_mount(self) -> None:
        """The text can be scrolled."""
        self.query_one(VerticalScroll).focus()

    def watch_sure(self, sure: bool) -> None:
        """Mark the answer that Enter gives."""
        verb = self._action.title.partition(" ")[0]
        cancel = literal("[ Cancel ]" if not sure else "  Cancel  ", "" if sure else "bold reverse")
        go = literal(f"[ {verb} ]" if sure else f"  {verb}  ", "bold reverse" if sure else "")
        for place in self.query("#answers").results(Static):
            place.update(
                cancel + Content("   ") + go + literal("     tab the other   ⏎ take it   esc cancel", FAINT)
            )

    def action_turn(self) -> None:
        """The other answer."""
        self.sure = not self.sure

    def action_answer(self) -> None:
        """Close with the answer."""
        self.dismiss(self.sure)


def _lines(action: Action) -> Iterator[Content]:
    for call in action.calls:
        yield literal(call.line, "bold")
        yield literal(f"  {shown_body(call)}", limit=_LONGEST)
    for write in action.writes:
        yield from _diff(write.diff)
    if action.diff and action.calls:
        yield Content("")
    yield from _diff(action.diff)


def _diff(lines: Iterable[str]) -> Iterator[Content]:
    for line in lines:
        style = "$text-success" if line.startswith("+") else "$text-error" if line.startswith("-") else ""
        yield literal(line, style, limit=_LONGEST)
