"""The screen of the wizard: steps, one page, its explanation. It walks; what is asked it does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.screen import Screen
from textual.widgets import Label, Static

from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.flow.draft import replaces, short
from openinfra_tui.plan.picture import picture
from openinfra_tui.questions.answers import draft as site_draft
from openinfra_tui.questions.answers import mark_seen, set_answer, site_text
from openinfra_tui.questions.judge import fault
from openinfra_tui.questions.pages import first_of, next_page, page_of, previous_page
from openinfra_tui.tui.beside import beside
from openinfra_tui.tui.dialogs import Confirm, Help
from openinfra_tui.tui.text import literal
from openinfra_tui.tui.widgets.explanation import Explanation
from openinfra_tui.tui.widgets.preview import Preview
from openinfra_tui.tui.widgets.steps import StepList
from openinfra_tui.tui.wizard.choice import ChoicePage
from openinfra_tui.tui.wizard.conflict import ConflictPage
from openinfra_tui.tui.wizard.form import FormPage
from openinfra_tui.tui.wizard.page import PageView
from openinfra_tui.tui.wizard.previews import Previews
from openinfra_tui.tui.wizard.review import ReviewPage
from openinfra_tui.tui.wizard.table import TablePage
from openinfra_tui.tui.wizard.view import look
from openinfra_tui.tui.wizard.writing import WritingPage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from textual.app import ComposeResult

    from openinfra_tui.errors import UserError
    from openinfra_tui.flow.draft import Draft
    from openinfra_tui.flow.generate import Generated
    from openinfra_tui.flow.preview import Change
    from openinfra_tui.flow.preview import Preview as Previewed
    from openinfra_tui.flow.update import Accept
    from openinfra_tui.questions.pages import Page
    from openinfra_tui.tui.wizard.app import WizardApp
    from openinfra_tui.tui.wizard.view import View

_HELP = """\
Enter   take it and go on
Esc     one page back; nothing that was said is lost
Tab     the next line of a form, and Shift-Tab the one before
F2      the list of steps: Enter goes to one
F3      what would be written; left and right change its tab
F10     the review: all that is wrong, and the only place that writes
Ctrl-Q  leave (also Ctrl-C); `openinfra-tui wizard --resume` goes on"""
_KEYS = "F1 help F2 steps F3 preview F10 review"


class WizardScreen(Screen[None]):
    """Walks over the pages and keeps the answers after each of them.

    Args:
        draft: what there is to begin with.
        today: the day for which the rules judge.
        keep: called with the draft after each page.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("f1", "help", "Help"),
        Binding("f2", "steps", "Steps"),
        Binding("f3", "preview", "Preview"),
        Binding("f10", "review", "Review"),
    ]

    def __init__(self, draft: Draft, today: date, keep: Callable[[Draft], None]) -> None:
        super().__init__()
        self.draft = draft
        self._today, self._keep = today, keep
        self._page: Page | None = None
        self._returning = False
        self._typed: dict[str, str] = {}
        self._previews = Previews(self, today)
        self.view: View | None = None

    def compose(self) -> ComposeResult:
        """Head, the panes, and the keys."""
        with Horizontal(id="head"):
            yield Label(id="title")
            yield Label(id="where", classes="where")
        yield Static(classes="rule")
        with Horizontal(id="panes"):
            yield StepList(id="steps")
            with Container(id="main"):
                yield Container(id="body")
                yield Explanation()
                yield Preview()
        yield Static(classes="rule")
        with Horizontal(id="keys"):
            yield Label(id="own-keys")
            yield Label(_KEYS, classes="where")

    def on_mount(self) -> None:
        """Begin where the walk was left."""
        answers = self.draft.answers
        there = next_page(answers, None, everything=self.draft.everything)
        while there is not None and all(one.path in answers.seen for one in there.questions):
            there = next_page(answers, there, everything=self.draft.everything)
        self._go(there)

    @property
    def wizard(self) -> WizardApp:
        """The application around it."""
        return cast("WizardApp", self.app)

    def _standing(self) -> Mapping[str, Any]:
        there = self.query(PageView)
        return there.first().values() if there else {}

    def _go(self, page: Page | None, focus: str = "") -> None:
        """Show another page; None is the review."""
        self._page = page
        draft, typed = self.draft, dict(self._typed)
        held = self.wizard.hold()
        beside(
            self,
            lambda: look(draft, page, self._today, typed),
            lambda view: self._show(view, focus),
            group="go",
            ended=lambda: self.wizard.ready(held),
        )

    async def _show(self, view: View, focus: str) -> None:
        self.view = view
        await self._put(self._page_view(view, focus))
        self._frame(view)
        if view.page is None or self.has_class("-preview"):
            self._preview()

    async def _put(self, page: PageView) -> None:
        self.set_class(isinstance(page, WritingPage), "-writing")
        body = self.query_one("#body", Container)
        async with self.batch():
            await body.remove_children()
            await body.mount(page)
        self._show_keys()

    def _page_view(self, view: View, focus: str) -> PageView:
        if view.page is None:
            return ReviewPage(view, self.draft)
        match view.page.shape:
            case "form":
                return FormPage(view, self._today, self._typed, focus)
            case "table":
                return TablePage(view)
        return ChoicePage(view, several=view.page.shape == "several")

    def _frame(self, view: View) -> None:
        """Everything around the page."""
        name = f" · {view.name}" if view.name else ""
        self.query_one("#title", Label).update(literal(f"openinfra-tui{name}", limit=60))
        number, count = view.place
        self.query_one("#where", Label).update(literal(f"{number} of {count}  {view.step}"))
        self.query_one(StepList).show(view.marks)
        self._show_keys()

    def _show_keys(self) -> None:
        """The keys of the page, before those that are the same everywhere."""
        self.query_one("#own-keys", Label).update(literal(f"{self.query_one(PageView).KEYS} esc back"))

    def on_page_view_answered(self, message: PageView.Answered) -> None:
        """Take the answers, and go on where the page is done."""
        self._take(message.values, seen=message.onward)
        if not message.onward:
            self._renew()
            return
        here = self._page
        if here is None:
            return
        again = page_of(self.draft.answers, here.path, everything=self.draft.everything)
        new = [one for one in again.questions if one not in here.questions] if again else []
        if again is not None and new and new[0].path not in self.draft.answers.seen:
            self._go(again, new[0].path)
        elif self._returning:
            self.action_review()
        else:
            self._go(next_page(self.draft.answers, here, everything=self.draft.everything))

    def _renew(self) -> None:
        draft, page, typed = self.draft, self._page, dict(self._typed)

        def done(view: View) -> None:
            self.view = view
            there = self.query_one(PageView)
            if isinstance(there, TablePage):
                there.renew(view)
            self.query_one(StepList).show(view.marks)
            if self.has_class("-preview"):
                self._preview()

        beside(self, lambda: look(draft, page, self._today, typed), done, group="renew")

    def action_preview(self) -> None:
        """What would be written, beside the question or in its place; the same key closes it."""
        self.toggle_class("-preview")
        if self.has_class("-preview"):
            self._leave()
            self._preview()
            self.query_one(Preview).enter()
        else:
            self._refocus()

    def _refocus(self) -> None:
        """Back to the page."""
        page = self.query_one(PageView)
        target = next(
            (one for one in page.query("Input, OptionList, DataTable, VerticalScroll") if one.can_focus), None
        )
        if target is not None:
            target.focus()

    def _preview(self) -> None:
        """Work out what would be written, a moment after the last change."""

        def done(previewed: Previewed, effect: Mapping[str, Change]) -> None:
            self.query_one(Preview).show(previewed, effect)
            for page in self.query(ReviewPage):
                page.show(previewed)

        self._previews.ask(self.draft, done)

    @property
    def still(self) -> bool:
        """Whether everything that is shown is worked out."""
        return self._previews.still

    def on_review_page_placed(self, message: ReviewPage.Placed) -> None:
        """Another place to write to."""
        self.draft = message.draft
        self._keep(self.draft)
        self._go(None)

    def on_review_page_write(self, message: ReviewPage.Write) -> None:  # noqa: ARG002 - named by its message
        """Write, after a question where a file that was never read would be replaced."""
        if not replaces(self.draft, site_text(self.draft.answers)):
            self._write(None)
            return

        def answered(said: bool | None) -> None:
            if said:
                self._write(None)

        file = short(self.draft.file)
        self.app.push_screen(Confirm(f"Replace {file}?", "It says something else.", "replace it"), answered)

    def on_conflict_page_decided(self, message: ConflictPage.Decided) -> None:
        """Write with a side for each file."""
        self._write(message.accept)

    def on_writing_page_done(self, message: WritingPage.Done) -> None:
        """The end."""
        self.wizard.finished(message.lines)

    def _write(self, accept: Accept | None) -> None:
        if self.view is None:
            return
        draft, today, page = self.draft, self._today, WritingPage(self.view, self.draft)

        def work() -> Generated:
            from openinfra_tui.flow.preview import write
            from openinfra_tui.flow.update import Accept

            return write(
                draft, today, accept or Accept(), lambda line: self.app.call_from_thread(page.progress, line)
            )

        async def failed(error: UserError) -> None:
            from openinfra_tui.flow.update import Conflicts

            if isinstance(error, Conflicts) and self.view is not None:
                await self._put(ConflictPage(self.view, error.conflicts))
            else:
                page.failed(error)

        held = self.wizard.hold()

        async def begin() -> None:
            await self._put(page)
            beside(
                self,
                work,
                page.done,
                group="write",
                failed=failed,
                ended=lambda: self.wizard.ready(held),
            )

        self.run_worker(begin(), exit_on_error=False)

    def on_page_view_explain(self, message: PageView.Explain) -> None:
        """Show what the thing under the cursor means."""
        self.query_one(Explanation).show(message.parts)

    def on_page_view_jump(self, message: PageView.Jump) -> None:
        """Go to another question, and keep what stands here."""
        self._leave()
        self._returning = self._page is None
        self._go(page_of(self.draft.answers, message.path, everything=self.draft.everything), message.path)

    def on_step_list_chosen(self, message: StepList.Chosen) -> None:
        """Go to a step, and keep what stands here."""
        if message.step == "Review":
            self.action_review()
            return
        page = first_of(self.draft.answers, message.step, everything=self.draft.everything)
        if page is None:
            self.app.notify(f"{message.step}: nothing is asked with these answers", markup=False)
            return
        self._leave()
        self._returning = False
        self._go(page)

    def action_back(self) -> None:
        """One page back; out of the list of steps first."""
        if self.focused is self.query_one(StepList):
            self._go(self._page)
            return
        self._leave()
        page = previous_page(self.draft.answers, self._page, everything=self.draft.everything)
        if page is not None:
            self._go(page)

    def action_steps(self) -> None:
        """The list of steps, or back from it."""
        self.query_one(StepList).focus()

    def action_review(self) -> None:
        """Everything at once."""
        self._leave()
        self._returning = False
        self._go(None)

    def action_help(self) -> None:
        """What is explained, in full, and the keys."""
        title = self.view.step if self.view else "Help"
        lines = [*self.query_one(Explanation).parts, ("", ""), (_HELP, "$text-muted")]
        if title == "Placement":
            lines = [(picture(site_draft(self.draft.answers), load_catalog()), ""), ("", ""), *lines]
        self.app.push_screen(Help(title, lines))

    def keep_standing(self) -> None:
        """Keep what stands on the page, also what cannot be an answer yet."""
        self._leave()

    def _leave(self) -> None:
        self._take(self._standing(), seen=False)

    def _take(self, values: Mapping[str, Any], *, seen: bool) -> None:
        """Take answers; what the schema refuses stays as it was typed, on its page."""
        answers = self.draft.answers
        for question in self._page.questions if self._page else ():
            self._typed.pop(question.path, None)
            value = values.get(question.path)
            if value is not None and fault(question, value):
                self._typed[question.path] = str(value)
            elif question.path in values:
                answers = set_answer(answers, question.path, value)
            elif seen:
                answers = mark_seen(answers, question.path)
        self.draft = replace(self.draft, answers=answers)
        self._keep(self.draft)
