"""Rules of the Kubernetes version."""

from __future__ import annotations

from datetime import timedelta

from openinfra_tui.catalog.read import minor_of
from openinfra_tui.catalog.rules.registry import Cluster, Facts, Found, Problem, by, each_cluster, rule

_SOON = timedelta(days=120)
_UNDERCLOUD = "clusters.undercloud.version"


@rule(
    "F14",
    "error",
    when=by("openstack-helm"),
    because="OpenStack-Helm is tested on these minors only.",
    source="https://github.com/openstack/openstack-helm/blob/master/README.rst",
    paths=(_UNDERCLOUD, "openstack.deployer"),
)
def openstack_helm_window(facts: Facts) -> Found:
    """The undercloud of OpenStack-Helm is in its window; one minor newer is a warning."""
    deployer = facts.catalog.deployer("openstack-helm")
    window = deployer.kubernetes if deployer else None
    version = facts.versions.get("undercloud")
    if window is None or version is None or window.holds(version):
        return
    major, minor = minor_of(window.high)
    text = f"OpenStack-Helm supports Kubernetes {window}, not {version}"
    yield Problem(text, "warning" if minor_of(version) == (major, minor + 1) else None)


@rule(
    "F38",
    "error",
    because="Cluster API supports these minors for management and workload clusters.",
    source="https://github.com/kubernetes-sigs/cluster-api/blob/v1.14.0/docs/book/src/reference/versions.md",
    paths=("placement", "clusters"),
)
def cluster_api_window(facts: Facts) -> Found:
    """The clusters that run Cluster API, or are made by it, are in its windows."""
    management = facts.catalog.component("cluster-api-management")
    workload = facts.catalog.component("cluster-api-workload")
    for placed in facts.placement.clusters if facts.placement else ():
        component = management if "cluster-api" in placed.carries else workload
        if component is None or (component is workload and placed.made_by != ("cluster-api",)):
            continue
        for role, version in facts.versions.items():
            here = role == placed.role or role.startswith(f"{placed.role}-")
            if here and not component.window.holds(version):
                text = f"Cluster API {component.version} supports {component.window} here, not {version}"
                yield Problem(text, paths=(f"clusters.{role}.version",))


@rule(
    "F39",
    "warning",
    because="Cluster API 1.16, planned for April 2027, stops to serve the contract v1beta1.",
    source="https://github.com/kubernetes-sigs/cluster-api/blob/v1.14.0/docs/book/src/reference/versions.md",
    paths=("placement",),
)
def old_contract(facts: Facts) -> Found:
    """The OpenStack provider of Cluster API that we use speaks an old contract."""
    capo = facts.catalog.component("capo")
    carried = any(
        "capo" in placed.carries for placed in (facts.placement.clusters if facts.placement else ())
    )
    if carried and capo is not None and capo.contract == "v1beta1":
        yield f"cluster-api-provider-openstack {capo.version} must be left before Cluster API 1.16"


@rule(
    "F45",
    "error",
    when=lambda facts: facts.site.get("storage.backend") == "rook",
    because="Rook supports a window of Kubernetes minors.",
    source="https://github.com/rook/rook/blob/v1.19.10/Documentation/Getting-Started/Prerequisites/prerequisites.md",
    paths=(_UNDERCLOUD, "storage.backend"),
)
def rook_window(facts: Facts) -> Found:
    """The cluster that carries Rook is in its window."""
    rook = facts.catalog.component("rook")
    version = facts.versions.get("undercloud")
    if rook is not None and version is not None and not rook.window.holds(version):
        yield f"Rook {rook.version} supports Kubernetes {rook.window}, not {version}"


@rule(
    "F54",
    "warning",
    because="A Kubernetes minor gets no fixes after its end of life.",
    source="https://endoflife.date/kubernetes",
    paths=("clusters",),
)
@each_cluster("version")
def end_of_life(facts: Facts, cluster: Cluster) -> Found:
    """A minor has ended, or ends within 120 days."""
    minor = facts.catalog.minor(cluster.version)
    if minor is not None and minor.eol is not None and minor.eol - facts.today <= _SOON:
        word = "ended" if minor.eol < facts.today else "ends"
        yield f"the support of Kubernetes {minor.id} {word} on {minor.eol}"


@rule(
    "C2",
    "error",
    because="An engine checks the Kubernetes version when it is installed, and supports a window of minors.",
    source="https://github.com/fluxcd/flux2/blob/v2.9.4/cmd/flux/check.go",
    paths=("gitops.engine", "placement", "clusters"),
)
def engine_window(facts: Facts) -> Found:
    """The cluster that holds the engine is in the engine's window."""
    placement, engine = facts.placement, facts.engine
    if placement is None or engine is None:
        return
    version = facts.versions.get(placement.engine_in)
    if version is not None and not engine.kubernetes.holds(version):
        text = f"{engine.title} {engine.version} needs Kubernetes {engine.kubernetes}, not {version}"
        yield Problem(text, paths=(f"clusters.{placement.engine_in}.version", "gitops.engine"))
