"""One word of several, or some of them. What cannot be chosen can be looked at, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from openinfra_tui.questions.answers import value_of
from openinfra_tui.questions.model import NAME
from openinfra_tui.tui.text import clean
from openinfra_tui.tui.widgets.options import Options
from openinfra_tui.tui.wizard.page import PageView, parts_of, title_of
from openinfra_tui.tui.wizard.view import why_not

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Key

    from openinfra_tui.questions.choices import Choice
    from openinfra_tui.tui.wizard.view import View

_WIDEST = 26


class ChoicePage(PageView):
    """A list of choices; `several` of them, or one."""

    def __init__(self, view: View, *, several: bool) -> None:
        super().__init__(view)
        if view.page is None:
            raise ValueError("the review is no choice")
        self._question = view.page.questions[0]
        self._several = several
        self.KEYS = "↑↓ look space mark ⏎ next" if several else "↑↓ look ⏎ take it"
        value = value_of(view.answers, self._question.path)
        self._chosen: list[Any] = list(value or ()) if several else [value]
        self._offered = self._with_none(view.offered[self._question.path])
        self._width = min(_WIDEST, 2 + max((len(one.label) for one in self._offered), default=0))

    def compose(self) -> ComposeResult:
        """Title and list."""
        yield title_of(self._question)
        yield Options(*self._options())

    def on_mount(self) -> None:
        """The cursor stands on what is chosen."""
        here = [number for number, one in enumerate(self._offered) if one.value in self._chosen]
        options = self.query_one(OptionList)
        options.highlighted = 0 if self._several or not here else here[0]
        options.focus()

    def values(self) -> dict[str, Any]:
        """Several: what is marked. One: nothing before Enter, as the cursor only looks."""
        if not self._several or self._chosen == list(value_of(self.view.answers, self._question.path) or ()):
            return {}
        return {self._question.path: self._in_order()}

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what it means, or why it cannot be chosen."""
        event.stop()
        self._tell(event.option_index)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take it; what cannot be chosen leads to the answer in the way."""
        event.stop()
        one = self._offered[event.option_index]
        if self._several:
            self.post_message(self.Answered({self._question.path: self._in_order()}, onward=True))
        elif one.allowed or one.value in self._chosen:
            self.post_message(self.Answered({self._question.path: one.value}, onward=True))
        else:
            self._refuse(one)

    def on_key(self, event: Key) -> None:
        """Space marks, on a list of several."""
        number = self.query_one(OptionList).highlighted
        if event.key != "space" or not self._several or number is None:
            return
        event.stop()
        one = self._offered[number]
        if one.value in self._chosen:
            self._chosen.remove(one.value)
        elif one.allowed:
            self._chosen.append(one.value)
        else:
            self._refuse(one)
            return
        self.query_one(OptionList).replace_option_prompt_at_index(number, self._line(one))

    def _refuse(self, one: Choice) -> None:
        _, way = why_not(one, self.view.answers)
        if way is None:
            self.app.bell()
        else:
            self.post_message(self.Jump(way.path))

    def _with_none(self, offered: tuple[Choice, ...]) -> list[Choice]:
        """The choices, before them that none is made where the site can do without."""
        from openinfra_tui.questions.choices import Choice

        optional = not self._several and self._question.default is None and self._question.path != NAME
        return [*([Choice(None, "leave it out", "")] if optional else []), *offered]

    def _in_order(self) -> list[Any]:
        known = [one.value for one in self._offered]
        return sorted(self._chosen, key=lambda value: known.index(value) if value in known else len(known))

    def _options(self) -> list[Option]:
        return [Option(self._line(one)) for one in self._offered]

    def _line(self, one: Choice) -> Content:
        chosen = one.value in self._chosen
        on, off = ("■", "□") if self._several else ("●", "○")
        glyph, style = (on, "bold $text-success") if chosen else (off, "$text-muted")
        if not one.allowed:
            glyph, style = "✗", "bold"
        detail = one.detail if one.allowed else one.reason
        label = clean(one.label, limit=self._width - 1)
        return Content.assemble(
            (f" {glyph} ", style),
            (f"{label:{self._width}} ", "" if one.allowed else "$text-muted"),
            (clean(detail, limit=200).replace("\n", " "), "$text-muted"),
        )

    def _tell(self, number: int) -> None:
        one = self._offered[number]
        if one.allowed:
            named = f"{one.label}: {one.detail}" if one.detail else one.label
            self.explain([(named, "bold"), *parts_of(self._question, self.view)])
            return
        because, way = why_not(one, self.view.answers)
        go = "⏎ go there" if way and not self._several else "space goes there" if way else ""
        source = f"Source: {one.source}" if one.source else ""
        self.explain([(because, "$text-warning"), (go, "bold $text-accent"), (source, "$text-muted")])
