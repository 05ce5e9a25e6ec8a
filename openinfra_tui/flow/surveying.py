"""A cluster that exists already, for the wizard: its nodes as hosts of a site, the rest in lines to read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster import kubeconfig
from openinfra_tui.cluster.survey import survey
from openinfra_tui.errors import UserError
from openinfra_tui.plan.facts import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openinfra_tui.cluster.survey import Node, Survey

_MOST = 40  # releases that are named
_CONTROL_PLANES = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
# Labels that one role alone gives.
_ROLES = {
    label: role
    for role, labels in LABELS.items()
    for label in labels
    if sum(label in others for others in LABELS.values()) == 1
}


def look(context: str) -> Survey:
    """Read a cluster, from a thread; nothing is written to it.

    Args:
        context: of the kubeconfig; empty for its current one.

    Raises:
        UserError: there is no such context, or the cluster does not answer, in one line.
    """
    access = kubeconfig.load(context or None)
    try:
        return asyncio.run(survey(access))
    except UserError as error:
        raise UserError(f"{access.server}: {error.message.splitlines()[0]}", error.hint) from error


def hosts(found: Survey) -> list[dict[str, Any]]:
    """Its nodes, as `nodes` of a site has them.

    Roles are those of the labels by which OpenStack-Helm places its pods; where a node has none of them, the
    control plane of Kubernetes controls and every other node computes.
    """
    return [
        {
            "name": node.name,
            "roles": _roles(node),
            **({"addresses": {"management": node.address}} if node.address else {}),
        }
        for node in found.nodes
    ]


def lines(found: Survey) -> list[tuple[str, str]]:
    """What to show of it: a word, and what is behind it."""
    return list(_lines(found))


def _lines(found: Survey) -> Iterator[tuple[str, str]]:
    yield "Cluster", f"{found.context}, {found.server}"
    yield "Kubernetes", found.version or "not told"
    yield "Pod network", ", ".join(found.plugins) or "none of those that are known here"
    ready = sum(node.ready for node in found.nodes)
    kinds = sorted({f"{node.system} {node.architecture}".strip() for node in found.nodes})
    yield "Nodes", f"{len(found.nodes)}, {ready} ready" + (f"; {', '.join(kinds)}" if any(kinds) else "")
    classes = [f"{one.name} ({one.provisioner}{', default' if one.default else ''})" for one in found.classes]
    yield "Storage", ", ".join(classes) or "no storage class"
    if not found.installed:
        yield "Installed", "no release that was found"
    for number, one in enumerate(found.installed[:_MOST]):
        version = f", {one.version}" if one.version else ""
        yield "Installed" if not number else "", f"{one.namespace}/{one.name} by {one.by}{version}"
    if len(found.installed) > _MOST:
        yield "", f"and {len(found.installed) - _MOST} more"
    for number, fault in enumerate(found.unread):
        yield "Not read" if not number else "", fault.splitlines()[0]


def _roles(node: Node) -> list[str]:
    told = {_ROLES[label] for label in node.labels if label in _ROLES}
    if not told:
        told = {"control"} if any(label in node.labels for label in _CONTROL_PLANES) else {"compute"}
    return [role for role in LABELS if role in told]
