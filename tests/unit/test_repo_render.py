"""The branch of the renders: what it holds, and that it moves with the main branch or not at all."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from git import Repo

from openinfra_tui.errors import Refused
from openinfra_tui.repo.command import entries, entries_of
from openinfra_tui.repo.commit import Outcome, Render, commit_tree
from openinfra_tui.repo.render import read_history
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("git_author")


def tree(**texts: str) -> Tree:
    files = {".openinfra/sites/a.yaml": "a: 1\n", **texts}
    return Tree({path: File(text.encode(), "t") for path, text in files.items()})


def git(target: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=target, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(target: Path, content: Tree, render: Tree) -> Outcome:
    gone = (read_history(target, "a").base or {}).keys() - content.files.keys()
    return commit_tree(target, content, "m", Render("a", render), gone)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    target = tmp_path / "repo"
    commit(target, tree(x="merged\n", goes="1\n"), tree(x="pristine\n", goes="1\n"))
    return target


def test_the_branch_has_a_history_of_its_own(target: Path) -> None:
    assert git(target, "show", "openinfra/a:x") == "pristine"
    assert git(target, "rev-list", "--count", "--all") == "2"
    commit(target, tree(x="merged 2\n"), tree(x="pristine 2\n"))
    assert git(target, "rev-list", "--count", "openinfra/a") == "2"
    assert git(target, "ls-tree", "-r", "--name-only", "main").split() == [
        ".openinfra/files/a.txt",
        ".openinfra/sites/a.yaml",
        "x",
    ]
    base = read_history(target, "a").base
    assert base is not None
    assert {path: file.content for path, file in base.items()} == {
        ".openinfra/sites/a.yaml": b"a: 1\n",
        "x": b"pristine 2\n",
    }
    assert git(target, "status", "--porcelain") == ""


def test_the_same_again_moves_nothing_and_a_new_render_alone_moves_its_branch(target: Path) -> None:
    before = git(target, "for-each-ref")
    content = tree(x="merged\n", goes="1\n")
    assert not commit(target, content, tree(x="pristine\n", goes="1\n")).changed
    assert git(target, "for-each-ref") == before
    main = git(target, "rev-parse", "main")
    assert not commit(target, content, tree(x="merged\n", goes="1\n")).changed
    assert git(target, "rev-parse", "main") == main
    assert git(target, "show", "openinfra/a:x") == "merged"


def test_a_file_kept_by_its_user_is_not_removed_later(target: Path) -> None:
    commit(target, tree(x="merged\n", goes="mine\n"), tree(x="pristine\n"))
    commit(target, tree(x="merged 2\n"), tree(x="pristine\n"))
    assert (target / "goes").read_text() == "mine\n"


def test_a_link_of_the_user_is_not_removed(target: Path) -> None:
    (target / "goes").unlink()
    (target / "goes").symlink_to("x")
    git(target, "commit", "-qam", "a link")
    assert read_history(target, "a").irregular == {"goes"}
    commit(target, tree(x="merged 2\n"), tree(x="pristine\n"))
    assert (target / "goes").is_symlink()


def test_a_clone_finds_the_branch_at_its_remote(target: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(target, "clone", "-q", str(target), str(clone))
    base = read_history(clone, "a").base
    assert base is not None
    assert base["x"].content == b"pristine\n"
    commit(clone, tree(x="merged 2\n"), tree(x="pristine 2\n"))
    assert git(clone, "rev-parse", "openinfra/a^") == git(target, "rev-parse", "openinfra/a")


def test_no_branch_is_told_from_an_empty_render(target: Path) -> None:
    git(target, "branch", "-D", "openinfra/a")
    assert read_history(target, "a").base is None
    assert read_history(target, "a").files["x"].content == b"merged\n"


def test_what_another_site_rendered_is_unedited(target: Path) -> None:
    assert read_history(target, "b").unedited == {".openinfra/sites/a.yaml", ".openinfra/files/a.txt", "goes"}


def test_the_branch_cannot_be_the_target(target: Path) -> None:
    git(target, "switch", "-q", "openinfra/a")
    with pytest.raises(Refused, match="openinfra/a is checked out"):
        commit(target, tree(x="2\n"), tree(x="2\n"))


@pytest.mark.parametrize("first", ["main", "openinfra/a"])
def test_a_kill_between_the_two_refs_is_settled(target: Path, first: str) -> None:
    old = {name: git(target, "rev-parse", name) for name in ("main", "openinfra/a")}
    commit(target, tree(x="merged 2\n"), tree(x="pristine 2\n"))
    new = {name: git(target, "rev-parse", name) for name in old}
    other = "main" if first == "openinfra/a" else "openinfra/a"
    git(target, "update-ref", f"refs/heads/{other}", old[other])
    if other == "main":
        git(target, "reset", "-q", "--hard")
    mark = f"{old['main']} {new['main']} refs/heads/openinfra/a {old['openinfra/a']} {new['openinfra/a']}\n"
    (target / ".git/openinfra/pending").write_text(mark)
    base = read_history(target, "a").base
    assert base is not None
    assert base["x"].content == (b"pristine 2\n" if first == "main" else b"pristine\n")
    commit(target, tree(x="merged 2\n"), tree(x="pristine 2\n"))
    for name in old:
        assert git(target, "rev-parse", f"{name}^") == old[name]
    assert git(target, "status", "--porcelain") == ""
    assert not (target / ".git/openinfra/pending").exists()


def test_a_branch_that_someone_moved_meanwhile_stops_both(target: Path, tmp_path: Path) -> None:
    hook = target / ".git/hooks/pre-commit"
    hook.write_text(
        "#!/bin/sh\nunset GIT_INDEX_FILE\ngit update-ref refs/heads/openinfra/a $(git rev-parse main)\n"
    )
    hook.chmod(0o755)
    main = git(target, "rev-parse", "main")
    with pytest.raises(Refused, match="a branch moved"):
        commit(target, tree(x="merged 2\n"), tree(x="pristine 2\n"))
    assert git(target, "rev-parse", "main") == main


def test_of_what_all_share_the_last_render_counts_whatever_a_remote_is_behind(
    target: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(target, "clone", "-q", str(target), str(clone))
    record = {".openinfra/sites/b.yaml": "b: 1\n"}
    commit_tree(
        clone, tree(x="merged of b\n", **record), "m", Render("b", tree(x="pristine of b\n", **record))
    )
    commit(clone, tree(x="merged 2\n"), tree(x="pristine 2\n"))
    assert read_history(clone, "b").shared["x"].content == b"pristine 2\n"


def test_many_commits_are_read_with_as_many_processes_as_one(target: Path) -> None:
    (target / "e\t x\n:0").write_text("1")
    (target / "run").write_text("2")
    (target / "run").chmod(0o755)
    (target / "link").symlink_to("x")
    git(target, "add", "--all")
    git(target, "commit", "-qm", "odd")
    git(target, "commit", "-q", "--allow-empty", "-m", "none")
    names = ("main", "main~1", "openinfra/a", "main~2")
    commits = [git(target, "rev-parse", name) for name in names]
    with Repo(target) as repo:
        assert entries_of(repo, commits) == {commit: entries(repo, commit) for commit in commits}
        assert entries_of(repo, []) == {}
