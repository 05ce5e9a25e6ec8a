"""What the stand-in kubelet and operators decide, without a cluster."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from typing import Any

import pytest
from cryptography import x509

from tests.controlplane.client import Object
from tests.controlplane.cluster import operators
from tests.controlplane.cluster.effects import job_effects
from tests.controlplane.cluster.kubelet import status_of, volume_for
from tests.controlplane.cluster.mirror import State, key_of
from tests.controlplane.cluster.waits import waits_for


def _state(*objects: Object) -> State:
    state: dict[str, dict[tuple[str, str], Object]] = defaultdict(dict)
    for obj in objects:
        state[obj["kind"]][key_of(obj)] = obj
    return state


def _object(kind: str, name: str, namespace: str = "openstack", **more: Any) -> Object:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}", **more.pop("metadata", {})}
    return {"kind": kind, "metadata": metadata, **more}


def _pod(name: str = "p", *, env: dict[str, str] | None = None, node: str = "n1", **more: Any) -> Object:
    init = {
        "name": "init",
        "image": "i",
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
    }
    spec = {
        "nodeName": node,
        "initContainers": [init],
        "containers": [{"name": "main", "image": "i", **more.pop("container", {})}],
        "volumes": more.pop("volumes", []),
    }
    return _object("Pod", name, spec=spec, **more)


def _ready(pod: Object) -> Object:
    return {**pod, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}


def _slice(service: str, namespace: str = "openstack", *, ready: bool = True) -> Object:
    labels = {"kubernetes.io/service-name": service}
    points = [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}]
    return _object("EndpointSlice", f"{service}-x", namespace, metadata={"labels": labels}, endpoints=points)


def _owned(kind: str, name: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name}]}


VOLUMES = [
    ({"secret": {"secretName": "keys"}}, "Secret keys"),
    ({"configMap": {"name": "bin"}}, "ConfigMap bin"),
    ({"projected": {"sources": [{"secret": {"name": "keys"}}]}}, "Secret keys"),
    ({"secret": {"secretName": "keys", "optional": True}}, None),
    ({"emptyDir": {}}, None),
    ({"persistentVolumeClaim": {"claimName": "data"}}, "PersistentVolumeClaim data"),
]


@pytest.mark.parametrize(("volume", "missing"), VOLUMES)
def test_waits_for_volumes(volume: Object, missing: str | None) -> None:
    pod = _pod(volumes=[{"name": "v", **volume}])
    assert waits_for(pod, _state()) == ((missing,) if missing else ())
    claim = _object("PersistentVolumeClaim", "data", status={"phase": "Bound"})
    there = _state(_object("Secret", "keys"), _object("ConfigMap", "bin"), claim)
    assert waits_for(pod, there) == ()


def test_a_claim_must_be_bound() -> None:
    pod = _pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    claim = _object("PersistentVolumeClaim", "data", status={"phase": "Pending"})
    assert waits_for(pod, _state(claim)) == ("PersistentVolumeClaim data",)


@pytest.mark.parametrize(
    "container",
    [
        {"env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "p"}}}]},
        {"envFrom": [{"secretRef": {"name": "keys"}}]},
    ],
)
def test_waits_for_what_the_environment_refers_to(container: Object) -> None:
    pod = _pod(container=container)
    assert waits_for(pod, _state()) == ("Secret keys",)
    assert waits_for(pod, _state(_object("Secret", "keys"))) == ()
    assert waits_for(pod, _state(_object("Secret", "keys", "other"))) == ("Secret keys",)


def test_waits_for_services_with_a_ready_endpoint() -> None:
    pod = _pod(env={"DEPENDENCY_SERVICE": "openstack:mariadb,ceph:rgw"})
    assert waits_for(pod, _state()) == ("Service openstack:mariadb", "Service ceph:rgw")
    assert waits_for(pod, _state(_slice("mariadb"), _slice("rgw", "ceph"))) == ()
    assert waits_for(pod, _state(_slice("mariadb", ready=False), _slice("rgw"))) != ()


def test_waits_for_jobs() -> None:
    pod = _pod(
        env={
            "DEPENDENCY_JOBS": "a-db-sync",
            "DEPENDENCY_JOBS_JSON": json.dumps([{"namespace": "b", "name": "j"}]),
        }
    )
    assert waits_for(pod, _state(_object("Job", "a-db-sync", status={"active": 1}))) == (
        "Job a-db-sync",
        "Job j",
    )
    done = {"succeeded": 1}
    assert (
        waits_for(
            pod, _state(_object("Job", "a-db-sync", status=done), _object("Job", "j", "b", status=done))
        )
        == ()
    )


def test_waits_for_a_daemonset_on_its_own_node() -> None:
    pod = _pod(env={"DEPENDENCY_DAEMONSET": "ovs"})
    there = _ready(_pod("ovs-1", metadata=_owned("DaemonSet", "ovs")))
    elsewhere = _ready(_pod("ovs-1", node="n2", metadata=_owned("DaemonSet", "ovs")))
    assert waits_for(pod, _state(there)) == ()
    assert waits_for(pod, _state(elsewhere)) == ("DaemonSet ovs",)
    assert waits_for(pod, _state(_pod("ovs-1", metadata=_owned("DaemonSet", "ovs")))) == ("DaemonSet ovs",)


@pytest.mark.parametrize(("same_node", "met"), [(True, False), (False, True)])
def test_waits_for_pods_by_label(same_node: bool, met: bool) -> None:
    wanted = [{"labels": {"application": "libvirt"}, "requireSameNode": same_node}]
    pod = _pod(env={"DEPENDENCY_POD_JSON": json.dumps(wanted)})
    elsewhere = _ready(_pod("l", node="n2", metadata={"labels": {"application": "libvirt", "x": "y"}}))
    assert waits_for(pod, _state(elsewhere)) == (() if met else ("Pod application=libvirt",))


def test_a_pod_runs_a_job_is_done_and_a_waiting_pod_says_why() -> None:
    running = status_of(_pod(), (), "10.0.0.2", "10.1.0.1")
    assert (running["phase"], running["podIP"]) == ("Running", "10.0.0.2")
    assert {item["type"]: item["status"] for item in running["conditions"]}["Ready"] == "True"
    done = status_of(_pod(metadata=_owned("Job", "j")), (), "10.0.0.2", "10.1.0.1")
    assert done["phase"] == "Succeeded"
    assert {item["type"]: item["status"] for item in done["conditions"]}["Ready"] == "False"
    waiting = status_of(_pod(), ("Secret keys",), "10.0.0.2", "10.1.0.1")
    assert waiting["phase"] == "Pending"
    assert {item["message"] for item in waiting["conditions"] if "message" in item} == {
        "waiting for Secret keys"
    }


def test_a_claim_gets_a_volume_when_its_class_is_there() -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "general",
        "resources": {"requests": {"storage": "5Gi"}},
    }
    claim = _object("PersistentVolumeClaim", "data", spec=spec)
    general = {"kind": "StorageClass", "metadata": {"name": "general"}}
    assert volume_for(claim, _state()) is None
    volume = volume_for(claim, _state(general))
    assert volume is not None
    assert volume["spec"]["claimRef"] == {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "openstack", "name": "data", "uid": "uid-data",
    }  # fmt: skip
    assert volume_for(claim, _state(general, {**volume})) is None
    assert volume_for({**claim, "status": {"phase": "Bound"}}, _state(general)) is None


def test_job_effects_make_what_others_mount() -> None:
    effects = job_effects("ceph")
    key = effects["ceph-adapter-rook-namespace-client-key"]
    assert [key_of(obj) for obj in key.makes("openstack")] == [("openstack", "pvc-ceph-client-key")]
    assert key.needs == (("Secret", "ceph", "rook-ceph-mon"),)


ISSUER = {"kind": "ClusterIssuer", "metadata": {"name": "ca"}, "spec": {}}
CERTIFICATE = _object(
    "Certificate", "public", "envoy-gateway-system",
    spec={"secretName": "public-tls", "dnsNames": ["*.fra1.cloud.example"], "issuerRef": {"kind": "ClusterIssuer", "name": "ca"}},
)  # fmt: skip


def _after(obj: Object, state: State, kind: str) -> Object:
    """The object with what its operator reports."""
    for step in operators.OPERATORS[kind][1](obj, state):
        if isinstance(step, operators.Report):
            obj = {**obj, "status": {**obj.get("status", {}), **step.status}}
    return obj


def test_certificate_waits_for_its_issuer_then_gets_a_true_pair() -> None:
    waiting = list(operators.certificate(CERTIFICATE, _state(ISSUER)))
    assert [type(step) for step in waiting] == [operators.Report]
    ready = _after(ISSUER, _state(), "ClusterIssuer")
    made, _ = operators.certificate(CERTIFICATE, _state(ready))
    assert isinstance(made, operators.Make)
    pem = base64.b64decode(made.obj["data"]["tls.crt"])
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["*.fra1.cloud.example"]
    # With all of it there, nothing is left to do: no certificate anew, no endless status.
    settled = _after(CERTIFICATE, _state(ready), "Certificate")
    assert list(operators.certificate(settled, _state(ready, made.obj))) == []


def test_gateway_is_programmed_when_class_and_certificate_are_there() -> None:
    kind = {
        "kind": "GatewayClass",
        "metadata": {"name": "default"},
        "spec": {"controllerName": operators.ENVOY_CONTROLLER},
    }
    listener = {"name": "https", "tls": {"certificateRefs": [{"name": "public-tls"}]}}
    gate = _object("Gateway", "public", spec={"gatewayClassName": "default", "listeners": [listener]})
    assert list(operators.gateway(gate, _state(kind))) == []
    accepted = _after(kind, _state(), "GatewayClass")

    def programmed(state: State) -> str:
        conditions = _after(gate, state, "Gateway")["status"]["conditions"]
        return str({item["type"]: item["status"] for item in conditions}["Programmed"])

    assert programmed(_state(accepted)) == "False"
    assert programmed(_state(accepted, _object("Secret", "public-tls"))) == "True"


def test_route_is_accepted_by_a_gateway_that_is_there() -> None:
    route = _object("HTTPRoute", "r", spec={"parentRefs": [{"name": "public", "namespace": "gates"}]})

    def accepted(state: State) -> str:
        return str(_after(route, state, "HTTPRoute")["status"]["parents"][0]["conditions"][0]["status"])

    assert accepted(_state()) == "False"
    there = _state(_object("Gateway", "public", "gates"))
    assert accepted(there) == "True"
    assert list(operators.http_route(_after(route, there, "HTTPRoute"), there)) == []


def test_pool_is_ready_after_its_cluster() -> None:
    cluster = _object("CephCluster", "ceph", "ceph", spec={"mon": {"count": 3}})
    pool = _object("CephBlockPool", "rbd", "ceph")
    assert list(operators.ceph_pool(pool, _state(cluster))) == []
    ready = _after(cluster, _state(), "CephCluster")
    assert ready["status"]["ceph"]["health"] == "HEALTH_OK"
    assert _after(pool, _state(ready), "CephBlockPool")["status"]["phase"] == "Ready"


@pytest.mark.parametrize(("replicas", "works"), [(0, False), (1, True)])
def test_an_operator_works_only_while_its_deployment_does(replicas: int, works: bool) -> None:
    deployment = _object("Deployment", "cert-manager", "cert-manager", status={"readyReplicas": replicas})
    assert operators.runs("cert-manager", _state(deployment)) is works
