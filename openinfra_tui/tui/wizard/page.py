"""What every page of the wizard has in common: what it tells the screen around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Label

from openinfra_tui.tui.text import literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openinfra_tui.questions.model import Question
    from openinfra_tui.tui.widgets.explanation import Part
    from openinfra_tui.tui.wizard.view import View


class PageView(Vertical):
    """One page; it holds no answer but what is being typed.

    Attributes:
        KEYS: its own keys, as the last line of the screen shows them.
    """

    KEYS = "⏎ next"

    class Answered(Message):
        """Answers by path, None where the default is to hold; `onward` to go to the next page."""

        def __init__(self, values: Mapping[str, Any], *, onward: bool) -> None:
            super().__init__()
            self.values, self.onward = values, onward

    class Explain(Message):
        """What stands under the cursor."""

        def __init__(self, parts: Sequence[Part]) -> None:
            super().__init__()
            self.parts = parts

    class Jump(Message):
        """Another question is to be asked now."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view

    def values(self) -> dict[str, Any]:
        """What stands on the page now, by path, where that is not what was answered before."""
        return {}

    def explain(self, parts: Sequence[Part]) -> None:
        """Say what the thing under the cursor means."""
        self.post_message(self.Explain(parts))


def title_of(question: Question) -> Label:
    """The title of a question, after what it is a part of."""
    return Label(literal(": ".join((*question.trail, question.title))), classes="title")


def parts_of(question: Question, view: View) -> list[Part]:
    """What there is to say of a question: its help, examples, and what is wrong with the answer."""
    lines: list[Part] = [(question.help, ""), (view.notes.get(question.path, ""), "")]
    if question.examples:
        lines.append((f"For example {question.examples[0]}", "$text-muted"))
    if question.default not in (None, [], {}):
        lines.append((f"Without an answer: {_words(question.default)}", "$text-muted"))
    for trouble in view.of(question):
        lines.append((f"{'✗' if trouble.severity == 'error' else '!'} {trouble.message}", "$text-warning"))
        lines.append((trouble.because, "$text-muted"))
    return lines


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
