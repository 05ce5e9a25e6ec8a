from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from openinfra_tui import proc
from tests.controlplane.argocd import NAMESPACE as ARGOCD
from tests.controlplane.argocd import ArgoCD
from tests.controlplane.client import Object
from tests.controlplane.flux import NOTIFIER, Flux, reconciled
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.loopback.helm import HelmRepository
from tests.controlplane.plane import ControlPlane

CHART = {
    "Chart.yaml": b"apiVersion: v2\nname: web\nversion: 1.2.3\n",
    "values.yaml": b"word: none\n",
    "templates/map.yaml": (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
        b"data:\n  word: {{ .Values.word }}\n"
    ),
}


def config_map(name: str, **data: str) -> Object:
    """An object that needs no controller."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server


@pytest.fixture
def charts(tmp_path: Path) -> Iterator[HelmRepository]:
    with HelmRepository(tmp_path / "charts") as server:
        server.publish(CHART)
        yield server


def push(server: GitServer, work: Path, files: dict[str, Object]) -> str:
    """Make the repository `site` with one commit; its URL."""
    url = server.create("site")
    for path, obj in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(json.dumps(obj))
    git: list[str | Path] = ["git", "-C", work, "-c", "user.name=Op", "-c", "user.email=op@cloud.example"]
    proc.run([*git, "init", "--quiet", "--initial-branch=main"])
    proc.run([*git, "add", "."])
    proc.run([*git, "commit", "--quiet", "--message=First"])
    proc.run([*git, "push", "--quiet", url, "main"])
    return url


def test_flux_reconciles_a_repository_and_a_release(
    control_plane: ControlPlane,
    flux: Flux,
    namespace: str,
    git: GitServer,
    charts: HelmRepository,
    tmp_path: Path,
) -> None:
    client = control_plane.client()
    kustomization = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization")
    url = push(
        git,
        tmp_path / "work",
        {
            "first/map.yaml": config_map("first", word="one"),
            "second/map.yaml": config_map("second", word="two"),
        },
    )
    meta = {"namespace": namespace}
    source = {"interval": "1h", "url": url, "ref": {"branch": "main"}}
    client.apply(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": "site", **meta},
            "spec": source,
        }
    )
    for name, needs in (("second", [{"name": "first"}]), ("first", [])):
        client.apply(
            {
                "apiVersion": kustomization[0],
                "kind": kustomization[1],
                "metadata": {"name": name, **meta},
                "spec": {
                    "interval": "1h",
                    "path": f"./{name}",
                    "prune": True,
                    "dependsOn": needs,
                    "targetNamespace": namespace,
                    "sourceRef": {"kind": "GitRepository", "name": "site"},
                },
            }
        )
    client.apply(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "HelmRepository",
            "metadata": {"name": "charts", **meta},
            "spec": {"interval": "1h", "url": charts.url},
        }
    )
    client.apply(
        {
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "metadata": {"name": "web", **meta},
            "spec": {
                "interval": "1h",
                "chart": {
                    "spec": {
                        "chart": "web",
                        "version": "1.2.3",
                        "sourceRef": {"kind": "HelmRepository", "name": "charts"},
                    }
                },
                "values": {"word": "three"},
            },
        }
    )
    for name in ("first", "second"):
        done = client.wait_for(*kustomization, name, namespace, until=reconciled)
        assert done["status"]["lastAppliedRevision"] == f"main@sha1:{git.head('site')}"
    client.wait_for("helm.toolkit.fluxcd.io/v2", "HelmRelease", "web", namespace, until=reconciled)
    words = [
        client.get("v1", "ConfigMap", name, namespace)["data"]["word"] for name in ("first", "second", "web")
    ]
    assert words == ["one", "two", "three"]


def test_the_notifier_gives_a_receiver_its_path(
    control_plane: ControlPlane, flux: Flux, namespace: str
) -> None:
    flux.start(NOTIFIER)
    client = control_plane.client()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook", "namespace": namespace}}
    client.apply({**secret, "stringData": {"token": "word"}})
    receiver: Object = {
        "apiVersion": "notification.toolkit.fluxcd.io/v1",
        "kind": "Receiver",
        "metadata": {"name": "hook", "namespace": namespace},
        "spec": {
            "type": "generic",
            "secretRef": {"name": "hook"},
            "resources": [{"kind": "GitRepository", "name": "site"}],
        },
    }
    client.apply(receiver)
    done = client.wait_for(receiver["apiVersion"], "Receiver", "hook", namespace, until=reconciled)
    assert done["status"]["webhookPath"].startswith("/hook/")
    flux.stop(NOTIFIER)


def test_argocd_syncs_a_path_and_a_chart(
    control_plane: ControlPlane,
    argocd: ArgoCD,
    namespace: str,
    git: GitServer,
    charts: HelmRepository,
    tmp_path: Path,
) -> None:
    client = control_plane.client()
    url = push(git, tmp_path / "work", {"first/map.yaml": config_map("first", word="one")})
    chart = {
        "repoURL": charts.url,
        "chart": "web",
        "targetRevision": "1.2.3",
        "helm": {"valuesObject": {"word": "three"}},
    }
    sources = {
        f"path-{namespace}": {"repoURL": url, "path": "first", "targetRevision": "main"},
        f"chart-{namespace}": chart,
    }
    application = ("argoproj.io/v1alpha1", "Application")
    for name, source in sources.items():
        client.apply(
            {
                "apiVersion": application[0],
                "kind": application[1],
                "metadata": {"name": name, "namespace": ARGOCD},
                "spec": {
                    "project": "default",
                    "source": source,
                    "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                    "syncPolicy": {"automated": {}, "syncOptions": ["ServerSideApply=true"]},
                },
            }
        )
    for name in sources:
        client.wait_for(*application, name, ARGOCD, until=synced_and_healthy)
        argocd.refresh(name)
    assert client.get("v1", "ConfigMap", "first", namespace)["data"] == {"word": "one"}
    assert client.get("v1", "ConfigMap", f"chart-{namespace}", namespace)["data"] == {"word": "three"}


def synced_and_healthy(application: Object) -> bool:
    """What Argo CD calls done."""
    status = application.get("status", {})
    return (status.get("sync", {}).get("status"), status.get("health", {}).get("status")) == (
        "Synced",
        "Healthy",
    )
