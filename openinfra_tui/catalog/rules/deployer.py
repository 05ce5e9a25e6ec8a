"""Rules of the other deployers: Sunbeam, Atmosphere, Yaook, the OpenStack Kubernetes Operators."""

from __future__ import annotations

from openinfra_tui.catalog.rules.registry import (
    Cluster,
    Condition,
    Facts,
    Found,
    Problem,
    System,
    by,
    each_cluster,
    each_system,
    rule,
)

_SUNBEAM = "https://github.com/canonical/snap-openstack"
_ATMOSPHERE = "https://github.com/vexxhost/atmosphere"
_ARCHITECTURE = "https://github.com/openstack-k8s-operators/architecture"
_EDPM = "https://github.com/openstack-k8s-operators/edpm-ansible"
_OKO = "openstack-k8s-operators"
_EL = ("rocky", "almalinux", "centos-stream", "rhel")


@rule(
    "F1",
    "error",
    when=by("sunbeam"),
    because="The script that prepares a node exits on any codename but noble.",
    source=_SUNBEAM,
    paths=("openstack.deployer", "operatingSystem"),
)
@each_system()
def sunbeam_hosts(_: Facts, system: System) -> Found:
    """Sunbeam runs on Ubuntu 24.04 only."""
    if system.host != "ubuntu 24.04":
        yield f"Sunbeam needs ubuntu 24.04, not {system.host}"


@rule(
    "F25",
    "error",
    when=by(_OKO),
    because="The operators need OLM Subscriptions, Routes, SCC and NMState of OpenShift.",
    source=_ARCHITECTURE,
    paths=("openstack.deployer", "clusters"),
)
@each_cluster("distribution", "openstack.deployer")
def operators_need_openshift(_: Facts, cluster: Cluster) -> Found:
    """The OpenStack Kubernetes Operators run on OpenShift or OKD."""
    if cluster.role == "undercloud" and cluster.distribution not in ("openshift", "okd"):
        yield f"the cluster {cluster.role} must be openshift or okd, not {cluster.distribution}"


@rule(
    "F26",
    "warning",
    when=by(_OKO),
    because="OKD has no catalog redhat-operators, from which the reference architecture subscribes.",
    source=_ARCHITECTURE,
    paths=("openstack.deployer", "clusters"),
)
@each_cluster("distribution")
def okd_catalog(_: Facts, cluster: Cluster) -> Found:
    """OKD lacks a catalog that the operators use."""
    if cluster.distribution == "okd":
        yield f"the cluster {cluster.role} is OKD: the sources of the operators must be changed"


@rule(
    "F27",
    "error",
    when=by(_OKO),
    because="The images of the data plane are built on EL 9, and the roles enable rhel-9 repositories.",
    source=_EDPM,
    paths=("openstack.deployer", "operatingSystem"),
)
def data_plane_hosts(facts: Facts) -> Found:
    """Data plane nodes run RHEL 9 or CentOS Stream 9."""
    system = facts.system_of("compute")
    if system is not None and system.host not in ("rhel 9", "centos-stream 9"):
        text = f"data plane nodes need rhel 9 or centos-stream 9, not {system.host}"
        yield Problem(text, "warning" if system.host == "centos-stream 10" else None, (system.path,))


@rule(
    "F28",
    "error",
    when=by(_OKO),
    because="The content of the operators is podified-antelope, whatever series is asked for.",
    source="https://github.com/openstack-k8s-operators/openstack-operator",
    paths=("openstack.deployer", "openstack.series"),
)
def operators_series(facts: Facts) -> Found:
    """The operators deliver Antelope."""
    if facts.series != "2023.1":
        yield f"the operators deliver 2023.1 (18.0), not {facts.series}"


@rule(
    "F29",
    "warning",
    when=by("atmosphere"),
    because="Atmosphere brings Kubernetes 1.28 along on every branch.",
    source=_ATMOSPHERE,
    paths=("openstack.deployer",),
)
def old_bundled_kubernetes(facts: Facts) -> Found:
    """The Kubernetes of Atmosphere is out of support."""
    deployer = facts.catalog.deployer("atmosphere")
    minor = facts.catalog.minor(deployer.bundled_kubernetes) if deployer else None
    if minor is not None and minor.eol is not None and minor.eol < facts.today:
        yield f"Atmosphere ships Kubernetes {minor.id}, which ended on {minor.eol}"


def _engine_beside(name: str) -> Condition:
    """The condition that the engine lives in the cluster that this deployer brings along."""

    def holds(facts: Facts) -> bool:
        placement = facts.placement
        return facts.deployer == name and placement is not None and placement.engine_in == "undercloud"

    return holds


def _engine_floor(facts: Facts) -> Found:
    """The engine against the minor that the deployer brings along."""
    deployer, engine = facts.catalog.deployer(facts.deployer), facts.engine
    if deployer and engine and not engine.kubernetes.holds(deployer.bundled_kubernetes):
        yield (
            f"{engine.title} {engine.version} needs Kubernetes {engine.kubernetes}; "
            f"{deployer.title} brings {deployer.bundled_kubernetes}"
        )


@rule(
    "F30",
    "error",
    when=_engine_beside("atmosphere"),
    because="Kubernetes 1.28 is below the floor of every supported engine; use a management cluster.",
    source="https://github.com/fluxcd/flux2/blob/v2.9.4/cmd/flux/check.go",
    paths=("openstack.deployer", "gitops.engine", "placement"),
)
def engine_in_atmosphere(facts: Facts) -> Found:
    """No supported engine runs inside the cluster of Atmosphere."""
    yield from _engine_floor(facts)


@rule(
    "F31",
    "error",
    when=_engine_beside("sunbeam"),
    because="Canonical Kubernetes 1.32 is below the floor of Flux 2.8 and Argo CD 3.5.",
    source=_SUNBEAM,
    paths=("openstack.deployer", "gitops.engine", "placement"),
)
def engine_in_sunbeam(facts: Facts) -> Found:
    """The newest engines do not run inside the cluster of Sunbeam."""
    yield from _engine_floor(facts)


@rule(
    "F32",
    "warning",
    because="Ansible and Juju push; the engine reconciles Kubernetes objects or a Job that runs them.",
    source="https://docs.openstack.org/kolla-ansible/latest/",
    paths=("openstack.deployer",),
)
def push_deployers(facts: Facts) -> Found:
    """OpenStack itself is not reconciled with these deployers."""
    deployer = facts.catalog.deployer(facts.deployer)
    if deployer is not None and deployer.push:
        yield f"{deployer.title} is run, not reconciled: the engine does not keep OpenStack in place"


@rule(
    "F33",
    "error",
    when=by("atmosphere"),
    because="Atmosphere documents Ubuntu 22.04 only; some roles have branches for EL.",
    source=_ATMOSPHERE,
    paths=("openstack.deployer", "operatingSystem"),
)
@each_system()
def atmosphere_hosts(_: Facts, system: System) -> Found:
    """Atmosphere: Ubuntu 22.04; 24.04 and EL with a warning; nothing else."""
    if system.host != "ubuntu 22.04":
        unofficial = system.host == "ubuntu 24.04" or system.distribution in _EL
        text = f"Atmosphere is documented for ubuntu 22.04, not {system.host}"
        yield Problem(text, "warning" if unofficial else None)


def _short_names(facts: Facts) -> Found:
    for index, node in enumerate(facts.nodes):
        name = str(node.get("name", ""))
        if "." not in name:
            yield Problem(f"the node {name} must be named by its FQDN", paths=(f"nodes.{index}.name",))


@rule(
    "F34",
    "error",
    when=by("atmosphere"),
    because="With short host names the agents and live migration fail.",
    source=_ATMOSPHERE,
    paths=("openstack.deployer", "nodes"),
)
def atmosphere_names(facts: Facts) -> Found:
    """Atmosphere wants FQDNs in its inventory."""
    yield from _short_names(facts)


@rule(
    "F50",
    "error",
    when=by("yaook"),
    because="Yaook needs the FQDN of a host to be the name of its node.",
    source="https://docs.yaook.cloud/",
    paths=("openstack.deployer", "nodes"),
)
def yaook_names(facts: Facts) -> Found:
    """Yaook wants nodes named by their FQDN."""
    yield from _short_names(facts)
