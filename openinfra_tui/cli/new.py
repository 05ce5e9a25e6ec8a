"""`openinfra-tui new`."""

from __future__ import annotations

import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openinfra_tui.errors import UserError
from openinfra_tui.flow.new import Beginning, begin, repeat_words, still_open, write_site
from openinfra_tui.flow.saved import Saved, forget, load, save
from openinfra_tui.flow.state import state_file

if TYPE_CHECKING:
    from openinfra_tui.cli.prompts.face import Face
    from openinfra_tui.questions.answers import Answers


@click.command("new")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="site.yaml")
@click.option("--preset", default="", metavar="NAME", help="Begin from a preset, and ask only what is yours.")
@click.option("--answers", type=click.Path(path_type=Path, dir_okay=False), help="Begin from a site file.")
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="An answer, or metadata.name=VALUE."
)
@click.option("--all", "everything", is_flag=True, help="Ask every question, also after a preset.")
@click.option("--resume", is_flag=True, help="Go on with the answers that were kept.")
@click.option("--no-input", is_flag=True, help="Ask nothing; list everything that is missing.")
@click.option("--plain", is_flag=True, help="Numbered prompts, as on a dumb terminal.")
def command(
    file: Path,
    preset: str,
    answers: Path | None,
    overrides: tuple[str, ...],
    everything: bool,
    resume: bool,
    no_input: bool,
    plain: bool,
) -> None:
    """Ask for a site, and write its site file FILE (default: site.yaml)."""
    beginning = Beginning(preset, answers, overrides)
    if resume and (beginning != Beginning() or no_input):
        raise UserError("--resume goes on with the answers that were kept; give nothing else to it")
    if no_input:
        _without_a_question(file, beginning)
    elif not sys.stdin.isatty():
        raise UserError(
            "there is no terminal to ask at", "give --no-input, and answers by --answers or --set"
        )
    else:
        from openinfra_tui.cli.prompts.conversation import face_of

        _by_asking(face_of(os.environ, plain=plain), file, beginning, resume=resume, everything=everything)


def _without_a_question(file: Path, beginning: Beginning) -> None:
    answers = begin(beginning)
    missing = still_open(answers, beginning, datetime.now(tz=UTC).date())
    if missing:
        raise UserError("\n".join(missing), "give each by --set PATH=VALUE, or in a file by --answers")
    write_site(file, answers, replace=False)
    _wrote(file, answers, beginning.preset)


def _by_asking(face: Face, file: Path, beginning: Beginning, *, resume: bool, everything: bool) -> None:
    from openinfra_tui.cli.prompts.conversation import begin_anew, may_write
    from openinfra_tui.cli.prompts.interview import Interview

    state = state_file(os.environ)
    everything = everything or not beginning.preset
    try:
        if resume or (state.exists() and not begin_anew(face, load(state))):
            kept = load(state)
            first, file, everything, beginning = kept.answers, kept.file, kept.everything, Beginning()
        else:
            first = begin(beginning)
        interview = Interview(
            face,
            datetime.now(tz=UTC).date(),
            everything,
            str(file),
            lambda answers: save(state, Saved(answers, file.absolute(), everything)),
        )
        answers = interview.run(first)
        if not may_write(face, file, answers):
            raise KeyboardInterrupt
        write_site(file, answers, replace=True)
    except KeyboardInterrupt as error:
        if state.exists():
            click.echo("\nThe answers are kept. Go on with: openinfra-tui new --resume", err=True)
        raise click.Abort from error
    forget(state)
    _wrote(file, answers, beginning.preset)


def _wrote(file: Path, answers: Answers, preset: str) -> None:
    click.echo(f"wrote {file}")
    click.echo(f"next: {shlex.join(['openinfra-tui', 'generate', str(file), '--output', 'REPOSITORY'])}")
    click.echo(f"repeat: {shlex.join(repeat_words(file, answers, preset))}")
