"""`openinfra-tui schema`."""

from __future__ import annotations

import click

from openinfra_tui.resources import schema_path


@click.command("schema")
@click.argument("name", type=click.Choice(["site", "component"]), default="site")
def command(name: str) -> None:
    """Print the JSON Schema of a site or of a component."""
    click.echo(schema_path(f"{name}-v1alpha1").read_text("utf-8"), nl=False)
