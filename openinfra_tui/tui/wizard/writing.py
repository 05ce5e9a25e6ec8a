"""While it is written, and after: what was done, what comes next, and the command that repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Label, Static

from openinfra_tui.flow.draft import commands, repeating, short
from openinfra_tui.tui.text import literal
from openinfra_tui.tui.wizard.page import PageView

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Key

    from openinfra_tui.errors import UserError
    from openinfra_tui.flow.draft import Draft
    from openinfra_tui.flow.generate import Generated
    from openinfra_tui.tui.wizard.view import View


class WritingPage(PageView):
    """Progress, line by line; then the end."""

    KEYS = "⏎ go on"

    class Done(Message):
        """It was read: leave with these lines for the terminal."""

        def __init__(self, lines: list[str]) -> None:
            super().__init__()
            self.lines = lines

    def __init__(self, view: View, draft: Draft) -> None:
        super().__init__(view)
        self._draft = draft
        self._said: list[Content] = []
        self._lines: list[str] = []
        self._failed = False

    def compose(self) -> ComposeResult:
        """A growing text."""
        yield Label("Writing", classes="title", id="writing")
        with VerticalScroll(id="progress"):
            yield Static(id="progress-text")

    def on_mount(self) -> None:
        """Keys go to the text, which scrolls."""
        self.query_one("#progress").focus()
        self.explain([("Everything is rendered and checked in memory; then one commit is made.", "")])

    def say(self, line: str, style: str = "") -> None:
        """One more line."""
        self._said.append(literal(f" {line}", style, limit=4000))
        self.query_one("#progress-text", Static).update(Content("\n").join(self._said))

    def progress(self, line: str) -> None:
        """One more phase that is done."""
        self.say(f"✓ {line}")

    def done(self, generated: Generated) -> None:
        """Show the commit, what comes next, and the commands that repeat it."""
        self.query_one("#writing", Label).update("Written")
        wrote = f"{generated.files} files in {short(self._draft.output)}"
        wrote += f", commit {generated.commit[:12]}" if generated.commit else ": nothing changed, no commit"
        following, again = commands(self._draft), repeating(self._draft)
        self.progress(wrote)
        told = [*generated.warnings, *(f"secrets: {note}" for note in generated.notes)]
        told += [
            f"left as it is: {path}; `generate` takes what this version writes" for path in generated.left
        ]
        told += [f"site {one.site} changes too: {', '.join(one.places)}" for one in generated.effects]
        for line in told:
            self.say(f"! {line}", "$text-warning")
        for title, lines in (("Next", following), ("The same without a question", again)):
            self.say("")
            self.say(title, "bold")
            for line in lines:
                self.say(f"  {line}")
        self.say("")
        self.say("⏎ leave; all of this is printed then", "$text-muted")
        self._lines = [
            wrote,
            *(f"next: {line}" for line in following),
            *(f"repeat: {line}" for line in again),
        ]

    def failed(self, error: UserError) -> None:
        """Show what went wrong; nothing of the repository was touched."""
        self.query_one("#writing", Label).update("Not written")
        self._failed = True
        self.say("")
        self.say(f"✗ {error.message}", "$text-error")
        self.say(error.hint, "$text-muted")
        self.say("esc back to the review", "bold")

    def on_key(self, event: Key) -> None:
        """Enter leaves once it is done."""
        if event.key == "enter" and self._lines:
            event.stop()
            self.post_message(self.Done(self._lines))
