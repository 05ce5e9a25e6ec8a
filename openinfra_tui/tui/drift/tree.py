"""The tree of objects: only the lines on the screen are ever drawn, so ten thousand cost what forty do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from openinfra_tui.tui.drift.filters import Filter, Line, lines
from openinfra_tui.tui.drift.words import GLYPHS
from openinfra_tui.tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Click

    from openinfra_tui.flow.picture import Row

_LONGEST = 200


class ObjectTree(ScrollView, can_focus=True):
    """Rows of a picture; the cursor stays on its object whatever comes and goes around it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"tree--{verdict}" for verdict in GLYPHS if verdict),
        "tree--cursor",
        "tree--faint",
        "tree--head",
        "tree--ill",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "edge(-1)", show=False),
        Binding("end,G", "edge(1)", show=False),
        Binding("right", "fold(True)", show=False),
        Binding("left", "fold(False)", show=False),
        Binding("space", "mark", show=False),
        Binding("enter", "open", show=False),
    ]

    class Highlighted(Message):
        """The cursor is on another row, or on none."""

        def __init__(self, row: Row | None) -> None:
            super().__init__()
            self.row = row

    class Opened(Message):
        """Somebody wants to see a row whole."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[Row] = ()
        self.filter = Filter()
        self.shown: list[Line] = []
        self.marked: set[str] = set()
        self._opened: dict[str, bool] = {}
        self._cursor = 0
        self._at = ""

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.shown[self._cursor].row if self.shown else None

    def show(self, rows: Sequence[Row]) -> None:
        """Take another picture in."""
        self.rows = rows
        self.marked &= {row.id for row in rows}
        self._arrange()

    def narrow(self, wanted: Filter) -> None:
        """Show other rows."""
        self.filter = wanted
        self._arrange()

    def jump(self, row_id: str) -> bool:
        """Put the cursor on a row, opening what folds it away; whether it is shown."""
        for row in self.rows:
            if row.id != row_id and row_id.startswith(f"{row.id}|"):
                self._opened[row.id] = True
        self._arrange()
        for index, line in enumerate(self.shown):
            if line.row.id == row_id:
                self._to(index)
                return True
        return False

    def _arrange(self) -> None:
        before = self._cursor - self.scroll_offset.y
        self.shown = lines(self.rows, self.filter, self._opened)
        places = {line.row.id: index for index, line in enumerate(self.shown)}
        self._cursor = places.get(self._at, min(self._cursor, max(len(self.shown) - 1, 0)))
        self.virtual_size = Size(0, len(self.shown))
        # The line under the cursor stays where it is on the screen, too.
        self.scroll_to(y=max(self._cursor - before, 0), animate=False, immediate=True)
        self._tell()
        self.refresh()

    def _to(self, index: int) -> None:
        if not self.shown:
            return
        self._cursor = max(0, min(index, len(self.shown) - 1))
        self.scroll_to_region(Region(0, self._cursor, 1, 1), animate=False, force=True)
        self._tell()
        self.refresh()

    def _tell(self) -> None:
        row = self.row
        self._at = row.id if row else ""
        self.post_message(self.Highlighted(row))

    def action_move(self, by: int) -> None:
        """One line."""
        self._to(self._cursor + by)

    def action_page(self, by: int) -> None:
        """One screen."""
        self._to(self._cursor + by * max(self.size.height - 1, 1))

    def action_edge(self, to: int) -> None:
        """The first line or the last."""
        self._to(0 if to < 0 else len(self.shown))

    def action_fold(self, is_open: bool) -> None:
        """Open or fold; folding what is folded goes to what holds it."""
        if not self.shown:
            return
        line = self.shown[self._cursor]
        if line.parent and line.open != is_open:
            self._opened[line.row.id] = is_open
            self._arrange()
        elif is_open:
            self._to(self._cursor + 1)
        else:
            above = range(self._cursor - 1, -1, -1)
            self._to(next((i for i in above if self.shown[i].row.depth < line.row.depth), self._cursor))

    def action_mark(self) -> None:
        """Mark a row, or take its mark away, and go on."""
        if self.row is not None:
            self.marked ^= {self.row.id}
            self._to(self._cursor + 1)

    def action_open(self) -> None:
        """Show the row whole."""
        self.post_message(self.Opened())

    def on_click(self, event: Click) -> None:
        """Go to the line; a second click shows it."""
        index = event.y + self.scroll_offset.y
        if index == self._cursor:
            self.action_open()
        elif index < len(self.shown):
            self._to(index)

    def on_focus(self) -> None:
        """The cursor looks otherwise."""
        self.refresh()

    on_blur = on_focus

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self.shown):
            return Strip.blank(width, self.rich_style)
        line = self.shown[index]
        row = line.row
        base = self.rich_style
        if index == self._cursor:
            base += self.get_component_rich_style("tree--cursor", partial=True)
            base += Style(bold=self.has_focus, underline=self.has_focus and self.app.no_color)
        verdict = row.verdict.verdict if row.verdict and row.depth else row.worst
        glyph = base + self._style(verdict) if verdict else base
        fold = ("▾" if line.open else "▸") if line.parent else " "
        mark = "*" if row.id in self.marked else " "
        faint = base + self.get_component_rich_style("tree--faint", partial=True)
        ill = row.health not in ("Current", "Ready", "Healthy", "Suspended", "")
        state = base + self.get_component_rich_style("tree--ill", partial=True) if ill else faint
        right = f" {_count(row)}{row.health} "
        lead = f"{mark}{'  ' * row.depth}{fold} "
        room = max(width - cell_len(right) - cell_len(lead) - 2, 4)
        name = clean(row.key.name, limit=_LONGEST)
        kind = clean(row.key.kind, limit=60)
        title = f"{kind} {name}" if kind else name
        if cell_len(title) > room:
            title = set_cell_size(title, room - 1).rstrip() + "…"
        space = clean(row.key.namespace, limit=63) if row.depth else ""
        rest = room - cell_len(title)
        space = f" {space}" if space and cell_len(space) + 1 <= rest else ""
        head = base + self.get_component_rich_style("tree--head", partial=True) if not row.depth else base
        return Strip(
            [
                Segment(lead, faint),
                Segment(f"{GLYPHS[verdict]} ", glyph),
                Segment(title, head),
                Segment(space + " " * (rest - cell_len(space)), faint),
                Segment(right, state),
            ]
        ).adjust_cell_length(width, base)

    def _style(self, verdict: str) -> Style:
        return self.get_component_rich_style(f"tree--{verdict}", partial=True)


def _count(row: Row) -> str:
    return f"{row.faulty}/{row.total} " if not row.depth and row.total else ""
