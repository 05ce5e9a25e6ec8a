"""Rules of exposure and of the overlay networks."""

from __future__ import annotations

from openinfra_tui.catalog.rules.registry import (
    Cluster,
    Facts,
    Found,
    System,
    by,
    each_cluster,
    each_system,
    rule,
)

_OSH = "https://github.com/openstack/openstack-helm/blob/master/doc/source/install/openstack.rst"
_BACKEND = "openstack.neutron.backend"


@rule(
    "F18",
    "error",
    when=by("openstack-helm"),
    because="The charts of OpenStack-Helm render no Ingress any more; routes come from the Gateway API.",
    source=_OSH,
    paths=("openstack.deployer", "exposure.gateway"),
)
def no_ingress(facts: Facts) -> Found:
    """OpenStack-Helm is exposed by a Gateway."""
    gateway = facts.text("exposure.gateway")
    if gateway.startswith("ingress"):
        yield f"OpenStack-Helm cannot be exposed by {gateway}; choose envoy-gateway"


@rule(
    "F19",
    "warning",
    because="ingress-nginx is retired since March 2026; its repository is read-only.",
    source="https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/",
    paths=("exposure.gateway",),
)
def retired_ingress(facts: Facts) -> Found:
    """ingress-nginx gets no fixes."""
    if facts.site.get("exposure.gateway") == "ingress-nginx":
        yield "ingress-nginx is retired and gets no security fixes"


@rule(
    "F20",
    "error",
    when=by("openstack-helm"),
    because="The openvswitch chart loads kernel modules with the host's modprobe, which Talos does not have.",
    source="https://github.com/rackerlabs/genestack/blob/main/docs/k8s-talos.md",
    paths=("openstack.deployer", _BACKEND, "operatingSystem"),
)
@each_system(_BACKEND)
def openvswitch_on_talos(facts: Facts, system: System) -> Found:
    """The openvswitch chart, which both backends use, does not start on Talos."""
    backend = facts.text(_BACKEND)
    if backend in ("ovn", "openvswitch") and system.distribution == "talos":
        yield f"the backend {backend} uses the openvswitch chart, which does not start on Talos"


@rule(
    "F58",
    "warning",
    when=lambda facts: facts.site.get(_BACKEND) == "openvswitch",
    because="Two overlays on one UDP port of a host lose packets; VXLAN of Neutron and Calico is on 4789.",
    source="https://github.com/openstack/openstack-helm/blob/master/roles/deploy-env/defaults/main.yaml",
    paths=(_BACKEND, "clusters"),
)
@each_cluster("cni.name", _BACKEND)
def overlay_ports(_: Facts, cluster: Cluster) -> Found:
    """Neutron's VXLAN and Calico's VXLAN share a port; OVN uses Geneve on 6081."""
    if cluster.role == "undercloud" and cluster.cni == "calico":
        yield "Calico must not use VXLAN on 4789, which is Neutron's; give it another port"
