"""The choices of a question: each one tried in a draft of the site, and why some cannot be chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.questions.answers import draft, keys_of, value_of
from openinfra_tui.questions.judge import Objection, in_the_way, objections, unbuilt, with_value
from openinfra_tui.questions.model import rules_at

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from openinfra_tui.catalog.rules.registry import Finding
    from openinfra_tui.questions.answers import Answers
    from openinfra_tui.questions.model import Question
    from openinfra_tui.site.model import Site

_NONE = Objection("")


@dataclass(frozen=True)
class Choice:
    """One answer that may be chosen.

    Attributes:
        value: the answer, or one of several.
        label: its name in a text.
        detail: a few words about it, or empty.
        allowed: whether it can be chosen.
        because: if not, why, in a sentence or two.
        source: where that was read, or empty.
        in_the_way: the path of the earlier answer that is in the way; empty if no other answer would help.
        reason: the first sentence of `because`, for a line of a list.
    """

    value: Any
    label: str
    detail: str
    allowed: bool = True
    because: str = ""
    source: str = ""
    in_the_way: str = ""
    reason: str = ""


def choices(question: Question, answers: Answers, today: date) -> tuple[Choice, ...]:
    """What can be chosen; empty where any text of a form will do.

    For a question of kind text the choices are proposals. For one of kind several or keys each is one part
    of the answer.
    """
    candidates = _candidates(question, answers)
    if not candidates:
        return ()
    site = draft(answers)
    tried = (_tried_parts if question.kind == "several" else _tried)(
        question, candidates, answers, site, today
    )
    return tuple(
        Choice(
            value,
            label,
            detail,
            allowed=tried[value] is _NONE,
            because=f"{tried[value].message}. {tried[value].because}".strip(". "),
            source=tried[value].source,
            in_the_way=tried[value].in_the_way,
            reason=tried[value].message,
        )
        for value, label, detail in candidates
    )


def _tried(
    question: Question, candidates: list[tuple[Any, str, str]], answers: Answers, site: Site, today: date
) -> dict[Any, Objection]:
    """The objection to each of the choices, of which one will hold."""
    path = question.path
    drafts = {value: with_value(site, path, value) for value, *_ in candidates if question.kind != "keys"}
    found = {value: objections(one, path, today) if one else {} for value, one in drafts.items()}
    # What every choice meets, and no rule says of this answer alone, is not for this question to mend.
    rules = [{finding.rule for finding in each.values()} for each in found.values()]
    common = set.intersection(*rules) if len(rules) > 1 else set()
    out = {}
    for value, *_ in candidates:
        one = drafts.get(value)
        missing = unbuilt(one, path) if one else {}
        errors = [f for f in found.get(value, {}).values() if f.rule not in common or path in f.paths]
        out[value] = _objection(errors, missing.values(), path, answers)
    return out


def _tried_parts(
    question: Question, candidates: list[tuple[Any, str, str]], answers: Answers, site: Site, today: date
) -> dict[Any, Objection]:
    """The objection to each of the parts of a list: what it brings that is not there without it."""
    path = question.path
    chosen = list(site.get(path) or ())
    out = {}
    for value, *_ in candidates:
        others = [one for one in chosen if one != value]
        without, beside = with_value(site, path, others), with_value(site, path, [*others, value])
        if without is None or beside is None:
            out[value] = _NONE
            continue
        before, after = objections(without, path, today), objections(beside, path, today)
        errors = [found for key, found in after.items() if key not in before]
        unwritten, missing = unbuilt(without, path), unbuilt(beside, path)
        new = [missing[message] for message in missing if message not in unwritten]
        out[value] = _objection(errors, new, path, answers)
    return out


def _objection(
    errors: Iterable[Finding], missing: Iterable[Objection], path: str, answers: Answers
) -> Objection:
    for error in errors:
        if way := in_the_way(error, path, answers):
            return Objection(error.message, error.because, error.source, way)
    return next(iter(missing), _NONE)


def _candidates(question: Question, answers: Answers) -> list[tuple[Any, str, str]]:
    """Value, label and detail of each choice."""
    if question.kind == "yes-no":
        return [(True, "yes", ""), (False, "no", "")]
    last = question.path.rpartition(".")[2]
    if question.kind == "keys":
        return _key_candidates(question, answers)
    if question.path in ("openstack.series", "openstack.upgradeFrom"):
        return _series()
    if last == "release":
        system = str(value_of(answers, question.path.removesuffix("release") + "distribution"))
        known = [d for d in load_catalog().distributions if d.id == system]
        return [(d.release, d.release, _until(d.codename, d.eol)) for d in known]
    if question.path.startswith("clusters.") and last == "version":
        return [(m.id, m.id, _until("", m.eol)) for m in load_catalog().minors]
    return [(word, *_named(last, word, question)) for word in question.words]


def _key_candidates(question: Question, answers: Answers) -> list[tuple[Any, str, str]]:
    if question.path != "clusters":
        parts = rules_at(question.path).get("properties", {})
        return [(key, key, rules["description"]) for key, rules in parts.items() if key != "default"]
    placement = load_catalog().placement(str(value_of(answers, "placement")))
    placed = {c.role: ", ".join(c.carries) for c in placement.clusters} if placement else {}
    roles = [role for role in placed if role != "workload"]
    return [
        (role, role, f"carries {placed[kind]}" if (kind := role.partition("-")[0]) in placed else "")
        for role in dict.fromkeys((*roles, *keys_of(answers, "clusters")))
    ]


def _series() -> list[tuple[Any, str, str]]:
    return [
        (s.id, f"{s.id} {s.name}", _until("SLURP" if s.slurp else "", s.eol or s.unmaintained))
        for s in reversed(load_catalog().series)
    ]


def _until(word: str, end: date | None) -> str:
    return ", ".join(part for part in (word, f"maintained until {end}" if end else "") if part)


def _named(last: str, word: str, question: Question) -> tuple[str, str]:
    """Label and detail of a word: of the catalog, or as the schema explains it."""
    catalog = load_catalog()
    if last == "placement" and (placement := catalog.placement(word)):
        return placement.title, placement.help
    if last == "deployer" and (deployer := catalog.deployer(word)):
        return deployer.title, "run, not reconciled" if deployer.push else "reconciled by the engine"
    if last == "engine" and (engine := catalog.engine(word)):
        return engine.title, engine.version
    explained = re.search(rf"(?:^|[;:.] ){re.escape(word)}: ([^;.]+(?:\.\d[^;.]*)*)", _explanation(question))
    return word, explained[1] if explained else ""


def _explanation(question: Question) -> str:
    items = question.rules.get("items", {})
    return str(items.get("description", "")) if question.kind == "several" else question.help
