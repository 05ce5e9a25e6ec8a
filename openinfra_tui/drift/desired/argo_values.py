"""The values files that a source names: of its folder, of the top, of another source, by a pattern.

Argo CD resolves them in reposerver/repository: getResolvedValueFiles; patterns are those of
github.com/bmatcuk/doublestar, FilepathGlob, and its order is the order in which values win.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.desired import argo_apps, globs
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from openinfra_tui.drift.desired.argo_env import Environment
    from openinfra_tui.drift.desired.argo_source import Tools
    from openinfra_tui.drift.desired.source import Source

_PATTERN = re.compile(r"[*?\[]")


class Elsewhere(Exception):
    """The files of a source are not in this repository."""


def texts(
    files: Source,
    below: str,
    source: Mapping[str, Any],
    application: Mapping[str, Any],
    tools: Tools,
    environment: Environment,
) -> list[bytes]:
    """The contents of all values files, in the order in which Helm reads them.

    A file that a pattern finds and that is also named stands where it is named; each is read once.

    Args:
        files: the repository.
        below: the folder of the source.
        source: whose files they are.
        application: that the source is of.
        tools: tells whose files are here.
        environment: of the source.

    Raises:
        Elsewhere: one is in another repository.
        UserError: one is missing, and may not be.
    """
    spec = source.get("helm") or {}
    names = [
        placed(str(name), below, application, tools, environment) for name in spec.get("valueFiles") or ()
    ]
    named = {name for name in names if not _PATTERN.search(name)}
    found: dict[Path, None] = {}
    for name in names:
        by_pattern = _PATTERN.search(name) is not None
        if by_pattern:
            fresh = _matching(files, name)
            missing = f"the pattern {name!r} of a values file finds nothing in the repository"
        else:
            fresh = [files.path(name)] if (files.root / name).exists() else []
            missing = f"the values file {name} is not in the repository"
        if not fresh and not spec.get("ignoreMissingValueFiles"):
            raise UserError(missing)
        found |= dict.fromkeys(path for path in fresh if not by_pattern or _below(files, path) not in named)
    try:
        return [path.read_bytes() for path in found]
    except OSError as error:
        raise UserError(f"a values file cannot be read: {error.strerror}: {error.filename}") from error


def placed(
    name: str, below: str, application: Mapping[str, Any], tools: Tools, environment: Environment
) -> str:
    """The path of a file below the top: of a referenced source (`$ref/…`), of the top (`/…`), of its folder.

    What looks like a reference and names no source is a variable.

    Raises:
        Elsewhere: it is in another repository.
        UserError: it is behind a URL.
    """
    reference, _, rest = name.partition("/")
    referenced = [item for item in argo_apps.sources(application) if item.get("ref")]
    referenced = [item for item in referenced if f"${item['ref']}" == reference]
    if referenced:
        if not tools.holds(referenced[0]):
            raise Elsewhere(f"the values file {name} is in another repository")
        return posixpath.normpath(environment.put_in(rest).lstrip("/"))
    name = environment.put_in(name)
    if "://" in name:
        raise UserError(f"the values file {name} is behind a URL")
    return posixpath.normpath(name.lstrip("/") if name.startswith("/") else posixpath.join(below, name))


def _below(files: Source, path: Path) -> str:
    return path.relative_to(files.root).as_posix()


def _matching(files: Source, pattern: str) -> list[Path]:
    """The files that a pattern finds.

    Raises:
        UserError: it, or one of them, leads out of the repository.
    """
    parts = pattern.split("/")
    if ".." in parts:
        raise UserError(f"the path {pattern!r} leaves the repository")
    if any(part.count("{") != part.count("}") for part in parts):
        raise UserError(f"the pattern {pattern!r} of a values file is not followed here")
    found = list(_expanded(files.root, parts))
    if not all(path.resolve().is_relative_to(files.root.resolve()) for path in found):
        raise UserError(f"what the pattern {pattern!r} of a values file finds leads out of the repository")
    return found


def _expanded(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """As doublestar goes: a folder before what is in it, each sorted by name, hidden files like others."""
    head, *rest = parts
    if head == "**":
        for one in _within(folder, frozenset()):
            if not rest:
                yield one
            elif one.is_dir():
                yield from _expanded(one, rest)
    elif _PATTERN.search(head) or "{" in head:
        segment = head.replace("[^", "[!")  # here both mean "none of"
        for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
            if globs.matches(segment, entry.name):
                yield from _expanded(entry, rest) if rest else (entry,)
    elif (folder / head).exists():
        yield from _expanded(folder / head, rest) if rest else (folder / head,)


def _within(path: Path, above: frozenset[Path]) -> Iterator[Path]:
    """A folder and all in it, through links too.

    Raises:
        UserError: a link leads back to a folder that it is in.
    """
    yield path
    if not path.is_dir():
        return
    real = path.resolve()
    if real in above:
        raise UserError(f"{path.name}: a link that leads back, below which values files are looked for")
    for entry in sorted(path.iterdir()):
        yield from _within(entry, above | {real})
