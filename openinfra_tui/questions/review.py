"""The review: everything that is wrong with the answers, each with the question to go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from openinfra_tui.catalog.built import not_built
from openinfra_tui.catalog.rules import check_rules
from openinfra_tui.questions.answers import document, draft
from openinfra_tui.questions.model import NAME
from openinfra_tui.questions.walk import find, rank
from openinfra_tui.site import validate
from openinfra_tui.site.read import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from openinfra_tui.catalog.rules.registry import Severity
    from openinfra_tui.questions.answers import Answers
    from openinfra_tui.site.read import Path


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong.

    Attributes:
        severity: an error stops `generate`; a warning does not.
        path: dotted path below `spec`, or `metadata.name`.
        question: the path of the question where it can be mended; empty if none applies.
        step: the step of that question, or empty.
        message: what is wrong.
        because: the reason, or empty.
        source: where that was read, or empty.
        rule: the id of the rule, or empty.
        missing: whether it is only that an answer is not there yet.
    """

    severity: Severity
    path: str
    question: str
    step: str
    message: str
    because: str = ""
    source: str = ""
    rule: str = ""
    missing: bool = False


def problems(answers: Answers, today: date) -> tuple[Trouble, ...]:
    """Everything that is wrong with the answers: errors first, each kind in the order of the questions.

    Without an error `site_of` gives a site that the rules pass and that this version can write.
    """
    return tuple(
        sorted(_all(answers, today), key=lambda one: (one.severity != "error", rank(answers, one.question)))
    )


def _all(answers: Answers, today: date) -> Iterator[Trouble]:
    data = document(answers)
    for place, why in validate.missing(data):
        yield _trouble(answers, _below(place), "needs an answer", because=why, missing=True)
    for place, message in validate.faults(data, unfinished=True):
        yield _trouble(answers, _below(place), message)
    site = draft(answers)
    for found in check_rules(site, today):
        yield _trouble(
            answers,
            _last(answers, found.paths),
            found.message,
            severity=found.severity,
            because=found.because,
            source=found.source,
            rule=found.rule,
        )
    if site.get("secrets.backend") != "sealed-secrets" and not site.get("secrets.recipients"):
        yield _trouble(
            answers,
            "secrets.recipients",
            "no recipient: nobody could decrypt",
            severity="warning",
            because="`generate` then needs --age-key, which makes the key of the operator.",
        )
    for line in not_built(site):
        path, _, message = line.partition(": ")
        yield _trouble(answers, path, message)


def _last(answers: Answers, paths: tuple[str, ...]) -> str:
    """Which of the answers that a rule names to mend: the one that was asked last, beside the others."""
    asked = [(rank(answers, question.path), path) for path in paths if (question := find(answers, path))]
    return max(asked)[1] if asked else paths[0]


def _below(place: Path) -> str:
    path = dotted(place)
    return path if path == NAME else dotted(place[1:])


def _trouble(
    answers: Answers,
    path: str,
    message: str,
    *,
    severity: Severity = "error",
    because: str = "",
    source: str = "",
    rule: str = "",
    missing: bool = False,
) -> Trouble:
    question = find(answers, path)
    where, step = (question.path, question.step) if question else ("", "")
    return Trouble(severity, path, where, step, message, because, source, rule, missing)
