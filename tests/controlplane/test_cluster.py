"""The stand-in kubelet and operators with the real control plane, and our own charts with the real Helm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from openinfra_tui import proc
from openinfra_tui.errors import ToolError
from tests.controlplane import charts
from tests.controlplane.binaries import binary
from tests.controlplane.client import Client, Object, holds
from tests.controlplane.cluster.effects import job_effects
from tests.controlplane.cluster.kubelet import Effect, Kubelet, Machine
from tests.controlplane.cluster.mirror import Kind, Mirror
from tests.controlplane.cluster.operators import Operators
from tests.controlplane.loopback.helm import package_files
from tests.controlplane.plane import ControlPlane, running
from tests.controlplane.waiting import eventually

LABELS = ("openstack-control-plane", "openstack-compute-node", "openstack-network-node", "openvswitch")
OPENSTACK = (
    "keystone",
    "glance",
    "placement",
    "libvirt",
    "neutron",
    "nova",
    "cinder",
    "heat",
    "horizon",
    "barbican",
    "octavia",
)
INFRASTRUCTURE = ("mariadb", "rabbitmq", "memcached", "openvswitch", "ovn", "ceph-adapter-rook")
POOL = {"name": "rbd", "spec": {}, "storageClass": {"enabled": True, "name": "general", "isDefault": True}}
# As our skeletons set them: see skeletons/nova, neutron, libvirt, rook-ceph-cluster.
VALUES: dict[str, Object] = {
    "nova": {"network": {"backend": ["ovn"]}},
    "libvirt": {"network": {"backend": ["ovn"]}},
    "neutron": {"network": {"backend": ["ovn"]}, "manifests": {"daemonset_ovn_metadata_agent": True}},
    "rook-ceph-cluster": {"cephBlockPools": [POOL], "toolbox": {"enabled": True}},
}


def _config_map(name: str, namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {},
    }


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of this module's own: its nodes and classes are nobody else's."""
    with running() as started:
        started.start_controller_manager()
        started.start_scheduler()
        yield started


@pytest.fixture(scope="module")
def client(plane: ControlPlane) -> Client:
    return plane.client()


@pytest.fixture(scope="module")
def kubelet(client: Client) -> Iterator[Kubelet]:
    machines = [Machine(f"n{n}", f"10.20.0.{10 + n}", dict.fromkeys(LABELS, "enabled")) for n in (1, 2, 3)]
    effects = {**job_effects(), "marker": Effect(lambda where: [_config_map("made", where)])}
    with Kubelet(client, machines, effects) as started:
        yield started


@pytest.fixture
def own_namespace(client: Client, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-")[:50].strip("-")
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def _deployment(namespace: str) -> Object:
    labels = {"app": "web"}
    volumes = [{"name": "s", "secret": {"secretName": "late"}}]
    pod = {"containers": [{"name": "c", "image": "stand-in.invalid/c"}], "volumes": volumes}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }  # fmt: skip


def test_pods_wait_for_what_they_mount_then_run_then_go(
    kubelet: Kubelet, client: Client, own_namespace: str
) -> None:
    deployment = _deployment(own_namespace)
    client.apply(deployment)
    client.apply({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": own_namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    })  # fmt: skip

    def waiting() -> list[tuple[str, ...]]:
        return [why for pod, why in kubelet.waiting().items() if pod.startswith(f"{own_namespace}/")]

    eventually(lambda: waiting() == [("Secret late",)] * 2)
    client.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late", "namespace": own_namespace}}
    )
    client.wait_for(
        "apps/v1",
        "Deployment",
        "web",
        own_namespace,
        until=lambda obj: obj.get("status", {}).get("readyReplicas") == 2,
    )
    slices = client.list("discovery.k8s.io/v1", "EndpointSlice", own_namespace)
    assert sum(len(piece["endpoints"]) for piece in slices) == 2
    client.delete(deployment)
    eventually(lambda: client.list("v1", "Pod", own_namespace) == [])


def test_a_job_is_done_and_leaves_what_its_script_makes(
    kubelet: Kubelet, client: Client, own_namespace: str
) -> None:
    container = {"name": "c", "image": "stand-in.invalid/c"}
    client.apply({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "marker", "namespace": own_namespace},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    })  # fmt: skip
    client.wait_for(
        "batch/v1",
        "Job",
        "marker",
        own_namespace,
        until=lambda obj: obj.get("status", {}).get("succeeded") == 1,
    )
    assert client.find("v1", "ConfigMap", "made", own_namespace) is not None


def test_what_was_there_before_is_known_by_its_kind(client: Client, own_namespace: str) -> None:
    client.apply(_config_map("before", own_namespace))
    mirror = Mirror(client, Kind("v1", "ConfigMap"), lambda: None)
    mirror.start()
    try:
        assert mirror.listed.wait(30)
    finally:
        mirror.stop()
    for obj in (mirror.snapshot()[own_namespace, "before"], *client.list("v1", "ConfigMap", own_namespace)):
        assert (obj["apiVersion"], obj["kind"]) == ("v1", "ConfigMap")


def test_a_claim_binds_when_its_class_is_there(kubelet: Kubelet, client: Client, own_namespace: str) -> None:
    client.apply({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": own_namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "late", "resources": {"requests": {"storage": "1Gi"}}},
    })  # fmt: skip
    client.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "late"},
            "provisioner": "none.invalid",
        }
    )
    client.wait_for(
        "v1",
        "PersistentVolumeClaim",
        "data",
        own_namespace,
        until=lambda obj: obj["status"].get("phase") == "Bound",
    )


class _Releases:
    """Charts of our own, installed by the real helm."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.kubeconfig, self.folder, self.helm = plane.kubeconfig(), folder, binary("helm")

    def install(self, name: str, namespace: str, *words: str, chart: str | None = None) -> None:
        package = package_files(charts.chart(chart or name, "1.0.0"), self.folder)
        values = self.folder / f"{name}.yaml"
        values.write_text(yaml.safe_dump(VALUES.get(name, {})))
        environment = {
            key: str(self.folder / key) for key in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        }
        where = ["--namespace", namespace, "--create-namespace", "--kubeconfig", self.kubeconfig]
        argv = [self.helm, "install", name, package, "--values", values, *where, *words]
        proc.run(argv, env={**environment, "HOME": os.environ["HOME"]}, timeout=400)


def test_keystone_deadlocks_when_helm_waits_for_pods_before_hooks(
    plane: ControlPlane, kubelet: Kubelet, client: Client, own_namespace: str, tmp_path: Path
) -> None:
    releases = _Releases(plane, tmp_path)
    with pytest.raises(ToolError):
        releases.install("keystone", own_namespace, "--wait", "--timeout", "10s")
    why = next(
        why for pod, why in kubelet.waiting().items() if pod.startswith(f"{own_namespace}/keystone-api")
    )
    # The jobs are post-install hooks, which Helm would run only after the pods are ready.
    assert "Job keystone-db-sync" in why
    assert client.list("batch/v1", "Job", own_namespace) == []


def test_a_whole_cloud_converges_when_nobody_waits(
    plane: ControlPlane, kubelet: Kubelet, client: Client, tmp_path: Path
) -> None:
    releases = _Releases(plane, tmp_path)

    def waiting() -> dict[str, tuple[str, ...]]:
        # The namespaces of the other tests are theirs: one of them holds a deadlock.
        return {
            pod: why
            for pod, why in kubelet.waiting().items()
            if pod.split("/")[0] in {"openstack", "ceph", "rook-ceph"}
        }

    with Operators(client):
        releases.install("rook-ceph", "rook-ceph", "--wait", "--timeout", "180s")
        releases.install("rook-ceph-cluster", "ceph", "--timeout", "180s")
        with ThreadPoolExecutor(20) as pool:
            began = [
                pool.submit(releases.install, name, "openstack", "--timeout", "300s")
                for name in (*INFRASTRUCTURE, *OPENSTACK)
            ]
        for release in began:
            release.result()
        eventually(lambda: waiting() == {}, timeout=60, say=lambda: str(waiting()))
    conf = client.get("v1", "Secret", "nova-etc", "openstack")
    assert "oslo_db.nova" in conf["data"]


def test_operators_write_what_the_real_definitions_admit(
    kubelet: Kubelet, client: Client, own_namespace: str, tmp_path: Path, plane: ControlPlane
) -> None:
    releases = _Releases(plane, tmp_path)
    meta = {"namespace": own_namespace}
    issuer = {"kind": "ClusterIssuer", "name": "own"}
    gateways = "gateway.networking.k8s.io/v1"
    objects: list[Object] = [
        {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "own"}, "spec": {"selfSigned": {}}},
        {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {**meta, "name": "public"},
         "spec": {"secretName": "public-tls", "dnsNames": ["a.example"], "issuerRef": issuer}},
        {"apiVersion": gateways, "kind": "GatewayClass", "metadata": {"name": "envoy"},
         "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"}},
        {"apiVersion": gateways, "kind": "Gateway", "metadata": {**meta, "name": "public"},
         "spec": {"gatewayClassName": "envoy", "listeners": [
             {"name": "https", "protocol": "HTTPS", "port": 443, "tls": {"certificateRefs": [{"name": "public-tls"}]}}]}},
        {"apiVersion": gateways, "kind": "HTTPRoute", "metadata": {**meta, "name": "web"},
         "spec": {"parentRefs": [{"name": "public"}]}},
    ]  # fmt: skip
    with Operators(client):
        releases.install(
            "cert-manager", "cert-manager", "--set", "crds.enabled=true", "--wait", "--timeout", "180s"
        )
        releases.install("envoy-gateway", "gates", "--wait", "--timeout", "180s", chart="gateway-helm")
        for obj in objects:
            client.apply(obj)
        client.wait_for("cert-manager.io/v1", "Certificate", "public", own_namespace, until=holds("Ready"))
        client.wait_for(gateways, "Gateway", "public", own_namespace, until=holds("Programmed"))
        client.wait_for(
            gateways,
            "HTTPRoute",
            "web",
            own_namespace,
            until=lambda obj: bool((obj.get("status") or {}).get("parents")),
        )
    assert "tls.key" in client.get("v1", "Secret", "public-tls", own_namespace)["data"]
