"""Questions that are answered together: one page of a screen. Pure, as the walk is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from openinfra_tui.questions.walk import asked, find, of_step, rank

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.questions.answers import Answers
    from openinfra_tui.questions.model import Question

Shape = Literal["form", "choice", "several", "table"]


@dataclass(frozen=True)
class Page:
    """Some questions of one step.

    Attributes:
        step: the step.
        shape: a form has lines to fill in, of one question or more; each other page has one question: choice
            has one of several words, several has some of them, table has entries.
        questions: in order; never empty.
    """

    step: str
    shape: Shape
    questions: tuple[Question, ...]

    @property
    def path(self) -> str:
        """The path of its first question, which names the page."""
        return self.questions[0].path


def shape_of(question: Question) -> Shape:
    """How a question is answered on a screen."""
    if question.kind in ("text", "number"):
        return "form"
    if question.kind in ("choice", "yes-no"):
        return "choice"
    if question.kind == "several" or (question.kind == "keys" and "properties" in question.rules):
        return "several"
    return "table"


def pages(answers: Answers, *, everything: bool) -> tuple[Page, ...]:
    """The pages of a walk, in order; lines to fill in that follow each other share a form."""
    return tuple(_grouped(asked(answers, everything=everything)))


def page_of(answers: Answers, path: str, *, everything: bool) -> Page | None:
    """The page that asks for a path or for what it is a part of, also where the walk would pass it by."""
    question = find(answers, path)
    if question is None:
        return None
    there = [*pages(answers, everything=everything), *_grouped(of_step(question.step, answers))]
    return next(page for page in there if question in page.questions)


def first_of(answers: Answers, step: str, *, everything: bool) -> Page | None:
    """The first page of a step: of the walk, or else of all its questions; None where none applies."""
    there = [page for page in pages(answers, everything=everything) if page.step == step]
    return next(iter(there or _grouped(of_step(step, answers))), None)


def next_page(answers: Answers, here: Page | None, *, everything: bool) -> Page | None:
    """The page after one, or None after the last; None is before the first."""
    place = _end(answers, here)
    there = pages(answers, everything=everything)
    return next((page for page in there if rank(answers, page.path) > place), None)


def previous_page(answers: Answers, here: Page | None, *, everything: bool) -> Page | None:
    """The page before one, or None before the first; None is after the last."""
    there = pages(answers, everything=everything)
    if here is None:
        return there[-1] if there else None
    place = rank(answers, here.path)
    before = [page for page in there if _end(answers, page) < place]
    return before[-1] if before else None


def _end(answers: Answers, page: Page | None) -> tuple[int, int, int]:
    return rank(answers, page.questions[-1].path if page else "")


def _grouped(there: Iterable[Question]) -> list[Page]:
    out: list[Page] = []
    for question in there:
        shape, last = shape_of(question), out[-1] if out else None
        together = last is not None and last.shape == shape == "form" and last.step == question.step
        if last is not None and together and _same_key(last.questions[-1], question):
            out[-1] = Page(last.step, shape, (*last.questions, question))
        else:
            out.append(Page(question.step, shape, (question,)))
    return out


def _same_key(one: Question, other: Question) -> bool:
    """Whether two questions are not about two clusters, or two systems."""
    mapping = ("clusters.", "operatingSystem.")
    if not one.path.startswith(mapping) and not other.path.startswith(mapping):
        return True
    return one.path.split(".")[:2] == other.path.split(".")[:2]
