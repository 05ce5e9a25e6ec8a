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


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """A function that tells a step and how far it is: a line a step, and on a terminal a bar that goes away.

    Yields:
        tell: the step, how much of it is done, and how much there is (0 when that is not known).
    """
    told: set[str] = set()
    if not sys.stderr.isatty():

        def line(step: str, _: int, total: int) -> None:
            if step not in told:
                told.add(step)
                click.echo(f"{step} ({total} objects)" if total else step, err=True)

        yield line
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def move(step: str, done: int, total: int) -> None:
            progress.update(task, description=escape(step), completed=done, total=total or None)

        yield move
