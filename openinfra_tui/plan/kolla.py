"""What follows from the answers for Kolla-Ansible: typed functions of the site, printed by its templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.catalog.kolla import kolla_release
from openinfra_tui.catalog.read import load_catalog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openinfra_tui.site.model import Site

# The groups that have hosts in them (multinode), and the role that stands in where no host has the
# group's own.
_GROUPS = {"control": "control", "network": "control", "compute": "", "monitoring": "control", "storage": ""}
_BUNDLE = {"deb": "/etc/ssl/certs/ca-certificates.crt", "el": "/etc/pki/tls/certs/ca-bundle.crt"}
_BASES = {"almalinux": "rocky", "centos-stream": "centos"}
_CORE = ("keystone", "glance", "nova", "neutron", "placement")
# What takes locks or queues from a coordination service (group_vars: *_coordination_backend).
_COORDINATED = {"ceilometer", "designate", "gnocchi", "masakari", "mistral", "octavia"}


def kolla(site: Site) -> dict[str, Any]:
    """Every fact of a site of Kolla-Ansible; of another deployer, or a series that it lacks, none."""
    deployer = load_catalog().deployer("kolla-ansible")
    series = str(site.get("openstack.series"))
    if site.get("openstack.deployer") != "kolla-ansible" or not deployer or series not in deployer.built:
        return {}
    release = kolla_release(series)
    hosts = inventory(site.get("nodes", []))
    volumes = len(members(release.groups, hosts, "cinder-volume"))
    return {
        "release": release.release,
        "ansible_core": release.ansible_core,
        "base": base(site),
        "ca_bundle": _BUNDLE["deb" if base(site) in ("debian", "ubuntu") else "el"],
        "external_vip": site.get("openstack.kolla.externalVip", ""),
        "external_interface": site.get("openstack.kolla.externalInterface", ""),
        "hosts": [{"group": group, "nodes": nodes} for group, nodes in hosts.items()],
        "groups": [{"name": name, "children": list(own)} for name, own in release.groups.items()],
        "passwords": dict(release.passwords),
        "services": [one for one in site.get("openstack.services", []) if one not in _CORE],
        "coordination": coordination(site),
        "volume_hosts": volumes,
        "registry": registry(site.get("mirrors.images", "")),
        "test_images": series >= "2026.1" and not site.get("mirrors.images"),
        "unlisted_hosts": any(one["distribution"] == "almalinux" for one in systems(site).values()),
        "prepare": preparation(site),
    }


def inventory(nodes: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """The hosts of each group that is made of hosts."""
    out = {}
    for group, other in _GROUPS.items():
        found = [node for node in nodes if group in node["roles"]]
        found = found or [node for node in nodes if other and other in node["roles"]]
        out[group] = [
            {"name": node["name"], "address": node.get("addresses", {}).get("management", "")}
            for node in found
        ]
    return out


def members(
    groups: Mapping[str, Sequence[str]], hosts: Mapping[str, Sequence[Mapping[str, str]]], group: str
) -> set[str]:
    """The names of the hosts that are in a group, through whatever other groups."""
    own = {host["name"] for host in hosts.get(group, ())}
    return own.union(*(members(groups, hosts, child) for child in groups.get(group, ())))


def base(site: Site) -> str:
    """The distribution inside the images: as answered, else that of the control hosts (kolla_base_distro)."""
    host = str(systems(site)["control"]["distribution"])
    return str(site.get("openstack.kolla.baseDistro") or _BASES.get(host, host))


def systems(site: Site) -> dict[str, Mapping[str, Any]]:
    """The operating system of each role that a host has, and of the control hosts in any case."""
    answers = site.get("operatingSystem", {})
    roles = {role for node in site.get("nodes", []) for role in node["roles"]} | {"control"}
    return {role: {**answers.get("default", {}), **answers.get(role, {})} for role in sorted(roles)}


def coordination(site: Site) -> bool:
    """Whether Valkey is needed: volumes on Ceph by several hosts, or a service that coordinates."""
    several = len(inventory(site.get("nodes", []))["control"]) > 1
    return several or bool(_COORDINATED & set(site.get("openstack.services", [])))


def registry(mirror: str) -> dict[str, str]:
    """Host and namespace of the registry that holds the images of quay.io/openstack.kolla; empty without."""
    if not mirror:
        return {}
    host, _, prefix = mirror.partition("/")
    return {"host": host, "namespace": f"{prefix}/openstack.kolla".lstrip("/")}


def preparation(site: Site) -> dict[str, dict[str, Any]]:
    """By role, what its hosts must have before Ansible comes: family, packages, names of the hosts.

    EL 10 has its netfilter and other modules in a package beside the kernel (kernel-modules-extra).
    """
    out: dict[str, dict[str, Any]] = {}
    for role, system in systems(site).items():
        known = load_catalog().distribution(system.get("distribution", ""), system.get("release", ""))
        names = [node["name"] for node in site.get("nodes", []) if role in node["roles"]]
        if names and known:
            out[role] = {
                "host": f"{known.id} {known.release}",
                "family": known.family,
                "packages": sorted({"sudo", "python3", *system.get("packages", ())}),
                "kernel_modules": known.family == "el" and known.release == "10",
                "nodes": names,
            }
    return out
