"""How a command ends."""

from __future__ import annotations

import os
import sys


class AtOnce(SystemExit):
    """The end of a command that has read much and leaves nothing to clean up."""


def leave(end: AtOnce) -> None:
    """End the process without taking apart, object by object, what goes with it anyway.

    Returns where something that was printed cannot be written: then Python itself ends the process, and says
    so.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(end.code if isinstance(end.code, int) else 1)
