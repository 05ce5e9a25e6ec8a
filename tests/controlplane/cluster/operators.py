"""Stand-ins for the operators whose custom resources a site waits for.

Each makes ready what the real one would, as soon as the real one's Deployment (from its chart) has a ready
Pod and what it refers to is there. Sources of the fields: cert-manager API reference (Certificate, Issuer),
Gateway API reference (Gateway, GatewayClass, HTTPRoute status), Rook CRD reference (status of CephCluster),
Prometheus Operator API reference (conditions).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.controlplane.client import Object
from tests.controlplane.cluster.mirror import Kind, Reconciler, State
from tests.controlplane.loopback.tls import make_pair

ENVOY_CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
# Of TEST-NET-1 (RFC 5737), where the Gateway names no address: nobody connects to it.
GATEWAY_ADDRESS = "192.0.2.10"

_CERT_MANAGER, _GATEWAY, _ROOK = "cert-manager.io/v1", "gateway.networking.k8s.io/v1", "ceph.rook.io/v1"
_MONITORING = "monitoring.coreos.com/v1"
_MONITORS = ("Alertmanager", "Prometheus")
_POOLS = ("CephBlockPool", "CephFilesystem", "CephObjectStore")


@dataclass(frozen=True)
class Make:
    """An object to apply."""

    obj: Object


@dataclass(frozen=True)
class Report:
    """A status to merge into an object."""

    obj: Object
    status: Object


Step = Make | Report
Operator = Callable[[Object, State], Iterator[Step]]


class Operators(Reconciler):
    """All stand-ins in one loop."""

    kinds = (
        Kind("apps/v1", "Deployment"),
        Kind("v1", "Secret"),
        Kind(_CERT_MANAGER, "Issuer"),
        Kind(_CERT_MANAGER, "ClusterIssuer"),
        Kind(_CERT_MANAGER, "Certificate"),
        Kind(_GATEWAY, "GatewayClass"),
        Kind(_GATEWAY, "Gateway"),
        Kind(_GATEWAY, "HTTPRoute"),
        Kind(_ROOK, "CephCluster"),
        *(Kind(_ROOK, name) for name in _POOLS),
        *(Kind(_MONITORING, name) for name in _MONITORS),
    )

    def reconcile(self, state: State) -> None:
        for kind, (deployment, operator) in OPERATORS.items():
            if not runs(deployment, state):
                continue
            for obj in state[kind].values():
                if "deletionTimestamp" not in obj["metadata"]:
                    for step in operator(obj, state):
                        self._do(step)

    def _do(self, step: Step) -> None:
        if isinstance(step, Make):
            self.apply(step.obj)
        else:
            self.patch_status(step.obj, step.status)


def runs(deployment: str, state: State) -> bool:
    """Whether a Deployment of that name, in any namespace, has a ready Pod."""
    return any(
        name == deployment and obj.get("status", {}).get("readyReplicas", 0) > 0
        for (_, name), obj in state["Deployment"].items()
    )


def issuer(obj: Object, state: State) -> Iterator[Step]:
    """Issuer and ClusterIssuer: ready."""
    yield from _report(obj, {}, _condition(obj, "Ready", True, "IsStandIn"))


def certificate(obj: Object, state: State) -> Iterator[Step]:
    """Certificate: a Secret with a pair that fits, once the issuer is ready."""
    spec, namespace = obj["spec"], obj["metadata"]["namespace"]
    reference = spec["issuerRef"]
    kind = reference.get("kind", "Issuer")
    where = namespace if kind == "Issuer" else ""
    if not _holds(state[kind].get((where, reference["name"]), {}), "Ready"):
        yield from _report(
            obj, {}, _condition(obj, "Ready", False, "DoesNotExist", "the issuer is not ready")
        )
        return
    secret = state["Secret"].get((namespace, spec["secretName"]), {})
    if not secret.get("data", {}).get("tls.key"):
        yield Make(tls_secret(obj))
    yield from _report(obj, {}, _condition(obj, "Ready", True, "Ready"))


def tls_secret(cert: Object) -> Object:
    """The Secret of a Certificate: a true pair for its names."""
    spec = cert["spec"]
    common = [spec["commonName"]] if spec.get("commonName") else []
    pair = make_pair(dict.fromkeys([*common, *spec.get("dnsNames", []), *spec.get("ipAddresses", [])]))
    content = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": pair.authority}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": spec["secretName"],
            "namespace": cert["metadata"]["namespace"],
            "annotations": {"cert-manager.io/certificate-name": cert["metadata"]["name"]},
        },
        "data": {name: base64.b64encode(value).decode() for name, value in content.items()},
    }


def gateway_class(obj: Object, state: State) -> Iterator[Step]:
    """GatewayClass: accepted when it is Envoy Gateway's."""
    if obj["spec"]["controllerName"] == ENVOY_CONTROLLER:
        yield from _report(obj, {}, _condition(obj, "Accepted", True, "Accepted"))


def gateway(obj: Object, state: State) -> Iterator[Step]:
    """Gateway: programmed when its class is accepted and the certificates of its listeners are there."""
    if not _holds(state["GatewayClass"].get(("", obj["spec"]["gatewayClassName"]), {}), "Accepted"):
        return
    namespace = obj["metadata"]["namespace"]
    listeners, resolved = [], True
    for listener in obj["spec"]["listeners"]:
        known = all(
            (reference.get("namespace", namespace), reference["name"]) in state["Secret"]
            for reference in listener.get("tls", {}).get("certificateRefs", [])
        )
        resolved = resolved and known
        listeners.append(
            {
                "name": listener["name"],
                "attachedRoutes": 0,
                "supportedKinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}],
                "conditions": [
                    _condition(obj, "Accepted", True, "Accepted"),
                    _condition(
                        obj, "ResolvedRefs", known, "ResolvedRefs" if known else "InvalidCertificateRef"
                    ),
                    _condition(obj, "Programmed", known, "Programmed" if known else "Invalid"),
                ],
            }
        )
    addresses = obj["spec"].get("addresses") or [{"type": "IPAddress", "value": GATEWAY_ADDRESS}]
    yield from _report(
        obj,
        {"addresses": addresses, "listeners": listeners},
        _condition(obj, "Accepted", True, "Accepted"),
        _condition(obj, "Programmed", resolved, "Programmed" if resolved else "ListenersNotValid"),
    )


def http_route(obj: Object, state: State) -> Iterator[Step]:
    """HTTPRoute: accepted by each Gateway that it names and that is there."""
    namespace = obj["metadata"]["namespace"]
    parents = []
    for reference in obj["spec"].get("parentRefs", []):
        known = (reference.get("namespace", namespace), reference["name"]) in state["Gateway"]
        conditions = [
            _condition(obj, "Accepted", known, "Accepted" if known else "NoMatchingParent"),
            _condition(obj, "ResolvedRefs", True, "ResolvedRefs"),
        ]
        parents.append({"parentRef": reference, "controllerName": ENVOY_CONTROLLER, "conditions": conditions})
    kept = obj.get("status", {}).get("parents", [])
    if not _same(kept, parents):
        yield Report(obj, {"parents": parents})


def ceph_cluster(obj: Object, state: State) -> Iterator[Step]:
    """CephCluster: healthy, with the Secret and the ConfigMap by which its clients find it."""
    namespace = obj["metadata"]["namespace"]
    monitors = obj["spec"].get("mon", {}).get("count", 3)
    if (namespace, "rook-ceph-mon") not in state["Secret"]:
        addresses = ",".join(
            f"{chr(ord('a') + number)}=10.20.0.{11 + number}:6789" for number in range(monitors)
        )
        metadata = {"namespace": namespace}
        yield Make(
            {
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {**metadata, "name": "rook-ceph-mon-endpoints"},
                "data": {"data": addresses, "maxMonId": str(monitors - 1), "mapping": "{}"},
            }
        )  # fmt: skip
        yield Make(
            {
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/rook",
                "metadata": {**metadata, "name": "rook-ceph-mon"},
                "stringData": {"ceph-username": "client.admin", "ceph-secret": "a key of a stand-in"},
            }
        )  # fmt: skip
    status = {"phase": "Ready", "state": "Created", "ceph": {"health": "HEALTH_OK"}}
    yield from _report(obj, status, _condition(obj, "Ready", True, "ClusterCreated"))


def ceph_pool(obj: Object, state: State) -> Iterator[Step]:
    """Pools, file systems and object stores: ready when the cluster of their namespace is."""
    namespace = obj["metadata"]["namespace"]
    ready = any(
        where == namespace and cluster.get("status", {}).get("phase") == "Ready"
        for (where, _), cluster in state["CephCluster"].items()
    )
    if ready:
        yield from _report(obj, {"phase": "Ready"}, _condition(obj, "Ready", True, "ReconcileSucceeded"))


def monitor(obj: Object, state: State) -> Iterator[Step]:
    """Prometheus and Alertmanager: all of their replicas are there."""
    yield from _report(obj, {}, _condition(obj, "Available", True), _condition(obj, "Reconciled", True))


# By kind: the Deployment without which nothing happens, and what then happens.
OPERATORS: dict[str, tuple[str, Operator]] = {
    "Issuer": ("cert-manager", issuer),
    "ClusterIssuer": ("cert-manager", issuer),
    "Certificate": ("cert-manager", certificate),
    "GatewayClass": ("envoy-gateway", gateway_class),
    "Gateway": ("envoy-gateway", gateway),
    "HTTPRoute": ("envoy-gateway", http_route),
    "CephCluster": ("rook-ceph-operator", ceph_cluster),
    **dict.fromkeys(_MONITORS, ("kube-prometheus-stack-operator", monitor)),
    **dict.fromkeys(_POOLS, ("rook-ceph-operator", ceph_pool)),
}


def _report(obj: Object, status: dict[str, Any], *conditions: Object) -> Iterator[Step]:
    """The status, if what is there differs in more than the time."""
    wanted = {**status, "conditions": list(conditions)}
    have = {name: obj.get("status", {}).get(name) for name in wanted}
    if not _same(have, wanted):
        yield Report(obj, wanted)


def _same(have: Any, want: Any) -> bool:
    if isinstance(want, dict) and isinstance(have, dict):
        names = want.keys() - {"lastTransitionTime"}
        return all(_same(have.get(name), want[name]) for name in names)
    if isinstance(want, list) and isinstance(have, list):
        return len(have) == len(want) and all(map(_same, have, want))
    return bool(have == want)


def _holds(obj: Object, kind: str) -> bool:
    conditions = obj.get("status", {}).get("conditions", [])
    return any(item["type"] == kind and item["status"] == "True" for item in conditions)


def _condition(obj: Object, kind: str, holds: bool, reason: str = "", message: str = "") -> Object:
    return {
        "type": kind,
        "status": str(holds),
        "reason": reason,
        "message": message,
        "observedGeneration": obj["metadata"].get("generation", 1),
        "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
