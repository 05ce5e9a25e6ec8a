"""`openinfra-tui doctor`."""

from __future__ import annotations

import click

from openinfra_tui.build.doctor import inspect_tools
from openinfra_tui.errors import ToolError


@click.command("doctor")
@click.option("--kustomize", envvar="OPENINFRA_KUSTOMIZE", help="The kustomize to use.")
def command(kustomize: str | None) -> None:
    """Show which programs are present, and their versions."""
    tools = inspect_tools(kustomize)
    for tool in tools:
        state = f"{tool.version:12} {tool.path}" if tool.usable else tool.problem
        need = "required" if tool.required else "optional"
        click.echo(f"{tool.name:10} {need}  {state}")
    broken = [tool.name for tool in tools if tool.required and not tool.usable]
    if broken:
        raise ToolError(f"required and not usable: {', '.join(broken)}", "install them and put them on PATH")
