"""The walk over the questions: what applies, what is next and before, and how far each step is. Pure."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Literal

from openinfra_tui.questions.answers import instances, keys_of
from openinfra_tui.questions.listing import questions
from openinfra_tui.questions.model import STEPS, fits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.questions.answers import Answers
    from openinfra_tui.questions.model import Question
    from openinfra_tui.questions.review import Trouble

Status = Literal["done", "current", "attention", "not-applicable", "to come"]
# Steps that are no questions of a site: what to begin from, and what all the answers come to.
_ALWAYS = ("Start", "Review")


def steps(answers: Answers) -> tuple[str, ...]:
    """The steps that apply, in order."""
    there = {question.step for question in instances(answers)}
    return tuple(step for step in STEPS if step in there or step in _ALWAYS)


def of_step(step: str, answers: Answers) -> tuple[Question, ...]:
    """The questions of one step that apply."""
    return tuple(question for question in instances(answers) if question.step == step)


def applicable(question: Question, answers: Answers) -> bool:
    """Whether a question applies now; one with a `*`, whether it does for any key."""
    return any(fits(question.path, one.path) for one in instances(answers))


def asked(answers: Answers, *, everything: bool = True) -> tuple[Question, ...]:
    """The questions of a walk, in order.

    Args:
        answers: decide which apply.
        everything: all of them; else only those that no default and no preset can answer, and those that
            were shown before, so that the way back is the way that was taken.
    """
    there = instances(answers)
    return there if everything else tuple(q for q in there if q.own or q.path in answers.seen)


def next_question(answers: Answers, here: str, *, everything: bool = True) -> Question | None:
    """The question after a path, or None after the last; the empty path is before the first.

    What was asked at the path may not apply any more.
    """
    place = rank(answers, here)
    after = (q for q in asked(answers, everything=everything) if rank(answers, q.path) > place)
    return next(after, None)


def previous_question(answers: Answers, here: str, *, everything: bool = True) -> Question | None:
    """The question before a path, or None before the first. Skips what `next_question` skips."""
    place = rank(answers, here)
    before = [q for q in asked(answers, everything=everything) if rank(answers, q.path) < place]
    return before[-1] if before else None


def find(answers: Answers, path: str) -> Question | None:
    """The question that asks for a path, for what it is a part of, or for the first of its parts."""
    there = instances(answers)
    exact = (q for q in there if q.path == path)
    above = (q for q in there if q.kind != "keys" and path.startswith(f"{q.path}."))
    below = (q for q in there if q.path.startswith(f"{path}."))
    around = (q for q in there if path.startswith(f"{q.path}."))
    return next(chain(exact, above, below, around), None)


def status(step: str, answers: Answers, findings: Iterable[Trouble], here: str = "") -> Status:
    """How far a step is.

    Args:
        step: one of STEPS.
        answers: what was said.
        findings: all troubles of these answers, as `review.problems` gives them.
        here: the step where the operator is.
    """
    if step == here:
        return "current"
    there = of_step(step, answers)
    if not there:
        return "to come" if step in _ALWAYS else "not-applicable"
    if not any(q.path in answers.seen or q.path in answers.values for q in there):
        return "to come"
    paths = {q.path for q in there}
    bad = any(one.severity == "error" and one.question in paths for one in findings)
    return "attention" if bad else "done"


def rank(answers: Answers, path: str) -> tuple[int, int, int]:
    """Where a path stands in the order of the walk, whether it applies or not; the empty path is first.

    Raises:
        KeyError: nothing is asked at the path.
    """
    if not path:
        return -1, 0, 0
    patterns = [question.path for question in questions()]
    pattern = next((one for one in patterns if one == path), None) or next(
        (one for one in patterns if fits(one, path)), None
    )
    if pattern is None:
        raise KeyError(path)
    parent, star, _ = pattern.partition(".*")
    if not star:
        return patterns.index(path), 0, 0
    first = next(number for number, one in enumerate(patterns) if one.startswith(f"{parent}.*"))
    keys, key = keys_of(answers, parent), path.removeprefix(f"{parent}.").split(".")[0]
    return first, keys.index(key) if key in keys else len(keys), patterns.index(pattern)
