"""Argo CD's projects: what the Applications of a plan may read and write, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui import yamlio
from openinfra_tui.engine import layout, pins
from openinfra_tui.plan.mirrors import mirrors_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from openinfra_tui.plan.component import Component
    from openinfra_tui.plan.model import Plan

NAMESPACE = "argocd"
SERVER = "https://kubernetes.default.svc"
ROOT = "root"
_INFRASTRUCTURE = "infrastructure"
_TITLES = {
    ROOT: "The Applications and projects of this cluster",
    _INFRASTRUCTURE: "What the cluster needs before OpenStack",
    "openstack": "OpenStack's services, and what only they use",
}


def project_of(component: Component) -> str:
    """The project of a component: that of its group."""
    return component.group or _INFRASTRUCTURE


def namespace_of(component: Component) -> str:
    """The namespace of an Application. A project never permits none, so what needs none names `default`."""
    return component.namespace or "default"


def projects(plan: Plan, rendered: Mapping[str, Mapping[str, bytes]]) -> dict[str, dict[str, Any]]:
    """By name, the AppProjects of a plan.

    Args:
        plan: the steps of one cluster.
        rendered: by component, the files of its skeleton; custom resources are read from there.
    """
    members: dict[str, list[Component]] = {}
    for component in plan.components:
        if not component.is_common:
            members.setdefault(project_of(component), []).append(component)
    found = {ROOT: _root(plan)}
    for name, components in sorted(members.items()):
        own = [*_custom_resources(plan, components, rendered)]
        kinds = {kind for component in components for kind in component.reaches.cluster_kinds}
        namespaces = {
            space
            for component in components
            for space in (namespace_of(component), *component.reaches.namespaces)
        }
        found[name] = _project(
            name,
            sources={*_charts(plan, components), str(plan.site.get("gitops.url"))},
            namespaces={*namespaces, *(space for space, _ in own if space)},
            cluster_kinds={*kinds, *(kind for space, kind in own if not space)},
        )
    return found


def _root(plan: Plan) -> dict[str, Any]:
    project = _project(ROOT, {str(plan.site.get("gitops.url"))}, {NAMESPACE}, set())
    kinds = ("AppProject", "Application")
    project["spec"]["namespaceResourceWhitelist"] = [{"group": "argoproj.io", "kind": kind} for kind in kinds]
    return project


def _project(name: str, sources: set[str], namespaces: set[str], cluster_kinds: set[str]) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "annotations": {
                "argocd.argoproj.io/sync-wave": "-1",
                "argocd.argoproj.io/sync-options": "Prune=false",
            },
        },
        "spec": {
            "description": _TITLES.get(name, f"The components of {name}"),
            "sourceRepos": sorted(sources),
            "destinations": [{"server": SERVER, "namespace": space} for space in sorted(namespaces)],
            "clusterResourceWhitelist": [
                dict(zip(("group", "kind"), kind.rsplit("/", 1), strict=True))
                for kind in sorted(cluster_kinds)
            ],
        },
    }


def _charts(plan: Plan, components: Iterable[Component]) -> Iterator[str]:
    """The repositories of charts and foreign manifests, each as the `repoURL` of an Application has it."""
    mirrors = mirrors_of(plan.site.spec)
    for component in components:
        if component.manifests:
            yield mirrors.repository(component.manifests.url)
        for release in component.releases:
            url = layout.chart_place(plan, release)
            yield f"{url}/{release.chart}" if pins.is_oci(url) else url


def _custom_resources(
    plan: Plan, components: Iterable[Component], rendered: Mapping[str, Mapping[str, bytes]]
) -> Iterator[tuple[str, str]]:
    """Namespace (empty for an object in none) and `GROUP/KIND` of each custom resource."""
    for component in components:
        folder = f"{layout.overlay(plan, component)}/configs/"
        for path, content in rendered[component.name].items():
            for item in yamlio.load_all(content) if path.startswith(folder) else ():
                group = item["apiVersion"].rpartition("/")[0]
                yield item["metadata"].get("namespace", ""), f"{group}/{item['kind']}"
