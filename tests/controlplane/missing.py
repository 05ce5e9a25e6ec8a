"""What this machine lacks: a user's tests leave it out in one line, continuous integration fails."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest


class Missing(Exception):
    """A program or a file that is not here; the message says in one line what to install."""


class NotShipped(Missing):
    """A file that no clone of the repository can get by itself; not even CI must have it."""


def tool(name: str, package: str) -> str:
    """The path of a program of the system, or of a package that was installed beside this Python.

    Raises:
        Missing: it is nowhere to be found.
    """
    beside = Path(sys.executable).parent
    if found := shutil.which(name, path=os.pathsep.join([str(beside), os.environ.get("PATH", os.defpath)])):
        return found
    raise Missing(f"{name} is not installed: apt-get install {package}")


def leave_out(reason: Missing) -> NoReturn:
    """Skip for a user, fail where `CI=true` says that everything must be here."""
    if os.environ.get("CI") == "true" and not isinstance(reason, NotShipped):
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason))
