"""From a plan to the tree of its repository: skeletons, engine objects, and what secrets it wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui import __version__
from openinfra_tui.engine import argocd, flux
from openinfra_tui.engine.waves import waves
from openinfra_tui.flow import sites
from openinfra_tui.flow.stores import readers, wanted_secrets
from openinfra_tui.resources import skeletons_path
from openinfra_tui.skeleton.render import context_of, render
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.plan.model import Plan

_ENGINES = {"argocd": argocd.write, "flux": flux.write}


def render_tree(
    plan: Plan, recipients: Mapping[str, str], existing: Mapping[str, bytes] | None = None
) -> Tree:
    """Everything but secrets: skeletons, engine objects, the files of the repository itself.

    Args:
        plan: the steps of one cluster.
        recipients: who can decrypt.
        existing: the files of the repository, for what it says of all of its sites.
    """
    rendered = render_parts(plan, recipients, existing)
    once = {f"sites/{plan.site.name}/{c.place}/{path}" for c in plan.components for path in c.once}
    tree = Tree({})
    for origin, files in rendered.items():
        tree = tree.merged(
            Tree({path: File(content, origin, once=path in once) for path, content in files.items()})
        )
    if not plan.cluster:
        return tree
    return tree.merged(_ENGINES[plan.site.get("gitops.engine")](plan, rendered, wanted_secrets(plan)))


def render_parts(
    plan: Plan, recipients: Mapping[str, str], existing: Mapping[str, bytes] | None = None
) -> dict[str, dict[str, bytes]]:
    """By component, and for the repository itself, the files of its skeleton."""
    context = template_context(plan, recipients, existing)
    folders = [component.folder for component in plan.components]
    return render([*folders, skeletons_path() / "repository"], context)


def template_context(
    plan: Plan, recipients: Mapping[str, str], existing: Mapping[str, bytes] | None = None
) -> dict[str, Any]:
    """What every template of the plan sees as `cookiecutter`."""
    spec = {**plan.site.spec, "secrets": {**plan.site.get("secrets"), "recipients": dict(recipients)}}
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
    own = {"steps": steps, "cluster": plan.cluster, "version": __version__, "secrets": readers(plan)}
    told = sites.shared(plan.site, recipients, existing or {})
    return context_of(spec, {**plan.facts, **own, **told}, plan.site.name)
