"""One question to a face: the prompt that its kind wants, and what it may be answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.cli.prompts.entries import edit, parsed
from openinfra_tui.cli.prompts.face import Face, Move, Option
from openinfra_tui.questions.answers import value_of
from openinfra_tui.questions.choices import choices
from openinfra_tui.questions.judge import validate
from openinfra_tui.questions.walk import find

if TYPE_CHECKING:
    from datetime import date

    from openinfra_tui.questions.answers import Answers
    from openinfra_tui.questions.choices import Choice
    from openinfra_tui.questions.model import Question


def ask(face: Face, question: Question, answers: Answers, today: date) -> Any:
    """Ask until the answer is right, or a Move is made."""
    face.say(f"\n{question.help}")
    current = value_of(answers, question.path)
    while True:
        said = _prompt(face, question, current, answers, today)
        if isinstance(said, Move):
            return said
        message = validate(question, said, answers, today)
        if message is None:
            return said
        face.say(f"  ! {message}")
        current = said


def _prompt(face: Face, question: Question, current: Any, answers: Answers, today: date) -> Any:
    title = ": ".join((*question.trail, question.title))
    offered = choices(question, answers, today)
    if question.kind in ("choice", "yes-no"):
        options = [_option(one, answers) for one in offered]
        if question.default is None:
            options.insert(0, Option(Move.SKIP, "leave it out"))
        return face.choose(title, options, current if current is not None else Move.SKIP)
    if question.kind == "several" or (question.kind == "keys" and "properties" in question.rules):
        return face.several(title, [_option(one, answers) for one in offered], current or ())
    if question.kind in ("text", "number"):
        return _text(face, question, title, current, answers, today)
    return edit(face, question, title, current)


def _text(face: Face, question: Question, title: str, current: Any, answers: Answers, today: date) -> Any:
    offered = [str(one.value) for one in choices(question, answers, today) if one.allowed]
    if offered:
        face.say(f"Known and fitting: {', '.join(offered)}")
    elif question.examples and current is None:
        face.say(f"For example {question.examples[0]}")

    def check(line: str) -> str:
        return validate(question, parsed(question, line), answers, today) or ""

    line = face.text(title, "" if current is None else str(current), check)
    return line if isinstance(line, Move) else parsed(question, line)


def _option(choice: Choice, answers: Answers) -> Option:
    text = f"{choice.label} - {choice.detail}" if choice.detail else choice.label
    if choice.allowed:
        return Option(choice.value, text)
    question = find(answers, choice.in_the_way) if choice.in_the_way else None
    if question is None:
        return Option(choice.value, text, choice.reason)
    way = f"in the way: {question.step}, {question.title} = {value_of(answers, question.path)}"
    return Option(choice.value, text, f"{choice.reason}; {way}")
