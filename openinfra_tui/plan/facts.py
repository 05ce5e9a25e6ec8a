"""What follows from the answers: derived facts, each a pure function of the site."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.plan.kolla import kolla

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.site.model import Site

# The node labels by which OpenStack-Helm places its pods (osh-atmosphere.md A3).
LABELS: Mapping[str, tuple[str, ...]] = {
    "control": ("openstack-control-plane",),
    "network": ("openstack-network-node", "openvswitch", "l3-agent"),
    "storage": ("ceph-osd-node",),
    "compute": ("openstack-compute-node", "openvswitch"),
    "management": (),
    "monitoring": (),
}

_PUBLIC = (
    "keystone",
    "glance",
    "placement",
    "neutron",
    "nova",
    "novnc",
    "cinder",
    "heat",
    "horizon",
    "barbican",
    "octavia",
    "magnum",
    "designate",
    "skyline",
    "manila",
    "masakari",
    "aodh",
    "ironic",
)


def facts(site: Site) -> dict[str, Any]:
    """Every derived fact, as templates see it under `cookiecutter.facts`."""
    nodes = site.get("nodes", [])
    return {
        "replicas": {"control": control_replicas(nodes), "storage": len(_with_role(nodes, "storage"))},
        "backend": site.get("openstack.neutron.backend", "ovn"),
        "ceph": site.get("storage.backend") in ("rook", "external-ceph"),
        "storage_class": site.get("storage.storageClass", "general"),
        "hosts": {service: f"{service}.{site.get('domain')}" for service in _PUBLIC},
        "bridge_mappings": bridge_mappings(site.get("networks.provider", [])),
        "auto_bridge_add": {
            f"br-{net['name']}": net["interface"] for net in site.get("networks.provider", [])
        },
        "vlan_ranges": vlan_ranges(site.get("networks.provider", [])),
        "tunnel_interface": site.get(
            "networks.tunnel.interface", site.get("networks.management.interface", "")
        ),
        "tunnel_mtu": site.get("networks.tunnel.mtu", 1500),
        "physnet_mtu": physnet_mtu(site),
        "monitors": monitors(len(_with_role(nodes, "storage"))),
        "storage_nodes": [
            {"name": node["name"], "disks": list(node.get("disks", []))}
            for node in _with_role(nodes, "storage")
        ],
        "nodes": [{"name": node["name"], "labels": node_labels(node["roles"])} for node in nodes],
        "packages": packages(site),
        "gateway": {"name": "public", "namespace": "envoy-gateway-system", "class": "envoy"},
        "issuer": "public",
        "runs": runs(site),
        "runner": {
            "image": site.get("openstack.runner.image", ""),
            "upgrade": bool(site.get("openstack.upgradeFrom")),
        },
        "kolla": kolla(site),
        "store_ca": base64.b64encode(site.get("secrets.externalSecrets.ca", "").encode()).decode(),
        **pod_network(site),
    }


def runs(site: Site) -> bool:
    """Whether OpenStack is deployed by what runs and ends, and so is delivered as Jobs."""
    deployer = load_catalog().deployer(str(site.get("openstack.deployer")))
    return deployer is not None and deployer.push


def pod_network(site: Site) -> dict[str, Any]:
    """The plugin that this repository installs (none: empty), its range, and the MTU of the network below."""
    cluster = site.get("clusters.undercloud", {})
    cni = cluster.get("cni", {})
    owned = bool(cni.get("managed"))
    return {
        "cni": cni.get("name", "") if owned else "",
        "pod_cidr": cluster.get("podCidr", ""),
        "node_mtu": site.get("networks.management.mtu", 0),
        "kube_proxy_replacement": owned and bool(cni.get("replaceKubeProxy")),
    }


def control_replicas(nodes: list[dict[str, Any]]) -> int:
    """Three copies where three control nodes can hold them, else one: two have no majority."""
    return 3 if len(_with_role(nodes, "control")) >= 3 else 1


def monitors(storage_nodes: int) -> int:
    """Ceph monitors: an odd number, at most one a storage node, five from five nodes on."""
    if storage_nodes >= 5:
        return 5
    return 3 if storage_nodes >= 3 else 1


def bridge_mappings(networks: list[dict[str, Any]]) -> str:
    """`physnet1:br-physnet1,…` as Neutron and OVN read it."""
    return ",".join(f"{net['name']}:br-{net['name']}" for net in networks)


def vlan_ranges(networks: list[dict[str, Any]]) -> str:
    """`physnet1:100:199,…`, ml2_type_vlan.network_vlan_ranges."""
    return ",".join(f"{net['name']}:{net['vlans']}" if net.get("vlans") else net["name"] for net in networks)


def packages(site: Site) -> dict[str, list[str]]:
    """Each package that hosts must have → their names; none where no package can be installed."""
    systems = site.get("operatingSystem", {})
    default = systems.get("default", {})
    out: dict[str, list[str]] = {}
    for node in site.get("nodes", []):
        wanted: set[str] = set()
        for role in node["roles"]:
            system = {**default, **systems.get(role, {})}
            known = load_catalog().distribution(system.get("distribution", ""), system.get("release", ""))
            if known is None or not known.immutable:
                wanted.update(system.get("packages", ()))
        for package in sorted(wanted):
            out.setdefault(package, []).append(node["name"])
    return out


def physnet_mtu(site: Site) -> int:
    """Neutron's `global_physnet_mtu`: the largest of all, as a network gets the smaller of it and its own.

    Source: https://docs.openstack.org/neutron/2026.1/admin/config-mtu.html
    """
    networks = site.get("networks.provider", [])
    largest: int = max(site.get("networks.tunnel.mtu", 1500), *(net["mtu"] for net in networks), 0)
    return largest


def node_labels(roles: list[str]) -> dict[str, str]:
    """The labels that the roles of a node mean, all with the value `enabled`."""
    return {label: "enabled" for role in roles for label in LABELS[role]}


def _with_role(nodes: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
    return [node for node in nodes if role in node["roles"]]
