"""`openinfra-tui check`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from openinfra_tui.check.run import check
from openinfra_tui.cli.progress import narrated
from openinfra_tui.errors import CheckFailed, NotValidated, printable


@click.command("check")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--crds", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder of CRDs.")
@click.option("--kustomize", envvar="OPENINFRA_KUSTOMIZE", help="The kustomize to use.")
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text")
def command(directory: Path, crds: Path | None, kustomize: str | None, form: str) -> None:
    """Check the generated repository in DIRECTORY, offline."""
    with narrated(f"reading {directory}") as tell:
        report = check(directory, kustomize=kustomize, crds=crds, progress=tell)
    if form == "json":
        printed = {
            "faults": [asdict(fault) for fault in report.faults],
            "warnings": [asdict(warning) for warning in report.warnings],
            "validated": report.validated,
            "unvalidated": dict(report.unvalidated),
            "schemas": dict(report.schemas),
        }
        click.echo(json.dumps(printed, indent=2))
    else:
        for fault in report.faults:
            click.echo(printable(f"{fault.file}: {fault.kind}: {fault.message}"))
        for warning in report.warnings:
            click.echo(printable(f"{warning.file}: warning: {warning.message}"))
        click.echo(f"{report.validated} objects validated, {len(report.faults)} faults")
        for minor, used in sorted(report.schemas.items()):
            click.echo(printable(f"Kubernetes {minor}: judged by the schemas of {used}"))
        for kind, count in sorted(report.unvalidated.items()):
            click.echo(printable(f"not validated: {count} {kind}"))
    if report.faults:
        raise CheckFailed(f"{len(report.faults)} faults in {directory}")
    if report.unvalidated:
        kinds = ", ".join(sorted(report.unvalidated))
        raise NotValidated(f"could not be validated: {kinds}", "name a folder with their definitions: --crds")
