"""`openinfra-tui drift`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openinfra_tui.tui.terminal import require_terminal

if TYPE_CHECKING:
    from openinfra_tui.flow.diff import Request

_FILE = click.Path(path_type=Path, exists=True)


@click.command("drift")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--kubeconfig", "config", type=_FILE, help="One kubeconfig file.")
@click.option("--site", default="", help="Whose entry point is meant.")
@click.option("--read-only", is_flag=True, help="Nothing can be changed from here.")
@click.option("--from-dump", "dump", type=_FILE, help="A dump of a cluster instead of an API server.")
@click.option("--age-key", type=_FILE, envvar="SOPS_AGE_KEY_FILE", help="Opens SOPS values.")
@click.option("--kustomize", envvar="OPENINFRA_KUSTOMIZE", help="The kustomize to use.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal, for its own selection.")
def command(
    directory: Path,
    context: str | None,
    config: Path | None,
    site: str,
    read_only: bool,
    dump: Path | None,
    age_key: Path | None,
    kustomize: str | None,
    no_mouse: bool,
) -> None:
    """Show, live, where a cluster leaves the repository in DIRECTORY, and put the two back together.

    Nothing is written before an action is confirmed, and every request of an action is shown first.
    """
    require_terminal(os.environ, "openinfra-tui diff")
    from openinfra_tui.flow.diff import Request

    request = Request(directory, context, config, site, dump=dump, age_key=age_key, kustomize=kustomize)
    show(request, read_only=read_only or dump is not None, mouse=not no_mouse)


def show(request: Request, *, read_only: bool, mouse: bool) -> None:
    """Show the drift view until it is left."""
    from openinfra_tui.tui.drift.app import DriftApp

    app = DriftApp(request, read_only=read_only)
    app.run(mouse=mouse)
    if app.return_code:
        raise SystemExit(app.return_code)
