"""The branch `openinfra/SITE`: each commit on it is one pristine render of the site, as no user edited it.

So Git holds the base of every later merge, and no version of ours must be able to render like an older one.
Files that are written once (`values.user.yaml`) are the user's from the start and not on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from openinfra_tui.repo.command import blobs, entries, git, head, private
from openinfra_tui.repo.target import MANIFEST, open_repo
from openinfra_tui.tree.model import File

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from git import Repo

    from openinfra_tui.repo.command import Entry

_LOCAL = "refs/heads/openinfra/"
_REGULAR = "100"


@dataclass(frozen=True)
class History:
    """What a merge needs to know of a repository.

    Attributes:
        base: the files of the last render; None when the branch is missing.
        files: the regular files of HEAD.
        irregular: paths of HEAD that are links or submodules.
        unedited: paths of HEAD that are as some site's last render wrote them.
    """

    base: Mapping[str, File] | None
    files: Mapping[str, File]
    irregular: frozenset[str]
    unedited: frozenset[str]


def branch(site: str) -> str:
    """The ref of the branch of a site."""
    return _LOCAL + site


def read_history(target: Path, site: str) -> History:
    """Read HEAD and the last render of a site.

    Raises:
        Refused: the target has content and is not a repository.
    """
    repo = open_repo(target)
    if repo is None:
        return History(None, {}, frozenset(), frozenset())
    try:
        now = entries(repo, head(repo))
        last = tip(repo, site)
        base = None if last is None else _files(repo, entries(repo, last))
        renders = [entries(repo, sha) for sha in _renders(repo)]
        unedited = {path for path, item in now.items() if any(side.get(path) == item for side in renders)}
        irregular = {path for path, item in now.items() if not item.mode.startswith(_REGULAR)}
        return History(base, _files(repo, now), frozenset(irregular), frozenset(unedited))
    finally:
        repo.close()


def tip(repo: Repo, site: str) -> str | None:
    """The last render of a site: on its branch here, else on that of a remote; None when there is none.

    A run that was killed between the two refs counts as if both, or none, had moved.
    """
    ref = branch(site)
    here = commit_of(repo, ref)
    move = _move(repo)
    if move is not None and move.ref == ref:
        return move.settled(head(repo), here)
    if here is not None:
        return here
    found = {sha for name, sha in _refs(repo, "refs/remotes/") if name.endswith(f"/openinfra/{site}")}
    return found.pop() if len(found) == 1 else None


def settle(repo: Repo) -> None:
    """Bring the branch to where the main branch is, after a kill between the two."""
    move = _move(repo)
    if move is None:
        return
    here = commit_of(repo, move.ref)
    wanted = move.settled(head(repo), here)
    if wanted != here:
        _update(repo, "settle after a run that was killed", [(move.ref, wanted, here)])


def advance(repo: Repo, message: str, moves: Sequence[tuple[str, str | None, str | None]]) -> None:
    """Move refs in one transaction, each (ref, new, old) only from its old commit.

    Raises:
        ToolError: a ref is not where it was; none has moved.
    """
    _update(repo, message, [move for move in moves if move[1] != move[2]])


@dataclass(frozen=True)
class _Move:
    """The refs of a run under way, as its mark has them: main branch and render, before and after."""

    old: str | None
    new: str
    ref: str
    before: str | None
    after: str

    def settled(self, main: str | None, here: str | None) -> str | None:
        """Where the render belongs with the main branch where it is; elsewhere others have moved them."""
        if main == self.new and here in (self.before, self.after):
            return self.after
        if main == self.old and here in (self.before, self.after):
            return self.before
        return here


def mark_of(old: str | None, new: str, ref: str = "", after: str = "", before: str | None = None) -> str:
    """The words of the mark `pending`, for a move of the main branch and of a render with it."""
    return " ".join([old or "none", new, *([ref, before or "none", after] if ref else [])])


def _move(repo: Repo) -> _Move | None:
    mark = private(repo) / "pending"
    words = mark.read_text("utf-8").split() if mark.is_file() else []
    if len(words) != 5:
        return None
    old, new, ref, before, after = words
    return _Move(None if old == "none" else old, new, ref, None if before == "none" else before, after)


def _update(repo: Repo, message: str, moves: Sequence[tuple[str, str | None, str | None]]) -> None:
    lines = [
        f"update {ref} {new} {old}"
        if new and old
        else f"create {ref} {new}"
        if new
        else f"delete {ref} {old}"
        for ref, new, old in moves
    ]
    if lines:
        stdin = "".join(f"{line}\n" for line in ["start", *lines, "prepare", "commit"]).encode()
        git(repo, "update-ref", "-m", f"openinfra-tui: {message}", "--stdin", stdin=stdin)


def commit_of(repo: Repo, ref: str) -> str | None:
    """The commit of a ref, or None."""
    return git(repo, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", ok=(0, 1)) or None


def _refs(repo: Repo, below: str) -> list[tuple[str, str]]:
    text = git(repo, "for-each-ref", "--format=%(refname) %(objectname)", below)
    return [(name, sha) for name, _, sha in (line.partition(" ") for line in text.splitlines())]


def _renders(repo: Repo) -> set[str]:
    remote = [(name, sha) for name, sha in _refs(repo, "refs/remotes/") if "/openinfra/" in name]
    return {sha for _, sha in [*_refs(repo, _LOCAL), *remote]}


def _files(repo: Repo, found: Mapping[str, Entry]) -> dict[str, File]:
    regular = {
        path: item for path, item in found.items() if item.mode.startswith(_REGULAR) and path != MANIFEST
    }
    contents = blobs(repo, [item.sha for item in regular.values()])
    return {
        path: File(content, "repository", executable=item.mode == "100755")
        for (path, item), content in zip(regular.items(), contents, strict=True)
    }
