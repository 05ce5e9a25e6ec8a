"""`openinfra-tui diff`."""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openinfra_tui.cli import progress
from openinfra_tui.cli.exits import AtOnce
from openinfra_tui.drift.model import VERDICTS
from openinfra_tui.drift.report import FAILS_ON, Report
from openinfra_tui.drift.writers import CHANGES, WRITERS, as_text
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.flow.diff import Progress, Request, follow, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from openinfra_tui.flow.following import Change, Lost

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
@click.option("--offline", is_flag=True, help="Fetch no chart: what is not in the cache is not verified.")
@click.option(
    "--record-cluster", is_flag=True, help="Write down that the repository belongs to this cluster."
)
@click.option("--watch", is_flag=True, help="After the report print each change of a verdict.")
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
    offline: bool,
    record_cluster: bool,
    watch: bool,
) -> None:
    """Show where a live cluster has left the repository in DIRECTORY.

    Nothing is written to it: what cannot be proved from a LIST is asked with a server-side dry-run, as the
    engine.

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
        offline=offline,
        record=record_cluster,
    )
    if watch and form not in CHANGES:
        raise UserError(f"--watch prints {' or '.join(CHANGES)}, not {form}")
    colour = when == "always" or (when == "auto" and sys.stdout.isatty())

    def show(report: Report) -> None:
        part = report.only(only) if only else report
        if form == "text":
            click.echo(as_text(part, colour=colour, summary_only=summary), nl=False, color=colour)
        else:
            click.echo(WRITERS[form](part), nl=False)

    def tell(change: Change | Lost) -> None:
        from openinfra_tui.flow.following import Lost

        if isinstance(change, Lost):
            click.echo(f"no longer watched: {change.kind}: {change.reason}", err=True)
        elif not only or {item.verdict for item in (change.before, change.after) if item} & only:
            click.echo(CHANGES[form](change.before, change.after), nl=False)

    held: list[object] = []
    try:
        report = asyncio.run(_watch(request, show, tell) if watch else _finish(request, held))
    except Refused:
        raise
    except UserError as error:
        raise UserError(error.message, error.hint) from error  # every error of this command is exit code 2
    if not watch:
        show(report)
    raise AtOnce(report.exit_code(fail_on or FAILS_ON))


async def _finish(request: Request, held: list[object]) -> Report:
    # What is read is kept to the end: to search it for garbage takes a tenth of the time.
    gc.disable()
    try:
        return await _report(request, held)
    finally:
        gc.enable()


async def _report(request: Request, held: list[object]) -> Report:
    # Left to the garbage collector, the job would close its connections after the loop has ended.
    with progress.bar() as move:
        async with aclosing(run(request, held)) as events:
            async for event in events:
                if not isinstance(event, Progress):
                    return event
                move(event.step, event.done, event.total)
    raise AssertionError("the job ended without a report")


async def _watch(
    request: Request, show: Callable[[Report], None], tell: Callable[[Change | Lost], None]
) -> Report:
    """Only an interrupt ends it."""
    from openinfra_tui.flow.following import Change, Lost

    async with aclosing(follow(request)) as events:
        with progress.bar() as move:
            async for event in events:
                if isinstance(event, Report):
                    break
                if isinstance(event, Progress):
                    move(event.step, event.done, event.total)
            else:
                raise AssertionError("the job ended without a report")
        show(event)
        async for change in events:
            if isinstance(change, Change | Lost):
                tell(change)
    return event
