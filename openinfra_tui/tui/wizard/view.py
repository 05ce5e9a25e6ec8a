"""What a page shows, worked out beside the event loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from openinfra_tui.flow.draft import shown
from openinfra_tui.questions.answers import value_of
from openinfra_tui.questions.choices import choices
from openinfra_tui.questions.model import NAME, STEPS
from openinfra_tui.questions.review import Trouble, problems
from openinfra_tui.questions.walk import find, status, steps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from openinfra_tui.flow.draft import Draft
    from openinfra_tui.questions.answers import Answers
    from openinfra_tui.questions.choices import Choice
    from openinfra_tui.questions.model import Question
    from openinfra_tui.questions.pages import Page
    from openinfra_tui.questions.walk import Status


@dataclass(frozen=True)
class View:
    """One page with all that stands on it.

    Attributes:
        page: the page, or None for the review.
        answers: what was said.
        offered: the choices of each question of the page, by path.
        troubles: everything that is wrong with the answers.
        marks: each step and how far it is.
        place: number of the step among those that apply, and how many of these there are.
        notes: what else there is to say of a question, by its path.
    """

    page: Page | None
    answers: Answers
    offered: Mapping[str, tuple[Choice, ...]]
    troubles: tuple[Trouble, ...]
    marks: tuple[tuple[str, Status], ...]
    place: tuple[int, int]
    notes: Mapping[str, str]

    @property
    def step(self) -> str:
        """The step of the page."""
        return self.page.step if self.page else "Review"

    @property
    def name(self) -> str:
        """The name of the site, if it has one by now."""
        return str(value_of(self.answers, NAME) or "")

    def of(self, question: Question) -> tuple[Trouble, ...]:
        """What is wrong with one answer."""
        return tuple(one for one in self.troubles if one.question == question.path)


def look(draft: Draft, page: Page | None, today: date, typed: Mapping[str, str]) -> View:
    """Work out a page; `typed` are lines that could not be taken as answers, by path."""
    answers = draft.answers
    found = (*_not_taken(answers, typed), *problems(answers, today, key_at_hand=True))
    here = page.step if page else "Review"
    order = [step for step in steps(answers) if step != "Start"]
    return View(
        page,
        answers,
        {one.path: choices(one, answers, today) for one in (page.questions if page else ())},
        found,
        tuple((step, status(step, answers, found, here)) for step in STEPS if step != "Start"),
        (order.index(here) + 1 if here in order else 0, len(order)),
        _notes(draft),
    )


def _not_taken(answers: Answers, typed: Mapping[str, str]) -> list[Trouble]:
    """What was typed and is not as it must be: it is told, so that nobody takes it for an answer."""
    return [
        Trouble("error", path, path, question.step, f"{question.title}: what was typed cannot be taken", line)
        for path, line in typed.items()
        if (question := find(answers, path)) is not None
    ]


def _notes(draft: Draft) -> dict[str, str]:
    """What the places that are written to add to an answer."""
    word = "is read" if draft.age_key.exists() else "is made when all is written, mode 0600,"
    return {
        "secrets.recipients": f"Beside these, operator: the age key {shown(draft.age_key)} {word} and its "
        "public half can decrypt. Add a key that is kept offline: with the only one lost, all secrets are."
    }


def why_not(choice: Choice, answers: Answers) -> tuple[str, Question | None]:
    """Why something cannot be chosen, and the question that would have to be answered otherwise."""
    way = find(answers, choice.in_the_way) if choice.in_the_way else None
    if way is None:
        return choice.because, None
    value = value_of(answers, way.path)
    title = ": ".join((*way.trail, way.title))
    return f"{choice.because}.\nIn the way: {way.step} → {title} = {value}", way
