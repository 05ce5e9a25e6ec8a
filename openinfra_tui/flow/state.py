"""Where the program keeps what is to be gone on with. Imports nothing, as first screens wait for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def state_file(environ: Mapping[str, str]) -> Path:
    """Where answers are kept.

    https://specifications.freedesktop.org/basedir-spec/latest/: a relative path is to be ignored.
    """
    base = Path(environ.get("XDG_STATE_HOME", ""))
    return (
        (base if base.is_absolute() else Path.home() / ".local" / "state") / "openinfra-tui" / "answers.json"
    )
