"""What the wizard reads from a cluster that exists, against the real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from openinfra_tui.errors import UserError
from openinfra_tui.flow.surveying import hosts, lines, look
from tests.controlplane import users
from tests.controlplane.client import Object
from tests.controlplane.plane import ControlPlane, running
from tests.tui.driving import LARGE, driven
from tests.tui.scenes import preset, step


def node(name: str, address: str, *labels: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict.fromkeys(labels, "")},
        "status": {
            "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"osImage": "Ubuntu 24.04 LTS", "architecture": "amd64"},
        },
    }


def secret(name: str, labels: dict[str, str]) -> Object:
    metadata = {"name": name, "namespace": "apps", "labels": labels}
    data = {"release": "bm90IHRvIGJlIHJlYWQ="}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "helm.sh/release.v1",
        "data": data,
    }


def daemon_set(name: str) -> Object:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    """A cluster of its own: others make nodes too."""
    with running() as plane:
        client = plane.client()
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
        machines = (
            node("ctl1", "10.0.0.1", "openstack-control-plane", "l3-agent"),
            node("k1", "10.0.0.2", "node-role.kubernetes.io/control-plane"),
            node("w1", "10.0.0.3"),
        )
        for machine in machines:
            client.apply({k: v for k, v in machine.items() if k != "status"})
            client.patch(machine, {"status": machine["status"]}, subresource="status")
        client.apply(daemon_set("cilium"))
        client.apply(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {
                    "name": "general",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                },
                "provisioner": "rook-ceph.rbd.csi.ceph.com",
            }
        )
        deployed = {"owner": "helm", "name": "web", "version": "2", "status": "deployed"}
        client.apply(secret("sh.helm.release.v1.web.v2", deployed))
        client.apply(
            secret("sh.helm.release.v1.web.v1", {**deployed, "version": "1", "status": "superseded"})
        )
        yield plane


def test_nodes_version_network_storage_and_releases_are_read(
    cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(users.READER)))
    found = look("")
    assert hosts(found) == [
        {"name": "ctl1", "roles": ["control", "network"], "addresses": {"management": "10.0.0.1"}},
        {"name": "k1", "roles": ["control"], "addresses": {"management": "10.0.0.2"}},
        {"name": "w1", "roles": ["compute"], "addresses": {"management": "10.0.0.3"}},
    ]
    shown = dict(lines(found))
    assert shown["Kubernetes"].startswith("v1.")
    assert shown["Pod network"] == "cilium"
    assert shown["Nodes"] == "3, 3 ready; Ubuntu 24.04 LTS amd64"
    assert shown["Storage"] == "general (rook-ceph.rbd.csi.ceph.com, default)"
    assert shown["Installed"] == "apps/web by Helm"
    assert "bm90" not in json.dumps(lines(found))


def test_what_may_not_be_read_is_told_and_the_rest_is_shown(
    cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(users.NO_SECRETS)))
    found = look("")
    assert len(hosts(found)) == 3
    (fault,) = found.unread
    assert fault.startswith("releases of Helm:")
    assert "secrets" in fault


@pytest.mark.parametrize("context", ["", "other"])
def test_a_cluster_that_is_not_there_is_one_line(
    context: str, cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = json.loads(cluster.kubeconfig().read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(UserError) as told:
        look(context)
    assert "\n" not in told.value.message


def test_the_wizard_shows_it_and_takes_the_nodes_by_keys(
    cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(users.READER)))
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        async with driven(preset(nodes=[]), size=LARGE) as wizard:
            await step(wizard, "Nodes")
            await wizard.press("f5", "enter")
            assert "What the cluster has" in wizard.text
            for what in ("v1.", "cilium", "3, 3 ready", "general (rook-ceph", "apps/web by Helm"):
                assert what in wizard.text
            await wizard.press("escape")
            assert "No host yet" in wizard.text
            await wizard.press("f5", "enter", "enter")
            assert "control 2" in wizard.text
            names = [host["name"] for host in wizard.screen.draft.answers.values["nodes"]]
            assert names == ["ctl1", "k1", "w1"]

    asyncio.run(scenario())
