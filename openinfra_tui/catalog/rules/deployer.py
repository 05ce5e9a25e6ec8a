"""Rules of the other deployers: Sunbeam, Atmosphere, Yaook, the OpenStack Kubernetes Operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.catalog.rules.registry import Facts, Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUNBEAM = "https://github.com/canonical/snap-openstack"
_ATMOSPHERE = "https://github.com/vexxhost/atmosphere"
_ARCHITECTURE = "https://github.com/openstack-k8s-operators/architecture"
_EDPM = "https://github.com/openstack-k8s-operators/edpm-ansible"
_OKO = "openstack-k8s-operators"
_EL = ("rocky", "almalinux", "centos-stream", "rhel")


@rule(
    "F1",
    "error",
    because="The script that prepares a node exits on any codename but noble.",
    source=_SUNBEAM,
    paths=("openstack.deployer", "operatingSystem"),
)
def sunbeam_hosts(facts: Facts) -> Iterator[Problem]:
    """Sunbeam runs on Ubuntu 24.04 only."""
    if facts.deployer == "sunbeam":
        for system in facts.systems:
            if system.host != "ubuntu 24.04":
                yield Problem(f"Sunbeam needs ubuntu 24.04, not {system.host}", paths=(system.path,))


@rule(
    "F25",
    "error",
    because="The operators need OLM Subscriptions, Routes, SCC and NMState of OpenShift.",
    source=_ARCHITECTURE,
    paths=("openstack.deployer", "clusters"),
)
def operators_need_openshift(facts: Facts) -> Iterator[Problem]:
    """The OpenStack Kubernetes Operators run on OpenShift or OKD."""
    if facts.deployer == _OKO:
        for role, cluster in facts.clusters.items():
            if role == "undercloud" and cluster.get("distribution") not in ("openshift", "okd"):
                text = f"the cluster {role} must be openshift or okd, not {cluster.get('distribution')}"
                yield Problem(text, paths=(f"clusters.{role}.distribution", "openstack.deployer"))


@rule(
    "F26",
    "warning",
    because="OKD has no catalog redhat-operators, from which the reference architecture subscribes.",
    source=_ARCHITECTURE,
    paths=("openstack.deployer", "clusters"),
)
def okd_catalog(facts: Facts) -> Iterator[Problem]:
    """OKD lacks a catalog that the operators use."""
    if facts.deployer == _OKO:
        for role, cluster in facts.clusters.items():
            if cluster.get("distribution") == "okd":
                text = f"the cluster {role} is OKD: the sources of the operators must be changed"
                yield Problem(text, paths=(f"clusters.{role}.distribution",))


@rule(
    "F27",
    "error",
    because="The images of the data plane are built on EL 9, and the roles enable rhel-9 repositories.",
    source=_EDPM,
    paths=("openstack.deployer", "operatingSystem"),
)
def data_plane_hosts(facts: Facts) -> Iterator[Problem]:
    """Data plane nodes run RHEL 9 or CentOS Stream 9."""
    system = facts.system_of("compute")
    if facts.deployer != _OKO or system is None or system.host in ("rhel 9", "centos-stream 9"):
        return
    text = f"data plane nodes need rhel 9 or centos-stream 9, not {system.host}"
    yield Problem(text, "warning" if system.host == "centos-stream 10" else None, (system.path,))


@rule(
    "F28",
    "error",
    because="The content of the operators is podified-antelope, whatever series is asked for.",
    source="https://github.com/openstack-k8s-operators/openstack-operator",
    paths=("openstack.deployer", "openstack.series"),
)
def operators_series(facts: Facts) -> Iterator[Problem]:
    """The operators deliver Antelope."""
    if facts.deployer == _OKO and facts.series != "2023.1":
        yield Problem(f"the operators deliver 2023.1 (18.0), not {facts.series}")


@rule(
    "F29",
    "warning",
    because="Atmosphere brings Kubernetes 1.28 along on every branch.",
    source=_ATMOSPHERE,
    paths=("openstack.deployer",),
)
def old_bundled_kubernetes(facts: Facts) -> Iterator[Problem]:
    """The Kubernetes of Atmosphere is out of support."""
    deployer = facts.catalog.deployer("atmosphere")
    if facts.deployer != "atmosphere" or deployer is None:
        return
    minor = facts.catalog.minor(deployer.bundled_kubernetes)
    if minor is not None and minor.eol is not None and minor.eol < facts.today:
        yield Problem(f"Atmosphere ships Kubernetes {minor.id}, which ended on {minor.eol}")


def _engine_beside(facts: Facts, name: str) -> Iterator[Problem]:
    """The engine would live in the cluster that a deployer brings along, below the engine's floor."""
    deployer = facts.catalog.deployer(name)
    engine = facts.catalog.engine(str(facts.site.get("gitops.engine") or ""))
    placement = facts.catalog.placement(str(facts.site.get("placement") or ""))
    if facts.deployer != name or deployer is None or engine is None or placement is None:
        return
    if placement.engine_in == "undercloud" and not engine.kubernetes.holds(deployer.bundled_kubernetes):
        yield Problem(
            f"{engine.title} {engine.version} needs Kubernetes {engine.kubernetes}; "
            f"{deployer.title} brings {deployer.bundled_kubernetes}"
        )


@rule(
    "F30",
    "error",
    because="Kubernetes 1.28 is below the floor of every supported engine; use a management cluster.",
    source="https://github.com/fluxcd/flux2/blob/v2.9.4/cmd/flux/check.go",
    paths=("openstack.deployer", "gitops.engine", "placement"),
)
def engine_in_atmosphere(facts: Facts) -> Iterator[Problem]:
    """No supported engine runs inside the cluster of Atmosphere."""
    yield from _engine_beside(facts, "atmosphere")


@rule(
    "F31",
    "error",
    because="Canonical Kubernetes 1.32 is below the floor of Flux 2.8 and Argo CD 3.5.",
    source=_SUNBEAM,
    paths=("openstack.deployer", "gitops.engine", "placement"),
)
def engine_in_sunbeam(facts: Facts) -> Iterator[Problem]:
    """The newest engines do not run inside the cluster of Sunbeam."""
    yield from _engine_beside(facts, "sunbeam")


@rule(
    "F32",
    "warning",
    because="Ansible and Juju push; the engine reconciles Kubernetes objects or a Job that runs them.",
    source="https://docs.openstack.org/kolla-ansible/latest/",
    paths=("openstack.deployer",),
)
def push_deployers(facts: Facts) -> Iterator[Problem]:
    """OpenStack itself is not reconciled with these deployers."""
    deployer = facts.catalog.deployer(facts.deployer)
    if deployer is not None and deployer.push:
        yield Problem(f"{deployer.title} is run, not reconciled: the engine does not keep OpenStack in place")


@rule(
    "F33",
    "error",
    because="Atmosphere documents Ubuntu 22.04 only; some roles have branches for EL.",
    source=_ATMOSPHERE,
    paths=("openstack.deployer", "operatingSystem"),
)
def atmosphere_hosts(facts: Facts) -> Iterator[Problem]:
    """Atmosphere: Ubuntu 22.04; 24.04 and EL with a warning; nothing else."""
    if facts.deployer != "atmosphere":
        return
    for system in facts.systems:
        if system.host == "ubuntu 22.04":
            continue
        unofficial = system.host == "ubuntu 24.04" or system.distribution in _EL
        text = f"Atmosphere is documented for ubuntu 22.04, not {system.host}"
        yield Problem(text, "warning" if unofficial else None, (system.path,))


def _short_names(facts: Facts) -> Iterator[Problem]:
    for index, node in enumerate(facts.nodes):
        name = str(node.get("name", ""))
        if "." not in name:
            yield Problem(f"the node {name} must be named by its FQDN", paths=(f"nodes.{index}.name",))


@rule(
    "F34",
    "error",
    because="With short host names the agents and live migration fail.",
    source=_ATMOSPHERE,
    paths=("openstack.deployer", "nodes"),
)
def atmosphere_names(facts: Facts) -> Iterator[Problem]:
    """Atmosphere wants FQDNs in its inventory."""
    if facts.deployer == "atmosphere":
        yield from _short_names(facts)


@rule(
    "F50",
    "error",
    because="Yaook needs the FQDN of a host to be the name of its node.",
    source="https://docs.yaook.cloud/",
    paths=("openstack.deployer", "nodes"),
)
def yaook_names(facts: Facts) -> Iterator[Problem]:
    """Yaook wants nodes named by their FQDN."""
    if facts.deployer == "yaook":
        yield from _short_names(facts)
