"""Where a repository stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.repo.command import git_in

if TYPE_CHECKING:
    from pathlib import Path


def branch_of(folder: Path) -> str:
    """The branch that is checked out; empty where HEAD is a commit, or where there is no Git."""
    if not (folder / ".git").exists():
        return ""
    return git_in(folder, "symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1)).strip()
