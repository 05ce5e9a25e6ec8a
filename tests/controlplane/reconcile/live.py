"""The objects of a cluster without what the API server, the controllers and the engine itself write on them."""

from __future__ import annotations

import base64
import json
from collections.abc import Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from openinfra_tui import proc
from tests.controlplane.client import Client, Object
from tests.controlplane.missing import tool
from tests.controlplane.reconcile.repository import Repository

# Of the cluster or of an engine, not of the site.
_NOT_OURS = {
    "APIService", "ComponentStatus", "ControllerRevision", "Endpoints", "EndpointSlice", "Event", "FlowSchema",
    "IPAddress", "Lease", "PersistentVolume", "Pod", "PodMetrics", "PriorityClass", "PriorityLevelConfiguration",
    "ReplicaSet", "ServiceCIDR",
}  # fmt: skip
_ENGINES = ("argoproj.io", "fluxcd.io")
_NAMESPACES = {"argocd", "flux-system", "default", "kube-node-lease", "kube-public", "kube-system"}
# Marks of Flux, Helm, Argo CD and kubectl on what they apply.
_MARKS = (
    "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "argocd.argoproj.io/", "batch.kubernetes.io/",
    "controller-uid", "deployment.kubernetes.io/", "deprecated.daemonset.template.generation",
    "helm.sh/hook", "helm.sh/resource-policy", "helm.toolkit.fluxcd.io/", "job-name", "kubectl.kubernetes.io/",
    "kustomize.toolkit.fluxcd.io/", "meta.helm.sh/", "pv.kubernetes.io/", "volume.",
)  # fmt: skip
_META = {
    "creationTimestamp", "finalizers", "generation", "managedFields", "ownerReferences", "resourceVersion", "uid",
}  # fmt: skip
# Derived from the values, passwords included.
_HASHES = {"configmap-etc-hash"}
# Flux adds the commit or digest that a chart came from to its version.
_VERSIONS = {"chart-version"}
_ASSIGNED = {"clusterIP", "clusterIPs", "nodePort", "volumeName", "healthCheckNodePort"}


def live_objects(client: Client, known: Mapping[str, str]) -> dict[str, Object]:
    """By kind, namespace and name, the objects of a site.

    Args:
        client: an administrator.
        known: by password, the name that is put in its place.
    """
    kinds = sorted(set(_kinds(client)))
    with ThreadPoolExecutor(4) as pool:
        lists = list(pool.map(lambda kind: client.list(*kind), kinds))
    return {
        f"{kind} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}": _bare(obj, known)
        for (_, kind), found in zip(kinds, lists, strict=True)
        for obj in found
        if _of_site(kind, obj)
    }


def passwords(repository: Repository) -> dict[str, str]:
    """By secret value of a site's encrypted files, its place in the first of them."""
    found: dict[str, str] = {}
    for place, value in _encrypted(repository):
        found.setdefault(value, f"<{place}>")
    return found


def holders(client: Client, repository: Repository) -> dict[str, set[str]]:
    """By component whose encrypted values hold it, and place there, the objects of the whole cluster with a password.

    A password that several components know is there for each of them, and so are its objects. Helm's own record of
    a release is compressed, and no part of this.
    """
    readers: dict[str, list[str]] = {}
    for place, value in _encrypted(repository):
        readers.setdefault(value, []).append(place)
    found: dict[str, set[str]] = {place: set() for places in readers.values() for place in places}
    for kind in sorted(set(_kinds(client, left_out=frozenset()))):
        for obj in client.list(*kind):
            contents = (obj.get("data") or {}).values() if kind[1] == "Secret" else ()
            text = json.dumps(obj) + "".join(_text(content) for content in contents)
            for value, places in readers.items():
                if json.dumps(value)[1:-1] in text or value in text:
                    for place in places:
                        found[place].add(
                            f"{kind[1]} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
                        )
    return found


def _kinds(client: Client, left_out: Container[str] = _NOT_OURS) -> Iterator[tuple[str, str]]:
    """Each kind once: the preferred version of a group does not serve all of them."""
    groups = client.request("GET", "/apis")["groups"]
    versions = [version["groupVersion"] for group in groups for version in group["versions"]]
    seen = set()
    for version in ("v1", *versions):
        group = version.partition("/")[0] if "/" in version else ""
        path = f"/apis/{version}" if group else f"/api/{version}"
        engines = left_out is _NOT_OURS and group.endswith(_ENGINES)
        for resource in () if engines else client.request("GET", path)["resources"]:
            kind = resource["kind"]
            if "list" in resource["verbs"] and kind not in left_out and (group, kind) not in seen:
                seen.add((group, kind))
                yield version, kind


def _encrypted(repository: Repository) -> Iterator[tuple[str, str]]:
    """COMPONENT:PATH of every encrypted value of a site, and the value."""
    sops, key = tool("sops", "sops"), {"SOPS_AGE_KEY_FILE": str(repository.identity)}
    for file in sorted((repository.folder / "sites").rglob("secrets.sops.yaml")):
        values = yaml.safe_load(proc.run([sops, "decrypt", file], env=key).stdout)
        for path, value in _leaves(values):
            yield f"{file.parent.name}:{path}", value


def _of_site(kind: str, obj: Object) -> bool:
    meta = obj["metadata"]
    labels = meta.get("labels") or {}
    if meta.get("namespace") in _NAMESPACES or (kind == "Namespace" and meta["name"] in _NAMESPACES):
        return False
    if kind in {"ConfigMap", "Secret"}:
        # Values for Flux, Helm's record of a release, and what every namespace has.
        by_kustomize = "kustomize.toolkit.fluxcd.io/name" in labels
        return not (
            by_kustomize or obj.get("type") == "helm.sh/release.v1" or meta["name"] == "kube-root-ca.crt"
        )
    if kind == "ServiceAccount" and meta["name"] == "default":
        return False
    if kind == "CustomResourceDefinition":
        return not obj["spec"]["group"].endswith(_ENGINES)
    own = ("system:", "tests:", "argocd-", "crd-controller", "cluster-reconciler", "flux-", "kubeadm:")
    roles = {"ClusterRole", "ClusterRoleBinding"}
    if kind in roles:
        return "kubernetes.io/bootstrapping" not in labels and not meta["name"].startswith(own)
    return True


def _bare(obj: Object, known: Mapping[str, str]) -> Object:
    kept = {key: value for key, value in obj.items() if key not in {"status"}}
    if obj["kind"] == "Job":
        # The API server takes the Pod's labels where the engine wrote none of its own.
        kept["metadata"] = {key: value for key, value in obj["metadata"].items() if key != "labels"}
    if "cert-manager.io/certificate-name" in (obj["metadata"].get("annotations") or {}):
        kept["data"] = sorted(obj["data"])
    elif obj["kind"] == "Secret":
        kept["data"] = {name: _text(content) for name, content in (obj.get("data") or {}).items()}
    text = json.dumps(_without_marks(kept))
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(json.dumps(value)[1:-1], known[value])
    bare: Object = json.loads(text)
    return bare


def _text(content: str) -> str:
    return base64.b64decode(content).decode("utf-8", "replace")


def _without_marks(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_marks(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key in {"labels", "annotations", "matchLabels"} and isinstance(value, dict):
            value = {
                k: v for k, v in value.items() if not k.startswith(_MARKS) and k not in _HASHES | _VERSIONS
            }
            if not value:
                continue
        if key == "metadata" and isinstance(value, dict):
            value = {k: v for k, v in value.items() if k not in _META}
        if key not in _ASSIGNED:
            kept[key] = _without_marks(value)
    return kept


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _leaves(value, f"{path}[{number}]")
    elif isinstance(node, str) and len(node) >= 8:
        yield path, node
