"""What a cluster has already: nodes, version, pod network, storage classes, and what is installed by whom.

Only GETs. Of Helm's Secrets only the metadata is asked for: their content never leaves the server.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster import discovery, listing
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.cluster.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.cluster.discovery import Discovery
    from openinfra_tui.cluster.kubeconfig import Access

_RELEASES = "owner=helm,status=deployed"  # labels of the Secrets in which Helm keeps them
# The DaemonSets of the plugins that a site can name, as their own manifests call them.
_PLUGINS = {
    "cilium": "cilium",
    "calico-node": "calico",
    "kube-ovn-cni": "kube-ovn",
    "kube-flannel-ds": "flannel",
    "kube-flannel": "flannel",
}
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


@dataclass(frozen=True)
class Node:
    """A node: its name, labels, internal address, and what runs on it."""

    name: str
    labels: Mapping[str, str]
    address: str = ""
    system: str = ""
    architecture: str = ""
    ready: bool = False


@dataclass(frozen=True)
class StorageClass:
    """A storage class, and whether claims without a class get it."""

    name: str
    provisioner: str
    default: bool = False


@dataclass(frozen=True)
class Installed:
    """A release, and who keeps it: `Flux`, `Argo CD`, or `Helm` where nobody does."""

    name: str
    namespace: str
    by: str
    version: str = ""


@dataclass(frozen=True)
class Survey:
    """A cluster as it stands.

    Attributes:
        context: of the kubeconfig.
        server: its address.
        version: of Kubernetes, such as `v1.34.1`.
        nodes: by name.
        plugins: pod networks that were recognised.
        classes: storage classes by name.
        installed: releases by namespace and name.
        unread: what could not be read, and why.
    """

    context: str
    server: str
    version: str = ""
    nodes: tuple[Node, ...] = ()
    plugins: tuple[str, ...] = ()
    classes: tuple[StorageClass, ...] = ()
    installed: tuple[Installed, ...] = ()
    unread: tuple[str, ...] = ()


async def survey(access: Access) -> Survey:
    """Look at a cluster.

    Raises:
        ApiError: it does not answer, or refuses even to say what it serves.
    """
    async with Connection(access) as connection:
        served = await discovery.discover(connection)
        unread: list[str] = []
        version, nodes, sets, classes, releases, applications, helm = await asyncio.gather(
            connection.get("/version"),
            _listed(connection, served, "", "Node", unread),
            _listed(connection, served, "apps", "DaemonSet", unread),
            _listed(connection, served, "storage.k8s.io", "StorageClass", unread),
            _listed(connection, served, "helm.toolkit.fluxcd.io", "HelmRelease", unread),
            _listed(connection, served, "argoproj.io", "Application", unread),
            _listed(
                connection,
                served,
                "",
                "Secret",
                unread,
                called="releases of Helm",
                selector=_RELEASES,
                metadata_only=True,
            ),
        )
    return Survey(
        access.context,
        access.server,
        str(version.get("gitVersion") or ""),
        tuple(sorted((_node(item) for item in nodes), key=lambda node: node.name)),
        tuple(sorted({_PLUGINS[name] for item in sets if (name := item["metadata"]["name"]) in _PLUGINS})),
        tuple(sorted((_class(item) for item in classes), key=lambda one: one.name)),
        _installed(releases, applications, helm),
        tuple(sorted(unread)),
    )


async def _listed(
    connection: Connection,
    served: Discovery,
    group: str,
    kind: str,
    unread: list[str],
    *,
    called: str = "",
    selector: str = "",
    metadata_only: bool = False,
) -> tuple[dict[str, Any], ...]:
    """Every object of a kind; none where it is not served or may not be read, which is told."""
    versions = served.versions(group, kind)
    resource = served.find(versions[0], kind) if versions else None
    if resource is None:
        return ()
    try:
        listed = await listing.list_one(connection, resource, selector=selector, metadata_only=metadata_only)
    except ApiError as error:
        unread.append(f"{called or kind}: {error.message}")
        return ()
    return listed.objects


def _node(item: Mapping[str, Any]) -> Node:
    metadata, status = item["metadata"], item.get("status") or {}
    info = status.get("nodeInfo") or {}
    addresses = {one.get("type"): str(one.get("address")) for one in status.get("addresses") or ()}
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or ()}
    return Node(
        str(metadata["name"]),
        dict(metadata.get("labels") or {}),
        addresses.get("InternalIP", ""),
        str(info.get("osImage") or ""),
        str(info.get("architecture") or ""),
        conditions.get("Ready") == "True",
    )


def _class(item: Mapping[str, Any]) -> StorageClass:
    metadata = item["metadata"]
    default = (metadata.get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    return StorageClass(str(metadata["name"]), str(item.get("provisioner") or ""), default)


def _installed(
    releases: Iterable[Mapping[str, Any]],
    applications: Iterable[Mapping[str, Any]],
    helm: Iterable[Mapping[str, Any]],
) -> tuple[Installed, ...]:
    """Each release once: what Flux keeps is a release of Helm too."""
    found: dict[tuple[str, str], Installed] = {}
    for item in helm:
        metadata = item["metadata"]
        labels = metadata.get("labels") or {}
        name, namespace = str(labels.get("name") or metadata["name"]), str(metadata.get("namespace") or "")
        found[namespace, name] = Installed(name, namespace, "Helm")
    for item in releases:
        history: Mapping[str, Any] = ((item.get("status") or {}).get("history") or ({},))[0]
        metadata = item["metadata"]
        name = str(history.get("name") or metadata["name"])
        namespace = str(history.get("namespace") or metadata.get("namespace") or "")
        version = f"{history['chartName']} {history['chartVersion']}" if history.get("chartName") else ""
        found[namespace, name] = Installed(name, namespace, "Flux", version)
    for item in applications:
        name, spec = str(item["metadata"]["name"]), item.get("spec") or {}
        namespace = str((spec.get("destination") or {}).get("namespace") or "")
        found[namespace, name] = Installed(name, namespace, "Argo CD")
    return tuple(found[place] for place in sorted(found))
