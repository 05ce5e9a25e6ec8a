"""Rules of the operating system of the nodes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from openinfra_tui.catalog.read import minor_of
from openinfra_tui.catalog.rules.registry import Facts, Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOON = timedelta(days=200)
_IGNITION = "https://github.com/kubernetes-sigs/cluster-api/blob/v1.14.0/docs/book/src/tasks/experimental-features/ignition.md"


@rule(
    "F12",
    "warning",
    because="The stock cloud images of EL 10 lack kernel-modules-extra, without which iptables rules fail.",
    source="https://github.com/kubernetes-sigs/kubespray/blob/master/docs/operating_systems/rhel.md",
    paths=("operatingSystem",),
)
def kernel_modules(facts: Facts) -> Iterator[Problem]:
    """EL 10 needs the extra kernel modules of its running kernel."""
    for system in facts.systems:
        if (
            system.known
            and system.known.family == "el"
            and system.release == "10"
            and not system.known.immutable
        ):
            text = f"install kernel-modules-extra of the running kernel on {system.host} first"
            yield Problem(text, paths=(system.path,))


@rule(
    "F21",
    "error",
    because="From Kubernetes 1.35 on the kubelet refuses cgroup v1 unless failCgroupV1 is false.",
    source="https://github.com/kubernetes/enhancements/issues/5573",
    paths=("operatingSystem", "clusters"),
)
def cgroup_v1(facts: Facts) -> Iterator[Problem]:
    """No host with cgroup v1 from Kubernetes 1.35 on."""
    for role, version in facts.versions.items():
        if minor_of(version) < (1, 35):
            continue
        for system in facts.systems:
            if system.known and system.known.cgroup == 1:
                text = f"{system.host} boots with cgroup v1, which Kubernetes {version} refuses"
                yield Problem(
                    f"{text}; boot it with systemd.unified_cgroup_hierarchy=1",
                    paths=(system.path, f"clusters.{role}.version"),
                )


@rule(
    "F22",
    "error",
    because="The kubeadm bootstrap of Cluster API writes Ignition v2; Fedora CoreOS reads spec 3 only.",
    source=_IGNITION,
    paths=("operatingSystem", "clusters"),
)
def coreos_by_cluster_api(facts: Facts) -> Iterator[Problem]:
    """Fedora CoreOS cannot be a node that Cluster API makes."""
    yield from _by_cluster_api(facts, "fcos", "Cluster API cannot make a node of Fedora CoreOS")


@rule(
    "F23",
    "warning",
    because="Ignition in the kubeadm bootstrap of Cluster API is behind a feature gate.",
    source=_IGNITION,
    paths=("operatingSystem", "clusters"),
)
def flatcar_by_cluster_api(facts: Facts) -> Iterator[Problem]:
    """Flatcar needs a feature gate of Cluster API."""
    yield from _by_cluster_api(facts, "flatcar", "Flatcar needs EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION=true")


def _by_cluster_api(facts: Facts, distribution: str, text: str) -> Iterator[Problem]:
    if any(cluster.get("distribution") == "cluster-api" for cluster in facts.clusters.values()):
        for system in facts.systems:
            if system.distribution == distribution:
                yield Problem(text, paths=(system.path,))


@rule(
    "F24",
    "error",
    because="CentOS Stream CoreOS exists only inside OKD.",
    source="https://github.com/okd-project/okd/releases",
    paths=("operatingSystem", "clusters"),
)
def coreos_is_okd(facts: Facts) -> Iterator[Problem]:
    """SCOS means OKD."""
    made_by = {str(cluster.get("distribution")) for cluster in facts.clusters.values()}
    if made_by != {"okd"}:
        for system in facts.systems:
            if system.distribution == "scos":
                yield Problem("scos needs a cluster made by okd", paths=(system.path, "clusters"))


@rule(
    "F55",
    "warning",
    because="A release gets no fixes after the end of its normal support.",
    source="https://endoflife.date/",
    paths=("operatingSystem",),
)
def end_of_life(facts: Facts) -> Iterator[Problem]:
    """The release of a distribution has ended, or ends within 200 days."""
    for system in facts.systems:
        eol = system.known.eol if system.known else None
        if eol is not None and eol - facts.today <= _SOON:
            word = "ended" if eol < facts.today else "ends"
            yield Problem(f"the support of {system.host} {word} on {eol}", paths=(system.path,))


@rule(
    "F59",
    "error",
    because="The OpenStack packages of openEuler stop at 2023.1.",
    source="https://github.com/openeuler-mirror/openstack",
    paths=("operatingSystem", "placement", "openstack.series"),
)
def openeuler_packages(facts: Facts) -> Iterator[Problem]:
    """OpenEuler has no packages newer than Antelope."""
    if facts.site.get("placement") == "manual-core" and facts.series > "2023.1":
        for system in facts.systems:
            if system.distribution == "openeuler":
                text = f"{system.host} has no OpenStack {facts.series} packages"
                yield Problem(text, paths=(system.path, "openstack.series"))


@rule(
    "A1",
    "warning",
    because="No rule can judge a release that the catalog does not hold.",
    source="https://endoflife.date/",
    paths=("operatingSystem",),
)
def unknown_release(facts: Facts) -> Iterator[Problem]:
    """A release that the catalog does not know."""
    for system in facts.systems:
        if system.known is None:
            known = [d.release for d in facts.catalog.distributions if d.id == system.distribution]
            text = f"{system.host} is not in the catalog, which has {', '.join(known)}"
            yield Problem(text, paths=(system.path,))
