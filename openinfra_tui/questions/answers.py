"""The answers: what was said, by path. From them a site file, a site, or a draft of one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from openinfra_tui import yamlio
from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.errors import UserError
from openinfra_tui.questions.listing import listed, questions
from openinfra_tui.questions.model import Condition, Question, rules_at, schema_path
from openinfra_tui.site import read, validate
from openinfra_tui.site.load import parse_site
from openinfra_tui.site.model import Site

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEADER = """\
# yaml-language-server: $schema=../../.openinfra/schemas/site-v1alpha1.schema.json
# What is left out takes the default that `openinfra-tui schema` shows.
"""


@dataclass(frozen=True)
class Answers:
    """Everything that was said so far.

    Attributes:
        values: the answer of each question that has one, by path. Those that do not apply any more stay, and
            are left out of the site until they apply again. Plain data; never change it.
        seen: paths of the questions that were shown and left, with or without an answer.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()


def set_answer(answers: Answers, path: str, value: Any) -> Answers:
    """The answers with one more; None takes it back, so that the default holds.

    Raises:
        UserError: nothing is asked at that path.
    """
    if listed(path) is None or "*" in path:
        raise UserError(f"no question has the path {path}", "`openinfra-tui schema` shows every key")
    values = {key: old for key, old in answers.values.items() if key != path}
    if value is not None:
        values[path] = value
    return Answers(values, answers.seen | {path})


def mark_seen(answers: Answers, path: str) -> Answers:
    """The same answers, and that a question was shown and left as it is."""
    return replace(answers, seen=answers.seen | {path})


def value_of(answers: Answers, path: str) -> Any:
    """The answer at a path, or else what holds without one; None where nothing does."""
    if path in answers.values:
        return answers.values[path]
    question = listed(path)
    if question is not None and question.kind == "keys":
        return list(keys_of(answers, path))
    return rules_at(path).get("default")


def instances(answers: Answers) -> tuple[Question, ...]:
    """Every question that applies, each `*` replaced by the keys that are there, in order."""
    return tuple(
        replace(question, path=path)
        for question, path in _expanded(answers)
        if all(_holds(condition, path, answers) for condition in question.when)
    )


def _expanded(answers: Answers) -> Iterator[tuple[Question, str]]:
    """All parts of one key come before those of the next."""
    groups: dict[str, list[Question]] = {}
    for question in questions():
        parent, star, _ = question.path.partition(".*")
        if star:
            groups.setdefault(parent, []).append(question)
    for question in questions():
        parent, star, _ = question.path.partition(".*")
        if not star:
            yield question, question.path
        elif question is groups[parent][0]:
            for key in keys_of(answers, parent):
                for part in groups[parent]:
                    yield part, part.path.replace("*", key, 1)


def keys_of(answers: Answers, path: str) -> tuple[str, ...]:
    """The keys of a mapping: those that were answered, else the clusters that the placement always has."""
    if path in answers.values:
        return tuple(answers.values[path])
    if path != "clusters":
        return ()
    placement = load_catalog().placement(str(value_of(answers, "placement")))
    roles = [cluster.role for cluster in placement.clusters if not cluster.optional] if placement else []
    return tuple(role for role in roles if role in ("management", "undercloud"))


def _holds(condition: Condition, path: str, answers: Answers) -> bool:
    parent, star, _ = condition.path.partition(".*")
    key = path.removeprefix(f"{parent}.").split(".")[0] if star else ""
    value = value_of(answers, condition.path.replace("*", key))
    if not condition.words:
        return value is not None
    return bool(set(value if isinstance(value, list) else [value]) & set(condition.words))


def document(answers: Answers) -> dict[str, Any]:
    """The content of the site file: what was answered and applies, in the order of the schema."""
    data: dict[str, Any] = {"apiVersion": None, "kind": None, "metadata": {}, "spec": {}}
    data |= {key: validate.schema()["properties"][key]["const"] for key in ("apiVersion", "kind")}
    for key in rules_at("").get("required", ()):
        if rules_at(key).get("type") == "object":
            put(data, key, {})
    for question in instances(answers):
        if question.kind == "keys":
            for key in keys_of(answers, question.path):
                put(data, f"{question.path}.{key}", {})
            if question.path in answers.values and not answers.values[question.path]:
                put(data, question.path, {})
        elif question.path in answers.values:
            put(data, question.path, answers.values[question.path])
    ordered: dict[str, Any] = _ordered(data, validate.schema())
    return ordered


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Put a value into the content of a site file; an empty mapping takes nothing away."""
    *parents, last = schema_path(path)
    here: Any = data
    for step in parents:
        here = here.setdefault(step, {})
    if value != {}:
        here[last] = value
    else:
        here.setdefault(last, {})


def _ordered(data: Any, rules: dict[str, Any]) -> Any:
    if isinstance(data, list):
        return [_ordered(item, rules.get("items", {})) for item in data]
    if not isinstance(data, dict):
        return data
    known = rules.get("properties", {})
    keys = [key for key in known if key in data] + [key for key in data if key not in known]
    return {key: _ordered(data[key], validate.part(rules, key)) for key in keys}


def site_text(answers: Answers) -> str:
    """A site file with what was answered and applies; it may still lack something."""
    data = document(answers)
    spec = data.pop("spec")
    parts = [_HEADER, yamlio.dump(data), "spec:" if spec else "spec: {}", "\n"]
    for key, value in spec.items():
        parts += [f"  # {rules_at(key)['description']}\n", yamlio.dump({key: value}, indent=2)]
    return "".join(parts)


def site_of(answers: Answers, source: str = "site.yaml") -> Site:
    """The site of the answers, as the loader reads it from their site file.

    Raises:
        SiteError: something is missing, or an answer is not as the schema demands.
    """
    return parse_site(site_text(answers), source)


def draft(answers: Answers) -> Site:
    """The site as far as it stands, for the rules: what is not as the schema demands is left out."""
    data = document(answers)
    if validate.faults(data):
        for path, _ in sorted(validate.faults(data, unfinished=True), reverse=True):
            _drop(data, path)
        for path, _ in sorted(validate.missing(data), reverse=True):
            if _is_optional(path[:-1]):
                _drop(data, path[:-1])
    filled = validate.filled(data, validate.schema())
    return Site(data["metadata"].get("name", ""), filled["spec"], "answers", "", {})


def _is_optional(path: read.Path) -> bool:
    """Whether a site can do without the mapping at a path, such as a node that lacks its name."""
    needed = validate.at(path[:-1]).get("required", ())
    return bool(path) and "default" not in validate.at(path) and path[-1] not in needed


def _drop(data: Any, path: read.Path) -> None:
    """Take away what is at a path, unless it went already with what it was a part of."""
    here: Any = data
    for step in path[:-1]:
        if not (
            step in here if isinstance(here, dict) else isinstance(here, list) and step in range(len(here))
        ):
            return
        here = here[step]
    if isinstance(here, dict):
        here.pop(path[-1], None)
    elif isinstance(here, list) and path[-1] in range(len(here)):
        del here[int(path[-1])]
