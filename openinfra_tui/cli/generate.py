"""`openinfra-tui generate`."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from openinfra_tui.flow.generate import Request, generate


@click.command("generate")
@click.argument("site", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Repository.")
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override an answer below spec."
)
@click.option("--age-key", type=click.Path(path_type=Path, dir_okay=False), help="Identity of `operator`.")
@click.option("--rotate", multiple=True, metavar="NAME", help="Make this secret anew; needs --age-key.")
def command(
    site: Path, output: Path, overrides: tuple[str, ...], age_key: Path | None, rotate: tuple[str, ...]
) -> None:
    """Write the repository of SITE, as one commit."""
    request = Request(site, output, overrides, age_key, rotate)
    today = datetime.now(tz=UTC).date()
    done = generate(request, today, lambda line: click.echo(line, err=True))
    for warning in done.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{done.files} files in {output}: {done.commit or 'nothing changed, no commit'}", err=True)
    click.echo(f"repeat: {shlex.join(_words(request))}", err=True)


def _words(request: Request) -> list[str]:
    words = ["openinfra-tui", "generate", str(request.site), "--output", str(request.output)]
    for override in request.overrides:
        words += ["--set", override]
    if request.age_key is not None:
        words += ["--age-key", str(request.age_key)]
    return words
