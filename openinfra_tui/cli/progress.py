"""What is going on, on stderr: plain lines, and on a terminal a moving line below them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def narrated(start: str) -> Iterator[Callable[[str], None]]:
    """A function that tells a finished phase; NO_COLOR and TERM=dumb hold as rich reads them.

    Args:
        start: what is under way until the first phase is done.
    """
    if not sys.stderr.isatty():
        yield lambda line: click.echo(line, err=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    with console.status(Text(start)) as status:

        def tell(line: str) -> None:
            console.print(Text(line))  # a Text, because a line may hold names that look like markup
            status.update(Text(f"after {line}"))

        yield tell
