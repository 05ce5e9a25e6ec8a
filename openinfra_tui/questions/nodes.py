"""Hosts from what an operator has already: CSV, the YAML of a site file, an Ansible inventory. Pure."""

from __future__ import annotations

import csv
import ipaddress
import re
from typing import TYPE_CHECKING, Any

from openinfra_tui.errors import UserError
from openinfra_tui.questions.judge import fault
from openinfra_tui.questions.listing import listed
from openinfra_tui.questions.model import rules_at
from openinfra_tui.site.read import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Group names beside our own roles: Kayobe and Atmosphere say controllers, Atmosphere computes and cephs
# (their inventories), Kubespray kube_control_plane and kube_node (its inventory/sample).
_GROUPS = {
    "controllers": "control",
    "computes": "compute",
    "cephs": "storage",
    "kube_control_plane": "control",
    "kube_node": "compute",
}
_SECTION = re.compile(r"\[([A-Za-z0-9_.-]+)(?::(children|vars))?\]")
_RANGE = re.compile(r"\[([0-9]{1,4}):([0-9]{1,4})\]")
_MOST = 2000
_NETWORKS = ("management", "tunnel", "storage")


def read_nodes(text: str) -> list[dict[str, Any]]:
    """The hosts of a text, as `nodes` of a site has them.

    Args:
        text: CSV with a header line (name, roles, and any of management, tunnel, storage, disks), YAML (a
            list, or a site file), or an Ansible inventory in INI or YAML, whose groups give the roles.

    Raises:
        UserError: it is none of these, or a host is not as the schema demands; every fault is told.
    """
    hosts = _read(text)
    if not hosts:
        raise UserError("no host found", "CSV with a header line, YAML, or an Ansible inventory")
    question = listed("nodes")
    if question is None:
        raise AssertionError("nobody asks for nodes")
    faults = [f"{_name(one)}: {message}" for one in hosts if (message := fault(question, [one]))]
    faults += [] if faults else [message for message in [fault(question, hosts)] if message]
    if faults:
        raise UserError("\n".join(faults[:10]), f"roles are {', '.join(_roles())}; groups may be named so")
    return hosts


def with_nodes(there: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The hosts that were there, those of the same name replaced, and the new ones after them."""
    by_name = {one["name"]: one for one in new}
    kept = [by_name.pop(one["name"], one) for one in there]
    return [*kept, *by_name.values()]


def _read(text: str) -> list[dict[str, Any]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", ";"))]
    if any(_SECTION.fullmatch(line.strip()) for line in lines):
        return _from_groups(*_ini(lines))
    document = read(text, "nodes")
    data = document.data
    if document.problems or not isinstance(data, list | dict):
        return _csv(lines)
    if isinstance(data, dict) and (found := _nodes_in(data)) is not None:
        data = found
    if isinstance(data, list):
        if any(not isinstance(one, dict) for one in data):
            raise UserError("a list of hosts has a mapping for each", "name: ctl1, roles: [control]")
        return data
    return _from_groups(*_yaml(data))


def _nodes_in(data: Mapping[str, Any]) -> list[Any] | None:
    spec = data.get("spec")
    found = spec.get("nodes") if isinstance(spec, dict) else data.get("nodes")
    return found if isinstance(found, list) else None


def _csv(lines: Sequence[str]) -> list[dict[str, Any]]:
    if not lines or ("," not in lines[0] and ";" not in lines[0] and "\t" not in lines[0]):
        return []
    delimiter = next(one for one in ("\t", ";", ",") if one in lines[0])
    rows = csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True)
    known = {name.strip().lower(): name for name in rows.fieldnames or ()}
    if "name" not in known:
        raise UserError(
            "the first line of CSV names the columns, one of them `name`", "name,roles,management"
        )
    out = []
    for row in rows:
        cells = {column: str(row.get(name) or "").strip() for column, name in known.items()}
        addresses = {network: cells[network] for network in _NETWORKS if cells.get(network)}
        host = {"name": cells["name"], "roles": _words(cells.get("roles", "")), "addresses": addresses}
        host |= {"disks": _words(cells.get("disks", ""))}
        out.append({key: value for key, value in host.items() if value})
    return out


def _ini(lines: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, str]]:
    """Hosts by group, groups by group, and the address of each host."""
    members: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    addresses: dict[str, str] = {}
    group, kind = "", ""
    for line in lines:
        if section := _SECTION.fullmatch(line.strip()):
            group, kind = section[1], section[2] or ""
            continue
        words = line.split("#")[0].split()
        if kind == "children":
            children.setdefault(group, []).extend(words[:1])
        elif kind != "vars" and words:
            for host in _spread(words[0]):
                members.setdefault(group, []).append(host)
                addresses |= _address(host, dict(part.partition("=")[::2] for part in words[1:]))
    return members, children, addresses


def _yaml(data: Mapping[str, Any]) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, str]]:
    members: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    addresses: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = list(data.items())
    while waiting:
        group, content = waiting.pop()
        inner = content if isinstance(content, dict) else {}
        hosts = inner.get("hosts")
        for pattern, variables in (hosts if isinstance(hosts, dict) else {}).items():
            for host in _spread(str(pattern)):
                members.setdefault(group, []).append(host)
                addresses |= _address(host, variables if isinstance(variables, dict) else {})
        below = inner.get("children")
        below = below if isinstance(below, dict) else {}
        children.setdefault(group, []).extend(below)
        waiting += below.items()
    return members, children, addresses


def _from_groups(
    members: Mapping[str, list[str]], children: Mapping[str, list[str]], addresses: Mapping[str, str]
) -> list[dict[str, Any]]:
    roles: dict[str, set[str]] = {}
    for group in {*members, *children}:
        role = _GROUPS.get(group, group)
        for host in _below(group, members, children, set()):
            found = roles.setdefault(host, set())
            if role in _roles():
                found.add(role)
    order = {host: None for hosts in members.values() for host in hosts}
    return [
        {
            "name": host,
            "roles": [role for role in _roles() if role in roles[host]],
            **({"addresses": {"management": addresses[host]}} if host in addresses else {}),
        }
        for host in order
        if roles[host] or len(order) == 1
    ]


def _below(
    group: str, members: Mapping[str, list[str]], children: Mapping[str, list[str]], been: set[str]
) -> Iterator[str]:
    if group not in been:
        been.add(group)
        yield from members.get(group, ())
        for child in children.get(group, ()):
            yield from _below(child, members, children, been)


def _spread(pattern: str) -> list[str]:
    """`ctl[1:3]` as three names, with the zeros that the first number has in front."""
    found = _RANGE.search(pattern)
    if found is None:
        return [pattern]
    first, last = int(found[1]), int(found[2])
    if last - first >= _MOST:
        raise UserError(f"{pattern} are more than {_MOST} hosts", "list them")
    names = (f"{number:0{len(found[1])}}" for number in range(first, last + 1))
    return [pattern[: found.start()] + name + pattern[found.end() :] for name in names]


def _address(host: str, variables: Mapping[str, Any]) -> dict[str, str]:
    value = str(variables.get("ansible_host", "")).strip("'\"")
    try:
        return {host: str(ipaddress.ip_address(value))}
    except ValueError:
        return {}


def _words(cell: str) -> list[str]:
    return [word for word in re.split(r"[\s,;|]+", cell) if word]


def _roles() -> tuple[str, ...]:
    return tuple(rules_at("nodes.0.roles").get("items", {}).get("enum", ()))


def _name(host: Mapping[str, Any]) -> str:
    return str(host.get("name", "a host without a name"))[:80]
