"""A Tree becomes one commit, and the work tree follows.

Order of events, so that a kill at any point leaves a repository that the next run completes:

1. blobs, index and commit are written beside everything (`.git/openinfra/`); nobody sees them;
2. the hooks see a checkout of exactly that commit, in a folder of its own (`hooks.py`);
3. the mark `pending` is written, then one transaction of `update-ref` with the old values moves the branch
   and that of the render: the switch. Git moves the refs of a transaction one after the other, so the mark
   names all, and a run that was killed between them is settled by the next one;
4. files are moved into the work tree one by one, each by rename; then the index; then the mark goes.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from git import Repo

from openinfra_tui import __version__
from openinfra_tui.errors import Refused, ToolError, UserError
from openinfra_tui.repo.command import Entry, entries, git, git_in, head, private, work
from openinfra_tui.repo.hooks import checkout, run_hooks
from openinfra_tui.repo.index import ours, stage
from openinfra_tui.repo.lock import locked, own_index
from openinfra_tui.repo.render import RefMove, advance, branch, commit_of, mark_of, newest, settle, tip
from openinfra_tui.repo.target import listed, open_repo, pending, require_clean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.tree.model import File, Tree


@dataclass(frozen=True)
class Outcome:
    """What a commit came to: the commit at HEAD (None: there is none), and whether it is a new one."""

    sha: str | None
    changed: bool


@dataclass(frozen=True)
class Render:
    """What we rendered for a site, before any merge with what the user changed."""

    site: str
    tree: Tree


def commit_tree(
    target: Path,
    tree: Tree,
    message: str,
    render: Render | None,
    gone: Collection[str] = (),
    ended: str | None = None,
    *,
    foreign: bool = False,
) -> Outcome:
    """Commit a tree on the current branch of the target, which is made when it is not there.

    A `once` file that HEAD has is left as it is. Without a change there is no commit, but a move that a
    killed run left unfinished is finished. The render is committed on its branch in the same step.

    Args:
        target: the folder of the repository.
        tree: what is written; every other file stays as it is.
        message: of the commit.
        render: of the site that the tree is of; None leaves the branches and the lists of sites alone.
        gone: regular files that are removed.
        ended: a site that is removed, so that the branch of its renders goes.
        foreign: the repository may be one that we did not write.

    Raises:
        Refused: see `require_usable`; also when an untracked file is in the way, another run holds the
            repository, a branch moved meanwhile, the branch of the render is checked out, or a hook says no.
        UserError: Git does not know who commits.
        ToolError: a git command failed.
    """
    repo = open_repo(target)
    if repo is None:
        require_author(_nearest(target))
        target.mkdir(parents=True, exist_ok=True)
        for lock in (target / ".git").glob("*.lock"):
            lock.unlink()  # of a `git init` that was killed; `open_repo` has seen that nothing else is there
        git_in(target, "init", "--quiet", "--initial-branch=main", str(target.resolve()))
        repo = Repo(target)
    try:
        with locked(repo):
            require_clean(repo, foreign=foreign)
            require_author(work(repo))
            return _commit(repo, tree, message, render, gone, ended)
    finally:
        repo.close()


def _commit(
    repo: Repo, tree: Tree, message: str, render: Render | None, gone: Collection[str], ended: str | None
) -> Outcome:
    unfinished = pending(repo)
    if unfinished is not None:
        _follow(repo, *unfinished)
    _release_refs(repo)
    settle(repo)
    (private(repo) / "pending").unlink(missing_ok=True)
    old = head(repo)
    before = entries(repo, old)
    sides = _render_moves(repo, render) if render else []
    if ended is not None:
        sides += [(branch(ended), None, here) for here in [commit_of(repo, branch(ended))] if here]
    mine = ours(tree, render.site if render else None)
    new_tree = _write_tree(repo, old, before, tree, mine, gone)
    if old is not None and git(repo, "rev-parse", f"{old}^{{tree}}") == new_tree:
        _move_branches(repo, message, old, old, sides)
        return Outcome(old, changed=False)
    _require_free(repo, before, entries(repo, new_tree))
    message = run_hooks(repo, message)
    new = _write_commit(repo, new_tree, old, message)
    _move_branches(repo, message, old, new, sides)
    return Outcome(new, changed=True)


def _move_branches(repo: Repo, message: str, old: str | None, new: str, sides: list[RefMove]) -> None:
    """Move the branches, under the mark from which the next run completes what a kill leaves."""
    if old == new and not sides:
        return
    mark = private(repo) / "pending"
    mark.write_text(f"{mark_of(old, new, sides)}\n", "utf-8")
    _switch(repo, message, old, [("HEAD", new, old), *sides])
    if old != new:
        _follow(repo, old, new)
    mark.unlink(missing_ok=True)


def _release_refs(repo: Repo) -> None:
    """Remove the locks of an `update-ref` of ours that was killed.

    One of ours can be there only beside the mark, and holds nothing yet or a commit of the mark; that of
    another git at work names another commit.
    """
    mark = private(repo) / "pending"
    if not mark.is_file():
        return
    words = mark.read_text("utf-8").split()[1:]
    ours = [[], *([word] for word in words)]
    refs = [word for word in words if word.startswith("refs/")]
    for name in ("HEAD", git(repo, "symbolic-ref", "--quiet", "HEAD"), *refs):
        lock = Path(git(repo, "rev-parse", "--path-format=absolute", "--git-path", f"{name}.lock"))
        if lock.is_file() and lock.read_text("utf-8").split() in ours:
            lock.unlink()


def _switch(repo: Repo, message: str, old: str | None, moves: list[RefMove]) -> None:
    """Move the refs, all or none.

    Raises:
        Refused: one of them is no longer where it was.
    """
    refs = {ref: before for ref, _, before in moves if ref != "HEAD"}
    try:
        advance(repo, message.splitlines()[0], moves)
    except ToolError as error:
        if head(repo) != old or any(commit_of(repo, ref) != before for ref, before in refs.items()):
            raise Refused(
                "a branch moved while the commit was made; nothing was changed", "run again"
            ) from error
        raise


def _render_moves(repo: Repo, render: Render) -> list[RefMove]:
    """Write the commit of a render; the move of its branch, none when it is there already.

    It is newer than every other render by at least a second, so that Git's dates tell which one wrote last
    what all sites share.

    Raises:
        Refused: the branch is checked out here.
    """
    ref = branch(render.site)
    name = ref.removeprefix("refs/heads/")
    if git(repo, "symbolic-ref", "HEAD") == ref:
        raise Refused(
            f"{name} is checked out, and holds nothing but renders", "git switch main, and merge there"
        )
    new_tree = stage(repo, None, ours(render.tree, render.site), ())
    here, last = commit_of(repo, ref), tip(repo, render.site)
    if last is not None and git(repo, "rev-parse", f"{last}^{{tree}}") == new_tree:
        return [] if here == last else [(ref, last, here)]
    message = f"Render of site {render.site} by openinfra-tui {__version__}"
    when = {"GIT_COMMITTER_DATE": f"@{max(int(time.time()), newest(repo) + 1)} +0000"}
    return [(ref, _write_commit(repo, new_tree, last, message, when), here)]


def require_author(folder: Path) -> None:
    """Refuse to commit in a name that Git would make up from the host's.

    Raises:
        UserError: neither the environment nor Git's configuration has a name and an address.
    """
    for key, variable in (("user.name", "GIT_AUTHOR_NAME"), ("user.email", "GIT_AUTHOR_EMAIL")):
        if not os.environ.get(variable) and not git_in(folder, "config", "--get", key, ok=(0, 1)):
            raise UserError(
                f"Git does not know who commits: {key} is not set",
                'git config --global user.name "Your Name" && git config --global user.email you@example.org',
            )


def _nearest(path: Path) -> Path:
    here = path.absolute()
    while not here.is_dir():
        here = here.parent
    return here


def _write_tree(
    repo: Repo,
    old: str | None,
    before: Mapping[str, Entry],
    tree: Tree,
    mine: Mapping[str, File],
    gone: Collection[str],
) -> str:
    """Write the tree that the commit will have: ours replaced, what goes removed."""
    once = {path: file for path, file in tree.files.items() if file.once and path not in before}
    removed = {
        path
        for path in gone
        if path in before and before[path].mode.startswith("100") and path not in {*tree.files, *mine}
    }
    return stage(repo, old, {**once, **mine}, removed)


def _require_free(repo: Repo, before: Mapping[str, Entry], after: Mapping[str, Entry]) -> None:
    """Refuse when a new file would replace one that Git does not know.

    Raises:
        Refused: such files exist with another content; up to five named.
    """
    root = work(repo)
    in_the_way = set()
    for path in after.keys() - before.keys():
        file = root / path
        links = [
            above
            for above in Path(path).parents[:-1]
            if (root / above).is_symlink() or (root / above).is_file()
        ]
        if links:
            in_the_way |= {str(above) for above in links if str(above) not in before}
        elif (
            file.is_symlink()
            or (file.is_dir() and not _goes(root, file, before.keys() - after.keys()))
            or (file.is_file() and git(repo, "hash-object", "--", path) != after[path].sha)
        ):
            in_the_way.add(path)
    if in_the_way:
        raise Refused(
            f"files that Git does not track are in the way: {listed(sorted(in_the_way))}",
            "move them away and run again",
        )


def _goes(root: Path, folder: Path, gone: set[str]) -> bool:
    """Whether a folder holds nothing but files that this commit removes."""
    return all(
        item.relative_to(root).as_posix() in gone
        for item in folder.rglob("*")
        if item.is_symlink() or not item.is_dir()
    )


def _write_commit(
    repo: Repo, tree: str, old: str | None, message: str, env: Mapping[str, str] | None = None
) -> str:
    sign = git(repo, "config", "--type=bool", "--get", "commit.gpgsign", ok=(0, 1)) == "true"
    words = [*(["-S"] if sign else []), *(["-p", old] if old else []), "-F", "-", tree]
    return git(repo, "commit-tree", *words, stdin=(message.rstrip("\n") + "\n").encode(), env=env)


def _follow(repo: Repo, old: str | None, new: str) -> None:
    """Bring work tree and index from one commit to the next; also when half of it was done before."""
    before, after = entries(repo, old), entries(repo, new)
    git(repo, "read-tree", new, env={"GIT_INDEX_FILE": str(own_index(repo))})
    root = work(repo)
    for path in sorted(before.keys() - after.keys()):
        (root / path).unlink(missing_ok=True)
        for above in Path(path).parents[:-1]:
            if not (root / above).is_dir() or any((root / above).iterdir()):
                break
            (root / above).rmdir()
    changed = sorted(path for path, entry in after.items() if before.get(path) != entry)
    out = checkout(repo, changed)
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        _move(out / path, root / path)
    git(repo, "update-index", "-q", "--refresh", ok=(0, 1), env={"GIT_INDEX_FILE": str(own_index(repo))})
    lock = Path(repo.git_dir) / "index.lock"
    try:
        lock.hardlink_to(own_index(repo))
    except FileExistsError as error:
        raise ToolError(
            "another git command holds the index of the repository", f"if none runs, remove {lock}"
        ) from error
    lock.replace(Path(repo.git_dir) / "index")


def _move(source: Path, place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        for folder, _, _ in os.walk(place, topdown=False):  # only empty folders are left of it
            Path(folder).rmdir()
    try:
        source.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = place.with_name(f".{place.name}.openinfra")  # a linked work tree on another file system
        shutil.copy2(source, beside, follow_symlinks=False)
        beside.replace(place)
