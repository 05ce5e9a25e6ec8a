"""Update: a new render meets a repository that its user edited.

For each file that we write: what the last render wrote (the base), what is there now (ours, the user's), and
the new render (theirs) become one. All or nothing: one conflict anywhere, and nothing is written.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from openinfra_tui.errors import Conflicted, UserError, printable
from openinfra_tui.secret.vault import HEADER
from openinfra_tui.tree.merge import Conflict, Merged, merge_file
from openinfra_tui.tree.model import Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from openinfra_tui.repo.render import History
    from openinfra_tui.tree.model import File

SEALED = ".sops.yaml"
_VAULT = HEADER.encode()
_LINES = 12
_CONFLICTS = 20


@dataclass(frozen=True)
class Accept:
    """How conflicts are settled: paths of files, or of folders above them, or `.` for all.

    Attributes:
        ours: there the user's side is kept.
        theirs: there the new render is taken.
    """

    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()

    def side(self, path: str) -> str:
        """`ours`, `theirs` or nothing for a file; the longer path of two that apply decides."""
        best = max(
            [(len(at), "ours") for at in self.ours if _covers(at, path)]
            + [(len(at), "theirs") for at in self.theirs if _covers(at, path)],
            default=(0, ""),
        )
        return best[1]


@dataclass(frozen=True)
class Update:
    """The tree to be committed, and the paths that the last render had and it has no longer."""

    tree: Tree
    gone: frozenset[str]


class Conflicts(Conflicted):
    """Everything that the user and the new render changed differently, one by one.

    Args:
        message: all of them, in words.
        hint: how they are settled.
        conflicts: each of them.
    """

    def __init__(self, message: str, hint: str, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(message, hint)
        self.conflicts = conflicts


def merge_tree(render: Tree, history: History, answers: str, accept: Accept) -> Update:
    """Merge a render with what the user changed since the last one.

    Encrypted files are taken as rendered: the secret store has read them from the repository and kept what
    they hold. Files that are written once are left alone.

    Args:
        render: the new render.
        history: the repository.
        answers: the path of the site file, whose answers are taken or refused whole: half of each side
            would be answers that nobody gave.
        accept: how conflicts are settled.

    Raises:
        Conflicts: the user and the render changed the same.
        UserError: a path of `accept` is that of no file with a conflict.
    """
    files: dict[str, File] = {}
    conflicts: list[Conflict] = []
    known = {*(history.base or {}), *history.listed}
    for path in sorted({*render.files, *known}):
        new = render.files.get(path)
        if new is not None and (new.once or _is_sealed(path, new)):
            files[path] = new
            continue
        done = _merge(path, new, history, answers, accept)
        conflicts += done.conflicts
        if done.content is not None:
            source = new or history.files[path]
            files[path] = replace(source, content=done.content, executable=_mode(path, source, history))
    _require_used(accept, {*render.files, *known})
    if conflicts:
        raise _conflicted(conflicts, missing=history.base is None)
    return Update(Tree(files), frozenset(known) - frozenset(files))


def difference(before: Mapping[str, File], after: Mapping[str, File]) -> str:
    """The unified diff between two sets of files; of encrypted ones only that they change."""
    out: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old is not None and new is not None and old.content == new.content:
            if old.executable != new.executable:
                out.append(f"{path}: {'executable' if new.executable else 'not executable'}\n")
        elif _is_sealed(path, new or old):
            out.append(f"{path}: {'removed' if new is None else 'encrypted values change'}\n")
        else:
            out += _unified(path, old, new)
    return "".join(out)


def _is_sealed(path: str, file: File | None) -> bool:
    return path.endswith(SEALED) or (file is not None and file.content.startswith(_VAULT))


def _merge(path: str, new: File | None, history: History, answers: str, accept: Accept) -> Merged:
    now, last = history.files.get(path), history.last(path)
    base, mine, theirs = (None if file is None else file.content for file in (last, now, new))
    prefer = accept.side(path)
    if path in history.irregular:
        if prefer == "ours":
            return Merged(None)
        text = None if theirs is None else theirs.decode("utf-8", "replace")
        return Merged(None, (Conflict(path, "", 0, None, "a link or a submodule", text),))
    if path in history.unedited:
        base = mine
    if path == answers and mine not in (base, theirs) and not prefer:
        return merge_file(path, None, mine, theirs)
    return merge_file(path, base, mine, theirs, prefer)


def _mode(path: str, source: File, history: History) -> bool:
    """Whether the merged file is executable: the user's change of that counts like one of content."""
    now, last = history.files.get(path), history.last(path)
    return now.executable if now and last and now.executable != last.executable else source.executable


def _covers(at: str, path: str) -> bool:
    folder = at.removeprefix("./").rstrip("/")
    return folder in (".", "", path) or path.startswith(f"{folder}/")


def _require_used(accept: Accept, paths: Collection[str]) -> None:
    for at in (*accept.ours, *accept.theirs):
        if not any(_covers(at, path) for path in paths):
            raise UserError(f"{at} is no file that openinfra-tui writes", "paths begin at the repository")


def _conflicted(conflicts: list[Conflict], *, missing: bool) -> Conflicts:
    files = list(dict.fromkeys(conflict.file for conflict in conflicts))
    lines = [f"{_count(conflicts, 'conflict')} in {_count(files, 'file')}; nothing was written"]
    if missing:
        lines.append(
            "the branch of the last render is missing, so there is no base to merge with "
            "(git fetch origin 'openinfra/*:openinfra/*' where another clone has it)"
        )
    for conflict in conflicts[:_CONFLICTS]:
        lines += ["", *_shown(conflict)]
    if len(conflicts) > _CONFLICTS:
        lines += ["", f"and {len(conflicts) - _CONFLICTS} more"]
    review = "--review shows every difference; " if missing else ""
    return Conflicts(
        "\n".join(lines),
        f"{review}make your file agree and commit it, or decide for a file or folder with "
        f"--accept-ours PATH (keep yours) or --accept-theirs PATH (take the new one)",
        tuple(conflicts),
    )


def _count(things: Collection[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _shown(conflict: Conflict) -> Iterable[str]:
    place = f"{conflict.file}:{conflict.line}" if conflict.line else conflict.file
    yield f"{place}: {conflict.where}" if conflict.where else place
    for name, text in (("base", conflict.base), ("yours", conflict.ours), ("new", conflict.theirs)):
        if text is None:
            yield f"  {name:5} | (not there)"
            continue
        rows = text.splitlines() or [""]
        for number, row in enumerate(rows[:_LINES]):
            yield f"  {'' if number else name:5} | {printable(row)}"
        if len(rows) > _LINES:
            yield f"  {'':5} | ... {len(rows) - _LINES} more lines"


def _unified(path: str, old: File | None, new: File | None) -> Iterable[str]:
    rows = [
        [] if file is None else file.content.decode("utf-8", "replace").splitlines(keepends=True)
        for file in (old, new)
    ]
    names = [f"a/{path}" if old else "/dev/null", f"b/{path}" if new else "/dev/null"]
    for row in difflib.unified_diff(rows[0], rows[1], names[0], names[1]):
        yield printable(row.rstrip("\r\n")) + "\n"
