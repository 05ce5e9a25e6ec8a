"""`openinfra-tui plan`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from openinfra_tui.flow.generate import plan_site
from openinfra_tui.site.load import load_site


@click.command("plan")
@click.argument("site", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override an answer below spec."
)
@click.option("--output", "form", type=click.Choice(["text", "json", "mermaid"]), default="text")
def command(site: Path, overrides: tuple[str, ...], form: str) -> None:
    """Show what SITE will carry, and in what order."""
    plan, warnings = plan_site(load_site(site, overrides), datetime.now(tz=UTC).date())
    if form == "json":
        steps = [{"name": s.name, "component": s.component.name, "after": s.depends_on} for s in plan.steps]
        click.echo(json.dumps({"site": plan.site.name, "cluster": plan.cluster, "steps": steps}, indent=2))
    elif form == "mermaid":
        click.echo("flowchart LR")
        for step in plan.steps:
            click.echo(f'  {step.name}["{step.name}"]')
            for before in step.depends_on:
                click.echo(f"  {before} --> {step.name}")
    else:
        click.echo(f"{plan.site.name}: cluster {plan.cluster}, {len(plan.steps)} steps")
        for number, step in enumerate(plan.steps, 1):
            click.echo(f"{number:3}  {step.name:28} after {', '.join(step.depends_on) or 'nothing'}")
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
