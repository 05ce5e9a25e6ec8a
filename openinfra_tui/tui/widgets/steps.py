"""The list of steps: where I am, what is done, and what needs me."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from openinfra_tui.tui.widgets.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.widgets import OptionList

    from openinfra_tui.questions.walk import Status

# A glyph each, so that no state is a colour alone.
MARKS: dict[Status, tuple[str, str]] = {
    "done": ("✓", "$text-success"),
    "current": ("▸", "bold"),
    "to come": ("·", "$text-muted"),
    "attention": ("!", "bold $text-warning"),
    "not-applicable": ("–", "$text-disabled"),  # noqa: RUF001 - a dash, on purpose
}


class StepList(Options):
    """All steps with their marks; one that is chosen is asked for by `StepList.Chosen`."""

    class Chosen(Message):
        """A step was chosen."""

        def __init__(self, step: str) -> None:
            super().__init__()
            self.step = step

    def show(self, steps: Sequence[tuple[str, Status]]) -> None:
        """Show the steps; the cursor goes to where the operator is."""
        self.set_options([Option(_line(step, state), id=step) for step, state in steps])
        here = [number for number, (_, state) in enumerate(steps) if state == "current"]
        self.highlighted = here[0] if here else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Ask for the step."""
        event.stop()
        self.post_message(self.Chosen(str(event.option.id)))


def _line(step: str, state: Status) -> Content:
    glyph, style = MARKS[state]
    plain = state in ("done", "to come")
    return Content.assemble((f" {glyph} ", style), (step, "" if plain else style))
