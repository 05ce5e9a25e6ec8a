"""Entries: hosts, networks, names with a text. Add, change and remove; pasting needs no key."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable, Static

from openinfra_tui.questions.answers import value_of
from openinfra_tui.questions.lines import (
    columns,
    entries_of,
    entry_faults,
    from_line,
    to_line,
    with_entry,
    without_entry,
)
from openinfra_tui.questions.nodes import read_nodes, with_nodes
from openinfra_tui.site.load import read_text
from openinfra_tui.tui.beside import beside
from openinfra_tui.tui.dialogs import Fields, Offer
from openinfra_tui.tui.text import clean, literal
from openinfra_tui.tui.wizard.page import PageView, parts_of, title_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.events import Key, Paste

    from openinfra_tui.cluster.survey import Survey
    from openinfra_tui.questions.model import Question
    from openinfra_tui.tui.wizard.view import View

_WIDEST = 27
_NOTHING = {
    False: "Nothing yet.   a adds one",
    True: "No host yet.   a adds one",
}


class TablePage(PageView):
    """The entries of one answer."""

    KEYS = "a add e edit d remove ⏎ next"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "onward", priority=True)]

    def __init__(self, view: View) -> None:
        super().__init__(view)
        if view.page is None:
            raise ValueError("the review is no table")
        self._question = view.page.questions[0]
        self._value = value_of(view.answers, self._question.path)
        self._columns = columns(self._question)
        if self._takes_hosts:
            self.KEYS = "a e d F4 F5 read ⏎ next"

    def compose(self) -> ComposeResult:
        """Title, table, and what there is to count."""
        yield title_of(self._question)
        yield Static(id="counts")
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """The cursor stands on the first entry."""
        self._fill(0)
        self.query_one(DataTable).focus()
        self._tell()

    def renew(self, view: View) -> None:
        """Show what is wrong after a change of the entries."""
        self.view = view
        self._count()
        self._tell()

    def on_key(self, event: Key) -> None:
        """The letters of a list."""
        there = entries_of(self._question, self._value)
        actions = {
            "a": partial(self._edit, None),
            "e": partial(self._edit, self._row) if there else partial(self._edit, None),
            "d": self._remove if there else None,
            "delete": self._remove if there else None,
            "f4": self._ask_file if self._takes_hosts else None,
            "f5": self._ask_cluster if self._takes_hosts else None,
        }
        action = actions.get(event.key)
        if action is not None:
            event.stop()
            action()

    def action_onward(self) -> None:
        """Enter goes on, whichever row it is, and also where there is none."""
        self.post_message(self.Answered({}, onward=True))

    def on_paste(self, event: Paste) -> None:
        """Hosts are taken from the clipboard as they are from a file."""
        if self._takes_hosts:
            event.stop()
            self._import(lambda: event.text)

    @property
    def _takes_hosts(self) -> bool:
        return self._question.path == "nodes"

    def _ask_file(self) -> None:
        def taken(lines: list[str] | None) -> None:
            if lines is not None:
                self._import(lambda: read_text(_path(lines[0])))

        def judge(lines: list[str]) -> dict[int, str]:
            return {} if _path(lines[0]).is_file() else {0: "there is no such file"}

        fields = [("File", "", "CSV, YAML or an Ansible inventory")]
        self.app.push_screen(Fields("Take hosts from a file", fields, judge), taken)

    def _ask_cluster(self) -> None:
        def look_at(context: str) -> Survey:
            from openinfra_tui.flow.surveying import look

            return look(context)

        def taken(lines: list[str] | None) -> None:
            if lines is not None:
                self.app.notify("Reading the cluster …", markup=False)
                beside(self, lambda: look_at(lines[0].strip()), self._surveyed, group="import")

        fields = [("Context", "", "of the kubeconfig; empty for its current one")]
        self.app.push_screen(Fields("Read a cluster; nothing is changed there", fields, lambda _: {}), taken)

    def _surveyed(self, found: Survey) -> None:
        from openinfra_tui.flow.surveying import hosts, lines

        def answered(said: bool | None) -> None:
            if said:
                self.take(with_nodes(self._value or (), new))
                self.app.notify(f"{len(new)} hosts taken", markup=False)

        new = hosts(found)
        shown = [
            Content.assemble((f"{word:13}", "bold"), literal(what, limit=300)) for word, what in lines(found)
        ]
        self.app.push_screen(Offer("What the cluster has", shown, f"take its {len(new)} nodes"), answered)

    def _import(self, text: Callable[[], str]) -> None:
        there = self._value

        def done(new: list[dict[str, Any]]) -> None:
            self.take(with_nodes(there or (), new))
            self.app.notify(f"{len(new)} hosts taken", markup=False)

        beside(self, lambda: read_nodes(text()), done, group="import")

    def take(self, value: Any) -> None:
        """Another value of the whole table."""
        row = self._row
        self._value = value
        self._fill(row)
        self.post_message(self.Answered({self._question.path: value}, onward=False))

    @property
    def _row(self) -> int:
        return self.query_one(DataTable).cursor_row

    def _edit(self, number: int | None) -> None:
        there = entries_of(self._question, self._value)
        entry = there[number] if number is not None else ("",) * len(self._columns)
        lines = [
            (_heading(column), to_line(part), _hint(column))
            for column, part in zip(self._columns, entry, strict=True)
        ]

        def judge(typed: list[str]) -> dict[int, str]:
            return entry_faults(self._question, self._value, number, self._parsed(typed))

        def taken(typed: list[str] | None) -> None:
            if typed is not None:
                self.take(with_entry(self._question, self._value, number, self._parsed(typed)))

        word = "Add" if number is None else "Change"
        self.app.push_screen(Fields(f"{word}: {self._question.title}", lines, judge), taken)

    def _parsed(self, typed: list[str]) -> list[Any]:
        return [from_line(column, line) for column, line in zip(self._columns, typed, strict=True)]

    def _remove(self) -> None:
        self.take(without_entry(self._question, self._value, self._row))

    def _fill(self, row: int) -> None:
        """All rows anew: tables here are of hosts, not of objects of a cluster."""
        table: DataTable[Text] = self.query_one(DataTable)
        there = entries_of(self._question, self._value)
        shown = [
            number
            for number, column in enumerate(self._columns)
            if number < 2 or any(entry[number] for entry in there) or len(self._columns) <= 3
        ]
        table.clear(columns=True)
        for number in shown:
            table.add_column(Text(_heading(self._columns[number])))
        for entry in there:
            table.add_row(*(Text(_cell(self._columns[number], entry[number])) for number in shown))
        table.move_cursor(row=min(row, max(len(there) - 1, 0)))
        self._count()

    def _count(self) -> None:
        """How many entries of each role there are, and what is wrong with them."""
        there = entries_of(self._question, self._value)
        lines = [literal(_NOTHING[self._takes_hosts], "$text-muted")] if not there else []
        roles = [number for number, column in enumerate(self._columns) if column.kind == "several"]
        if roles and there:
            counted = Counter(role for entry in there for role in entry[roles[0]] or ())
            lines.append(literal("   ".join(f"{role} {count}" for role, count in counted.items()), "bold"))
        for one in self.view.of(self._question):
            if not one.missing:
                mark, style = ("✗", "$text-error") if one.severity == "error" else ("!", "$text-warning")
                lines.append(literal(f"{mark} {one.message}", style))
        self.query_one("#counts", Static).update(Content("\n").join(lines[:4]))

    def _tell(self) -> None:
        offered = ", ".join(str(one.value) for one in self.view.offered[self._question.path] if one.allowed)
        hint = f"Known and fitting: {offered}" if offered else ""
        if self._takes_hosts:
            hint = "F4 takes hosts from a file, F5 from a cluster that exists. Or paste them."
        self.explain([*parts_of(self._question, self.view), (hint, "$text-muted")])


def _path(line: str) -> Path:
    return Path(line.strip()).expanduser()


def _heading(column: Question) -> str:
    """A word above a column; an address says of which network."""
    return "Name" if column.path.endswith(".") else column.title.removesuffix(" address")


def _hint(column: Question) -> str:
    if column.kind == "several":
        return " ".join(column.words)
    example = column.examples[0] if column.examples else ""
    return str(example) if example else ""


def _cell(column: Question, value: Any) -> str:
    if value in (None, [], ""):
        return "–"  # noqa: RUF001 - a dash, on purpose
    if column.kind == "list":
        return str(len(value))
    line = clean(to_line(value), limit=300).replace("\n", " ")
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
