"""`openinfra-tui site`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from openinfra_tui.cli.generate import named_file, tell_outcome
from openinfra_tui.cli.progress import narrated
from openinfra_tui.flow.generate import Request
from openinfra_tui.flow.membership import add_site, list_sites, remove_site
from openinfra_tui.flow.sites import COLUMNS
from openinfra_tui.flow.update import Accept

_repository = click.option(
    "--repository",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The repository.",
)
_kustomize = click.option("--kustomize", envvar="OPENINFRA_KUSTOMIZE", help="The kustomize to use.")
_COLUMNS = ("name", *COLUMNS, "version")
_TAKE_DOWN = {
    "flux": (
        "the cluster goes on as it is: its Kustomizations report that their path is gone, and delete nothing",
        "flux uninstall                            # Flux lets go, and leaves all that it reconciled",
    ),
    "argocd": (
        "the cluster goes on as it is: its Applications have no finalizer, and delete nothing",
        "kubectl -n argocd delete applications --all   # Argo CD lets go, and leaves all that it applied",
    ),
}


@click.group("site")
def command() -> None:
    """The sites of one repository: add, remove, list."""


@command.command("add")
@click.argument("site", type=click.Path(path_type=Path, dir_okay=False))
@_repository
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override an answer below spec."
)
@click.option("--age-key", type=click.Path(path_type=Path, dir_okay=False), help="Identity of `operator`.")
@click.option("--secret", "given", multiple=True, metavar="NAME=FILE", help="A secret that you bring.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print the diff of what would be committed.")
@click.option("--accept-ours", multiple=True, metavar="PATH", help="Keep your side of conflicts there.")
@click.option("--accept-theirs", multiple=True, metavar="PATH", help="Take the new side of conflicts there.")
@_kustomize
def add(
    site: Path,
    repository: Path,
    overrides: tuple[str, ...],
    age_key: Path | None,
    given: tuple[str, ...],
    dry_run: bool,
    accept_ours: tuple[str, ...],
    accept_theirs: tuple[str, ...],
    kustomize: str | None,
) -> None:
    """Write SITE into a repository that holds other sites; their builds stay what they are."""
    request = Request(
        site,
        repository,
        overrides,
        age_key,
        kustomize=kustomize,
        given=dict(map(named_file, given)),
        dry_run=dry_run,
        accept=Accept(accept_ours, accept_theirs),
    )
    with narrated(f"reading {site}") as tell:
        done = add_site(request, datetime.now(tz=UTC).date(), tell)
    tell_outcome(request, done)


@command.command("remove")
@click.argument("name")
@_repository
@_kustomize
def remove(name: str, repository: Path, kustomize: str | None) -> None:
    """Remove site NAME from the repository; no cluster is touched."""
    with narrated(f"reading {repository}"):
        done = remove_site(repository, name, kustomize)
    click.echo(f"{done.files} files removed from {repository}: {done.commit}")
    for folder in done.components:
        click.echo(f"no site uses {folder} any more; it is removed")
    click.echo(
        f"branch openinfra/{name} is deleted here; elsewhere: git push REMOTE --delete openinfra/{name}"
    )
    stays, let_go = _TAKE_DOWN[done.engine]
    click.echo(f"After `git push`, {stays}. To take it down, in its own context:")
    click.echo(f"  {let_go}")
    click.echo(
        "  helm list --all-namespaces                # what to back up and `helm uninstall`, databases last"
    )
    click.echo("Nothing of this deletes data: volumes, databases and Ceph are kept where they are.")
    click.echo("Keep the age keys of the site for as long as backups of it exist.")


@command.command("list")
@_repository
@click.option("--output", "form", type=click.Choice(["text", "json"]), default="text")
def list_(repository: Path, form: str) -> None:
    """The sites of the repository."""
    rows = list_sites(repository)
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    table = [
        [name.rsplit(".", 1)[-1] for name in _COLUMNS],
        *([str(row[name]) for name in _COLUMNS] for row in rows),
    ]
    widths = [max(len(line[number]) for line in table) for number in range(len(_COLUMNS))]
    for line in table:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
