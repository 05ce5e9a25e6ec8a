"""`openinfra-tui wizard`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openinfra_tui.errors import UserError
from openinfra_tui.tui.terminal import require_terminal

if TYPE_CHECKING:
    from openinfra_tui.flow.draft import Draft


@click.command("wizard")
@click.option("--answers", type=click.Path(path_type=Path, dir_okay=False), help="Begin from a site file.")
@click.option("--resume", is_flag=True, help="Go on with the answers that were kept.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal, for its own selection.")
def command(answers: Path | None, resume: bool, no_mouse: bool) -> None:
    """From the first question to a committed repository, on one screen."""
    if answers is not None and resume:
        raise UserError("--resume goes on with the answers that were kept; give nothing else to it")
    run(answers, resume=resume, mouse=not no_mouse)


def run(answers: Path | None = None, *, resume: bool = False, mouse: bool = True) -> None:
    """Show the wizard, and print what to do next once it has written; or go on with the drift view.

    Raises:
        UserError: there is no terminal for it, or the file cannot be read.
    """
    require_terminal(os.environ, "openinfra-tui new")
    from openinfra_tui.flow.state import state_file
    from openinfra_tui.tui.wizard.app import WizardApp

    state = state_file(os.environ)
    today = datetime.now(tz=UTC).date()
    app = WizardApp(today, state, _draft(answers, state) if answers is not None or resume else None)
    lines = app.run(mouse=mouse)
    if app.return_code:
        raise SystemExit(app.return_code)
    if lines is None:
        if state.exists():
            click.echo("The answers are kept. Go on with: openinfra-tui wizard --resume", err=True)
        raise click.Abort
    if isinstance(lines, Path):
        from openinfra_tui.cli.drift import show
        from openinfra_tui.flow.diff import Request

        show(Request(lines), read_only=False, mouse=mouse)
        return
    for line in lines:
        click.echo(line)


def _draft(answers: Path | None, state: Path) -> Draft:
    from openinfra_tui.flow.draft import blank, from_file, from_saved
    from openinfra_tui.flow.saved import load

    draft = blank(os.environ, Path.cwd())
    return from_saved(draft, load(state)) if answers is None else from_file(draft, answers.absolute())
