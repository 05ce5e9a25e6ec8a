"""What this machine lacks: a user's tests leave it out in one line, continuous integration fails."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


class Missing(Exception):
    """A program or a file that is not here; the message says in one line what to install."""


class NotShipped(Missing):
    """A file that no clone of the repository can get by itself; not even CI must have it."""


def tool(name: str, package: str) -> str:
    """The path of a program of the system.

    Raises:
        Missing: it is not on PATH.
    """
    if found := shutil.which(name):
        return found
    raise Missing(f"{name} is not installed: apt-get install {package}")


def leave_out(reason: Missing) -> NoReturn:
    """Skip for a user, fail where `CI=true` says that everything must be here."""
    if os.environ.get("CI") == "true" and not isinstance(reason, NotShipped):
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))
