from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openinfra_tui.errors import UserError
from openinfra_tui.plan.component import Component, Configs, Reach, Release
from openinfra_tui.plan.facts import (
    bridge_mappings,
    control_replicas,
    monitors,
    node_labels,
    packages,
    vlan_ranges,
)
from openinfra_tui.plan.model import make_plan
from openinfra_tui.site.model import Site

SITE = Site("s1", {"domain": "s1.example", "openstack": {"services": ["keystone"]}}, "site.yaml", "", {})


def component(name: str, **fields: Any) -> Component:
    release = Release(name, name, "source", "1.0.0", "5m", False, None)
    defaults: dict[str, Any] = {
        "title": name, "group": None, "when": (), "provides": (name,), "requires": (), "after": (),
        "namespace": None, "namespaces": (), "chart_sources": {}, "releases": (release,), "secrets": (),
        "health": (), "configs": None, "folder": Path(name), "alongside": (), "reaches": Reach((), ()),
        "holds_data": False, "ignored_by_argocd": (),
    }  # fmt: skip
    return Component(name=name, **{**defaults, **fields})


def plan_of(*components: Component) -> list[tuple[str, tuple[str, ...]]]:
    plan = make_plan(SITE, {c.name: c for c in components}, "undercloud")
    return [(step.name, step.depends_on) for step in plan.steps]


def test_what_is_required_comes_first() -> None:
    steps = plan_of(component("keystone", requires=("mariadb",)), component("mariadb"))
    assert steps == [("mariadb", ()), ("keystone", ("mariadb",))]


def test_a_missing_provider_is_named() -> None:
    with pytest.raises(UserError, match="keystone requires mariadb, which nothing"):
        plan_of(component("keystone", requires=("mariadb",)))


def test_a_circle_is_named() -> None:
    with pytest.raises(UserError, match=r"circle: .*a.*b"):
        plan_of(component("a", requires=("b",)), component("b", requires=("a",)))


def test_after_is_an_edge_only_where_there_is_a_provider() -> None:
    assert plan_of(component("a", after=("b",))) == [("a", ())]
    assert plan_of(component("a", after=("b",)), component("b")) == [("b", ()), ("a", ("b",))]


def test_configs_follow_their_component_and_provide_by_themselves() -> None:
    configs = Configs(provides=("issuer",), requires=(), after=(), health=())
    steps = plan_of(component("cert-manager", configs=configs), component("gateway", requires=("issuer",)))
    assert steps == [
        ("cert-manager", ()),
        ("cert-manager-configs", ("cert-manager",)),
        ("gateway", ("cert-manager-configs",)),
    ]


def test_manifests_alone_are_one_step_under_their_own_name() -> None:
    configs = Configs(provides=(), requires=(), after=(), health=())
    namespaces = component("namespaces", releases=(), configs=configs)
    assert plan_of(namespaces, component("a")) == [("namespaces", ()), ("a", ("namespaces",))]


def test_when_chooses_by_site_and_by_fact() -> None:
    wanted = component("a", when=({"path": "openstack.services", "contains": "keystone"},))
    other = component("b", when=({"path": "openstack.services", "contains": "nova"},))
    fact = component("c", when=({"path": "facts.ceph", "is": True},))
    assert [name for name, _ in plan_of(wanted, other, fact)] == ["a"]


@given(st.integers(0, 50))
def test_monitors_are_odd_and_fit(storage_nodes: int) -> None:
    count = monitors(storage_nodes)
    assert count % 2 == 1
    assert count <= max(storage_nodes, 1)


@given(st.integers(0, 9))
def test_control_replicas_have_a_majority(control: int) -> None:
    assert control_replicas([{"name": str(n), "roles": ["control"]} for n in range(control)]) == (
        3 if control >= 3 else 1
    )


def test_neutron_reads_networks() -> None:
    networks = [
        {"name": "physnet1", "interface": "bond1", "vlans": "100:199"},
        {"name": "flat1", "interface": "eth2"},
    ]
    assert bridge_mappings(networks) == "physnet1:br-physnet1,flat1:br-flat1"
    assert vlan_ranges(networks) == "physnet1:100:199,flat1"


def test_labels_follow_roles() -> None:
    assert node_labels(["compute"]) == {"openstack-compute-node": "enabled", "openvswitch": "enabled"}


def test_packages_follow_the_systems_of_the_roles() -> None:
    systems = {
        "default": {"distribution": "ubuntu", "release": "24.04", "packages": ["lvm2"]},
        "compute": {"distribution": "rocky", "release": "10", "packages": ["lvm2", "numactl"]},
        "storage": {"distribution": "talos", "release": "1.13"},
    }
    nodes = [
        {"name": "b", "roles": ["control", "compute"]},
        {"name": "c", "roles": ["storage"]},
        {"name": "d", "roles": ["control"]},
    ]
    site = Site("s1", {"operatingSystem": systems, "nodes": nodes}, "site.yaml", "", {})
    assert packages(site) == {"lvm2": ["b", "d"], "numactl": ["b"]}
