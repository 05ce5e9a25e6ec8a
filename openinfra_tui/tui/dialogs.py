"""Small screens over another: a question with two answers, and lines to fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from openinfra_tui.tui.text import literal
from openinfra_tui.tui.widgets.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult


class Confirm(ModalScreen[bool]):
    """A question that Enter says yes to and Esc no.

    Args:
        title: the question.
        detail: what follows from yes.
        yes: what Enter does, in a word or two.
        also: another key that says yes, such as the one that opened the dialog.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer(True)", priority=True),
        Binding("escape", "answer(False)", priority=True),
    ]

    def __init__(self, title: str, detail: str, yes: str, also: str = "") -> None:
        super().__init__()
        self._lines = (title, detail, yes)
        if also:
            self._bindings.bind(also, "answer(True)", priority=True)

    def compose(self) -> ComposeResult:
        """The question, and its keys."""
        title, detail, yes = self._lines
        with Vertical(classes="dialog"):
            yield Label(literal(title), classes="title")
            yield Label(literal(detail))
            yield Label(literal(f"⏎ {yes}   esc stay"), classes="hint")

    def action_answer(self, said: bool) -> None:
        """Close with the answer."""
        self.dismiss(said)


class Help(ModalScreen[None]):
    """A longer text, to read and to close.

    Args:
        title: what it is about.
        lines: pairs of text and style.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,enter", "dismiss", priority=True)]

    def __init__(self, title: str, lines: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """The text, which scrolls."""
        with Vertical(classes="dialog wide"):
            yield Label(literal(self._title), classes="title")
            with VerticalScroll():
                yield Static(
                    Content("\n").join(literal(text, style, limit=4000) for text, style in self._lines)
                )
            yield Label(literal("esc close"), classes="hint")


class Offer(ModalScreen[bool]):
    """Something longer to read, and one thing to do with it: Enter does it, Esc does not.

    Args:
        title: what was found.
        lines: the text, which scrolls.
        yes: what Enter does, in a few words.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "dismiss(True)", priority=True),
        Binding("escape", "dismiss(False)", priority=True),
    ]

    def __init__(self, title: str, lines: Sequence[Content], yes: str) -> None:
        super().__init__()
        self._title, self._lines, self._yes = title, lines, yes

    def compose(self) -> ComposeResult:
        """The text, and its keys."""
        with Vertical(classes="dialog wide"):
            yield Label(literal(self._title), classes="title")
            with VerticalScroll():
                yield Static(Content("\n").join(self._lines))
            yield Label(literal(f"⏎ {self._yes}   esc leave it"), classes="hint")


class Fields(ModalScreen[list[str] | None]):
    """Some lines to fill in, judged before they are taken.

    Args:
        title: what they are for.
        fields: of each its label, what it holds, and what may stand in it.
        judge: the faults of the lines, by number.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", priority=True)]

    def __init__(
        self,
        title: str,
        fields: Sequence[tuple[str, str, str]],
        judge: Callable[[list[str]], dict[int, str]],
    ) -> None:
        super().__init__()
        self._title, self._fields, self._judge = title, fields, judge

    def compose(self) -> ComposeResult:
        """One row a field, its fault below it."""
        with Vertical(classes="dialog"):
            yield Label(literal(self._title), classes="title")
            with VerticalScroll(can_focus=False):
                for number, (label, value, hint) in enumerate(self._fields):
                    with Horizontal(classes="field"):
                        yield Label(literal(label), classes="name")
                        yield Line(value, placeholder=hint, compact=True, id=f"line{number}")
                    yield Label("", classes="fault", id=f"fault{number}")
            yield Label(literal("⏎ next, and take it   tab field   esc leave it as it was"), classes="hint")

    @property
    def _inputs(self) -> list[Line]:
        return list(self.query(Line))

    def on_input_submitted(self, event: Line.Submitted) -> None:
        """Go to the next line, and take them all after the last."""
        number = int(str(event.input.id).removeprefix("line"))
        if number + 1 < len(self._inputs):
            self._inputs[number + 1].focus()
            return
        lines = [line.value for line in self._inputs]
        faults = self._judge(lines)
        for place in range(len(lines)):
            self._show(place, faults.get(place, ""))
        if faults:
            self._inputs[min(faults)].focus()
        else:
            self.dismiss(lines)

    def _show(self, number: int, fault: str) -> None:
        label = self.query_one(f"#fault{number}", Label)
        label.update(literal(f"✗ {fault}" if fault else ""))
        label.set_class(bool(fault), "-shown")

    def action_cancel(self) -> None:
        """Close without a change."""
        self.dismiss(None)
