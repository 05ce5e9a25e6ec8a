"""The branch `openinfra/SITE`: each commit on it is one pristine render of the site, as no user edited it.

So Git holds the base of every later merge, and no version of ours must be able to render like an older one.
Files that are written once (`values.user.yaml`) are the user's from the start and not on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from openinfra_tui.repo.command import blobs, entries, entries_of, git, head, private
from openinfra_tui.repo.index import listed
from openinfra_tui.repo.target import manifest, open_repo, owner, sites_in
from openinfra_tui.tree.model import File

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from git import Repo

    from openinfra_tui.repo.command import Entry

_LOCAL = "refs/heads/openinfra/"
_LISTS = manifest("").removesuffix(".txt")
_REGULAR = "100"
# A ref, its new commit (None: it goes), its old commit (None: it is new).
RefMove = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class History:
    """What a merge needs to know of a repository.

    Attributes:
        base: the files of the last render; None when the branch is missing.
        files: the regular files of HEAD.
        irregular: paths of HEAD that are links or submodules.
        unedited: paths of HEAD that are as some site's last render wrote them.
        listed: without the branch, the paths that our own list in HEAD says we wrote.
        shared: what all sites share, as the last render of any site wrote it.
        others: the paths that the last renders of other sites hold.
    """

    base: Mapping[str, File] | None
    files: Mapping[str, File]
    irregular: frozenset[str] = frozenset()
    unedited: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    shared: Mapping[str, File] = field(default_factory=dict)
    others: frozenset[str] = frozenset()

    def last(self, path: str) -> File | None:
        """What the last render wrote there: the site's own, or that of any site for what all share."""
        return self.shared.get(path) or (self.base or {}).get(path)


def branch(site: str) -> str:
    """The ref of the branch of a site."""
    return _LOCAL + site


def read_history(target: Path, site: str) -> History:
    """Read HEAD and the last renders.

    A site that HEAD has no record of has no last render: what its branch holds is of one that was removed.

    Raises:
        Refused: the target has content and is not a repository.
    """
    repo = open_repo(target)
    if repo is None:
        return History(None, {})
    try:
        now = entries(repo, head(repo))
        present = sites_in(now)
        tips = {name: sha for name, sha in _tips(repo).items() if name in present}
        last = tips.get(site)
        renders = entries_of(repo, list(dict.fromkeys(tips.values())))
        written = {(path, item) for side in renders.values() for path, item in side.items()}
        common: dict[str, Entry] = {}
        for side in renders.values():
            common |= {path: item for path, item in side.items() if owner(path) is None}
        own = renders.get(last, {}) if last else {}
        place = manifest(site)
        return History(
            None if last is None else _files(repo, own),
            _files(repo, now),
            frozenset(path for path, item in now.items() if not item.mode.startswith(_REGULAR)),
            frozenset(path for path, item in now.items() if (path, item) in written),
            listed(blobs(repo, [now[place].sha])[0]) if last is None and place in now else frozenset(),
            _files(repo, common),
            frozenset(path for sha, side in renders.items() if sha != last for path in side),
        )
    finally:
        repo.close()


def tip(repo: Repo, site: str) -> str | None:
    """The last render of a site, as `_tips` finds it; None when there is none."""
    return _tips(repo).get(site)


def _tips(repo: Repo) -> dict[str, str]:
    """The last render of each site, the newest last: on its branch here, else on that of the only remote.

    A run that was killed between the two refs counts as if both, or none, had moved.
    """
    refs = _refs(repo, _LOCAL, "refs/remotes/")
    here: dict[str, str] = {}
    there: dict[str, set[str]] = {}
    for ref, sha in refs:
        _, mark, site = ref.rpartition("/openinfra/")
        if ref.startswith(_LOCAL):
            here[ref.removeprefix(_LOCAL)] = sha
        elif mark:
            there.setdefault(site, set()).add(sha)
    found = {site: next(iter(shas)) for site, shas in there.items() if len(shas) == 1} | here
    for move in _moves(repo):
        site = move.ref.removeprefix(_LOCAL)
        settled = move.settled(head(repo), here.get(site))
        if settled is not None:
            found[site] = settled
        else:
            found.pop(site, None)
    age = {sha: number for number, (_, sha) in enumerate(refs)}
    return dict(sorted(found.items(), key=lambda item: age.get(item[1], len(age))))


def settle(repo: Repo) -> None:
    """Bring the branches to where the main branch is, after a kill between them."""
    for move in _moves(repo):
        here = commit_of(repo, move.ref)
        wanted = move.settled(head(repo), here)
        if wanted != here:
            _update(repo, "settle after a run that was killed", [(move.ref, wanted, here)])


def advance(repo: Repo, message: str, moves: Sequence[RefMove]) -> None:
    """Move refs in one transaction, each only from its old commit.

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
    after: str | None

    def settled(self, main: str | None, here: str | None) -> str | None:
        """Where the render belongs with the main branch where it is; elsewhere others have moved them."""
        if main == self.new and here in (self.before, self.after):
            return self.after
        if main == self.old and here in (self.before, self.after):
            return self.before
        return here


def mark_of(old: str | None, new: str, moves: Sequence[RefMove]) -> str:
    """The words of the mark `pending`, for a move of the main branch and of renders with it."""
    sides = [word for ref, after, before in moves for word in (ref, before or "none", after or "none")]
    return " ".join([old or "none", new, *sides])


def _moves(repo: Repo) -> list[_Move]:
    mark = private(repo) / "pending"
    words = mark.read_text("utf-8").split() if mark.is_file() else []
    if len(words) < 5 or len(words) % 3 != 2:
        return []
    old, new, *sides = (None if word == "none" else word for word in words)
    sides_of_three = zip(sides[::3], sides[1::3], sides[2::3], strict=True)
    return [_Move(old, str(new), str(ref), before, after) for ref, before, after in sides_of_three]


def _update(repo: Repo, message: str, moves: Sequence[RefMove]) -> None:
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


def _refs(repo: Repo, *below: str) -> list[tuple[str, str]]:
    """The refs below, the one with the newest commit last."""
    text = git(repo, "for-each-ref", "--sort=committerdate", "--format=%(refname) %(objectname)", *below)
    return [(name, sha) for name, _, sha in (line.partition(" ") for line in text.splitlines())]


def newest(repo: Repo) -> int:
    """The time of the newest render of any site, in seconds; 0 without one."""
    refs = _refs(repo, _LOCAL, "refs/remotes/")
    found = [sha for name, sha in refs if "/openinfra/" in name]
    return int(git(repo, "log", "-1", "--format=%ct", found[-1])) if found else 0


def _files(repo: Repo, found: Mapping[str, Entry]) -> dict[str, File]:
    regular = {
        path: item
        for path, item in found.items()
        if item.mode.startswith(_REGULAR) and not path.startswith(_LISTS)
    }
    contents = blobs(repo, [item.sha for item in regular.values()])
    return {
        path: File(content, "repository", executable=item.mode == "100755")
        for (path, item), content in zip(regular.items(), contents, strict=True)
    }
