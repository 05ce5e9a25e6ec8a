from __future__ import annotations

import fcntl
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from openinfra_tui.errors import Refused, ToolError, UserError
from openinfra_tui.repo.commit import Outcome, Render, commit_tree
from openinfra_tui.repo.render import read_history
from openinfra_tui.repo.target import manifest, read_files, require_usable
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("git_author")


def tree(**files: str) -> Tree:
    base = {".openinfra/sites/a.yaml": "a: 1\n"} | {
        name.replace("__", "/"): text for name, text in files.items()
    }
    return Tree({path: File(text.encode(), "test") for path, text in base.items()})


def commit(target: Path, content: Tree, message: str) -> Outcome:
    """As `generate` does it for a site that nobody edited."""
    try:
        before = read_history(target, "a").base or {}
    except Refused:
        before = {}
    return commit_tree(target, content, message, Render("a", content), before.keys() - content.files.keys())


def git(target: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=target, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "repo"


def test_first_commit_makes_repository_on_main(target: Path) -> None:
    outcome = commit(target, tree(x="1\n", d__y="2\n"), "first\n\nbody")
    assert outcome.changed
    assert outcome.sha == git(target, "rev-parse", "main")
    assert git(target, "status", "--porcelain") == ""
    assert (target / "d/y").read_text() == "2\n"
    assert git(target, "log", "--format=%an <%ae> %B") == "Op <op@cloud.example> first\n\nbody"
    assert read_files(target)["d/y"] == b"2\n"
    assert git(target, "fsck", "--strict") == ""


def test_same_tree_is_no_commit(target: Path) -> None:
    first = commit(target, tree(x="1\n"), "first")
    again = commit(target, tree(x="1\n"), "second")
    assert (again.sha, again.changed) == (first.sha, False)


def test_removed_is_what_we_wrote_and_users_files_stay(target: Path) -> None:
    commit(target, tree(d__x="1\n", y="1\n"), "first")
    (target / "mine").write_text("mine")
    git(target, "add", "mine")
    git(target, "commit", "-qm", "theirs")
    (target / "untracked").write_text("u")
    commit(target, tree(y="2\n"), "second")
    assert not (target / "d").exists()
    assert (target / "y").read_text() == "2\n"
    assert (target / "mine").read_text() == "mine"
    assert git(target, "status", "--porcelain") == "?? untracked"
    assert "d/x" not in read_files(target)[manifest("a")].decode()


def test_once_file_is_written_once_and_never_removed(target: Path) -> None:
    def with_once(text: str) -> Tree:
        return tree().merged(Tree({"user.yaml": File(text.encode(), "test", once=True)}))

    commit(target, with_once("{}\n"), "first")
    (target / "user.yaml").write_text("theirs: 1\n")
    git(target, "commit", "-qam", "theirs")
    assert not commit(target, with_once("new: 2\n"), "second").changed
    assert not commit(target, tree(), "third").changed
    assert (target / "user.yaml").read_text() == "theirs: 1\n"


def test_executable_mode(target: Path) -> None:
    commit(target, tree().merged(Tree({"run": File(b"#!/bin/sh\n", "t", executable=True)})), "m")
    assert git(target, "ls-tree", "HEAD", "run").startswith("100755 ")
    assert os.access(target / "run", os.X_OK)


@pytest.mark.parametrize("staged", [False, True])
def test_dirty_tracked_files_are_refused_and_five_named(target: Path, staged: bool) -> None:
    names = {f"f{n}": "1\n" for n in range(7)}
    commit(target, tree(**names), "first")
    for name in names:
        (target / name).write_text("edited\n")
    if staged:
        git(target, "add", "-A")
    with pytest.raises(Refused, match=r"f0, f1, f2, f3, f4 and 2 more") as caught:
        commit(target, tree(f0="new\n"), "second")
    assert caught.value.hint
    assert (target / "f0").read_text() == "edited\n"


def test_file_put_back_to_the_parents_content_by_hand_is_dirty(target: Path) -> None:
    commit(target, tree(x="1\n"), "first")
    commit(target, tree(x="2\n"), "second")
    (target / "x").write_text("1\n")
    with pytest.raises(Refused, match="x"):
        require_usable(target)


def test_foreign_targets_are_refused(target: Path, tmp_path: Path) -> None:
    target.mkdir()
    require_usable(target)
    (target / "x").write_text("1")
    with pytest.raises(Refused, match="not a Git repository"):
        require_usable(target)
    git(target, "init", "-q")
    with pytest.raises(Refused, match="no commit yet"):
        require_usable(target)
    git(target, "add", "-A")
    git(target, "commit", "-qm", "theirs")
    with pytest.raises(Refused, match="did not write"):
        commit(target, tree(), "m")
    with pytest.raises(Refused, match="not a folder"):
        require_usable(target / "x")


def test_untracked_file_in_the_way_is_refused(target: Path) -> None:
    first = commit(target, tree(), "first")
    (target / "x").write_text("theirs")
    with pytest.raises(Refused, match="in the way: x"):
        commit(target, tree(x="1\n"), "second")
    assert git(target, "rev-parse", "HEAD") == first.sha
    assert (target / "x").read_text() == "theirs"


def test_link_out_of_the_target_is_not_followed(target: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    commit(target, tree(), "first")
    (target / "d").symlink_to(outside)
    with pytest.raises(Refused, match="in the way: d"):
        commit(target, tree(d__x="1\n"), "second")
    assert not list(outside.iterdir())


def test_missing_author_leaves_nothing_behind(target: Path, tmp_path: Path) -> None:
    (tmp_path / "gitconfig").write_text("")
    with pytest.raises(UserError, match=r"user\.name") as caught:
        commit(target, tree(), "m")
    assert "git config" in caught.value.hint
    assert not target.exists()


def test_hook_sees_the_commit_and_can_refuse(target: Path) -> None:
    first = commit(target, tree(x="1\n"), "first")
    hook = target / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ncat x > \"$GIT_DIR/seen\"; echo 'x is bad' >&2; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Refused, match="x is bad"):
        commit(target, tree(x="2\n"), "second")
    assert (target / ".git/seen").read_text() == "2\n"
    assert (target / "x").read_text() == "1\n"
    assert git(target, "rev-parse", "HEAD") == first.sha
    hook.write_text('#!/bin/sh\ntest "$(git diff --cached --name-only)" = x\n')
    assert commit(target, tree(x="2\n"), "second").changed


def hook_of(target: Path, name: str, text: str) -> None:
    hook = target / ".git/hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{text}\n")
    hook.chmod(0o755)


def test_message_hooks_may_change_the_message_and_refuse(target: Path) -> None:
    first = commit(target, tree(x="1\n"), "first")
    hook_of(
        target, "prepare-commit-msg", 'test "$2" = message && test "$(cat x)" = 2 && echo "Ticket: 7" >> "$1"'
    )
    hook_of(
        target,
        "commit-msg",
        'grep -q "^Ticket: 7" "$1" || exit 1; grep -q long "$1" || { echo "too short" >&2; exit 1; }',
    )
    with pytest.raises(Refused, match=r"commit-msg hook refuses.*too short"):
        commit(target, tree(x="2\n"), "brief")
    assert git(target, "rev-parse", "HEAD") == first.sha
    assert commit(target, tree(x="2\n"), "a long one").changed
    assert git(target, "log", "-1", "--format=%B") == "a long one\nTicket: 7"
    assert sorted(p.name for p in (target / ".git/openinfra").iterdir()) == ["lock"]


def test_a_hook_that_empties_the_message_makes_no_commit(target: Path) -> None:
    first = commit(target, tree(x="1\n"), "first")
    hook_of(target, "commit-msg", ': > "$1"')
    with pytest.raises(Refused, match="no commit message"):
        commit(target, tree(x="2\n"), "second")
    assert git(target, "rev-parse", "HEAD") == first.sha


def test_a_file_takes_the_place_of_a_folder_and_back(target: Path) -> None:
    commit(target, tree(a__x="1\n", a__b__y="1\n"), "first")
    (target / "a/empty").mkdir()
    commit(target, tree(a="file\n"), "second")
    assert (target / "a").read_text() == "file\n"
    commit(target, tree(a__x="2\n"), "third")
    assert (target / "a/x").read_text() == "2\n"
    assert git(target, "status", "--porcelain") == ""


def test_a_folder_with_a_file_of_the_user_is_not_replaced(target: Path) -> None:
    commit(target, tree(a__x="1\n"), "first")
    (target / "a/mine").write_text("mine")
    with pytest.raises(Refused, match="in the way: a"):
        commit(target, tree(a="file\n"), "second")
    assert (target / "a/mine").read_text() == "mine"
    assert (target / "a/x").read_text() == "1\n"


def test_commit_is_signed_when_configured(target: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with (tmp_path / "gitconfig").open("a") as config:
        config.write(f"signingkey = {key}\n[gpg]\nformat = ssh\n[commit]\ngpgsign = true\n")
    commit(target, tree(), "signed")
    assert "BEGIN SSH SIGNATURE" in git(target, "cat-file", "commit", "HEAD")


def test_other_repositorys_variables_are_ignored(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(target, tree(), "first")
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other-index"))
    commit(target, tree(x="1\n"), "second")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert git(target, "status", "--porcelain") == ""


def test_index_of_a_git_at_work_is_not_taken(target: Path) -> None:
    commit(target, tree(x="1\n"), "first")
    lock = target / ".git/index.lock"
    lock.write_text("")
    with pytest.raises(ToolError, match="another git command"):
        commit(target, tree(x="2\n"), "second")
    lock.unlink()
    require_usable(target)
    commit(target, tree(x="2\n"), "again")
    assert git(target, "status", "--porcelain") == ""
    assert git(target, "rev-list", "--count", "HEAD") == "2"


def test_a_ref_lock_of_another_git_is_not_taken(target: Path) -> None:
    first = commit(target, tree(x="1\n"), "first")
    lock = target / ".git/refs/heads/main.lock"
    lock.write_text("f" * 40 + "\n")
    (target / ".git/openinfra/pending").write_text(f"{first.sha} {'a' * 40}\n")
    with pytest.raises(ToolError, match="update-ref failed"):
        commit(target, tree(x="2\n"), "second")
    lock.write_text("a" * 40 + "\n")
    (target / ".git/openinfra/pending").write_text(f"{first.sha} {'a' * 40}\n")
    assert commit(target, tree(x="2\n"), "third").changed


def test_a_mark_that_was_never_written_holds_nothing_up(target: Path) -> None:
    commit(target, tree(x="1\n"), "first")
    (target / ".git/openinfra/pending").write_text("")
    assert commit(target, tree(x="2\n"), "second").changed


def test_touched_files_are_not_dirty(target: Path) -> None:
    commit(target, tree(x="1\n"), "first")
    os.utime(target / "x", (1, 1))
    require_usable(target)


def test_second_run_at_the_same_time_is_refused(target: Path) -> None:
    commit(target, tree(), "first")
    with (target / ".git/openinfra/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="another run"):
            commit(target, tree(x="1\n"), "second")
