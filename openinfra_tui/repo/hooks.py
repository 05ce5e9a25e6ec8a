"""The hooks of the repository, in the order of `git commit`: pre-commit, prepare-commit-msg, commit-msg.

They run in a checkout of what will be committed, because the work tree follows only afterwards.
Source: githooks(5).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from openinfra_tui.errors import Refused, ToolError
from openinfra_tui.repo.command import git, private
from openinfra_tui.repo.lock import own_index

if TYPE_CHECKING:
    from git import Repo

# Each with the arguments that `git commit -F` gives it; {} is the file of the message.
_HOOKS = (("pre-commit",), ("prepare-commit-msg", "{}", "message"), ("commit-msg", "{}"))


def run_hooks(repo: Repo, message: str) -> str:
    """Run the hooks that are there, and return the message as they leave it.

    Raises:
        Refused: a hook returned a failure, or left no message. Nothing was changed.
    """
    present = [(name, *words) for name, *words in _HOOKS if _is_there(repo, name)]
    if not present:
        return message
    out = checkout(repo, None)
    file = private(repo).resolve() / "COMMIT_EDITMSG"
    file.write_text(message.rstrip("\n") + "\n", "utf-8")
    env = {"GIT_WORK_TREE": str(out), "GIT_INDEX_FILE": str(own_index(repo)), "GIT_EDITOR": ":"}
    for name, *words in present:
        given = [word.format(file) for word in words]
        try:
            git(repo, "-C", str(out), "hook", "run", name, *(["--", *given] if given else []), env=env)
        except ToolError as error:
            raise Refused(
                f"the {name} hook refuses: {error.message}", "mend what it names; nothing was committed"
            ) from error
    shutil.rmtree(out)
    left = file.read_text("utf-8", "surrogateescape")
    if not left.strip():
        raise Refused("a hook left no commit message", "mend the hook; nothing was committed")
    return left


def _is_there(repo: Repo, name: str) -> bool:
    hook = Path(git(repo, "rev-parse", "--path-format=absolute", "--git-path", f"hooks/{name}"))
    return hook.is_file() and os.access(hook, os.X_OK)


def checkout(repo: Repo, paths: list[str] | None) -> Path:
    """Write files of our index, all without `paths`, below a folder of ours, through Git's filters."""
    out = (private(repo) / "out").resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    which = ["--all"] if paths is None else ["-z", "--stdin"]
    feed = b"" if paths is None else "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    git(
        repo,
        "checkout-index",
        "--force",
        f"--prefix={out}/",
        *which,
        stdin=feed,
        env={"GIT_INDEX_FILE": str(own_index(repo))},
    )
    return out
