"""`openinfra-tui preset`."""

from __future__ import annotations

import click

from openinfra_tui.catalog.presets import preset_names, preset_text


@click.group("preset")
def command() -> None:
    """List presets, or show one as a site file."""


@command.command("list")
def list_presets() -> None:
    """The names of all presets."""
    for name in preset_names():
        click.echo(name)


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print the site file of preset NAME."""
    click.echo(preset_text(name), nl=False)
