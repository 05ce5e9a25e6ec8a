"""One run at a time, and what a killed one left is cleared away."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from openinfra_tui.errors import Refused
from openinfra_tui.repo.command import private, work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from git import Repo


@contextmanager
def locked(repo: Repo) -> Iterator[None]:
    """Hold the repository against other runs; what a killed run left in our folder is cleared away."""
    folder = private(repo)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"another run is writing {work(repo)}", "wait until it has finished") from error
        index_lock = Path(repo.git_dir) / "index.lock"
        if index_lock.exists() and own_index(repo).exists() and index_lock.samefile(own_index(repo)):
            index_lock.unlink()  # the same file as ours: a killed run of ours, not a git that is at work
        _clear(repo)
        try:
            yield
        finally:
            _clear(repo)


def _clear(repo: Repo) -> None:
    for name in ("blobs", "out"):
        shutil.rmtree(private(repo) / name, ignore_errors=True)
    for name in ("index", "index.lock", "COMMIT_EDITMSG"):
        (private(repo) / name).unlink(missing_ok=True)


def own_index(repo: Repo) -> Path:
    """The index in which we build a commit; Git's own is replaced only at the end."""
    return (private(repo) / "index").resolve()
