"""Rules of exposure and of the overlay networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.catalog.rules.registry import Facts, Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_OSH = "https://github.com/openstack/openstack-helm/blob/master/doc/source/install/openstack.rst"


@rule(
    "F18",
    "error",
    because="The charts of OpenStack-Helm render no Ingress any more; routes come from the Gateway API.",
    source=_OSH,
    paths=("openstack.deployer", "exposure.gateway"),
)
def no_ingress(facts: Facts) -> Iterator[Problem]:
    """OpenStack-Helm is exposed by a Gateway."""
    gateway = str(facts.site.get("exposure.gateway") or "")
    if facts.deployer == "openstack-helm" and gateway.startswith("ingress"):
        yield Problem(f"OpenStack-Helm cannot be exposed by {gateway}; choose envoy-gateway")


@rule(
    "F19",
    "warning",
    because="ingress-nginx is retired since March 2026; its repository is read-only.",
    source="https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/",
    paths=("exposure.gateway",),
)
def retired_ingress(facts: Facts) -> Iterator[Problem]:
    """ingress-nginx gets no fixes."""
    if facts.site.get("exposure.gateway") == "ingress-nginx":
        yield Problem("ingress-nginx is retired and gets no security fixes")


@rule(
    "F20",
    "error",
    because="The openvswitch chart loads kernel modules with the host's modprobe, which Talos does not have.",
    source="https://github.com/rackerlabs/genestack/blob/main/docs/k8s-talos.md",
    paths=("openstack.deployer", "openstack.neutron.backend", "operatingSystem"),
)
def openvswitch_on_talos(facts: Facts) -> Iterator[Problem]:
    """The openvswitch chart, which both backends use, does not start on Talos."""
    backend = facts.site.get("openstack.neutron.backend")
    if facts.deployer == "openstack-helm" and backend in ("ovn", "openvswitch"):
        for system in facts.systems:
            if system.distribution == "talos":
                text = f"the backend {backend} uses the openvswitch chart, which does not start on Talos"
                yield Problem(text, paths=(system.path, "openstack.neutron.backend"))


@rule(
    "F58",
    "warning",
    because="Two overlays on one UDP port of a host lose packets; VXLAN of Neutron and Calico is on 4789.",
    source="https://github.com/openstack/openstack-helm/blob/master/roles/deploy-env/defaults/main.yml",
    paths=("openstack.neutron.backend", "clusters"),
)
def overlay_ports(facts: Facts) -> Iterator[Problem]:
    """Neutron's VXLAN and Calico's VXLAN share a port; OVN uses Geneve on 6081."""
    if facts.site.get("openstack.neutron.backend") == "openvswitch":
        for role, cluster in facts.clusters.items():
            if role == "undercloud" and (cluster.get("cni") or {}).get("name") == "calico":
                text = "Calico must not use VXLAN on 4789, which is Neutron's; give it another port"
                yield Problem(text, paths=(f"clusters.{role}.cni.name", "openstack.neutron.backend"))
