"""Rules of the Kubernetes version."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from openinfra_tui.catalog.read import minor_of
from openinfra_tui.catalog.rules.registry import Facts, Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOON = timedelta(days=120)


@rule(
    "F14",
    "error",
    because="OpenStack-Helm is tested on these minors only.",
    source="https://github.com/openstack/openstack-helm/blob/master/README.rst",
    paths=("openstack.deployer", "clusters"),
)
def openstack_helm_window(facts: Facts) -> Iterator[Problem]:
    """The undercloud of OpenStack-Helm is in its window; one minor newer is a warning."""
    deployer = facts.catalog.deployer("openstack-helm")
    version = facts.versions.get("undercloud")
    if (
        facts.deployer != "openstack-helm"
        or deployer is None
        or deployer.kubernetes is None
        or version is None
    ):
        return
    window = deployer.kubernetes
    if window.holds(version):
        return
    major, minor = minor_of(window.high)
    text = f"OpenStack-Helm supports Kubernetes {window}, not {version}"
    next_minor = minor_of(version) == (major, minor + 1)
    yield Problem(
        text, "warning" if next_minor else None, ("clusters.undercloud.version", "openstack.deployer")
    )


@rule(
    "F38",
    "error",
    because="Cluster API supports these minors for management and workload clusters.",
    source="https://github.com/kubernetes-sigs/cluster-api/blob/v1.14.0/docs/book/src/reference/versions.md",
    paths=("placement", "clusters"),
)
def cluster_api_window(facts: Facts) -> Iterator[Problem]:
    """The clusters that run Cluster API, or are made by it, are in its windows."""
    placement = facts.catalog.placement(str(facts.site.get("placement") or ""))
    management = facts.catalog.component("cluster-api-management")
    workload = facts.catalog.component("cluster-api-workload")
    if placement is None or management is None or workload is None:
        return
    for placed in placement.clusters:
        component = management if "cluster-api" in placed.carries else workload
        if component is workload and placed.made_by != ("cluster-api",):
            continue
        for role, version in facts.versions.items():
            if (role == placed.role or role.startswith(f"{placed.role}-")) and not component.window.holds(
                version
            ):
                text = f"Cluster API {component.version} supports {component.window} here, not {version}"
                yield Problem(text, paths=(f"clusters.{role}.version",))


@rule(
    "F45",
    "error",
    because="Rook supports a window of Kubernetes minors.",
    source="https://github.com/rook/rook/blob/v1.20.6/Documentation/Getting-Started/Prerequisites/prerequisites.md",
    paths=("storage.backend", "clusters"),
)
def rook_window(facts: Facts) -> Iterator[Problem]:
    """The cluster that carries Rook is in its window."""
    rook = facts.catalog.component("rook")
    version = facts.versions.get("undercloud")
    if facts.site.get("storage.backend") != "rook" or rook is None or version is None:
        return
    if not rook.window.holds(version):
        text = f"Rook {rook.version} supports Kubernetes {rook.window}, not {version}"
        yield Problem(text, paths=("clusters.undercloud.version", "storage.backend"))


@rule(
    "F54",
    "warning",
    because="A Kubernetes minor gets no fixes after its end of life.",
    source="https://endoflife.date/kubernetes",
    paths=("clusters",),
)
def end_of_life(facts: Facts) -> Iterator[Problem]:
    """A minor has ended, or ends within 120 days."""
    for role, version in facts.versions.items():
        minor = facts.catalog.minor(version)
        if minor is not None and minor.eol is not None and minor.eol - facts.today <= _SOON:
            word = "ended" if minor.eol < facts.today else "ends"
            text = f"the support of Kubernetes {minor.id} {word} on {minor.eol}"
            yield Problem(text, paths=(f"clusters.{role}.version",))


@rule(
    "C2",
    "error",
    because="An engine checks the Kubernetes version when it is installed, and supports a window of minors.",
    source="https://github.com/fluxcd/flux2/blob/v2.9.4/cmd/flux/check.go",
    paths=("gitops.engine", "placement", "clusters"),
)
def engine_window(facts: Facts) -> Iterator[Problem]:
    """The cluster that holds the engine is in the engine's window."""
    placement = facts.catalog.placement(str(facts.site.get("placement") or ""))
    engine = facts.catalog.engine(str(facts.site.get("gitops.engine") or ""))
    if placement is None or engine is None:
        return
    version = facts.versions.get(placement.engine_in)
    if version is not None and not engine.kubernetes.holds(version):
        text = f"{engine.title} {engine.version} needs Kubernetes {engine.kubernetes}, not {version}"
        yield Problem(text, paths=(f"clusters.{placement.engine_in}.version", "gitops.engine"))
