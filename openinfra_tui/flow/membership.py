"""The sites of one repository: add one, remove one, list them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui.errors import Refused, UserError
from openinfra_tui.flow import sites
from openinfra_tui.flow.generate import Generated, Request, generate
from openinfra_tui.flow.planning import home
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.flow.shared import of_site, others, scope, unused
from openinfra_tui.flow.update import Accept, merge_tree
from openinfra_tui.flow.writing import require_sound
from openinfra_tui.plan.component import load_components
from openinfra_tui.plan.model import make_plan
from openinfra_tui.repo.commit import Render, commit_tree
from openinfra_tui.repo.render import History, read_history
from openinfra_tui.repo.target import manifest, read_files, require_usable, sites_in
from openinfra_tui.site.load import load_site, parse_site
from openinfra_tui.tree.model import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from openinfra_tui.plan.model import Plan
    from openinfra_tui.tree.model import File

# What is the same for all sites and says something of each.
_TELLING = ("README.md", ".sops.yaml", ".github/workflows/check.yaml")


@dataclass(frozen=True)
class Removed:
    """What a removal came to.

    Attributes:
        files: how many files went.
        components: the folders of components that no site uses any more.
        commit: the commit.
        engine: what reconciles the cluster that is still there.
        clusters: its entry points, as they were.
    """

    files: int
    components: tuple[str, ...]
    commit: str | None
    engine: str
    clusters: tuple[str, ...]


def add_site(request: Request, today: date, progress: Callable[[str], None]) -> Generated:
    """Write one more site into a repository of others.

    Raises:
        Refused: there is no such repository, it holds the site already, or it has another engine.
        UserError: as `generate`.
    """
    site = load_site(request.site, request.overrides)
    require_usable(request.output)
    present = sites_in(read_files(request.output))
    if not present:
        raise Refused(
            f"{request.output} holds no site yet", f"openinfra-tui generate {request.site} --output FOLDER"
        )
    if site.name in present:
        raise Refused(
            f"{request.output} holds a site {site.name} already",
            "`openinfra-tui generate` changes it; another site needs another metadata.name",
        )
    return generate(request, today, progress)


def list_sites(repository: Path) -> list[dict[str, Any]]:
    """What the repository says of each of its sites, by name.

    Raises:
        UserError: the folder is no repository of ours, or a record is not as we wrote it.
    """
    rows = []
    for name, found in sites.read_records(_files(repository)).items():
        told = {**found.get("fixed", {}), **found.get("answers", {})}
        cells = {column: sites.cell(told.get(column, "")) for column in sites.COLUMNS}
        rows.append({"name": name, **cells, "version": sites.cell(found.get("version", ""))})
    return rows


def _files(repository: Path) -> dict[str, bytes]:
    files = read_files(repository)
    if not sites_in(files):
        raise UserError(f"{repository} holds no site", "name a folder that generate wrote and committed")
    return files


def remove_site(repository: Path, name: str, kustomize: str | None) -> Removed:
    """Remove a site from a repository, as one commit. No cluster is touched.

    What goes: the site's folders with all that was added to them, its record, the components that no other
    site names, and its branch `openinfra/NAME`: a later site of that name must not be merged with the renders
    of this one. Its history is that of the main branch.

    Raises:
        Refused: it is the only site.
        UserError: there is no such site, or no site that stays can be read.
    """
    present = sites_in(_files(repository))
    if name not in present:
        raise UserError(f"{repository} holds no site {name!r}", f"it holds {', '.join(sorted(present))}")
    if len(present) == 1:
        raise Refused(
            f"{name} is the only site of {repository}",
            "take its cluster down, then delete the repository itself",
        )
    require_usable(repository)
    history = read_history(repository, name)
    own, shared = of_site(history.files, name), unused(history, name) & history.files.keys()
    gone = {*own, *shared, manifest(name)}
    stays, plan = _one_that_stays(repository, history, name)
    kept = {path: file for path, file in stays.files.items() if path not in gone}
    update = _retold(plan, stays, kept)
    after = {**kept, **update.files}
    names = others(history, name)
    require_sound(scope(after, names), kustomize)
    pristine = None
    if stays.base is not None:
        base = {path: file for path, file in stays.base.items() if path not in gone}
        told = {path: file for path, file in _telling(plan, kept).files.items() if path in base}
        pristine = Render(plan.site.name, Tree({**base, **told}))
    tree = Tree({path: after[path] for path in (pristine.tree if pristine else update) if path in after})
    outcome = commit_tree(repository, tree, f"Remove site {name}\n", pristine, gone, ended=name)
    return Removed(
        len(gone),
        tuple(sorted({path.rpartition("/")[0] for path in shared})),
        outcome.sha if outcome.changed else None,
        plan.site.get("gitops.engine"),
        tuple(sorted({"/".join(path.split("/")[:3]) for path in own if path.startswith("clusters/")})),
    )


def _one_that_stays(repository: Path, history: History, name: str) -> tuple[History, Plan]:
    """A site that stays and can be read, to write what all sites share."""
    faults = []
    for other in others(history, name):
        place = f"sites/{other}/site.yaml"
        try:
            text = history.files[place].content.decode("utf-8") if place in history.files else ""
            site = parse_site(text, place)
            return read_history(repository, other), make_plan(site, load_components(), home(site))
        except UnicodeDecodeError:
            faults.append(f"{place}: not UTF-8")
        except UserError as error:
            faults.append(error.message)
    raise UserError("\n".join(["no site that stays can be read", *faults]), "mend one of them first")


def _telling(plan: Plan, files: Mapping[str, File]) -> Tree:
    """The files that say something of each site, rendered for the sites that stay."""
    recipients = dict(plan.site.get("secrets.recipients", {}))
    rendered = render_tree(plan, recipients, {path: file.content for path, file in files.items()})
    return Tree({path: rendered.files[path] for path in _TELLING if path in rendered.files})


def _retold(plan: Plan, history: History, kept: Mapping[str, File]) -> Tree:
    """Those files, merged with what the user made of them; one that the user removed stays away."""
    render = Tree({path: file for path, file in _telling(plan, kept).files.items() if path in kept})
    only = History(
        {path: file for path, file in history.shared.items() if path in render.files},
        kept,
        history.irregular,
        history.unedited,
    )
    return merge_tree(render, only, "", Accept()).tree
