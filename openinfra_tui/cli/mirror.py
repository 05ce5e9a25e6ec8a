"""`openinfra-tui mirror`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openinfra_tui.errors import NotValidated, printable
from openinfra_tui.flow.mirror_script import script
from openinfra_tui.flow.mirroring import needs
from openinfra_tui.site.load import load_site

if TYPE_CHECKING:
    from openinfra_tui.flow.mirroring import Needs

_site = click.argument("site", type=click.Path(path_type=Path, dir_okay=False))
_set = click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override an answer below spec."
)


@click.group("mirror")
def command() -> None:
    """What a site needs from the internet, and how to copy it."""


@command.command("list")
@_site
@_set
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text")
def list_(site: Path, overrides: tuple[str, ...], form: str) -> None:
    """Every chart, Git source and image that SITE needs.

    What nobody has listed is named, and the exit code is 7.
    """
    wanted = _needs(site, overrides)
    if form == "json":
        click.echo(json.dumps(asdict(wanted), indent=2))
    else:
        _text(wanted)
    if wanted.unknown:
        raise NotValidated(f"not known: {'; '.join(wanted.unknown)}", "add these to what you copy")


@command.command("script")
@_site
@_set
def script_(site: Path, overrides: tuple[str, ...]) -> None:
    """A bash script that copies what SITE needs into its mirrors."""
    click.echo(script(_needs(site, overrides)), nl=False)


def _needs(site: Path, overrides: tuple[str, ...]) -> Needs:
    return needs(load_site(site, overrides), datetime.now(tz=UTC).date())


def _text(wanted: Needs) -> None:
    for chart in wanted.charts:
        _line("chart", f"{chart.name} {chart.version}  {chart.source}", chart.source, chart.mirror)
    for source in wanted.git:
        _line("git", f"{source.url} {source.tag} {source.commit}", source.url, source.mirror)
    for image in wanted.images:
        _line("image", image.reference, image.reference, image.mirror)
        for use in image.used_by:
            click.echo(printable(f"         {use.component}  {use.key}"))


def _line(kind: str, text: str, source: str, mirror: str) -> None:
    click.echo(printable(f"{kind:7}  {text}" + (f"  ->  {mirror}" if mirror != source else "")))
