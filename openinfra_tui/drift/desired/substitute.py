"""postBuild substitution of Flux: `${name}` with the functions of envsubst (fluxcd/pkg/envsubst).

Each object is written as YAML, substituted as text and read again, so a quoted `"${n}"` becomes a number when
its value is one: that is what kustomize-controller does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.drift.desired import goyaml

if TYPE_CHECKING:
    from collections.abc import Mapping

_DISABLED = "kustomize.toolkit.fluxcd.io/substitute"
_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")


class SubstitutionError(Exception):
    """A variable is missing or an expression cannot be read; the message holds no value."""


def substitute(manifest: dict[str, Any], variables: Mapping[str, str], *, strict: bool) -> dict[str, Any]:
    """One object with its variables replaced.

    Args:
        manifest: from the build.
        variables: names and values.
        strict: a variable without value and default is an error, not an empty string.

    Raises:
        SubstitutionError: a variable is missing, or the result is no longer one object.
    """
    metadata = manifest.get("metadata") or {}
    switches = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    if str(switches.get(_DISABLED, "")).lower() == "disabled":
        return manifest
    text = goyaml.dump(manifest)
    if "${" not in text:
        return manifest
    try:
        (out,) = goyaml.load_all(expand(text, variables, strict=strict))
    except (yaml.YAMLError, ValueError):
        raise SubstitutionError("what comes out of the substitution is not one YAML object") from None
    if not isinstance(out, dict):
        raise SubstitutionError("what comes out of the substitution is not an object")
    return out


def expand(text: str, variables: Mapping[str, str], *, strict: bool) -> str:
    """A text with every `${...}` replaced; `$${` stands for `${`.

    Raises:
        SubstitutionError: a variable is missing, or an expression is not supported.
    """
    out: list[str] = []
    at = 0
    while (start := text.find("${", at)) >= 0:
        if start > at and text[start - 1] == "$":
            end = _closing(text, start)
            out += [text[at : start - 1], text[start:end]]
            at = end
            continue
        end = _closing(text, start)
        out += [text[at:start], _value(text[start + 2 : end - 1], variables, strict)]
        at = end
    return "".join([*out, text[at:]])


def _closing(text: str, start: int) -> int:
    depth = 0
    at = start
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 2
            continue
        if text[at] == "}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    raise SubstitutionError(f"an expression is not closed: {text[start : start + 40]!r}")


def _value(expression: str, variables: Mapping[str, str], strict: bool) -> str:
    if expression.startswith("#") and _NAME.fullmatch(expression[1:]):
        return str(len(_lookup(expression[1:], variables, strict)))
    match = _NAME.match(expression)
    if match is None:
        raise SubstitutionError(f"not a variable: ${{{expression}}}")
    name, rest = match[0], expression[match.end() :]
    for operator in (":-", ":=", "=", "-"):
        if rest.startswith(operator):
            default = rest.removeprefix(operator)
            unset = not variables.get(name) if operator.startswith(":") else name not in variables
            return expand(default, variables, strict=strict) if unset else variables[name]
    value = _lookup(name, variables, strict)
    return value if not rest else _function(value, rest, variables, strict)


def _lookup(name: str, variables: Mapping[str, str], strict: bool) -> str:
    if name not in variables and strict:
        raise SubstitutionError(f"variable not set (strict mode): {name!r}")
    return variables.get(name, "")


def _function(value: str, rest: str, variables: Mapping[str, str], strict: bool) -> str:
    cases = {"^^": value.upper(), ",,": value.lower()}
    if rest in cases:
        return cases[rest]
    if rest in ("^", ","):
        first = value[:1].upper() if rest == "^" else value[:1].lower()
        return first + value[1:]
    if part := re.fullmatch(r":(\d+)(?::(\d+))?", rest):
        begin = int(part[1])
        return value[begin : begin + int(part[2])] if part[2] else value[begin:]
    if replaced := re.fullmatch(r"(/[/#%]?)([^/]+)(?:/(.*))?", rest, re.DOTALL):
        return _replace(value, replaced[1], replaced[2], expand(replaced[3] or "", variables, strict=strict))
    raise SubstitutionError(f"an expression that is not supported: {rest!r}")


def _replace(value: str, operator: str, old: str, new: str) -> str:
    if re.search(r"[*?\[]", old):
        raise SubstitutionError(f"patterns in a replacement are not supported: {old!r}")
    if operator == "//":
        return value.replace(old, new)
    if operator == "/#":
        return new + value.removeprefix(old) if value.startswith(old) else value
    if operator == "/%":
        return value.removesuffix(old) + new if value.endswith(old) else value
    return value.replace(old, new, 1)
