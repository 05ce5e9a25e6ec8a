"""The interview: every question of the walk to a face, forward and back, until a site can be written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from openinfra_tui.cli.prompts.ask import ask
from openinfra_tui.cli.prompts.face import Face, Move, Option
from openinfra_tui.questions.answers import Answers, mark_seen, set_answer
from openinfra_tui.questions.review import problems
from openinfra_tui.questions.walk import asked, find, next_question, of_step, previous_question, steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from openinfra_tui.questions.model import Question


class Verdict(Enum):
    """How a review ends, beside going to a question or back."""

    WRITE = "write"
    LEAVE = "leave"
    OTHER = "other"


@dataclass(frozen=True)
class Interview:
    """One conversation.

    Attributes:
        face: the terminal.
        today: the day for which the rules judge.
        everything: every question, or only those that the operator alone can answer.
        file: where the site is to be written, as it is shown.
        keep: called with the answers after each one.
    """

    face: Face
    today: date
    everything: bool
    file: str
    keep: Callable[[Answers], None]

    def run(self, answers: Answers) -> Answers:
        """Ask until the answers are a site that can be written.

        Raises:
            KeyboardInterrupt: the operator leaves.
        """
        there = asked(answers, everything=self.everything)
        question = next((one for one in there if one.path not in answers.seen), None)
        while True:
            answers = self._walk(answers, question)
            found: Any = self._review(answers)
            while found not in (Verdict.WRITE, Verdict.LEAVE, Move.BACK):
                said = ask(self.face, found, answers, self.today)
                if said is not Move.BACK:
                    answers = self._heard(answers, found, said)
                found = self._review(answers)
            if found is Verdict.WRITE:
                return answers
            if found is Verdict.LEAVE:
                raise KeyboardInterrupt
            question = asked(answers, everything=self.everything)[-1]

    def _walk(self, answers: Answers, question: Question | None) -> Answers:
        """Ask from a question on until the last."""
        step = ""
        while question is not None:
            if question.step != step:
                step = question.step
                order = steps(answers)
                self.face.say(f"\n== {step} == {order.index(step)} of {len(order) - 2}")
            said = ask(self.face, question, answers, self.today)
            if said is Move.BACK:
                before = previous_question(answers, question.path, everything=self.everything)
                question = before or question
            else:
                answers = self._heard(answers, question, said)
                question = next_question(answers, question.path, everything=self.everything)
        return answers

    def _heard(self, answers: Answers, question: Question, said: Any) -> Answers:
        value = None if said is Move.SKIP else said
        if value is None and question.path not in answers.values:
            answers = mark_seen(answers, question.path)
        else:
            answers = set_answer(answers, question.path, value)
        self.keep(answers)
        return answers

    def _review(self, answers: Answers) -> Any:
        """A question to go to, a Verdict, or the way back."""
        found = problems(answers, self.today)
        errors = [one for one in found if one.severity == "error"]
        self.face.say(f"\n== Review == {len(errors)} problems, {len(found) - len(errors)} warnings")
        for one in found:
            mark = "x" if one.severity == "error" else "!"
            self.face.say(f" {mark} {one.step}: {one.path}: {one.message}")
            if one.because:
                self.face.say(f"     {one.because}")
        paths = dict.fromkeys(one.question for one in errors if one.question)
        to_mend = [question for path in paths if (question := find(answers, path))]
        options = [Option(q, f"go to {q.step}: {q.title} ({q.path})") for q in to_mend]
        if not errors:
            options.append(Option(Verdict.WRITE, f"write {self.file}"))
        options.append(Option(Verdict.OTHER, "change another answer"))
        options.append(Option(Verdict.LEAVE, "leave, and keep the answers"))
        said = self.face.choose("What next?", options, options[0].value)
        if said is Verdict.OTHER:
            return self._other(answers)
        return self._review(answers) if said is Move.SKIP else said

    def _other(self, answers: Answers) -> Any:
        """Any question at all, by its step."""
        named = [Option(step, step) for step in steps(answers) if of_step(step, answers)]
        step = self.face.choose("Which step?", named, named[0].value)
        if isinstance(step, Move):
            return self._review(answers)
        there = of_step(step, answers)
        lines = [Option(q, ": ".join((*q.trail, q.title))) for q in there]
        question = self.face.choose("Which answer?", lines, there[0])
        return self._other(answers) if isinstance(question, Move) else question
