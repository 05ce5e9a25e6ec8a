"""Argo CD: a plan as Applications in waves, fenced in by projects (Argo CD 3.5; gitops-and-peers.md B).

An Application has no finalizer and is never pruned, so nothing that runs goes away with a file in Git. What
an Application reads stands in it: the chart at its version and the values files, in the order in which Helm
merges them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.engine import argocd_projects, layout, mirror, objects, pins
from openinfra_tui.engine.waves import waves
from openinfra_tui.plan.mirrors import mirrors_of
from openinfra_tui.tree.model import File, Tree
from openinfra_tui.yamlio import dump

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.plan.component import Component, Release
    from openinfra_tui.plan.model import Plan, Step

SERVER = argocd_projects.SERVER
_KEEP = "Prune=false,Delete=false"
# Endless, as Flux retries; `refresh` takes a commit that mends a sync which goes on failing.
_RETRY = {
    "limit": -1,
    "refresh": True,
    "backoff": {"duration": "30s", "factor": 2, "maxDuration": "5m"},
}


def write(plan: Plan, rendered: Mapping[str, Mapping[str, bytes]], secret_files: Collection[str]) -> Tree:
    """Every file that Argo CD reads beside values and secrets.

    Args:
        plan: the steps of one cluster.
        rendered: by component, the files of its skeleton.
        secret_files: paths of the encrypted values files.

    Raises:
        UserError: the order of the plan cannot be told in waves.
    """
    folder, common, users = layout.entry(plan), layout.commons(plan), layout.user_values(plan, "argocd")
    known = {path: content for files in rendered.values() for path, content in files.items()}
    led = mirror.values_files(plan, rendered)
    known |= dict.fromkeys([*secret_files, *users, *led], b"")
    files = {**led, f"{folder}/root.yaml": dump(_root(plan))}
    for name, project in argocd_projects.projects(plan, rendered).items():
        files[f"{folder}/projects/{name}.yaml"] = dump(project)
    for name, wave in waves(plan).items():
        step = next(step for step in plan.steps if step.name == name)
        if not step.component.is_common:
            path = f"{folder}/applications/{name}.yaml"
            files[path] = _application(plan, step, wave, common.get(step.component.group or ""), known)
            if step.component.objects and not step.configs:
                # kustomize cannot decrypt here: the Secret is made by hand, as the runbook says.
                files |= objects.write(plan, step.component, rendered, sealed=False)
    return Tree({path: File(text.encode(), "argocd") for path, text in files.items()}).merged(users)


def _root(plan: Plan) -> dict[str, Any]:
    source = {
        "repoURL": plan.site.get("gitops.url"),
        "targetRevision": _branch(plan),
        "path": layout.entry(plan),
        # Not itself: it would wait for its own health.
        "directory": {"recurse": True, "include": "{projects/*.yaml,applications/*.yaml}"},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "root", "namespace": argocd_projects.NAMESPACE},
        "spec": {
            "project": argocd_projects.ROOT,
            "destination": {"server": SERVER, "namespace": argocd_projects.NAMESPACE},
            "source": source,
            "syncPolicy": _sync_policy(["ServerSideApply=true"]),
        },
    }


def _application(
    plan: Plan, step: Step, wave: int, common: Component | None, known: Mapping[str, bytes]
) -> str:
    component = step.component
    here = layout.overlay(plan, component)
    # A definition that goes takes every object of its kind along.
    keeps = (component.holds_data or component.manifests is not None) and not step.configs
    data = ["Prune=false", "Delete=false"] if keeps else []
    # Argo CD refuses Force together with server-side apply (osh-atmosphere.md A9, 3).
    forced = not step.configs and b"Force=true" in known.get(f"{here}/values.argocd.yaml", b"")
    annotations = {"argocd.argoproj.io/sync-wave": str(wave), "argocd.argoproj.io/sync-options": _KEEP}
    if forced:
        options = ["ServerSideApply=false", "ApplyOutOfSyncOnly=true", "RespectIgnoreDifferences=true"]
    else:
        # What the API server defaults is no difference then.
        annotations["argocd.argoproj.io/compare-options"] = "ServerSideDiff=true"
        ignoring = ["RespectIgnoreDifferences=true"] if component.ignored_by_argocd else []
        options = ["ServerSideApply=true", *ignoring]
    spec: dict[str, Any] = {
        "project": argocd_projects.project_of(component),
        "destination": {"server": SERVER, "namespace": argocd_projects.namespace_of(component)},
    }
    comment = ""
    if step.configs:
        url, branch = plan.site.get("gitops.url"), _branch(plan)
        spec["source"] = {"repoURL": url, "targetRevision": branch, "path": f"{here}/configs"}
    elif component.manifests:
        foreign = component.manifests
        comment = f"# {foreign.tag}, as a commit: a tag can move."
        url = mirrors_of(plan.site.spec).repository(foreign.url)
        spec["source"] = {
            "repoURL": url,
            "path": foreign.path,
            "targetRevision": foreign.commit,
            # As Flux does, and unlike Argo CD by itself.
            "directory": {"recurse": True},
        }
    elif component.objects:
        spec["source"] = {
            "repoURL": plan.site.get("gitops.url"),
            "targetRevision": _branch(plan),
            "path": here,
        }
    else:
        chart, comment = _chart(plan, component.releases[0])
        files = [f"$values/{path}" for path in _values_files(plan, component, common, known)]
        helm = {"releaseName": component.releases[0].name, "valueFiles": files}
        own = {"repoURL": plan.site.get("gitops.url"), "targetRevision": _branch(plan), "ref": "values"}
        spec["sources"] = [{**chart, "helm": helm}, own]
    if component.ignored_by_argocd and not step.configs:
        spec["ignoreDifferences"] = [dict(item) for item in component.ignored_by_argocd]
    spec["syncPolicy"] = _sync_policy([*options, *data])
    if component.objects and not step.configs:
        # Its hooks are runs, and one that failed waits for a human. The default would try it five times more.
        spec["syncPolicy"]["retry"] = {"limit": 0}
    text = dump(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {
                "name": step.name,
                "namespace": argocd_projects.NAMESPACE,
                "annotations": annotations,
            },
            "spec": spec,
        }
    )
    # The chart is the first source, and its version the first that is named.
    return text.replace("    targetRevision:", f"    {comment}\n    targetRevision:", 1) if comment else text


def _chart(plan: Plan, release: Release) -> tuple[dict[str, Any], str]:
    """The source of the chart, and the comment above its version."""
    url = layout.chart_place(plan, release)
    if release.source == pins.GIT_SOURCE:
        comment = f"# {pins.GIT_TAG}, as a commit: a tag can move. This release has no published package."
        source = {"repoURL": url, "path": release.chart, "targetRevision": pins.GIT_COMMIT}
        return source, comment
    if pins.is_oci(url):
        source = {"repoURL": f"{url}/{release.chart}", "path": ".", "targetRevision": pins.tag(release)}
    else:
        source = {"repoURL": url, "chart": release.chart, "targetRevision": release.version}
    return source, pins.renovate(release, url)


def _values_files(
    plan: Plan, component: Component, common: Component | None, known: Mapping[str, bytes]
) -> list[str]:
    """The values files that exist: component, common, site, engine, mirror, common secrets, secrets, user."""
    here = layout.overlay(plan, component)
    shared = [layout.overlay(plan, common)] if common else []
    order = [
        f"{layout.base(component)}/values.yaml",
        *(f"{place}/values.yaml" for place in shared),
        f"{here}/values.yaml",
        f"{here}/values.argocd.yaml",
        f"{here}/{mirror.FILE}",
        *(f"{place}/secrets.sops.yaml" for place in shared),
        f"{here}/secrets.sops.yaml",
        f"{here}/values.user.yaml",
    ]
    return [path for path in order if path in known]


def _sync_policy(options: list[str]) -> dict[str, Any]:
    return {"automated": {"prune": True, "selfHeal": True}, "syncOptions": options, "retry": _RETRY}


def _branch(plan: Plan) -> str:
    return str(plan.site.get("gitops.branch", "main"))
