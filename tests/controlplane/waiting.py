"""Waiting for what the API server does not tell by one object."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], *, timeout: float = 30.0, say: Callable[[], str] = str) -> None:
    """Return as soon as it holds.

    Raises:
        TimeoutError: it did not in time; the message is what `say` says then.
    """
    deadline = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not after {timeout:g} s: {say()}")
        time.sleep(0.1)
