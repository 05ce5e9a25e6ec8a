from __future__ import annotations

import pytest

from openinfra_tui.errors import UserError
from openinfra_tui.questions.nodes import read_nodes, with_nodes

CSV = """\
name,roles,management,disks
ctl1.cloud.example,control network,10.20.0.11,
sto1.cloud.example,storage,10.20.0.21,/dev/disk/by-path/a /dev/disk/by-path/b
"""
NODES = [
    {
        "name": "ctl1.cloud.example",
        "roles": ["control", "network"],
        "addresses": {"management": "10.20.0.11"},
    },
    {
        "name": "sto1.cloud.example",
        "roles": ["storage"],
        "addresses": {"management": "10.20.0.21"},
        "disks": ["/dev/disk/by-path/a", "/dev/disk/by-path/b"],
    },
]


def test_csv() -> None:
    assert read_nodes(CSV) == NODES


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_of_other_programs(delimiter: str) -> None:
    assert read_nodes(CSV.replace(",", delimiter)) == NODES


def test_yaml_as_in_a_site_file() -> None:
    plain = "- {name: a, roles: [control]}\n"
    assert read_nodes(plain) == [{"name": "a", "roles": ["control"]}]
    assert read_nodes(f"spec:\n  nodes:\n  {plain}") == read_nodes(plain)


def test_an_ansible_inventory_gives_roles_by_its_groups() -> None:
    text = """\
# kolla
[control]
ctl[01:03] ansible_user=op
[network:children]
control
[compute]
cmp1 ansible_host=10.20.0.31  # rack 2
[compute:vars]
x=1
[loadbalancer:children]
network
"""
    assert read_nodes(text) == [
        *({"name": f"ctl0{n}", "roles": ["control", "network"]} for n in (1, 2, 3)),
        {"name": "cmp1", "roles": ["compute"], "addresses": {"management": "10.20.0.31"}},
    ]


def test_an_ansible_inventory_in_yaml() -> None:
    text = """\
all:
  children:
    kube_control_plane: {hosts: {ctl1: {ansible_host: 10.20.0.11}}}
    computes: {hosts: {cmp1: {}}}
"""
    assert sorted(read_nodes(text), key=lambda one: one["name"]) == [
        {"name": "cmp1", "roles": ["compute"]},
        {"name": "ctl1", "roles": ["control"], "addresses": {"management": "10.20.0.11"}},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{}",
        "[]",
        "- 3",
        "roles,management\ncontrol,10.0.0.1",
        "name,roles\nctl1,chef",
        "name,roles\nCTL_1,control",
        "- !!python/object:os.system {}",
        "[control:children]\ncontrol",
        "[a]\nx[0:9999]",
        "[control]\n[/foo]",
        "name,roles\n\x1b[31mx,control",
    ],
)
def test_what_is_no_list_of_hosts_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        read_nodes(text)


def test_hosts_of_the_same_name_are_replaced_in_place() -> None:
    there = [{"name": "a", "roles": ["control"]}, {"name": "b", "roles": ["control"]}]
    new = [{"name": "c", "roles": ["storage"]}, {"name": "a", "roles": ["compute"]}]
    assert with_nodes(there, new) == [new[1], there[1], new[0]]
