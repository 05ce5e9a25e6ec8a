"""Whether there is a terminal that can show a screen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Terminals that cannot move the cursor.
_DUMB = ("", "dumb", "unknown")


def require_terminal(environ: Mapping[str, str], plainly: str) -> None:
    """Refuse to draw where nobody would see it: Textual itself would start, and wait for ever.

    It reads stdin and paints on stderr; stdout stays free for what is printed at the end.

    Args:
        environ: `TERM` says what the terminal can do.
        plainly: the command that does the same without a screen.

    Raises:
        UserError: there is no terminal, or it is a dumb one.
    """
    hint = f"`{plainly}` does the same without one"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError("a screen needs a terminal for keys and for showing", hint)
    if environ.get("TERM", "") in _DUMB:
        raise UserError(f"TERM={environ.get('TERM', '')} cannot show a screen", hint)
