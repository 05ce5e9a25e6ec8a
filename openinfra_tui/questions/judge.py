"""What the schema and the rules say to one answer beside the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from openinfra_tui.catalog.built import not_built
from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.catalog.rules import RULES
from openinfra_tui.catalog.rules.registry import Facts, Finding
from openinfra_tui.questions.answers import Answers, draft, set_answer
from openinfra_tui.questions.listing import asked_by_name
from openinfra_tui.questions.model import NAME, related, schema_path
from openinfra_tui.questions.walk import rank
from openinfra_tui.site import validate as schema
from openinfra_tui.site.read import dotted

if TYPE_CHECKING:
    from datetime import date

    from openinfra_tui.questions.model import Question
    from openinfra_tui.site.model import Site


@dataclass(frozen=True)
class Objection:
    """Why an answer cannot be given: reason, source, the path of the earlier answer in the way if one is."""

    message: str
    because: str = ""
    source: str = ""
    in_the_way: str = ""


def objections(site: Site, path: str, today: date) -> dict[tuple[str, str], Finding]:
    """The errors of all rules that read a path, by rule and message."""
    facts = Facts(site, load_catalog(), today)
    return {
        (found.rule, found.message): found
        for rule in RULES.values()
        if any(related(one, path) for one in rule.paths)
        for found in rule.findings(facts)
        if found.severity == "error"
    }


def unbuilt(site: Site, path: str) -> dict[str, Objection]:
    """What this version cannot write of the answer at a path, by message."""
    found = (line.partition(": ") for line in not_built(site))
    return {message: Objection(message) for where, _, message in found if where == path}


def in_the_way(finding: Finding, path: str, answers: Answers) -> str:
    """The earlier answer that a finding about the answer at a path turns on; empty if there is none.

    A later answer is never in the way: it is kept, and shown as one that no longer holds.
    """
    place, parent = rank(answers, path), path.rpartition(".")[0]
    earlier = [one for one in (*answers.values, *sorted(answers.seen)) if rank(answers, one) < place]
    for named in (*finding.paths, *RULES[finding.rule].paths):
        for one in earlier:
            # A rule that names a mapping around the answer means what stands in it, not its neighbours.
            if related(named, one) and (not related(named, path) or one.rpartition(".")[0] == parent):
                return one
    return ""


def with_value(site: Site, path: str, value: Any) -> Site | None:
    """A draft with another answer; None where what the answer is a part of is not in the draft."""
    if path == NAME:
        return replace(site, name=value)
    spec = _placed(site.spec, path.split("."), value)
    return None if spec is None else replace(site, spec=spec)


def _placed(here: Any, steps: list[str], value: Any) -> Any:
    if not isinstance(here, dict):
        return None
    if len(steps) == 1:
        return {**here, steps[0]: value}
    inner = _placed(here.get(steps[0]), steps[1:], value)
    return None if inner is None else {**here, steps[0]: inner}


def fault(question: Question, value: Any) -> str:
    """What the schema has against an answer, or an empty text."""
    path = schema_path(question.path)
    if question.kind != "keys":
        found = schema.value_faults(path, value)
    elif not isinstance(value, list) or any(not isinstance(key, str) for key in value):
        return "allowed: a list of names"
    elif len(set(value)) < len(value) or any(asked_by_name(f"{question.path}.{key}") for key in value):
        return "each name once, and none that is asked for anyway"
    else:
        found = schema.value_faults(path, {key: {} for key in value}, unfinished=True)
    return "; ".join(f"{dotted(where)}: {message}" if where else message for where, message in found[:3])


def validate(question: Question, value: Any, answers: Answers, today: date) -> str | None:
    """What is wrong with an answer, or None: by the schema, or by a rule that an earlier answer makes strict.

    Args:
        question: what is answered.
        value: the answer; None stands for the default.
        answers: everything else that was said.
        today: the day for which the rules judge.
    """
    if value is not None and (message := fault(question, value)):
        return message
    path = question.path
    before = objections(draft(set_answer(answers, path, None)), path, today)
    for key, found in objections(draft(set_answer(answers, path, value)), path, today).items():
        read = (*found.paths, *RULES[found.rule].paths)
        if key in before and path not in read:
            continue
        if in_the_way(found, path, answers) or all(related(one, path) for one in read):
            return f"{found.message}. {found.because}"
    return None
