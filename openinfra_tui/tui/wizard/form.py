"""Lines to fill in, each judged when it is left, with what is wrong below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.containers import Horizontal, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Label

from openinfra_tui.questions.answers import value_of
from openinfra_tui.questions.judge import validate
from openinfra_tui.questions.lines import from_line, to_line
from openinfra_tui.tui.beside import beside
from openinfra_tui.tui.text import literal
from openinfra_tui.tui.widgets.line import Line
from openinfra_tui.tui.wizard.page import PageView, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from textual.app import ComposeResult
    from textual.events import DescendantBlur, DescendantFocus

    from openinfra_tui.questions.model import Question
    from openinfra_tui.tui.wizard.view import View


class FormPage(PageView):
    """The lines of one page."""

    KEYS = "⏎ next tab field"

    def __init__(self, view: View, today: date, typed: Mapping[str, str], focus: str = "") -> None:
        super().__init__(view)
        self._questions = view.page.questions if view.page else ()
        self._today = today
        self._typed, self._first = typed, focus

    def compose(self) -> ComposeResult:
        """One row a question, its fault below it."""
        yield Label(literal(self.view.step), classes="title")
        width = 2 + max(len(_label(question)) for question in self._questions)
        with VerticalScroll(can_focus=False):
            for number, question in enumerate(self._questions):
                value = value_of(self.view.answers, question.path)
                known = [str(one.value) for one in self.view.offered[question.path] if one.allowed]
                with Horizontal(classes="field"):
                    name = Label(literal(_label(question)), classes="name")
                    name.styles.width = width
                    yield name
                    yield Line(
                        self._typed.get(question.path, to_line(value)),
                        placeholder=_placeholder(question),
                        suggester=SuggestFromList(known) if known else None,
                        compact=True,
                        select_on_focus=False,
                        id=f"line{number}",
                    )
                yield Label("", classes="fault", id=f"fault{number}")

    def on_mount(self) -> None:
        """The cursor stands in the line that was asked for, else in the first."""
        paths = [question.path for question in self._questions]
        number = paths.index(self._first) if self._first in paths else 0
        self._input(number).focus()
        for place, question in enumerate(self._questions):
            wrong = [one for one in self.view.of(question) if one.severity == "error" and not one.missing]
            if wrong and question.path in self.view.answers.values:
                self._show(place, f"{wrong[0].message}. {wrong[0].because}".strip(". "))
        typed = [place for place, path in enumerate(paths) if path in self._typed]
        if typed:
            self._judge(typed, lambda _: None)

    def values(self) -> dict[str, Any]:
        """What was typed and is not what holds already."""
        out = {}
        for number, question in enumerate(self._questions):
            value = from_line(question, self._input(number).value)
            if value != value_of(self.view.answers, question.path):
                out[question.path] = value
        return out

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Explain the line."""
        number = self._number(event.widget.id)
        if number is not None:
            question = self._questions[number]
            offered = [str(one.value) for one in self.view.offered[question.path] if one.allowed]
            known = f"Known and fitting: {', '.join(offered)}" if offered else ""
            self.explain([(_title(question), "bold"), *parts_of(question, self.view), (known, "$text-muted")])

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """Judge the line, beside the event loop."""
        number = self._number(event.widget.id)
        if number is not None:
            self._judge([number], lambda _: None)

    def on_input_submitted(self, event: Line.Submitted) -> None:
        """Go to the next line; after the last one, judge all and go on."""
        event.stop()
        number = self._number(event.input.id) or 0
        if number + 1 < len(self._questions):
            self._input(number + 1).focus()
            return
        self._judge(range(len(self._questions)), self._onward)

    def _onward(self, faults: dict[int, str]) -> None:
        if faults:
            self._input(min(faults)).focus()
        else:
            self.post_message(self.Answered(self.values(), onward=True))

    def _judge(self, numbers: Any, then: Callable[[dict[int, str]], None]) -> None:
        lines = {number: from_line(self._questions[number], self._input(number).value) for number in numbers}

        def work() -> dict[int, str]:
            found = {
                number: validate(self._questions[number], value, self.view.answers, self._today)
                for number, value in lines.items()
            }
            return {number: fault for number, fault in found.items() if fault}

        def done(faults: dict[int, str]) -> None:
            for number in lines:
                self._show(number, faults.get(number, ""))
            then(faults)

        beside(self, work, done, group=f"judge{sorted(lines)}")

    def _show(self, number: int, fault: str) -> None:
        label = self.query_one(f"#fault{number}", Label)
        label.update(literal(f"✗ {fault}" if fault else ""))
        label.set_class(bool(fault), "-shown")

    def _input(self, number: int) -> Line:
        return self.query_one(f"#line{number}", Line)

    def _number(self, name: str | None) -> int | None:
        return int(name.removeprefix("line")) if name and name.startswith("line") else None


def _title(question: Question) -> str:
    return ": ".join((*question.trail, question.title))


def _label(question: Question) -> str:
    """A few words that still tell two networks, or two clusters, apart."""
    if not question.trail:
        return question.title
    return f"{question.trail[-1].removesuffix(' network')} {question.title}"


def _placeholder(question: Question) -> str:
    return str(question.examples[0]) if question.examples else ""
