"""The target of a commit: whether it may be written, and what its HEAD holds.

A target is ours when HEAD has a `.openinfra/` folder. Anything else that already has content belongs to
someone, and a person decides about it, not we (design.md: "The repository is the user's").
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from git import Repo
from git.exc import InvalidGitRepositoryError, NoSuchPathError

from openinfra_tui.errors import Refused
from openinfra_tui.repo.command import Entry, blobs, entries, git, head, private, work

if TYPE_CHECKING:
    from collections.abc import Iterable

OURS = ".openinfra"
RECORDS = f"{OURS}/sites/"
# A site's name is that of its schema; a file of another name is the user's.
_RECORD = re.compile(rf"{re.escape(RECORDS)}([a-z0-9](?:[-a-z0-9]{{0,38}}[a-z0-9])?)\.yaml")
_SHOWN = 5
_BUSY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


def manifest(site: str) -> str:
    """The list of the files that we wrote for a site."""
    return f"{OURS}/files/{site}.txt"


def record(site: str) -> str:
    """Our record of a site: a site is in the repository when HEAD has it."""
    return f"{RECORDS}{site}.yaml"


def sites_in(paths: Iterable[str]) -> frozenset[str]:
    """The names of the sites that a repository with these paths holds."""
    found = (_RECORD.fullmatch(path) for path in paths)
    return frozenset(match[1] for match in found if match)


def owner(path: str) -> str | None:
    """The site that a path belongs to; None for what all sites share."""
    parts = path.split("/")
    if parts[0] in ("sites", "clusters") and len(parts) > 2:
        return parts[1]
    if parts[:2] in ([OURS, "sites"], [OURS, "files"]) and len(parts) == 3:
        return parts[2].rpartition(".")[0]
    return None


def open_repo(target: Path) -> Repo | None:
    """The repository whose work tree is exactly `target`.

    Returns:
        None when the target is absent, an empty folder, or a `git init` that was killed half way.

    Raises:
        Refused: the target is a file, a bare repository, or a folder with content and no repository.
    """
    if not target.exists():
        if target.is_symlink():
            raise Refused(f"{target} is a link that leads nowhere", "remove it or choose another folder")
        return None
    if not target.is_dir():
        raise Refused(f"{target} is not a folder", "choose a folder")
    try:
        repo = Repo(target)
    except (InvalidGitRepositoryError, NoSuchPathError) as error:
        if not any(target.iterdir()) or _half_made(target):
            return None
        raise Refused(
            f"{target} has files in it and is not a Git repository",
            "choose an empty folder, or one that openinfra-tui wrote before",
        ) from error
    if repo.bare:
        repo.close()
        raise Refused(f"{target} is a bare repository", "clone it and choose the clone")
    return repo


def _half_made(target: Path) -> bool:
    dot = target / ".git"
    alone = [item.name for item in target.iterdir()] == [".git"] and dot.is_dir()
    return alone and not any(item.is_file() for item in (dot / "objects").rglob("*"))


def require_usable(target: Path) -> None:
    """Refuse a target that a commit of ours would harm.

    A work tree that a killed run left between a commit and its parent is not dirty: every file of it is
    either of the two, and the next `commit_tree` finishes the move.

    Raises:
        Refused: no repository but content, a repository without `.openinfra/`, a merge or rebase under
            way, a detached HEAD, or tracked files with changes that are not committed (up to five named).
    """
    repo = open_repo(target)
    if repo is None:
        return
    try:
        require_clean(repo)
    finally:
        repo.close()


def require_clean(repo: Repo, *, foreign: bool = False) -> None:
    """As `require_usable`, for a repository that is already open.

    Args:
        repo: what is asked about.
        foreign: it may be one that we did not write.

    Raises:
        Refused: as `require_usable`.
    """
    target = work(repo)
    if any((Path(repo.git_dir) / marker).exists() for marker in _BUSY):
        raise Refused(f"{target} is in the middle of a merge, rebase or pick", "finish or abort it first")
    if not git(repo, "symbolic-ref", "--quiet", "HEAD", ok=(0, 1)):
        raise Refused(f"{target} is not on a branch (HEAD is detached)", "git switch BRANCH first")
    commit = head(repo)
    if commit is None:
        loose = sorted(item.name for item in target.iterdir() if item.name != ".git")
        if loose:
            raise Refused(
                f"{target} has no commit yet and files in it: {listed(loose)}",
                "move them away first, or choose an empty folder",
            )
        return
    if not foreign and not any(path.startswith(f"{OURS}/") for path in entries(repo, commit)):
        raise Refused(
            f"{target} holds a repository that openinfra-tui did not write (no {OURS}/ in its last commit)",
            "choose an empty folder for the new repository",
        )
    changed = dirty(repo, commit)
    if changed:
        raise Refused(
            f"{target} has changes that are not committed: {listed(changed)}",
            "commit them, stash them (git stash), or drop them (git restore --staged --worktree .)",
        )


def pending(repo: Repo) -> tuple[str | None, str] | None:
    """The move that a killed run left unfinished, as (old commit or None, new commit).

    The mark is written before the ref moves; it counts only when HEAD is the new commit.
    """
    mark = private(repo) / "pending"
    if not mark.is_file():
        return None
    words = mark.read_text("utf-8").split()
    if len(words) % 3 != 2 or words[1] != head(repo):
        return None
    return (None if words[0] == "none" else words[0], words[1])


def dirty(repo: Repo, commit: str) -> list[str]:
    """Tracked paths whose content in index or work tree is not HEAD's, nor that of a move to be finished."""
    unfinished = pending(repo)
    sides = [entries(repo, commit)]
    if unfinished is not None:
        sides.append(entries(repo, unfinished[0]))
    out = []
    for path in _changed(repo):
        allowed = {side.get(path) for side in sides}
        if not (_index(repo, path) <= allowed and _worktree(repo, path) in allowed):
            out.append(path)
    return sorted(out)


def _changed(repo: Repo) -> set[str]:
    """Tracked paths whose index or work tree differs from HEAD."""
    out: set[str] = set()
    for words in (
        ("diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD"),
        ("diff-files", "--name-only", "-z"),
    ):
        out |= {path for path in git(repo, *words, "--").split("\0") if path}
    return {path for path in out if not _same(repo, path)}


def _same(repo: Repo, path: str) -> bool:
    """Whether index and work tree hold what HEAD holds after all (only the file's times differ)."""
    line = git(repo, "ls-tree", "-z", "HEAD", "--", path).rstrip("\0")
    now = None
    if line:
        mode, _, sha = line.split("\t", 1)[0].split(" ")
        now = Entry(mode, sha)
    return _index(repo, path) == {now} and _worktree(repo, path) == now


def _index(repo: Repo, path: str) -> set[Entry | None]:
    out: set[Entry | None] = set()
    for line in git(repo, "ls-files", "--stage", "-z", "--", f":(literal){path}").split("\0"):
        if line:
            mode, sha, _ = line.split("\t", 1)[0].split(" ")
            out.add(Entry(mode, sha))
    return out or {None}


def _worktree(repo: Repo, path: str) -> Entry | None:
    file = work(repo) / path
    if file.is_symlink():
        return Entry(
            "120000", git(repo, "hash-object", "--stdin", stdin=bytes(str(file.readlink()), "utf-8"))
        )
    if not file.is_file():
        return None
    mode = "100755" if file.stat().st_mode & 0o100 else "100644"
    return Entry(mode, git(repo, "hash-object", "--", path))


def read_files(target: Path) -> dict[str, bytes]:
    """The content of every regular file in HEAD by its path; empty before the first commit.

    Raises:
        Refused: the target has content and is not a repository.
    """
    repo = open_repo(target)
    if repo is None:
        return {}
    try:
        found = {
            path: item.sha for path, item in entries(repo, head(repo)).items() if item.mode.startswith("100")
        }
        return dict(zip(found, blobs(repo, list(found.values())), strict=True))
    finally:
        repo.close()


def listed(names: Iterable[str]) -> str:
    """Up to five names, and how many more there are."""
    every = list(names)
    more = len(every) - _SHOWN
    return ", ".join(every[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
