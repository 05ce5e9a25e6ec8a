"""Values as the line of text that an operator types for them, and back."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from openinfra_tui.questions.judge import fault
from openinfra_tui.questions.model import Question, fields, rules_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_YES_NO = {"yes": True, "no": False, "true": True, "false": False}


def to_line(value: Any) -> str:
    """A value as a line; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def from_line(question: Question, line: str) -> Any:
    """A line as the value that it stands for, right or wrong; None for an empty one."""
    line = line.strip()
    if not line:
        return None
    if question.kind in ("several", "list"):
        return re.split(r"[\s,]+", line.strip(","))
    if question.kind == "yes-no":
        return _YES_NO.get(line.lower(), line)
    if question.kind == "number" and re.fullmatch(r"-?[0-9]{1,9}", line):
        return int(line)
    return line


def columns(question: Question) -> tuple[Question, ...]:
    """What an entry of a table consists of: its fields; of a text the text alone, of a pair name and text."""
    if question.kind == "items":
        return fields(question)
    value = Question(question.path, question.step, "text")
    return (
        (Question(f"{question.path}.", question.step, "text"), value) if question.kind == "map" else (value,)
    )


def entries_of(question: Question, value: Any) -> list[tuple[Any, ...]]:
    """The entries of a table: of each one the value of every column."""
    if question.kind == "items":
        return [
            tuple(_get(item, _steps(question, column)) for column in columns(question))
            for item in value or ()
        ]
    return list(value.items()) if isinstance(value, dict) else [(one,) for one in value or ()]


def with_entry(question: Question, value: Any, number: int | None, entry: Sequence[Any]) -> Any:
    """The value with one entry replaced, or added where there is no number; what no column shows is kept."""
    if question.kind == "items":
        items = list(value or ())
        item = {} if number is None else deepcopy(items[number])
        for column, part in zip(columns(question), entry, strict=True):
            item = _put(item, _steps(question, column), part)
        return [*items, item] if number is None else [*items[:number], item, *items[number + 1 :]]
    if question.kind == "map":
        pairs = list((value or {}).items())
        pairs = (
            [*pairs, tuple(entry)]
            if number is None
            else [*pairs[:number], tuple(entry), *pairs[number + 1 :]]
        )
        return dict(pairs)
    plain = list(value or ())
    return [*plain, entry[0]] if number is None else [*plain[:number], entry[0], *plain[number + 1 :]]


def without_entry(question: Question, value: Any, number: int) -> Any:
    """The value without one entry."""
    if question.kind == "map":
        return dict(pair for place, pair in enumerate(value.items()) if place != number)
    return [one for place, one in enumerate(value) if place != number]


def entry_faults(question: Question, value: Any, number: int | None, entry: Sequence[Any]) -> dict[int, str]:
    """What is wrong with an entry, by the number of the column."""
    out: dict[int, str] = {}
    if question.kind == "items":
        for place, (column, part) in enumerate(zip(columns(question), entry, strict=True)):
            parent, _, name = column.path.rpartition(".")
            if part is None and name in rules_at(parent).get("required", ()):
                out[place] = "needs an answer"
            elif part is not None and (message := fault(column, part)):
                out[place] = message
        return out
    last = len(entry) - 1
    if any(part is None for part in entry):
        return {place: "needs an answer" for place, part in enumerate(entry) if part is None}
    others = {one[0] for place, one in enumerate(entries_of(question, value)) if place != number}
    if entry[0] in others:
        return {0: "is there already"}
    if question.kind == "map" and not _is_name(question, str(entry[0])):
        return {0: f"allowed: {' or '.join(question.rules.get('patternProperties', {}))}"}
    one = {entry[0]: entry[1]} if question.kind == "map" else [entry[0]]
    return {last: message} if (message := fault(question, one)) else {}


def _is_name(question: Question, name: str) -> bool:
    return any(re.search(pattern, name) for pattern in question.rules.get("patternProperties", {}))


def _steps(question: Question, column: Question) -> list[str]:
    return column.path.removeprefix(f"{question.path}.0.").split(".")


def _get(data: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _put(data: Mapping[str, Any], steps: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy with another value, or without it; a mapping that becomes empty goes too."""
    first, *rest = steps
    inner = _put(data.get(first, {}), rest, value) if rest else value
    gone = inner in (None, {}, [])
    kept = {key: old for key, old in data.items() if key != first or not gone}
    return kept if gone else {**kept, first: inner}
