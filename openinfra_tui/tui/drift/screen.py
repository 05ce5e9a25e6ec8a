"""The drift view: head, tree of objects, and what is known of the one under the cursor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from openinfra_tui.flow.diff import Progress
from openinfra_tui.flow.observing import About, Failed, Link, Seen
from openinfra_tui.flow.picture import Picture
from openinfra_tui.tui.dialogs import Help
from openinfra_tui.tui.drift import acts, filters, head, notes
from openinfra_tui.tui.drift.detail import detail
from openinfra_tui.tui.drift.keys import HELP, WRITES, keys
from openinfra_tui.tui.drift.sources import sources
from openinfra_tui.tui.drift.timeline import Timeline
from openinfra_tui.tui.drift.tree import ObjectTree
from openinfra_tui.tui.drift.words import FAINT
from openinfra_tui.tui.text import literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from textual.app import ComposeResult

Tab = Literal["detail", "yaml", "sources", "timeline"]
_WIDE = 100
_LEFT = 52  # columns of the tree beside the detail


class DriftScreen(Screen[None]):
    """Shows sights as they come.

    Args:
        clock: the time now.
        read_only: whether nothing can be changed from here.
        actor: does what is confirmed; None where there is nothing to act on.
    """

    CSS_PATH = Path(__file__).with_name("drift.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find('text')", show=False),
        Binding("colon", "find('place')", show=False),
        Binding("exclamation_mark", "faults", show=False),
        Binding("o", "sort", show=False),
        Binding("u", "beside", show=False),
        Binding("t", "tab('timeline')", show=False),
        Binding("S", "tab('sources')", show=False),
        Binding("tab", "next_pane", show=False),
        Binding("escape", "back", show=False),
        Binding("question_mark,f1", "help", show=False),
        Binding("q", "app.leave", show=False),
        Binding("y", "yaml", show=False),
        Binding("e", "edit", show=False),
        Binding("ctrl+s", "export", show=False),
        Binding("r", "act('reconcile')", show=False),
        Binding("s", "act('switch')", show=False),
        Binding("v", "act('revert')", show=False),
        Binding("a", "act('adopt')", show=False),
        Binding("x", "act('expect')", show=False),
    ]

    def __init__(
        self, clock: Callable[[], datetime], *, read_only: bool, actor: acts.Actor | None = None
    ) -> None:
        super().__init__()
        self.actor = actor
        self._clock, self.read_only = clock, read_only
        self.picture: Picture | None = None
        self.about, self.link = About(), Link()
        self.timeline = Timeline()
        self.tab: Tab = "detail"
        self._failed = Failed("")
        self._progress = "connecting"
        self._changed: datetime | None = None
        self._beside = False
        self._finding = "text"

    def compose(self) -> ComposeResult:
        """Head, panes, keys."""
        with Vertical(id="drift-head"):
            with Horizontal(classes="line"):
                yield Static(id="where")
                yield Static(id="stands")
            with Horizontal(classes="line"):
                yield Static(id="tally")
                yield Static(id="fresh")
        yield Static(id="trouble")
        with Horizontal(id="drift-panes"):
            with Vertical(id="drift-left"):
                yield ObjectTree()
                yield Static(id="shown")
            with VerticalScroll(id="drift-right"):
                yield Static(id="detail")
        yield Input(id="find", compact=True)
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Draw what there is; freshness moves on by itself."""
        self.query_one(ObjectTree).focus()
        self.set_interval(1.0, self._draw_head)
        self.draw()

    def see(self, sight: Seen) -> None:
        """Take a sight in."""
        if isinstance(sight, Picture):
            now = self._clock()
            self.picture, self._changed, self._failed = sight, now, Failed("")
            self.timeline.take(sight.report.objects, now)
            self.query_one(ObjectTree).show(sight.rows)
        elif isinstance(sight, About):
            self.about = sight
        elif isinstance(sight, Link):
            self.link = sight
        elif isinstance(sight, Failed):
            self._failed = sight
        elif isinstance(sight, Progress):
            self._progress = sight.step if not sight.total else f"{sight.step} ({sight.total} objects)"
        self.draw()

    @property
    def wide(self) -> bool:
        """Whether both panes are side by side."""
        return self.size.width >= _WIDE

    def draw(self) -> None:
        """Everything but the tree, which draws itself."""
        self.set_class(bool(self.link.trouble), "-stale")
        self.set_class(not self.query_one(ObjectTree).shown, "-empty")
        # A pane that was hidden has lost its focus, and nobody gives it back.
        self.call_after_refresh(self._refocus)
        self._draw_head()
        self._draw_trouble()
        self._draw_shown()
        self._draw_detail()
        offered = keys(self.wide, read_only=not self.may_act, opened=self.has_class("-opened"))
        self.query_one("#keys", Static).update(literal(offered))

    def _refocus(self) -> None:
        if self.focused is None:
            (self.query_one("#drift-right" if self.has_class("-opened") else ObjectTree)).focus()

    def on_resize(self) -> None:
        """Texts are cut to the width."""
        self.draw()

    def on_object_tree_highlighted(self) -> None:
        """Another object."""
        if self.tab == "yaml":
            self.tab = "detail"
        self._draw_shown()
        self._draw_detail()

    def on_object_tree_opened(self) -> None:
        """The detail in front, where panes take turns."""
        self.add_class("-opened")
        self.query_one("#drift-right").focus()
        self.draw()

    def jump(self, row_id: str) -> None:
        """Go to an object, showing everything where it is not among the faults."""
        tree = self.query_one(ObjectTree)
        if not tree.jump(row_id):
            tree.narrow(filters.Filter(faults=False, worst=tree.filter.worst))
            tree.jump(row_id)
        self.draw()

    def action_back(self) -> None:
        """Back to the object, to the tree, to everything."""
        if self.tab != "detail":
            self.tab = "detail"
        elif self.has_class("-opened"):
            self.remove_class("-opened")
        else:
            tree = self.query_one(ObjectTree)
            tree.narrow(replace(tree.filter, text="", place=""))
        self.query_one(ObjectTree).focus()
        self.draw()

    def action_next_pane(self) -> None:
        """From the tree to the text and back."""
        tree = self.query_one(ObjectTree)
        (self.query_one("#drift-right") if tree.has_focus else tree).focus()

    def action_tab(self, name: Tab) -> None:
        """Show another text; the same key again goes back."""
        self.tab = "detail" if self.tab == name else name
        self.set_class(self.tab != "detail" or self.has_class("-opened"), "-opened")
        self.query_one("#drift-right").scroll_home(animate=False)
        self.draw()

    def action_faults(self) -> None:
        """Faults only, or everything."""
        tree = self.query_one(ObjectTree)
        tree.narrow(replace(tree.filter, faults=not tree.filter.faults))
        self.draw()

    def action_sort(self) -> None:
        """The worst first, or by name."""
        tree = self.query_one(ObjectTree)
        tree.narrow(replace(tree.filter, worst=not tree.filter.worst))
        self.draw()

    def action_beside(self) -> None:
        """Both sides next to each other, or below each other."""
        self._beside = not self._beside
        self.draw()

    def action_find(self, what: str) -> None:
        """Ask for a pattern, or for a kind and a namespace."""
        self._finding = what
        line = self.query_one("#find", Input)
        held = self.query_one(ObjectTree).filter
        line.placeholder = (
            "pattern, !pattern or -l labels" if what == "text" else "kind, and a namespace after it"
        )
        line.value = held.text if what == "text" else held.place
        line.add_class("-shown")
        self.add_class("-finding")
        line.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow while one types."""
        if event.input.has_class("-shown"):
            tree = self.query_one(ObjectTree)
            said = event.value.strip()
            if self._finding == "text":
                tree.narrow(replace(tree.filter, text=said))
            else:
                tree.narrow(replace(tree.filter, place=said))
            self._draw_shown()

    def on_input_submitted(self) -> None:
        """Back to the tree with what was found."""
        self._end_find()

    def on_input_blurred(self) -> None:
        """As Enter."""
        self._end_find()

    def _end_find(self) -> None:
        line = self.query_one("#find", Input)
        if line.has_class("-shown"):
            line.remove_class("-shown")
            self.remove_class("-finding")
            self.query_one(ObjectTree).focus()
            self.draw()

    def action_help(self) -> None:
        """Every key."""
        self.app.push_screen(Help("Keys", HELP + WRITES if self.may_act else HELP))

    @property
    def may_act(self) -> bool:
        """Whether there is something to act on, and that is allowed."""
        return self.actor is not None and not self.read_only

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Read-only, there is no action that writes."""
        return action != "act" or self.may_act

    def action_act(self, name: str) -> None:
        """Work an action out, show it, and do it once it is confirmed."""
        row = self.query_one(ObjectTree).row
        if row is not None and self.actor is not None:
            acts.begin(self, self.actor, name, row, self._clock())

    def action_yaml(self) -> None:
        """The live object, its secrets masked."""
        row = self.query_one(ObjectTree).row
        if row is not None and self.actor is not None:
            self.action_tab("yaml")
            if self.tab == "yaml":
                acts.show_yaml(self, self.actor, row, self.query_one("#detail", Static))

    def action_edit(self) -> None:
        """The file that the object comes from, in the editor of the user."""
        row = self.query_one(ObjectTree).row
        if row is not None and row.verdict is not None and self.picture is not None:
            acts.edit(self, Path(str(self.picture.report.repository.get("path"))), row.verdict.origin)

    def action_export(self) -> None:
        """The view as Markdown, in a file of the current folder."""
        if self.picture is not None:
            shown = [line.row.verdict for line in self.query_one(ObjectTree).shown if line.row.verdict]
            acts.export(self, self.picture.report, shown, self._clock())

    def _draw_head(self) -> None:
        report = self.picture.report if self.picture else None
        dump = bool(report and report.cluster.get("dump"))
        now = self._clock()
        for name, text in (
            ("where", head.where(self.about, report, read_only=self.read_only, wide=self.wide)),
            ("stands", head.stands(self.about, report, wide=self.wide)),
            ("tally", head.counts(report, self.size.width - 28)),
            ("fresh", head.fresh(self.link, self._changed, now, dump=dump)),
        ):
            self.query_one(f"#{name}", Static).update(text)

    def _draw_trouble(self) -> None:
        place = self.query_one("#trouble", Static)
        lines = notes.troubles(self.link, self.about, self._failed, self.picture, self._clock())
        place.update(Content("\n").join(literal(line) for line in lines))
        place.set_class(bool(lines), "-shown")

    def _draw_shown(self) -> None:
        tree = self.query_one(ObjectTree)
        self.query_one("#shown", Static).update(notes.shown(tree.filter, tree.rows, tree.shown, tree.marked))

    def _draw_detail(self) -> None:
        place = self.query_one("#detail", Static)
        width = max(self.size.width - (_LEFT + 5 if self.wide else 4), 20)
        if self.tab == "sources":
            seen = self.picture
            runs, found = (seen.report.runs, seen.sources) if seen else ((), ())
            place.update(sources(runs, found, self._clock()))
        elif self.tab == "timeline":
            place.update(self.timeline.text())
        elif self.tab == "detail":
            place.update(self._object(width))

    def _object(self, width: int) -> Content:
        tree = self.query_one(ObjectTree)
        if self.picture is None or self._changed is None:
            return literal("" if self._failed.message or self.link.trouble else f"{self._progress} …", FAINT)
        if tree.row is None:
            return notes.nothing(tree.filter, self.picture, self._changed)
        return detail(tree.row, width, beside=self._beside)
