"""`openinfra-tui generate`."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from openinfra_tui.cli.progress import narrated
from openinfra_tui.flow.generate import Request, generate


@click.command("generate")
@click.argument("site", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Repository.")
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override an answer below spec."
)
@click.option("--age-key", type=click.Path(path_type=Path, dir_okay=False), help="Identity of `operator`.")
@click.option("--rotate", multiple=True, metavar="NAME", help="Make this secret anew; needs --age-key.")
@click.option(
    "--secret",
    "given",
    multiple=True,
    metavar="NAME=FILE",
    help="A secret that you bring: its file, of one line.",
)
@click.option("--no-commit", is_flag=True, help="Write the files and make no commit.")
@click.option("--kustomize", envvar="OPENINFRA_KUSTOMIZE", help="The kustomize to use.")
def command(
    site: Path,
    output: Path,
    overrides: tuple[str, ...],
    age_key: Path | None,
    rotate: tuple[str, ...],
    given: tuple[str, ...],
    no_commit: bool,
    kustomize: str | None,
) -> None:
    """Write the repository of SITE, as one commit."""
    request = Request(
        site, output, overrides, age_key, rotate, not no_commit, kustomize, dict(map(_named_file, given))
    )
    today = datetime.now(tz=UTC).date()
    with narrated(f"reading {site}") as tell:
        done = generate(request, today, tell)
    for warning in done.warnings:
        click.echo(f"warning: {warning}", err=True)
    without = "no commit, as asked" if no_commit else "nothing changed, no commit"
    click.echo(f"{done.files} files in {output}: {done.commit or without}", err=True)
    click.echo(f"repeat: {shlex.join(_words(request))}", err=True)


def _named_file(text: str) -> tuple[str, Path]:
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
