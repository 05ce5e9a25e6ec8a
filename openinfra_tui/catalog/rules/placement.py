"""Rules of the nodes and what they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.catalog.rules.registry import Facts, Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANY = 7


@rule(
    "F48",
    "error",
    because="etcd, Galera and RabbitMQ need a majority; an even number adds no safety.",
    source="https://etcd.io/docs/v3.6/faq/",
    paths=("nodes",),
)
def odd_control_plane(facts: Facts) -> Iterator[Problem]:
    """An odd number of control nodes; a warning for one and for more than seven."""
    count = facts.with_role("control")
    if not facts.nodes:
        return
    if count % 2 == 0:
        yield Problem(f"{count} control nodes: the number must be odd")
    elif count == 1:
        yield Problem("one control node: the cloud stops with it", "warning")
    elif count > _MANY:
        yield Problem(f"{count} control nodes: more than {_MANY} make every write slower", "warning")


@rule(
    "F49",
    "error",
    because="Nova needs a node with the label openstack-compute-node.",
    source="https://github.com/openstack/openstack-helm/blob/master/doc/source/install/openstack.rst",
    paths=("placement", "nodes"),
)
def compute_nodes(facts: Facts) -> Iterator[Problem]:
    """OpenStack on Kubernetes needs a compute node."""
    if facts.site.get("placement") == "openstack-on-k8s" and facts.with_role("compute") == 0:
        yield Problem("no node has the role compute")


@rule(
    "D4",
    "error",
    because="Ceph keeps each copy on another host; with fewer hosts than copies no pool becomes clean.",
    source="https://docs.ceph.com/en/latest/rados/operations/pools/",
    paths=("storage.replicas", "nodes"),
)
def storage_hosts(facts: Facts) -> Iterator[Problem]:
    """Rook has at least as many storage nodes as copies."""
    replicas, count = int(facts.site.get("storage.replicas") or 0), facts.with_role("storage")
    if facts.site.get("storage.backend") == "rook" and count < replicas:
        yield Problem(f"{replicas} copies need {replicas} storage nodes, there are {count}")
