"""The review: everything that is wrong, what would be written and where to. The only page that writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from openinfra_tui.flow.draft import generate_words, has_recipients, short, shown
from openinfra_tui.questions.listing import listed
from openinfra_tui.tui.dialogs import Fields
from openinfra_tui.tui.text import clean, literal
from openinfra_tui.tui.widgets.options import Options
from openinfra_tui.tui.wizard.page import PageView

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Key

    from openinfra_tui.flow.draft import Draft
    from openinfra_tui.flow.preview import Preview
    from openinfra_tui.questions.review import Trouble
    from openinfra_tui.tui.wizard.view import View


class ReviewPage(PageView):
    """Problems with the way back to each, the places that are written to, and the plan."""

    KEYS = "⏎ go w write o order c copy"

    class Write(Message):
        """Everything is to be written."""

    class Placed(Message):
        """A place that is written to was changed."""

        def __init__(self, draft: Draft) -> None:
            super().__init__()
            self.draft = draft

    def __init__(self, view: View, draft: Draft) -> None:
        super().__init__(view)
        self._draft = draft
        self._previewed: Preview | None = None
        self._in_full = False

    @property
    def sound(self) -> bool:
        """Whether nothing stops it from being written."""
        return not any(one.severity == "error" for one in self.view.troubles)

    def compose(self) -> ComposeResult:
        """Counts, what to go to, and the plan."""
        errors = [one for one in self.view.troubles if one.severity == "error"]
        warnings = len(self.view.troubles) - len(errors)
        counted = f"{_count(len(errors), 'problem')} · {_count(warnings, 'warning')}"
        yield Label(literal(f"Review: {counted}"), classes="title")
        yield Options(*self._options(), id="troubles")
        with VerticalScroll(can_focus=False):
            yield Static(id="plan")

    def on_mount(self) -> None:
        """The cursor stands on the first problem, or on writing."""
        options = self.query_one(OptionList)
        options.highlighted = 0 if not self.sound else options.get_option_index("write")
        options.focus()
        self._plan()

    def show(self, previewed: Preview) -> None:
        """Show the plan, once it is worked out."""
        self._previewed = previewed
        self._plan()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say why."""
        event.stop()
        name = str(event.option.id)
        if name.startswith("trouble"):
            one = self.view.troubles[int(name.removeprefix("trouble"))]
            source = f"Source: {one.source}" if one.source else ""
            go = "⏎ go there" if one.question else ""
            style = "$text-error" if one.severity == "error" else "$text-warning"
            self.explain(
                [
                    (one.message, style),
                    (one.because, ""),
                    (one.path, "$text-muted"),
                    (source, "$text-muted"),
                    (go, "bold"),
                ]
            )
        else:
            self.explain([(_EXPLAINED[name], "")])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go to the question, change the place, or write."""
        event.stop()
        name = str(event.option.id)
        if name == "write":
            self._write()
        elif name.startswith("trouble"):
            one = self.view.troubles[int(name.removeprefix("trouble"))]
            if one.question:
                self.post_message(self.Jump(one.question))
        else:
            self._place(name)

    def on_key(self, event: Key) -> None:
        """The letters of a list."""
        if event.key == "w":
            self._write()
        elif event.key == "o":
            self._in_full = not self._in_full
            self._plan()
        elif event.key == "c":
            self.app.copy_to_clipboard(" ".join(generate_words(self._draft)))
            self.app.notify("the command is in the clipboard, where the terminal allows that", markup=False)
        else:
            return
        event.stop()

    def _write(self) -> None:
        if self.sound:
            self.post_message(self.Write())
        else:
            self.app.bell()
            self.query_one(OptionList).highlighted = 0

    def _place(self, name: str) -> None:
        def taken(lines: list[str] | None) -> None:
            if lines is not None:
                path = Path(lines[0].strip()).expanduser().absolute()
                self.post_message(self.Placed(_placed(self._draft, name, path)))

        def judge(lines: list[str]) -> dict[int, str]:
            return {} if lines[0].strip() else {0: "needs a path"}

        dialog = Fields(_NAMES[name], [("Path", short(getattr(self._draft, name)), "")], judge)
        self.app.push_screen(dialog, taken)

    def _options(self) -> list[Option]:
        rows = [Option(_trouble(one), id=f"trouble{number}") for number, one in enumerate(self.view.troubles)]
        places = ["output", "file", "age_key" if has_recipients(self.view.answers) else "sealing"]
        for name in places:
            path: Path = getattr(self._draft, name)
            there = path.exists() and not (path.is_dir() and not any(path.iterdir()))
            note = _THERE[name] if there else _ABSENT[name]
            rows.append(
                Option(
                    Content.assemble(
                        ("   ", ""), f"{_NAMES[name]:12} ", clean(shown(path)), (f"  {note}", "$text-muted")
                    ),
                    id=name,
                )
            )
        word = "Write it all as one commit" if self.sound else "Write: first mend what is marked ✗"
        style = "bold" if self.sound else "$text-muted"
        rows.append(Option(Content.assemble((" w ", style), (word, style)), id="write"))
        return rows

    def _plan(self) -> None:
        target = self.query_one("#plan", Static)
        if self._previewed is None:
            target.update(literal("working out the plan …", "$text-muted"))
        elif self._previewed.problem:
            target.update(literal("The plan is shown once no problem is left.", "$text-muted"))
        else:
            target.update(_order(self._previewed, in_full=self._in_full))


_NAMES = {"output": "Repository", "file": "Site file", "age_key": "Age key", "sealing": "Certificate"}
_THERE = {
    "output": "there already: merged with what you changed",
    "file": "there already: replaced",
    "age_key": "is read",
}
_ABSENT = {"output": "new", "file": "new", "age_key": "is made, mode 0600", "sealing": "must be there"}
_EXPLAINED = {
    "output": "The folder of the Git repository. What you edited there is merged with what changes; where "
    "both changed the same, you are asked.",
    "file": "All answers, for `openinfra-tui generate`. The repository holds a copy.",
    "age_key": "The private key that opens the secrets. Its public half is the recipient `operator`. Keep it "
    "outside of the repository, and back it up: without it the secrets are lost.",
    "sealing": "The certificate of the controller of Sealed Secrets (`kubeseal --fetch-cert`); secrets are "
    "sealed for it. It is read the first time, and kept in the repository.",
    "write": "Writes the site file and one commit into the repository. Nothing is pushed, and no cluster is "
    "touched.",
}


def _placed(draft: Draft, name: str, path: Path) -> Draft:
    """The draft with another place; another site file is not the one that was opened."""
    match name:
        case "output":
            return replace(draft, output=path)
        case "age_key":
            return replace(draft, age_key=path)
        case "sealing":
            return replace(draft, sealing=path)
    return replace(draft, file=path, opened=draft.opened and draft.file == path)


def _trouble(one: Trouble) -> Content:
    question = listed(one.question) if one.question else None
    title = question.title if question else one.path
    mark, style = ("✗", "bold $text-error") if one.severity == "error" else ("!", "bold $text-warning")
    return Content.assemble(
        (f" {mark} ", style),
        f"{one.step or 'Site file':11} ",
        clean(one.message if not one.missing else f"{title} {one.message}", limit=300).replace("\n", " "),
    )


def _order(previewed: Preview, *, in_full: bool) -> Content:
    """The steps by depth: each line waits for the lines above it; or each step with what it waits for."""
    kinds = list(previewed.changes.values())
    counted = [f"{kinds.count(word)} {word}" for word in ("new", "changed", "removed") if word in kinds]
    files = ", ".join(counted) or "none changes"
    head = f"Files: {files}, {len(previewed.files)} in all · Secrets: {previewed.secrets}"
    lines = [literal(head, "bold"), literal("Order", "bold")]
    if in_full:
        for name, after in previewed.order:
            lines.append(
                Content.assemble(f"  {name}", (f"  after {', '.join(after) or 'nothing'}", "$text-muted"))
            )
        return Content("\n").join(lines)
    depth: dict[str, int] = {}
    for name, after in previewed.order:
        depth[name] = 1 + max((depth[one] for one in after), default=0)
    for level in sorted(set(depth.values())):
        names = " · ".join(name for name, place in depth.items() if place == level)
        lines.append(Content.assemble((f" {level:2} ", "$text-muted"), names))
    return Content("\n").join(lines)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
