"""Rules of the placement, and of the nodes and what they carry."""

from __future__ import annotations

from openinfra_tui.catalog.rules.registry import Facts, Found, Problem, rule

_MANY = 7


@rule(
    "F48",
    "error",
    when=lambda facts: bool(facts.nodes),
    because="etcd, Galera and RabbitMQ need a majority; an even number adds no safety.",
    source="https://etcd.io/docs/latest/faq/",
    paths=("nodes",),
)
def odd_control_plane(facts: Facts) -> Found:
    """An odd number of control nodes; a warning for one and for more than seven."""
    count = facts.with_role("control")
    if count % 2 == 0:
        yield f"{count} control nodes: the number must be odd"
    elif count == 1:
        yield Problem("one control node: the cloud stops with it", "warning")
    elif count > _MANY:
        yield Problem(f"{count} control nodes: more than {_MANY} make every write slower", "warning")


@rule(
    "F49",
    "error",
    when=lambda facts: facts.site.get("placement") == "openstack-on-k8s",
    because="Nova needs a node with the label openstack-compute-node.",
    source="https://github.com/openstack/openstack-helm/blob/master/doc/source/install/openstack.rst",
    paths=("placement", "nodes"),
)
def compute_nodes(facts: Facts) -> Found:
    """OpenStack on Kubernetes needs a compute node."""
    if facts.with_role("compute") == 0:
        yield "no node has the role compute"


@rule(
    "D1",
    "error",
    because="A placement says where OpenStack stands; each deployer puts it in some of these places only.",
    source="https://github.com/OpenStackweb/osf-website",
    paths=("placement", "openstack.deployer"),
)
def deployer_fits(facts: Facts) -> Found:
    """The deployer puts OpenStack where the placement has it."""
    placement, deployer = facts.placement, facts.catalog.deployer(facts.deployer)
    if placement and deployer and deployer.id not in placement.openstack_from:
        fitting = " or ".join(placement.openstack_from)
        yield f"{deployer.title} cannot make the placement {placement.id}; choose {fitting}"


@rule(
    "D4",
    "error",
    when=lambda facts: facts.site.get("storage.backend") == "rook",
    because="Ceph keeps each copy on another host; with fewer hosts than copies no pool becomes clean.",
    source="https://docs.ceph.com/en/reef/rados/troubleshooting/troubleshooting-pg/",
    paths=("storage.replicas", "nodes"),
)
def storage_hosts(facts: Facts) -> Found:
    """Rook has at least as many storage nodes as copies."""
    replicas, count = int(facts.site.get("storage.replicas") or 0), facts.with_role("storage")
    if count < replicas:
        yield f"{replicas} copies need {replicas} storage nodes, there are {count}"
