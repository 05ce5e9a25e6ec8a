"""A site against its schema: each fault in words, and the defaults filled in."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, ValidationError, validators

from openinfra_tui.resources import schema_path
from openinfra_tui.site.formats import CHECKER, WORDS
from openinfra_tui.site.problem import show, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openinfra_tui.site.read import Path

LIMIT = 500
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}


@cache
def schema() -> dict[str, Any]:
    """The schema of `site.yaml`, `schemas/site-v1alpha1.schema.json`. Shared: never change it."""
    loaded: dict[str, Any] = json.loads(schema_path("site-v1alpha1").read_text("utf-8"))
    return loaded


@cache
def _validator() -> Any:
    strict = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    extend: Any = validators.extend
    kind = extend(Draft202012Validator, type_checker=strict)
    # The library compares every item with every other when they cannot be sorted: minutes for a hostile list.
    kind = extend(kind, validators={"uniqueItems": _unique})
    return kind(schema(), format_checker=CHECKER)


def _unique(_: Any, wanted: bool, value: Any, __: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(value, list) and _twice(value) is not None:
        yield ValidationError("an item is there twice")


def _twice(items: list[Any]) -> Any:
    """The first item that is there twice, in linear time; None if there is none."""
    seen: set[str] = set()
    for item in items:
        key = json.dumps(item, sort_keys=True)
        if key in seen:
            return item
        seen.add(key)
    return None


def faults(data: Any, *, unfinished: bool = False) -> list[tuple[Path, str]]:
    """Path and message of each fault of the data, at most 500.

    Args:
        data: the content of a site file.
        unfinished: that something is missing is no fault.
    """
    return value_faults((), data, unfinished=unfinished)


def value_faults(path: Path, value: Any, *, unfinished: bool = False) -> list[tuple[Path, str]]:
    """The same for one value at a path; the paths of its faults begin at the value."""
    # The library takes its own class for a schema that names its dialect, as the whole one does.
    whole = _validator()
    errors = (whole.evolve(schema=at(path)) if path else whole).iter_errors(value)
    judged = (error for error in errors if not unfinished or error.validator != "required")
    found = (fault for error in judged for fault in _words(error))
    return list(dict.fromkeys(islice(found, LIMIT)))


def missing(data: Any) -> list[tuple[Path, str]]:
    """The path of each value that must be there and is not, at most 500, and why; empty where always."""
    errors = (error for error in _validator().iter_errors(data) if error.validator == "required")
    found = (
        ((*error.absolute_path, name), _because(error).removeprefix("; "))
        for error in errors
        for name in error.validator_value
        if name not in error.instance
    )
    return list(dict.fromkeys(islice(found, LIMIT)))


def _words(error: Any) -> Iterator[tuple[Path, str]]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        yield from _unknown(path, error)
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield path, f"the key {text(name)} is missing{_because(error)}"
    else:
        yield path, _value(error)


def _unknown(path: Path, error: Any) -> Iterator[tuple[Path, str]]:
    known = list(error.schema.get("properties", {}))
    patterns = list(error.schema.get("patternProperties", {}))
    for key in error.instance:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        allowed = known or ["names that match " + pattern for pattern in patterns]
        candidates = known or _names(patterns)
        yield (
            (*path, key),
            (f"unknown key {text(key)}{_nearest(key, candidates)}; allowed: {', '.join(allowed)}"),
        )


def _names(patterns: list[str]) -> list[str]:
    """The fixed words at the top of a pattern such as `^(management|undercloud|workload-...)$`."""
    return [word for pattern in patterns for word in re.findall(r"[(|]([a-z]{4,})(?=[|)])", pattern)]


def _nearest(word: str, candidates: list[str]) -> str:
    near = get_close_matches(word[:64].lower(), candidates, 1)
    return f"; did you mean {text(near[0])}?" if near else ""


def _because(error: Any) -> str:
    steps = list(error.absolute_schema_path)
    if "then" not in steps:
        return ""
    node: Any = schema()
    for step in steps[: steps.index("then")]:
        node = node[step]
    causes = [
        f"{key} is {rule['const']}" if "const" in rule else f"{key} has {rule['contains']['const']}"
        for key, rule in node["if"]["properties"].items()
    ]
    return f"; needed because {' and '.join(causes)}"


def _value(error: Any) -> str:
    """What was found and what is allowed, for every keyword that the schema uses."""
    value, limit, rules = error.instance, error.validator_value, error.schema
    match error.validator:
        case "type":
            return f"found {show(value)}; allowed: {_TYPES[limit]}{_quotes(value, limit)}"
        case "enum":
            near = _nearest(value, limit) if isinstance(value, str) else ""
            return f"found {show(value)}{near}; allowed: {', '.join(limit)}"
        case "const":
            return f"found {show(value)}; allowed: only {text(limit)}"
        case "pattern" | "format":
            return f"found {show(value)}; allowed: {_shape(rules)}"
        case "minimum" | "maximum":
            return f"found {show(value)}; allowed: {rules['minimum']} to {rules['maximum']}"
        case "maxLength":
            return f"found {len(value)} characters; allowed: at most {limit}"
        case "minItems":
            return f"found {len(value)} items; allowed: at least {limit}"
        case "uniqueItems":
            return f"{show(_twice(value))} is there twice; allowed: once"
    return f"found {show(value)}; {error.validator} is {limit}"


def _quotes(value: Any, kind: str) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return "; put it in quotes" if number and kind == "string" else ""


def _shape(rules: dict[str, Any]) -> str:
    words = WORDS.get(rules.get("format", ""))
    if words is None:
        words = f"{rules['description'].rstrip('.')}, matching {rules['pattern']}"
    examples = rules.get("examples", [])
    return f"{words} (for example {examples[0]})" if examples and "such as" not in words else words


def at(path: Path) -> dict[str, Any]:
    """The part of the schema that rules a path; empty where the schema knows none."""
    rules = schema()
    for step in path:
        rules = rules.get("items", {}) if isinstance(step, int) else part(rules, step)
    return rules


def empty(path: Path) -> Any:
    """What stands at a path that an override enters before anything is there: the default, or a container."""
    rules = at(path)
    default = rules.get("default")
    if isinstance(default, dict | list):
        return deepcopy(default)
    return [] if rules.get("type") == "array" else {}


def part(rules: dict[str, Any], key: str) -> dict[str, Any]:
    """The part of a schema that rules one key of a mapping; empty where it knows none."""
    known: dict[str, dict[str, Any]] = rules.get("properties", {})
    if key in known:
        return known[key]
    for pattern, child in rules.get("patternProperties", {}).items():
        if re.search(pattern, key):
            found: dict[str, Any] = child
            return found
    return {}


def filled(data: Any, rules: dict[str, Any]) -> Any:
    """A copy of valid data with every default of the schema, in the order of the schema."""
    if isinstance(data, list):
        return [filled(item, rules.get("items", {})) for item in data]
    if not isinstance(data, dict):
        return data
    out: dict[str, Any] = {}
    for key, child in rules.get("properties", {}).items():
        if key in data or "default" in child:
            out[key] = filled(data[key] if key in data else deepcopy(child["default"]), child)
    for key, value in data.items():
        if key not in out:
            out[key] = filled(value, part(rules, key))
    return out
