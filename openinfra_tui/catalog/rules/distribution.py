"""Rules of the operating system of the nodes."""

from __future__ import annotations

from datetime import timedelta

from openinfra_tui.catalog.read import minor_of
from openinfra_tui.catalog.rules.registry import (
    Condition,
    Facts,
    Found,
    Problem,
    System,
    each_system,
    rule,
)

_SOON = timedelta(days=200)
_IGNITION = "https://github.com/kubernetes-sigs/cluster-api/blob/v1.14.0/docs/book/src/tasks/experimental-features/ignition.md"


def _is_el10(system: System) -> bool:
    return bool(system.known and system.known.family == "el" and system.release == "10")


@rule(
    "F12",
    "warning",
    because="The stock cloud images of EL 10 lack kernel-modules-extra, without which iptables rules fail.",
    source="https://github.com/kubernetes-sigs/kubespray/blob/master/docs/operating_systems/rhel.md",
    paths=("operatingSystem",),
)
@each_system()
def kernel_modules(_: Facts, system: System) -> Found:
    """EL 10 needs the extra kernel modules of its running kernel."""
    if _is_el10(system) and system.known and not system.known.immutable:
        yield f"install kernel-modules-extra of the running kernel on {system.host} first"


@rule(
    "F13",
    "warning",
    because="EL 10 is built for x86-64-v3; AlmaLinux alone builds it for v2 as well.",
    source="https://gitlab.com/redhat/centos-stream/src/kernel/centos-stream-9/-/merge_requests/3972",
    paths=("operatingSystem",),
)
@each_system()
def old_processors(_: Facts, system: System) -> Found:
    """EL 10 on a processor that it is not built for."""
    if _is_el10(system) and system.distribution != "almalinux" and system.architecture == "x86-64-v2":
        yield f"{system.host} does not start on an x86-64-v2 processor; almalinux 10 has images that do"


def _are_nodes(facts: Facts) -> bool:
    """Whether the hosts are nodes of a cluster; in manual-core the cluster that there may be is elsewhere."""
    return bool(facts.site.get("placement") != "manual-core")


@rule(
    "F21",
    "error",
    when=_are_nodes,
    because="From Kubernetes 1.35 on the kubelet refuses cgroup v1 unless failCgroupV1 is false.",
    source="https://github.com/kubernetes/enhancements/issues/5573",
    paths=("operatingSystem", "clusters"),
)
@each_system()
def cgroup_v1(facts: Facts, system: System) -> Found:
    """No host with cgroup v1 from Kubernetes 1.35 on."""
    for role, version in facts.versions.items():
        if system.known and system.known.cgroup == 1 and minor_of(version) >= (1, 35):
            yield Problem(
                f"{system.host} boots with cgroup v1, which Kubernetes {version} refuses; "
                "boot it with systemd.unified_cgroup_hierarchy=1",
                paths=(system.path, f"clusters.{role}.version"),
            )


def _made_by(distribution: str) -> Condition:
    """The condition that a cluster is made by this."""
    return lambda facts: any(cluster.distribution == distribution for cluster in facts.clusters)


@rule(
    "F22",
    "error",
    when=_made_by("cluster-api"),
    because="The kubeadm bootstrap of Cluster API writes Ignition v2; Fedora CoreOS reads spec 3 only.",
    source=_IGNITION,
    paths=("operatingSystem", "clusters"),
)
@each_system()
def coreos_by_cluster_api(_: Facts, system: System) -> Found:
    """Fedora CoreOS cannot be a node that Cluster API makes."""
    if system.distribution == "fcos":
        yield "Cluster API cannot make a node of Fedora CoreOS"


@rule(
    "F23",
    "warning",
    when=_made_by("cluster-api"),
    because="Ignition in the kubeadm bootstrap of Cluster API is behind a feature gate.",
    source=_IGNITION,
    paths=("operatingSystem", "clusters"),
)
@each_system()
def flatcar_by_cluster_api(_: Facts, system: System) -> Found:
    """Flatcar needs a feature gate of Cluster API."""
    if system.distribution == "flatcar":
        yield "Flatcar needs EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION=true"


@rule(
    "F24",
    "error",
    when=lambda facts: _are_nodes(facts) and {one.distribution for one in facts.clusters} != {"okd"},
    because="CentOS Stream CoreOS exists only inside OKD.",
    source="https://github.com/okd-project/okd/releases",
    paths=("operatingSystem", "clusters"),
)
@each_system("clusters")
def coreos_is_okd(_: Facts, system: System) -> Found:
    """SCOS means OKD."""
    if system.distribution == "scos":
        yield "scos needs a cluster made by okd"


@rule(
    "F47",
    "warning",
    when=lambda facts: facts.site.get("storage.backend") == "rook",
    because="Without lvm2 the Ceph daemons of raw devices do not come back after a reboot of the host.",
    source="https://github.com/rook/rook/blob/v1.19.10/Documentation/Getting-Started/Prerequisites/prerequisites.md",
    paths=("storage.backend", "nodes", "operatingSystem"),
)
def lvm2_for_ceph(facts: Facts) -> Found:
    """Hosts whose disks Ceph takes have lvm2; where no package can be installed, none is asked for."""
    system = facts.system_of("storage")
    takes = any("storage" in node["roles"] and node.get("disks") for node in facts.nodes)
    if system is None or not takes or (system.known and system.known.immutable):
        return
    if "lvm2" not in system.packages:
        yield Problem("the packages of the storage hosts lack lvm2", paths=(f"{system.path}.packages",))


@rule(
    "F55",
    "warning",
    because="A release gets no fixes after the end of its normal support.",
    source="https://endoflife.date/",
    paths=("operatingSystem",),
)
@each_system()
def end_of_life(facts: Facts, system: System) -> Found:
    """The release of a distribution has ended, or ends within 200 days."""
    eol = system.known.eol if system.known else None
    if eol is not None and eol - facts.today <= _SOON:
        word = "ended" if eol < facts.today else "ends"
        yield f"the support of {system.host} {word} on {eol}"


@rule(
    "F59",
    "error",
    when=lambda facts: facts.site.get("placement") == "manual-core" and facts.series > "2023.1",
    because="The OpenStack packages of openEuler stop at 2023.1.",
    source="https://github.com/openeuler-mirror/openstack",
    paths=("operatingSystem", "placement", "openstack.series"),
)
@each_system("openstack.series")
def openeuler_packages(facts: Facts, system: System) -> Found:
    """OpenEuler has no packages newer than Antelope."""
    if system.distribution == "openeuler":
        yield f"{system.host} has no OpenStack {facts.series} packages"


@rule(
    "A1",
    "warning",
    because="No rule can judge a release that the catalog does not hold.",
    source="https://endoflife.date/",
    paths=("operatingSystem",),
)
@each_system()
def unknown_release(facts: Facts, system: System) -> Found:
    """A release that the catalog does not know."""
    if system.known is None:
        known = [d.release for d in facts.catalog.distributions if d.id == system.distribution]
        yield f"{system.host} is not in the catalog, which has {', '.join(known)}"
