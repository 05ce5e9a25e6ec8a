"""Rules of deployers that run on hosts without Kubernetes below them, and of what runs them."""

from __future__ import annotations

from openinfra_tui.catalog.rules.registry import Facts, Found, Problem, by, rule

_TASKS = "https://github.com/openstack/kolla-ansible/blob/master/ansible/roles/prechecks/tasks"
_PRECHECKS = f"{_TASKS}/port_checks.yml"
_REGISTRY = f"{_TASKS}/registry_checks.yml"
_CINDER = "https://docs.openstack.org/kolla-ansible/latest/reference/storage/cinder-guide.html"
_SERVICES = "https://docs.openstack.org/kolla-ansible/latest/reference/index.html"
_IN_KUBERNETES = ("rook", "storage-class")
_ON_HOSTS = ("lvm", "nfs")
_ABSENT = ("swift", "zaqar")


def _kolla_alone(facts: Facts) -> bool:
    """Whether Kolla-Ansible makes a cloud on hosts of its own."""
    return facts.deployer == "kolla-ansible" and facts.site.get("placement") == "manual-core"


@rule(
    "R1",
    "error",
    when=_kolla_alone,
    because="Kolla-Ansible reaches each host by its address, and nobody may have the virtual one yet.",
    source=_PRECHECKS,
    paths=("networks.management", "nodes"),
)
def addresses(facts: Facts) -> Found:
    """A management network with a virtual address of its own, and an address for each host."""
    vip = facts.site.get("networks.management.vip")
    if not vip:
        yield Problem("Kolla-Ansible needs a virtual address", paths=("networks.management.vip",))
    for number, node in enumerate(facts.nodes):
        own = (node.get("addresses") or {}).get("management")
        if not own:
            yield Problem(f"{node['name']} has no management address", paths=(f"nodes.{number}.addresses",))
        elif own == vip:
            yield Problem(f"the virtual address {vip} is that of {node['name']}")


@rule(
    "R2",
    "error",
    because="Rook and StorageClasses are in a cluster; LVM and NFS are told to Cinder by Kolla only.",
    source=_CINDER,
    paths=("storage.backend", "openstack.deployer"),
)
def storage_fits(facts: Facts) -> Found:
    """The storage is where the deployer looks for it."""
    backend = facts.text("storage.backend")
    if _kolla_alone(facts) and backend in _IN_KUBERNETES:
        yield f"Kolla-Ansible on hosts cannot use {backend}; choose external-ceph, lvm or nfs"
    elif facts.deployer not in ("kolla-ansible", "kayobe") and backend in _ON_HOSTS:
        yield f"{facts.deployer} is not told of {backend}"


@rule(
    "R3",
    "error",
    when=by("kolla-ansible"),
    because="Kolla-Ansible has no role for them.",
    source=_SERVICES,
    paths=("openstack.services", "openstack.deployer"),
)
def services_exist(facts: Facts) -> Found:
    """Services that no release of Kolla-Ansible from 2025.1 on deploys."""
    for service in facts.services:
        if service in _ABSENT:
            yield f"Kolla-Ansible does not deploy {service}"


@rule(
    "R4",
    "error",
    when=lambda facts: _kolla_alone(facts) and bool(facts.site.get("clusters.management")),
    because="Upstream publishes no image of Kolla-Ansible itself, so the runs need the one that you build.",
    source="https://github.com/openstack/kolla/tree/master/docker",
    paths=("openstack.runner.image", "clusters"),
)
def runner_image(facts: Facts) -> Found:
    """A cluster that runs the deployer knows its image."""
    if not facts.text("openstack.runner.image"):
        yield "the runs in the management cluster need an image"


@rule(
    "R5",
    "warning",
    when=by("kolla-ansible"),
    because="The images at quay.io are meant for tests; from 2026.1 on the prechecks refuse them.",
    source=_REGISTRY,
    paths=("mirrors.images",),
)
def test_images(facts: Facts) -> Found:
    """Production has a registry of its own."""
    if not facts.text("mirrors.images"):
        yield "without mirrors.images the hosts run Kolla's test images"


@rule(
    "R6",
    "error",
    when=_kolla_alone,
    because="Volumes in LVM are served by the storage hosts, and virtual machines run on compute hosts.",
    source=_CINDER,
    paths=("nodes", "storage.backend"),
)
def hosts_for_it(facts: Facts) -> Found:
    """Each group of hosts that the answers need has a host."""
    if not facts.with_role("control"):
        yield "no node has the role control"
    if not facts.with_role("compute"):
        yield "no node has the role compute"
    lvm = facts.text("storage.backend") == "lvm" and "cinder" in facts.services
    if lvm and not facts.with_role("storage"):
        yield "no node has the role storage, where the volume group would be"
