"""Lists and mappings, item by item: add, change, remove."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from openinfra_tui.cli.prompts.face import Face, Move, Option
from openinfra_tui.questions.judge import fault
from openinfra_tui.questions.model import Question, fields, rules_at

if TYPE_CHECKING:
    from collections.abc import Sequence

_ADD, _DONE, _CHANGE, _REMOVE = "add", "done", "change", "remove"


def edit(face: Face, question: Question, title: str, current: Any) -> Any:
    """A list, a mapping of texts, or a list of mappings, after what was done to it; or a Move."""
    entries = [list(pair) for pair in current.items()] if question.kind == "map" else list(current or ())
    while True:
        options = [Option(number, _shown(entry)) for number, entry in enumerate(entries)]
        options += [Option(_ADD, "add one"), Option(_DONE, "done")]
        said = face.choose(title, options, _DONE if entries else _ADD)
        if isinstance(said, Move):
            return said
        if said == _DONE:
            return dict(entries) if question.kind == "map" else entries
        entries = _add(face, question, entries) if said == _ADD else _change(face, question, entries, said)


def _add(face: Face, question: Question, entries: list[Any]) -> list[Any]:
    said = _entry(face, question, None, entries)
    return entries if isinstance(said, Move) else [*entries, said]


def _change(face: Face, question: Question, entries: list[Any], number: int) -> list[Any]:
    options = [Option(_CHANGE, "change it"), Option(_REMOVE, "remove it")]
    said = face.choose(_shown(entries[number]), options, _CHANGE)
    if isinstance(said, Move):
        return entries
    rest = [*entries[:number], *entries[number + 1 :]]
    if said == _REMOVE:
        return rest
    entry = _entry(face, question, entries[number], rest)
    return entries if isinstance(entry, Move) else [*entries[:number], entry, *entries[number + 1 :]]


def _entry(face: Face, question: Question, current: Any, others: Sequence[Any]) -> Any:
    """One entry, new or changed, or a Move."""
    if question.kind == "items":
        return _item(face, question, current or {})
    if question.kind == "map":
        return _pair(face, question, current or ["", ""], others)

    def check(line: str) -> str:
        return fault(question, [*others, line])

    hint = f" (for example {question.examples[0]})" if question.examples else ""
    return face.text(f"{question.title}{hint}", current or "", check)


def _pair(face: Face, question: Question, current: Sequence[str], others: Sequence[Any]) -> Any:
    taken = {name for name, _ in others}

    def check_name(line: str) -> str:
        if line in taken:
            return "the name is there already"
        patterns = question.rules.get("patternProperties", {})
        fits = any(re.search(pattern, line) for pattern in patterns)
        return "" if fits else f"allowed: a name that matches {' or '.join(patterns)}"

    while True:
        name = face.text("Name", current[0], check_name)
        if isinstance(name, Move):
            return name
        check = partial(_value_fault, question, name)
        value = face.text(f"{question.title}: {name}", current[1], check)
        if not isinstance(value, Move):
            return [name, value]
        current = [name, current[1]]


def _value_fault(question: Question, name: str, line: str) -> str:
    return fault(question, {name: line})


def _item(face: Face, question: Question, current: dict[str, Any]) -> Any:
    """A mapping, field by field; back from the first field leaves it as it was."""
    parts = fields(question)
    item, number = deepcopy(current), 0
    while number < len(parts):
        said = _field(face, parts[number], _get(item, _steps(question, parts[number])))
        if said is Move.BACK:
            if number == 0:
                return said
            number -= 1
            continue
        item = _put(item, _steps(question, parts[number]), None if said is Move.SKIP else said)
        number += 1
    return item


def _field(face: Face, part: Question, current: Any) -> Any:
    """One field; what is required is asked until it is there."""
    parent, _, name = part.path.rpartition(".")
    required = name in rules_at(parent).get("required", ())
    title = part.title if required else f"{part.title} (may be left out)"
    while True:
        if part.kind == "several":
            said = face.several(title, [Option(word, word) for word in part.words], current or ())
        elif part.kind == "list":
            said = edit(face, part, title, current or [])
        elif part.kind in ("choice", "yes-no"):
            words = part.words or (True, False)
            said = face.choose(title, [Option(word, str(word)) for word in words], current)
        else:
            line = face.text(title, str(current or ""), lambda line: fault(part, parsed(part, line)))
            said = line if isinstance(line, Move) else parsed(part, line)
        if said is Move.BACK or (not required and said in (Move.SKIP, [])):
            return Move.SKIP if said == [] else said
        message = "needs an answer" if said is Move.SKIP else fault(part, said)
        if not message:
            return said
        face.say(f"  ! {message}")


def parsed(question: Question, line: str) -> Any:
    """A line as the value that it stands for."""
    whole = line.removeprefix("-").isdigit() and line.isascii()
    return int(line) if question.kind == "number" and whole and len(line) < 10 else line


def _steps(question: Question, part: Question) -> list[str]:
    return part.path.removeprefix(f"{question.path}.0.").split(".")


def _get(data: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _put(data: dict[str, Any], steps: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy with another value, or without it; a mapping that becomes empty goes too."""
    first, *rest = steps
    inner = _put(data.get(first, {}), rest, value) if rest else value
    kept = {key: old for key, old in data.items() if key != first or inner}
    return {**kept, first: inner} if inner else kept


def _shown(entry: Any) -> str:
    """An entry on one line."""
    if isinstance(entry, dict):
        return "  ".join(_flat(value) for value in entry.values())
    return ": ".join(entry) if isinstance(entry, list) else str(entry)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {inner}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
