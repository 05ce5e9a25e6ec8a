"""From a site file to a `Site`: read, override, validate, fill in defaults. Every fault is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.site import read, validate
from openinfra_tui.site.model import Site
from openinfra_tui.site.problem import Problem, SiteError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def load_site(path: Path, overrides: Sequence[str] = ()) -> Site:
    """Read one site file.

    Args:
        path: the file, UTF-8.
        overrides: `PATH=VALUE` below `spec`; the value is YAML, `null` takes the default.

    Raises:
        SiteError: the file cannot be read, or it or an override is not as the schema demands.
    """
    return parse_site(read_text(path), str(path), overrides)


def read_text(path: Path) -> str:
    """The text of a site file, never more than one may have.

    Raises:
        SiteError: it cannot be read, or is no text.
    """
    source = str(path)
    try:
        if not path.exists():
            raise SiteError([Problem(source, 0, "", "there is no such file")])
        if not path.is_file():
            raise SiteError([Problem(source, 0, "", "not a file")])
        with path.open("rb") as stream:
            content = stream.read(read.MAX_BYTES + 4)
    except OSError as error:
        raise SiteError([Problem(source, 0, "", f"cannot be read: {error.strerror}")]) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) > read.MAX_BYTES:
            raise SiteError([Problem(source, 0, "", read.TOO_LARGE)]) from error
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte {content[error.start]:#04x} is not UTF-8"
        raise SiteError([Problem(source, line, "", message)]) from error


def parse_site(text: str, source: str, overrides: Sequence[str] = ()) -> Site:
    """A `Site` from the text of a site file.

    Args:
        text: the YAML.
        source: what to call it in messages.
        overrides: as for `load_site`.

    Raises:
        SiteError: the text or an override is not as the schema demands; it carries every fault.
    """
    document = read.read(text, source)
    problems = list(document.problems)
    if document.data is None:
        if not problems:
            what = "empty; a site file is one mapping with apiVersion, kind, metadata, spec"
            problems.append(Problem(source, 0, "", what))
        raise SiteError(problems)
    changed: dict[read.Path, str] = {}
    problems += apply_overrides(document.data, overrides, changed)
    for path, message in validate.faults(document.data):
        if not any(path[: len(broken)] == broken for broken in document.broken):
            problems.append(_located(path, message, source, document, changed))
    if problems:
        order = sorted(dict.fromkeys(problems), key=lambda one: (one.file != source, one.line))
        raise SiteError(order)
    data = validate.filled(document.data, validate.schema())
    lines = {
        read.dotted(path): line
        for path, line in document.lines.items()
        if not any(path[: len(new)] == new for new in changed)
    }
    return Site(data["metadata"]["name"], data["spec"], source, text, lines)


def _located(
    path: read.Path, message: str, source: str, document: read.Document, changed: dict[read.Path, str]
) -> Problem:
    """A fault with the line of its path, or of the nearest one above that has a line."""
    for length in range(len(path), 0, -1):
        if path[:length] in changed:
            return Problem(changed[path[:length]], 0, read.dotted(path), message)
    line = next((document.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in document.lines), 0)
    return Problem(source, line, read.dotted(path), message)


def apply_overrides(
    data: Any, overrides: Sequence[str], changed: dict[read.Path, str] | None = None
) -> list[Problem]:
    """Put overrides into the data of a site file, in their order.

    Args:
        data: is changed in place.
        overrides: as for `load_site`.
        changed: gets the path of each change, and the name of the override.

    Returns:
        What is wrong with the overrides themselves; their values are not judged.
    """
    changes = {} if changed is None else changed
    return [problem for override in overrides for problem in _override(data, override, changes)]


def _override(data: Any, override: str, changed: dict[read.Path, str]) -> list[Problem]:
    """Put one override into the data."""
    name, equals, value = override.partition("=")
    name = name.strip()
    label = f"--set {name}"
    steps = name.split(".")
    if not equals or not all(steps):
        return [Problem("--set", 0, "", "wants PATH=VALUE with a path below spec, e.g. gitops.engine=argocd")]
    if len(steps) > read.MAX_DEPTH:
        return [Problem("--set", 0, "", f"a path of more than {read.MAX_DEPTH} steps")]
    if not isinstance(data, dict) or not isinstance(data.setdefault("spec", {}), dict):
        return []  # the schema says what is wrong with the file
    here: Any = data["spec"]
    path: read.Path = ("spec",)
    for step in steps[:-1]:
        key = _step(here, step)
        if key is None:
            return [_no_place(label, path, step)]
        path = (*path, key)
        if isinstance(here, list):
            here = _item(here, int(key))
        elif key in here:
            here = here[key]
        else:
            changed[path] = label
            fresh = validate.empty(path)
            here[key] = fresh
            here = fresh
    last = _step(here, steps[-1])
    if last is None:
        return [_no_place(label, path, steps[-1])]
    path = (*path, last)
    parsed, problems = _parsed(value, label, path)
    if problems:
        return problems
    changed[path] = label
    if isinstance(here, list):
        _item(here, int(last))
        here[int(last)] = parsed
    elif parsed is None:
        here.pop(last, None)
    else:
        here[last] = parsed
    return []


def _parsed(value: str, label: str, path: read.Path) -> tuple[Any, list[Problem]]:
    """The value of an override; where the schema wants text, `2026.1` is text without quotes too."""
    document = read.read(value, label)
    problems = [Problem(label, 0, read.dotted(path), problem.message) for problem in document.problems]
    parsed = document.data
    if validate.at(path).get("type") == "string" and isinstance(parsed, int | float):
        return value.strip(), problems
    return parsed, problems


def _step(here: Any, step: str) -> str | int | None:
    """The step as a key or number of what is here; None where it leads nowhere."""
    if isinstance(here, dict):
        return step
    fits = isinstance(here, list) and step.isascii() and step.isdigit() and len(step) < 6
    return int(step) if fits and int(step) <= len(here) else None


def _item(items: list[Any], number: int) -> Any:
    if number == len(items):
        items.append({})
    return items[number]


def _no_place(label: str, path: read.Path, step: str) -> Problem:
    message = f"there is no {step!r} here; a list takes a number up to its length"
    return Problem(label, 0, read.dotted(path), message)
