"""`openinfra-tui generate`."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openinfra_tui.cli.progress import narrated
from openinfra_tui.errors import printable
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.update import Accept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openinfra_tui.flow.effect import Effect
    from openinfra_tui.flow.generate import Generated


@click.command("generate")
@click.argument("site", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Repository.")
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override an answer below spec."
)
@click.option("--age-key", type=click.Path(path_type=Path, dir_okay=False), help="Identity of `operator`.")
@click.option(
    "--rotate",
    multiple=True,
    metavar="NAME",
    help="Make this secret anew; needs --age-key, except with sealed-secrets.",
)
@click.option(
    "--secret",
    "given",
    multiple=True,
    metavar="NAME=FILE",
    help="A secret that you bring: its file, of one line.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sealed Secrets: seal for this certificate from now on.",
)
@click.option("--no-commit", is_flag=True, help="Write the files and make no commit.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print the diff of what would be committed.")
@click.option(
    "--review", is_flag=True, help="Write nothing; print the diff from your files to the new render."
)
@click.option("--accept-ours", multiple=True, metavar="PATH", help="Keep your side of conflicts there.")
@click.option("--accept-theirs", multiple=True, metavar="PATH", help="Take the new side of conflicts there.")
@click.option("--kustomize", envvar="OPENINFRA_KUSTOMIZE", help="The kustomize to use.")
def command(
    site: Path,
    output: Path,
    overrides: tuple[str, ...],
    age_key: Path | None,
    rotate: tuple[str, ...],
    given: tuple[str, ...],
    certificate: Path | None,
    no_commit: bool,
    kustomize: str | None,
    dry_run: bool,
    review: bool,
    accept_ours: tuple[str, ...],
    accept_theirs: tuple[str, ...],
) -> None:
    """Write the repository of SITE, as one commit.

    What you edited since the last time is merged with what changes; where both changed the same, nothing is
    written and both sides are shown (exit code 8).
    """
    accept = Accept(accept_ours, accept_theirs)
    request = Request(
        site,
        output,
        overrides,
        age_key,
        rotate,
        not no_commit,
        kustomize,
        dict(map(named_file, given)),
        dry_run,
        review,
        accept,
        certificate,
    )
    today = datetime.now(tz=UTC).date()
    with narrated(f"reading {site}") as tell:
        done = generate(request, today, tell)
    tell_outcome(request, done)
    if done.diff is None:
        click.echo(f"repeat: {shlex.join(_words(request))}", err=True)


def tell_outcome(request: Request, done: Generated) -> None:
    """Print what `generate` came to."""
    for warning in done.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    for path in done.left:
        click.echo(
            printable(
                f"left as it is: {path}; this version writes it differently, and `generate` takes that"
            ),
            err=True,
        )
    when = "would change with these" if done.left else "changes with the components"
    for effect in done.effects:
        click.echo(printable(f"site {effect.site} {when}: {', '.join(effect.places)}"), err=True)
    for note in done.notes:
        click.echo(printable(f"secrets: {note}"), err=True)
    if done.diff is not None:
        click.echo(printable(done.diff), nl=False)
        for diff, names in _together(done.effects).items():
            click.echo(f"sites {', '.join(names)}:\n{diff}", nl=False)
        click.echo("nothing was written, as asked", err=True)
        return
    without = "nothing changed, no commit" if request.commit else "no commit, as asked"
    click.echo(f"{done.files} files in {request.output}: {done.commit or without}", err=True)


def _together(effects: Sequence[Effect]) -> dict[str, list[str]]:
    """By diff, the sites that it is the same for but for their names."""
    out: dict[str, list[str]] = {}
    for effect in effects:
        if effect.diff:
            out.setdefault(effect.diff.replace(f"sites/{effect.site}/", "sites/SITE/"), []).append(
                effect.site
            )
    return out


def named_file(text: str) -> tuple[str, Path]:
    """The words of `--secret`.

    Raises:
        BadParameter: it is not NAME=FILE.
    """
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise click.BadParameter(f"{text!r} is not NAME=FILE", param_hint="--secret")
    return name, Path(file)


def _words(request: Request) -> list[str]:
    words = ["openinfra-tui", "generate", str(request.site), "--output", str(request.output)]
    for override in request.overrides:
        words += ["--set", override]
    if request.age_key is not None:
        words += ["--age-key", str(request.age_key)]
    return words
