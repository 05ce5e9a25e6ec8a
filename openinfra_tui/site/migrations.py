"""How a site file of an older format becomes one of the next.

One entry a format that was published and is no longer current. Formats in between are walked one after the
other. The first published format is still the current one, so there is no entry yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from openinfra_tui.errors import UserError
from openinfra_tui.site.problem import Problem, SiteError
from openinfra_tui.site.problem import text as quote
from openinfra_tui.site.read import dotted, read
from openinfra_tui.site.validate import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from openinfra_tui.site.read import Path


def _same(data: Mapping[str, Any]) -> dict[str, Any]:
    return dict(data)


@dataclass(frozen=True)
class Migration:
    """One step, from one `apiVersion` to the next.

    Attributes:
        source: the older format.
        target: the newer one.
        renames: dotted paths in the older format, `*` for any, and the key that each has in the newer. Told
            apart from `change` because a key that is renamed where it stands keeps its comments.
        change: what else changes, from plain data to plain data; leaves its argument alone.
    """

    source: str
    target: str
    renames: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[Mapping[str, Any]], dict[str, Any]] = _same


MIGRATIONS: tuple[Migration, ...] = ()


def current() -> str:
    """The `apiVersion` that this version reads."""
    return str(schema()["properties"]["apiVersion"]["const"])


def moved(text: str, source: str, migrations: Sequence[Migration]) -> tuple[str, dict[str, Any]]:
    """A site file in the current format: its text with the keys renamed, and all of its data.

    Args:
        text: the site file.
        source: what to call it in messages.
        migrations: the steps that are known.

    Raises:
        SiteError: the text is no mapping, or holds what no site file may.
        UserError: its `apiVersion` is not one that leads there.
    """
    steps = {migration.source: migration for migration in migrations}
    data = _data(text, source)
    for _ in range(len(steps) + 1):
        version = data.get("apiVersion")
        if version == current():
            return text, data
        if not isinstance(version, str) or version not in steps:
            break
        step = steps[version]
        text = _renamed_text(text, source, step.renames)
        data = {**step.change(_renamed(data, (), step.renames)), "apiVersion": step.target}
    known = ", ".join([*steps, current()])
    found = quote(version) if isinstance(version, str) else "none that is text"
    raise UserError(f"apiVersion: found {found}; known: {known}", "set the one that the file was written for")


def _data(text: str, source: str) -> dict[str, Any]:
    document = read(text, source)
    if document.problems:
        raise SiteError(document.problems)
    if not isinstance(document.data, dict):
        raise SiteError([Problem(source, 0, "", "not a mapping with apiVersion, kind, metadata, spec")])
    return document.data


def _renamed_text(text: str, source: str, renames: Mapping[str, str]) -> str:
    """The text with keys renamed where they stand."""
    lines = text.split("\n")
    for path, line in read(text, source).lines.items():
        name = _name(path, renames) if path else None
        if name is not None:
            key = rf"(?<![\w.-]){re.escape(str(path[-1]))}(?=[\"']?\s*:)"
            lines[line - 1] = re.sub(key, name, lines[line - 1], count=1)
    return "\n".join(lines)


def _renamed(data: Any, path: Path, renames: Mapping[str, str]) -> Any:
    """The data with the same keys renamed."""
    if isinstance(data, list):
        return [_renamed(item, (*path, number), renames) for number, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    return {
        _name((*path, key), renames) or key: _renamed(item, (*path, key), renames)
        for key, item in data.items()
    }


def _name(path: Path, renames: Mapping[str, str]) -> str | None:
    found = (name for pattern, name in renames.items() if fnmatchcase(dotted(path), pattern))
    return next(found, None)
