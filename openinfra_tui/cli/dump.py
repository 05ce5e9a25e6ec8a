"""`openinfra-tui dump`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from openinfra_tui.errors import NotValidated
from openinfra_tui.flow.dump import run


@click.command("dump")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--context", help="Context of the kubeconfig.")
@click.option(
    "--kubeconfig", "config", type=click.Path(path_type=Path, exists=True), help="One kubeconfig file."
)
def command(file: Path, context: str | None, config: Path | None) -> None:
    """Write the objects of a cluster to FILE, for `diff --from-dump`; values of Secrets as digests."""
    text, refused = asyncio.run(run(context, config))
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    for line in refused:
        click.echo(f"not read: {line}", err=True)
    if refused:
        raise NotValidated(f"{len(refused)} kinds could not be read; {file} holds the others")
