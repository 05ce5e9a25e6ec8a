"""Generate: site file → plan → tree → Git commit, in memory until the commit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from openinfra_tui.flow import sites
from openinfra_tui.flow.effect import Effect, effects
from openinfra_tui.flow.planning import plan_site, require_same
from openinfra_tui.flow.record import own_answers, own_files
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.flow.shared import as_they_are, left_to_others, others, scope
from openinfra_tui.flow.stores import Kept, Keys, keep_secrets
from openinfra_tui.flow.update import Accept, difference, merge_tree
from openinfra_tui.flow.vaults import held_keys, wanted_vaults
from openinfra_tui.flow.writing import require_sound, write_out
from openinfra_tui.repo.commit import Render, commit_tree
from openinfra_tui.repo.render import read_history
from openinfra_tui.repo.target import record, require_usable
from openinfra_tui.secret import vaults
from openinfra_tui.secret.age import find_or_make, keep, public_recipient
from openinfra_tui.secret.given import read_given
from openinfra_tui.secret.seal import read_certificate_file
from openinfra_tui.site.load import load_site
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from openinfra_tui.plan.model import Plan
    from openinfra_tui.site.model import Site


@dataclass(frozen=True)
class Request:
    """What `generate` is asked for; one field an option of the command."""

    site: Path
    output: Path
    overrides: Sequence[str] = ()
    age_key: Path | None = None
    rotate: Sequence[str] = ()
    commit: bool = True
    kustomize: str | None = None
    given: Mapping[str, Path] = field(default_factory=dict)
    dry_run: bool = False
    review: bool = False
    accept: Accept = field(default_factory=Accept)
    certificate: Path | None = None


@dataclass(frozen=True)
class Generated:
    """What came out: number of files, the commit (None when nothing changed), warnings.

    `diff` is what would change, when that was asked for and nothing was written. `effects` is what the
    change of shared components does to other sites. `left` names shared components that this version writes
    differently and a new site took as they were. `notes` is what to do about secrets that changed.
    """

    files: int
    commit: str | None
    warnings: tuple[str, ...]
    diff: str | None = None
    effects: tuple[Effect, ...] = ()
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def generate(request: Request, today: date, progress: Callable[[str], None]) -> Generated:
    """Write the repository of a site, as one commit.

    A site that is new to a repository of others takes the components there as they are: the builds of the
    others stay what they are. For a site that is there already, components are merged as everything is, and
    `effects` says what that does to the others.

    Args:
        request: where from, where to, what differs.
        today: the date that rules about support windows use.
        progress: called with one line for each phase.

    Raises:
        UserError: the site, the target or an option is not as it must be; nothing was written.
        Conflicted: the user and the new render changed the same; nothing was written.
    """
    site = load_site(request.site, request.overrides)
    plan, warnings = plan_site(site, today)
    require_usable(request.output)
    history = read_history(request.output, site.name)
    existing = {path: file.content for path, file in history.files.items()}
    sites.require_engine(site, existing)
    require_same(site, existing)
    neighbours = others(history, site.name)
    is_new_here = bool(neighbours) and record(site.name) not in existing
    identity, is_new = None, False
    given = read_given(request.given, request.output)
    recipients = dict(site.get("secrets.recipients", {}))
    if request.age_key is not None:
        identity, is_new = find_or_make(request.age_key, request.output)
        recipients["operator"] = public_recipient(identity)
    certificate = None if request.certificate is None else read_certificate_file(request.certificate)
    keys = Keys(recipients, identity, certificate)
    render, kept = _render(request, site, plan, keys, given, existing, progress)
    pristine = render
    left: tuple[str, ...] = ()
    if is_new_here:
        render, left = as_they_are(render, history)
    if request.review:
        new = {path: file for path, file in render.files.items() if not file.once}
        now = {path: file for path, file in history.files.items() if path in new}
        return Generated(len(render), None, warnings, difference(now, new))
    history = left_to_others(own_answers(history, site), render.files, site.name)
    history = replace(history, unedited=history.unedited | kept.left)
    update = merge_tree(render, history, f"sites/{site.name}/site.yaml", request.accept)
    after = {path: file for path, file in history.files.items() if path not in update.gone}
    after |= {path: file for path, file in update.tree.files.items() if not (file.once and path in after)}
    changes = effects(history.files, after, neighbours, request.kustomize)
    warnings += require_sound(
        scope(after, {site.name, *(effect.site for effect in changes)}) if neighbours else after,
        request.kustomize,
    )
    progress("checked: no faults")
    if left:
        taken = {**after, **{path: pristine.files[path] for path in left}}
        changes = effects(after, taken, neighbours, request.kustomize)
    if request.dry_run:
        diff = difference(history.files, after)
        return Generated(len(after), None, warnings, diff, changes, left, kept.notes)
    if request.age_key is not None and identity is not None and is_new:
        keep(request.age_key, identity)  # before the commit: what it encrypts must never be without its key
    if not request.commit:
        write_out(request.output, update.tree.files)
        return Generated(len(update.tree), None, warnings, None, changes, left, kept.notes)
    outcome = commit_tree(
        request.output,
        update.tree,
        _message(site, plan, kept.notes),
        Render(site.name, render),
        update.gone,
    )
    commit = outcome.sha if outcome.changed else None
    return Generated(len(update.tree), commit, warnings, None, changes, left, kept.notes)


def _render(
    request: Request,
    site: Site,
    plan: Plan,
    keys: Keys,
    given: Mapping[str, str],
    existing: Mapping[str, bytes],
    progress: Callable[[str], None],
) -> tuple[Tree, Kept]:
    """The pristine repository of a site with its secrets as its store keeps them; existing values stay."""
    progress(f"plan: {len(plan.steps)} steps, {len(plan.components)} components")
    tree = render_tree(plan, keys.recipients, existing)
    progress(f"rendered {len(tree)} files")
    wanted = wanted_vaults(plan)
    vaulted = vaults.update(existing, wanted, held_keys(site, existing), request.rotate, keys.identity)
    inside = {key for spec in wanted.values() for key in spec.keys}
    rotate = [name for name in request.rotate if name not in inside]
    kept = keep_secrets(plan, keys, existing, rotate, given, vaulted.passwords)
    encrypted = {**vaulted.files, **kept.files}
    tree = tree.merged(Tree({path: File(content, "secrets") for path, content in encrypted.items()}))
    return tree.merged(own_files(site, plan, keys.recipients, bool(request.overrides))), kept


def _message(site: Site, plan: Plan, notes: Sequence[str]) -> str:
    return (
        f"Generate site {site.name}\n\n"
        f"{site.get('openstack.deployer')} {site.get('openstack.series')} with {site.get('gitops.engine')}, "
        f"{len(plan.components)} components in {len(plan.steps)} steps.\n"
        + "".join(f"\n{note[0].upper()}{note[1:]}.\n" for note in notes)
    )
