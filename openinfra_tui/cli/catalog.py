"""`openinfra-tui catalog`."""

from __future__ import annotations

import click

from openinfra_tui.catalog.read import load_catalog


@click.command("catalog")
def command() -> None:
    """Show what exists, and what this version can write."""
    catalog = load_catalog()
    click.echo("deployers (* this version writes that series)")
    for deployer in catalog.deployers:
        series = (f"{one}*" if one in deployer.built else one for one in deployer.series)
        click.echo(f"  {deployer.id:24} {', '.join(series)}")
    click.echo("placements")
    for placement in catalog.placements:
        click.echo(f"  {placement.id:18} {_state(placement.built)}  {placement.title}")
    click.echo("engines")
    for engine in catalog.engines:
        click.echo(f"  {engine.id:18} {_state(engine.built)}  {engine.version}")
    click.echo("series")
    for one in catalog.series:
        click.echo(f"  {one.id:18} {one.name}")
    click.echo("distributions")
    for distribution in catalog.distributions:
        click.echo(f"  {distribution.id} {distribution.release}")
    click.echo("kubernetes")
    click.echo(f"  {', '.join(minor.id for minor in catalog.minors)}")


def _state(built: bool) -> str:
    return "built        " if built else "not built yet"
