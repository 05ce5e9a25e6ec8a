"""The first screen: new, from a preset, a site file, what was kept; or the drift of a repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from openinfra_tui.tui.dialogs import Confirm, Fields
from openinfra_tui.tui.text import clean, literal
from openinfra_tui.tui.widgets.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult


@dataclass(frozen=True)
class Start:
    """How to begin: what, and which preset, file or folder."""

    kind: Literal["new", "preset", "file", "resume", "drift"]
    name: str = ""


class StartScreen(Screen[Start]):
    """Offers the ways to begin.

    Args:
        presets: name of each preset, and what it is.
        kept: the site file that kept answers are for, or empty.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.leave", "Leave")]

    def __init__(self, presets: Sequence[tuple[str, str]], kept: str) -> None:
        super().__init__()
        self._presets, self._kept = presets, kept

    def compose(self) -> ComposeResult:
        """A line each."""
        yield Label(literal("openinfra-tui", "bold $text-primary"), id="head-start")
        yield Static(classes="rule")
        with Vertical(id="start"):
            yield Label(
                literal("From answers to a Git repository that Flux or Argo CD reconciles"), classes="title"
            )
            yield Options(*self._options())
            yield Label(
                literal("Nothing is written before the review, and no cluster is touched."), classes="note"
            )
        yield Static(classes="rule")
        yield Static(literal("↑↓ choose  ⏎ begin  esc leave"), id="keys")

    def on_mount(self) -> None:
        """The first line is what one most likely wants."""
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Begin; what was kept is forgotten only when that was said."""
        kind, _, name = str(event.option.id).partition(":")
        if kind == "file":
            self._ask_file()
        elif kind == "drift":
            self._ask_folder()
        elif kind == "resume":
            self.dismiss(Start("resume"))
        else:
            self._anew(Start("preset" if kind == "preset" else "new", name))

    def _options(self) -> list[Option]:
        rows = [("resume", "Go on", f"with the answers kept for {self._kept}")] if self._kept else []
        rows += [(f"preset:{name}", name, what) for name, what in self._presets]
        rows += [
            ("new", "New", "every question, from the first"),
            ("file", "Open", "a site file, finished or not"),
            ("drift", "Look at drift", "where a cluster leaves its repository, live"),
        ]
        return [
            Option(
                Content.assemble(f" {clean(title, limit=30):20}  ", (clean(what, limit=100), "$text-muted")),
                id=name,
            )
            for name, title, what in rows
        ]

    def _ask_file(self) -> None:
        def taken(path: str) -> None:
            self._anew(Start("file", path))

        self._ask("Open a site file", ("Path", "", "site.yaml"), Path.is_file, "file", taken)

    def _ask_folder(self) -> None:
        def taken(path: str) -> None:
            self.dismiss(Start("drift", path))

        field = ("Folder", ".", "a repository that Flux or Argo CD reconciles")
        self._ask("Look at the drift of a repository", field, Path.is_dir, "folder", taken)

    def _ask(
        self,
        title: str,
        field: tuple[str, str, str],
        there: Callable[[Path], bool],
        kind: str,
        taken: Callable[[str], None],
    ) -> None:
        """Ask for something that is on this machine."""

        def judge(lines: list[str]) -> dict[int, str]:
            path = Path(lines[0].strip()).expanduser()
            return {} if there(path) else {0: f"there is no such {kind}"}

        def answered(lines: list[str] | None) -> None:
            if lines is not None:
                taken(lines[0].strip())

        self.app.push_screen(Fields(title, [field], judge), answered)

    def _anew(self, start: Start) -> None:
        if not self._kept:
            self.dismiss(start)
            return

        def answered(said: bool | None) -> None:
            if said:
                self.dismiss(start)

        detail = f"Those for {self._kept} are replaced with the first new answer."
        self.app.push_screen(Confirm("Forget the answers that were kept?", detail, "forget them"), answered)
