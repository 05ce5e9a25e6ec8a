"""A commit is killed at its N-th system call of a kind; the next run must complete it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from openinfra_tui.repo.commit import Render, commit_tree
from openinfra_tui.repo.render import read_history
from openinfra_tui.repo.target import require_usable
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from pathlib import Path

STRACE = shutil.which("strace")
pytestmark = [
    pytest.mark.usefixtures("git_author"),
    # In CI a missing tool fails; on a developer's machine it is said.
    pytest.mark.skipif(STRACE is None and "CI" not in os.environ, reason="strace is not installed"),
]

OLD = {".openinfra/s": "1\n", "a": "old\n", "gone/x": "1\n", "same": "s\n"}
NEW = {".openinfra/s": "1\n", "a": "new\n", "more/deep/x": "2\n", "same": "s\n"}
SCRIPT = """
import sys, json, pathlib
from openinfra_tui.repo.commit import Render, commit_tree
from openinfra_tui.tree.model import File, Tree
files = json.loads(sys.argv[2])
print("ready", flush=True)
tree = Tree({p: File(t.encode(), "t") for p, t in files.items()})
commit_tree(pathlib.Path(sys.argv[1]), tree, "m", Render("s", tree))
"""
CALLS = ("rename", "unlink", "unlinkat", "rmdir", "mkdir", "link,linkat", "vfork,clone,clone3,fork", "write")


def as_tree(files: dict[str, str]) -> Tree:
    return Tree({path: File(text.encode(), "t") for path, text in files.items()})


def git(target: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=target, check=True, capture_output=True, text=True
    ).stdout.strip()


def killed(target: Path, call: str, count: int) -> bool:
    import json

    done = subprocess.run(
        [
            str(STRACE),
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            f"trace={call}",
            "-e",
            f"inject={call}:signal=SIGKILL:when={count}",
            sys.executable,
            "-B",
            "-c",
            SCRIPT,
            str(target),
            json.dumps(NEW),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode == 0:
        return False
    assert done.returncode in (-9, 137), done.stderr
    return True


def survives(folder: Path, call: str, count: int) -> bool:
    target = folder / f"{call}-{count}"
    old = commit_tree(target, as_tree(OLD), "old", Render("s", as_tree(OLD))).sha
    hit = killed(target, call, count)
    now = git(target, "rev-parse", "HEAD")
    assert now == old or git(target, "rev-parse", "HEAD^") == old
    require_usable(target)
    base = read_history(target, "s").base
    assert base is not None
    assert base["a"].content == (b"old\n" if now == old else b"new\n")
    commit_tree(target, as_tree(NEW), "again", Render("s", as_tree(NEW)))
    assert git(target, "rev-list", "--count", "openinfra/s") == "2"
    assert git(target, "rev-parse", "openinfra/s^{tree}") == git(target, "rev-parse", "HEAD^{tree}")
    assert git(target, "status", "--porcelain") == ""
    assert git(target, "rev-list", "--count", "HEAD") == "2"
    for path, text in NEW.items():
        assert (target / path).read_text() == text
    assert not (target / "gone").exists()
    assert sorted(p.name for p in (target / ".git/openinfra").iterdir()) == ["lock"]
    return hit


@pytest.mark.parametrize(
    ("call", "count"), [("rename", 1), ("rename", 2), ("rename", 4), ("unlink", 2), ("link,linkat", 1)]
)
def test_kill_at_one_call(tmp_path: Path, call: str, count: int) -> None:
    assert survives(tmp_path, call, count), "the kill never came"


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_kill_at_every_call(tmp_path: Path, call: str) -> None:
    hits = 0
    for count in range(1, 400):
        if not survives(tmp_path, call, count):
            break
        hits += 1
    assert hits or call == "unlinkat"
