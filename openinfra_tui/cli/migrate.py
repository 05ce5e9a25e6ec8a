"""`openinfra-tui migrate`."""

from __future__ import annotations

from pathlib import Path

import click

from openinfra_tui.flow.migrate import migrate


@click.command("migrate")
@click.argument("site", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Write nothing; print the diff.")
def command(site: Path, dry_run: bool) -> None:
    """Bring the format of SITE, a site file, to the current one; comments and order stay."""
    done = migrate(site, write=not dry_run)
    click.echo(done.diff, nl=False)
    if not done.comments_kept:
        click.echo("warning: the comments could not be kept; the diff shows them", err=True)
    if not done.diff:
        click.echo(f"{site} has the current format", err=True)
    elif dry_run:
        click.echo("nothing was written, as asked", err=True)
