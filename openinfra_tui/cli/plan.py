"""`openinfra-tui plan`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from openinfra_tui.catalog.built import not_built
from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.flow.planning import check_answers, plan_site
from openinfra_tui.plan.picture import picture
from openinfra_tui.site.load import load_site

if TYPE_CHECKING:
    from openinfra_tui.plan.model import Step
    from openinfra_tui.site.model import Site


@click.command("plan")
@click.argument("site", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override an answer below spec."
)
@click.option("--output", "form", type=click.Choice(["text", "json", "mermaid"]), default="text")
def command(site: Path, overrides: tuple[str, ...], form: str) -> None:
    """Show what SITE will carry, and in what order."""
    answers = load_site(site, overrides)
    today = datetime.now(tz=UTC).date()
    missing = not_built(answers)
    steps: tuple[Step, ...] = ()
    if missing:
        warnings = check_answers(answers, today)
    else:
        plan, warnings = plan_site(answers, today)
        steps = plan.steps
    printer = {"json": _json, "mermaid": _mermaid, "text": _text}[form]
    printer(answers, steps)
    for line in missing:
        click.echo(f"not built yet, so generate refuses it: {line}", err=True)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _text(site: Site, steps: tuple[Step, ...]) -> None:
    catalog = load_catalog()
    click.echo(picture(site, catalog, unicode=_draws_boxes()))
    placement = catalog.placement(site.get("placement"))
    for cluster in placement.clusters if placement else ():
        lines = wrap(", ".join(cluster.carries), 76, break_on_hyphens=False)
        click.echo("\n  ".join([f"{cluster.role} carries", *lines]))
    for number, step in enumerate(steps, 1):
        click.echo(f"{number:3}  {step.name:28} after {', '.join(step.depends_on) or 'nothing'}")


def _draws_boxes() -> bool:
    """Whether the terminal can show box characters."""
    return "utf" in (sys.stdout.encoding or "").lower()


def _json(site: Site, steps: tuple[Step, ...]) -> None:
    placement = load_catalog().placement(site.get("placement"))
    clusters = [
        {"role": c.role, "madeBy": c.made_by, "carries": c.carries}
        for c in (placement.clusters if placement else ())
    ]
    printed = [{"name": s.name, "component": s.component.name, "after": s.depends_on} for s in steps]
    click.echo(json.dumps({"site": site.name, "clusters": clusters, "steps": printed}, indent=2))


def _mermaid(site: Site, steps: tuple[Step, ...]) -> None:
    click.echo(f"%% {site.name}\nflowchart LR")
    for step in steps:
        click.echo(f'  {step.name}["{step.name}"]')
        for before in step.depends_on:
            click.echo(f"  {before} --> {step.name}")
