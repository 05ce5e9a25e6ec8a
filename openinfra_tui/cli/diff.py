"""`openinfra-tui diff`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import click

from openinfra_tui.drift.model import VERDICTS
from openinfra_tui.drift.report import FAILS_ON, Report
from openinfra_tui.drift.writers import WRITERS, as_text
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.flow.diff import Progress, Request, run

_FILE = click.Path(path_type=Path, exists=True)


def _verdicts(_: click.Context, parameter: click.Parameter, value: str | None) -> frozenset[str]:
    names = frozenset(part.strip() for part in (value or "").split(",") if part.strip())
    if unknown := names - set(VERDICTS):
        known = ", ".join(VERDICTS)
        raise click.BadParameter(f"{', '.join(sorted(unknown))}; known: {known}", param=parameter)
    return names


@click.command("diff")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--kubeconfig", "config", type=_FILE, help="One kubeconfig file.")
@click.option("--site", default="", help="Whose entry point is meant.")
@click.option("--revision", default="", help="A commit instead of the work tree.")
@click.option("--from-dump", "dump", type=_FILE, help="A dump of a cluster instead of an API server.")
@click.option("--output", "form", type=click.Choice(list(WRITERS)), default="text")
@click.option("--only", callback=_verdicts, help="Show only these verdicts, with commas.")
@click.option("--fail-on", callback=_verdicts, help="Verdicts that exit with 1.")
@click.option("-l", "--selector", default="", help="Labels of the objects that are looked at.")
@click.option("--namespace", "-n", default="", help="The namespace that is looked at.")
@click.option("--against", type=click.Choice(["applied", "head"]), help="Compare with one of the two only.")
@click.option("--summary", is_flag=True, help="Only the counts.")
@click.option("--color", "when", type=click.Choice(["auto", "always", "never"]), default="auto")
@click.option("--age-key", type=_FILE, envvar="SOPS_AGE_KEY_FILE", help="Opens SOPS values.")
@click.option("--kustomize", envvar="OPENINFRA_KUSTOMIZE", help="The kustomize to use.")
def command(
    directory: Path,
    context: str | None,
    config: Path | None,
    site: str,
    revision: str,
    dump: Path | None,
    form: str,
    only: frozenset[str],
    fail_on: frozenset[str],
    selector: str,
    namespace: str,
    against: str | None,
    summary: bool,
    when: str,
    age_key: Path | None,
    kustomize: str | None,
) -> None:
    """Show where a live cluster has left the repository in DIRECTORY.

    Nothing is written: what cannot be proved from a LIST is asked with a server-side dry-run, as the engine.

    Exit codes: 0 nothing; 1 drifted, will be reverted, missing or extra; 2 blocked, or an error; 3 something
    could not be verified. The worst wins in the order 2, 1, 3, 0.
    """
    request = Request(
        directory,
        context,
        config,
        site,
        revision,
        against or "",
        dump,
        selector,
        namespace,
        age_key,
        kustomize,
    )
    try:
        report = asyncio.run(_finish(request))
    except Refused:
        raise
    except UserError as error:
        raise UserError(error.message, error.hint) from error  # every error of this command is exit code 2
    code = report.exit_code(fail_on or FAILS_ON)
    if only:
        report = report.only(only)
    if form == "text":
        colour = when == "always" or (when == "auto" and sys.stdout.isatty())
        click.echo(as_text(report, colour=colour, summary_only=summary), nl=False, color=colour)
    else:
        click.echo(WRITERS[form](report), nl=False)
    sys.exit(code)


async def _finish(request: Request) -> Report:
    # Left to the garbage collector, the job would close its connections after the loop has ended.
    async with aclosing(run(request)) as events:
        async for event in events:
            if not isinstance(event, Progress):
                return event
            total = f" ({event.total} objects)" if event.total else ""
            click.echo(f"{event.step}{total}", err=True)
    raise AssertionError("the job ended without a report")
