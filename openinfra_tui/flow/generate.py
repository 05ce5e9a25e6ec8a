"""Generate: site file → plan → tree → Git commit, in memory until the commit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openinfra_tui import __version__, yamlio
from openinfra_tui.catalog.built import not_built
from openinfra_tui.catalog.rules import check_rules
from openinfra_tui.check.run import check
from openinfra_tui.engine import argocd, flux
from openinfra_tui.engine.waves import waves
from openinfra_tui.errors import CheckFailed, NotBuiltYet, Refused, UserError
from openinfra_tui.flow import sites
from openinfra_tui.flow.update import SEALED, Accept, difference, merge_tree
from openinfra_tui.plan.component import load_components
from openinfra_tui.plan.model import make_plan
from openinfra_tui.repo.commit import Render, commit_tree
from openinfra_tui.repo.render import read_history
from openinfra_tui.repo.target import require_usable
from openinfra_tui.resources import schema_path, skeletons_path
from openinfra_tui.secret.age import find_or_make, keep, public_recipient
from openinfra_tui.secret.given import read_given
from openinfra_tui.secret.store import SecretSpec, SopsStore
from openinfra_tui.site.load import load_site
from openinfra_tui.skeleton.render import context_of, render
from openinfra_tui.tree.merge_yaml import merge_yaml
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from openinfra_tui.plan.model import Plan
    from openinfra_tui.repo.render import History
    from openinfra_tui.site.model import Site

_HEADER = "# yaml-language-server: $schema=../../.openinfra/schemas/site-v1alpha1.schema.json"
_ENGINES = {"argocd": argocd.write, "flux": flux.write}
# What uninstalls releases when it changes (osh-atmosphere.md A9); fixed by the first commit.
_FIXED = ("gitops.engine", "openstack.deployer", "placement")


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


@dataclass(frozen=True)
class Generated:
    """What came out: number of files, the commit (None when nothing changed), warnings.

    `diff` is what would change, when that was asked for and nothing was written.
    """

    files: int
    commit: str | None
    warnings: tuple[str, ...]
    diff: str | None = None


def check_answers(site: Site, today: date) -> tuple[str, ...]:
    """Hold the site against every rule, and return the warnings.

    Raises:
        UserError: a rule refuses the site.
    """
    findings = check_rules(site, today)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        lines = [f"{site.source}: {f.rule}: {f.message}\n  because {f.because} ({f.source})" for f in errors]
        raise UserError("\n".join(lines), f"change {' or '.join(errors[0].paths)}")
    return tuple(f"{f.rule}: {f.message}" for f in findings)


def plan_site(site: Site, today: date) -> tuple[Plan, tuple[str, ...]]:
    """The plan of a site that `generate` can build, and the warnings of the rules.

    Raises:
        UserError: a rule refuses the site, or a requirement has no provider.
        NotBuiltYet: the answers are valid, and this version cannot write them.
    """
    warnings = check_answers(site, today)
    missing = not_built(site)
    if missing:
        raise NotBuiltYet(
            "not built yet: " + "; ".join(missing), "`openinfra-tui catalog` shows what is built"
        )
    return make_plan(site, load_components(), "undercloud"), warnings


def generate(request: Request, today: date, progress: Callable[[str], None]) -> Generated:
    """Write the repository of a site, as one commit.

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
    _require_same(site, existing)
    identity, is_new = None, False
    given = read_given(request.given, request.output)
    recipients = dict(site.get("secrets.recipients", {}))
    if request.age_key is not None:
        identity, is_new = find_or_make(request.age_key, request.output)
        recipients["operator"] = public_recipient(identity)
    render = _render(request, site, plan, identity, recipients, given, existing, progress)
    if request.review:
        new = {path: file for path, file in render.files.items() if not file.once}
        now = {path: file for path, file in history.files.items() if path in new}
        return Generated(len(render), None, warnings, difference(now, new))
    update = merge_tree(render, _own_answers(history, site), f"sites/{site.name}/site.yaml", request.accept)
    after = {path: file for path, file in history.files.items() if path not in update.gone}
    after |= {path: file for path, file in update.tree.files.items() if not (file.once and path in after)}
    warnings += _require_sound(after, request.kustomize)
    progress("checked: no faults")
    if request.dry_run:
        return Generated(len(after), None, warnings, difference(history.files, after))
    if request.age_key is not None and identity is not None and is_new:
        keep(request.age_key, identity)  # before the commit: what it encrypts must never be without its key
    if not request.commit:
        _write_out(request.output, update.tree.files)
        return Generated(len(update.tree), None, warnings)
    outcome = commit_tree(request.output, update.tree, _message(site, plan), Render(site.name, render))
    return Generated(len(update.tree), outcome.sha if outcome.changed else None, warnings)


def _render(
    request: Request,
    site: Site,
    plan: Plan,
    identity: str | None,
    recipients: Mapping[str, str],
    given: Mapping[str, str],
    existing: Mapping[str, bytes],
    progress: Callable[[str], None],
) -> Tree:
    """The pristine repository of a site, secrets encrypted; existing ones keep their values."""
    progress(f"plan: {len(plan.steps)} steps, {len(plan.components)} components")
    tree = render_tree(plan, recipients, existing)
    progress(f"rendered {len(tree)} files")
    store = SopsStore(recipients, identity)
    secrets = store.update(
        {path: content for path, content in existing.items() if path.endswith(SEALED)},
        wanted_secrets(plan),
        request.rotate,
        given,
    )
    tree = tree.merged(Tree({path: File(content, "secrets") for path, content in secrets.items()}))
    return tree.merged(_own_files(site, plan, recipients, bool(request.overrides)))


def _own_answers(history: History, site: Site) -> History:
    """The history, with the site file counted as unedited when it is itself where the answers come from."""
    path = f"sites/{site.name}/site.yaml"
    held = history.files.get(path)
    if held is None or held.content not in (site.text.encode(), _with_header(site.text).encode()):
        return history
    return replace(history, unedited=history.unedited | {path})


def _require_sound(files: Mapping[str, File], kustomize: str | None) -> tuple[str, ...]:
    """Check the repository to be before anything is written, and return the warnings.

    Secrets are encrypted already.

    Raises:
        CheckFailed: the repository would be faulty.
    """
    with tempfile.TemporaryDirectory(prefix="openinfra-") as temporary:
        _write_out(Path(temporary), files)
        report = check(Path(temporary), kustomize=kustomize)
    if report.faults:
        lines = [f"{fault.file}: {fault.kind}: {fault.message}" for fault in report.faults]
        raise CheckFailed("\n".join(["the repository would have faults; nothing was written", *lines]))
    return tuple(f"{warning.file}: {warning.message}" for warning in report.warnings)


def _write_out(folder: Path, files: Mapping[str, File]) -> None:
    """Write files without a commit; what the operator owns is kept where it exists."""
    root = folder.resolve()
    for path, file in files.items():
        place = folder / path
        if not place.resolve().is_relative_to(root):
            raise Refused(f"{place} leads out of {folder}", "remove the symbolic link")
        if file.once and place.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)


def render_tree(
    plan: Plan, recipients: Mapping[str, str], existing: Mapping[str, bytes] | None = None
) -> Tree:
    """Everything but secrets: skeletons, engine objects, the files of the repository itself.

    Args:
        plan: the steps of one cluster.
        recipients: who can decrypt.
        existing: the files of the repository, for what it says of all of its sites.
    """
    context = template_context(plan, recipients, existing)
    folders = [component.folder for component in plan.components]
    rendered = render([*folders, skeletons_path() / "repository"], context)
    tree = Tree({})
    for origin, files in rendered.items():
        tree = tree.merged(Tree({path: File(content, origin) for path, content in files.items()}))
    return tree.merged(_ENGINES[plan.site.get("gitops.engine")](plan, rendered, wanted_secrets(plan)))


def template_context(
    plan: Plan, recipients: Mapping[str, str], existing: Mapping[str, bytes] | None = None
) -> dict[str, Any]:
    """What every template of the plan sees as `cookiecutter`."""
    spec = {**plan.site.spec, "secrets": {"backend": "sops", "recipients": dict(recipients)}}
    steps: list[dict[str, Any]] = [
        {"name": step.name, "title": step.component.title, "after": list(step.depends_on)}
        for step in plan.steps
    ]
    if plan.site.get("gitops.engine") == "argocd":
        in_wave = waves(plan)
        applied = {step.name for step in plan.steps if not step.component.is_common}
        steps = [
            {**step, "wave": in_wave[step["name"]], "after": [x for x in step["after"] if x in applied]}
            for step in steps
            if step["name"] in applied
        ]
        steps.sort(key=lambda step: (step["wave"], step["name"]))
    own = {"steps": steps, "cluster": plan.cluster, "version": __version__}
    rows = {"sites": sites.table(plan.site, existing or {})}
    return context_of(spec, {**plan.facts, **own, **rows}, plan.site.name)


def wanted_secrets(plan: Plan) -> dict[str, dict[str, SecretSpec]]:
    """By encrypted file, the path of each secret in the values and what it is."""
    return {
        f"sites/{plan.site.name}/{component.place}/secrets.sops.yaml": {
            secret.path: SecretSpec(secret.name, secret.form) for secret in component.secrets
        }
        for component in plan.components
        if component.secrets
    }


def _own_files(site: Site, plan: Plan, recipients: Mapping[str, str], overridden: bool) -> Tree:
    record: dict[str, Any] = {
        "version": __version__,
        "fixed": {path: site.get(path) for path in _FIXED},
        "answers": sites.answers(site),
        "components": {r.name: r.version for c in plan.components for r in c.releases}
        | {c.name: c.manifests.tag for c in plan.components if c.manifests},
    }
    schema = schema_path("site-v1alpha1")
    named = dict(site.get("secrets.recipients", {})) != dict(recipients)
    text = _site_text(site, recipients) if overridden or named else _with_header(site.text)
    files = {
        f".openinfra/sites/{site.name}.yaml": yamlio.dump(record).encode(),
        f".openinfra/schemas/{schema.name}": schema.read_bytes(),
        f"sites/{site.name}/site.yaml": text.encode(),
    }
    return Tree({path: File(content, "openinfra-tui") for path, content in files.items()})


def _site_text(site: Site, recipients: Mapping[str, str]) -> str:
    """The site file with every answer as it was taken, in the operator's words and with their comments."""
    spec = {**site.spec, "secrets": {**site.get("secrets", {}), "recipients": dict(recipients)}}
    document = {
        "apiVersion": "openinfra.dev/v1alpha1",
        "kind": "Site",
        "metadata": {"name": site.name},
        "spec": spec,
    }
    plain, taken = (f"{_HEADER}\n{yamlio.dump(data)}" for data in (yamlio.load(site.text), document))
    merged = merge_yaml(plain, _with_header(site.text), taken, prefer="theirs")
    return merged if isinstance(merged, str) else taken


def _with_header(text: str) -> str:
    lines = text.splitlines()
    body = lines[1:] if lines and lines[0].startswith("# yaml-language-server:") else lines
    return "\n".join([_HEADER, *body]) + "\n"


def _require_same(site: Site, existing: Mapping[str, bytes]) -> None:
    """Refuse what would uninstall the cloud.

    Raises:
        Refused: an answer that is fixed by the first commit differs.
    """
    before = existing.get(f".openinfra/sites/{site.name}.yaml")
    if before is None:
        return
    fixed = yamlio.load(before)["fixed"]
    changed = [
        f"spec.{path} was {fixed[path]} and is {site.get(path)}"
        for path in _FIXED
        if fixed[path] != site.get(path)
    ]
    if changed:
        raise Refused(
            "; ".join(changed) + ": the engine would uninstall what runs",
            "generate into a new repository, stop the engine at the old one (suspended Kustomizations, or "
            "Applications without automated sync), apply the new entry, then delete the old one",
        )


def _message(site: Site, plan: Plan) -> str:
    return (
        f"Generate site {site.name}\n\n"
        f"{site.get('openstack.deployer')} {site.get('openstack.series')} with {site.get('gitops.engine')}, "
        f"{len(plan.components)} components in {len(plan.steps)} steps.\n"
    )
