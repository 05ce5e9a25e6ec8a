"""What the diff says that Flux will do, against what the real kustomize-controller then does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from openinfra_tui import proc
from openinfra_tui.cli.diff import command
from tests.controlplane.client import Client, Object
from tests.controlplane.flux import Flux, reconciled
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.plane import ControlPlane

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization")


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server


def kustomization(namespace: str, name: str, path: str, **spec: Any) -> Object:
    return {
        "apiVersion": KUSTOMIZATION[0],
        "kind": KUSTOMIZATION[1],
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "interval": "1h",
            "path": path,
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "site"},
            **spec,
        },
    }


def reconcile(client: Client, namespace: str, name: str, stamp: str) -> None:
    """Ask for a reconcile and wait until it was made."""
    annotation = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": stamp}}}
    client.patch(kustomization(namespace, name, "."), annotation, "flux-client-side-apply")
    client.wait_for(
        *KUSTOMIZATION,
        name,
        namespace,
        until=lambda obj: reconciled(obj) and obj["status"].get("lastHandledReconcileAt") == stamp,
    )


def test_flux_does_what_the_diff_says(
    control_plane: ControlPlane,
    flux: Flux,
    namespace: str,
    git: GitServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    client = control_plane.client()
    work = tmp_path / "work"

    def config_map(name: str, **more: Any) -> Object:
        metadata = {"name": name, "namespace": namespace, **more}
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"a": "1", "n": "${count}"},
        }

    labels = {"app": "it"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "app:1", "ports": [{"containerPort": 80}]}]},
            },
        },
    }
    files = {
        "clusters/c/root.yaml": [kustomization(namespace, "root", "./clusters/c")],
        "clusters/c/apps.yaml": [
            kustomization(namespace, "apps", "./apps", postBuild={"substitute": {"count": "v3"}})
        ],
        "apps/all.yaml": [
            deployment,
            config_map("same"),
            config_map("edited"),
            config_map("added"),
            config_map("merged", annotations={"kustomize.toolkit.fluxcd.io/ssa": "Merge"}),
            config_map("foreign"),
            config_map("deleted"),
        ],
    }
    for path, manifests in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text("---\n".join(json.dumps(item) + "\n" for item in manifests))
    url = git.create("site")
    words: list[str | Path] = ["git", "-C", work, "-c", "user.name=Op", "-c", "user.email=op@cloud.example"]
    proc.run([*words, "init", "--quiet", "--initial-branch=main"])
    proc.run([*words, "add", "."])
    proc.run([*words, "commit", "--quiet", "--message=First"])
    proc.run([*words, "push", "--quiet", url, "main"])
    source = {"interval": "1h", "url": url, "ref": {"branch": "main"}}
    meta = {"name": "site", "namespace": namespace}
    client.apply(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": meta,
            "spec": source,
        }
    )
    client.apply(kustomization(namespace, "root", "./clusters/c"), "kustomize-controller")
    client.wait_for(*KUSTOMIZATION, "apps", namespace, until=reconciled)

    def said() -> dict[str, tuple[str, str]]:
        arguments = [str(work), "--kubeconfig", str(control_plane.kubeconfig()), "--output", "json"]
        result = CliRunner().invoke(command, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        report = json.loads(result.stdout)
        return {item["name"]: (item["verdict"], item["next"]) for item in report["objects"]}

    assert set(said().values()) == {("in-sync", "none")}

    def patched(name: str, data: Object, manager: str) -> None:
        client.patch(config_map(name), {"data": data}, manager)

    patched("edited", {"a": "2"}, "kubectl-edit")
    patched("added", {"b": "2"}, "kubectl-edit")
    patched("merged", {"b": "2"}, "kubectl-edit")
    patched("foreign", {"b": "2"}, "operator")
    client.delete(config_map("deleted"))
    env = [{"name": "app", "image": "app:1", "env": [{"name": "X", "value": "1"}]}]
    client.patch(
        deployment,
        {"metadata": {"labels": {"by": "hand"}}, "spec": {"template": {"spec": {"containers": env}}}},
        "kubectl-set",
    )
    expected = {
        "same": ("in-sync", "none"),
        "edited": ("drifted", "update"),
        "added": ("will-be-reverted", "update"),
        "merged": ("in-sync", "none"),
        "foreign": ("in-sync", "none"),
        "deleted": ("missing", "create"),
    }
    before = said()
    assert {name: before[name] for name in expected} == expected
    assert before["web"][1] == "update"
    names = [*expected, "web"]

    def versions() -> dict[str, str]:
        found = {}
        for name in names:
            kind = ("apps/v1", "Deployment") if name == "web" else ("v1", "ConfigMap")
            live = client.find(*kind, name, namespace)
            found[name] = live["metadata"]["resourceVersion"] if live else ""
        return found

    then = versions()
    reconcile(client, namespace, "apps", "2026-01-01T00:00:00Z")
    now = versions()
    written = {name for name in names if then[name] != now[name]}
    assert written == {name for name in names if before[name][1] != "none"}
    live = client.get("v1", "ConfigMap", "added", namespace)
    assert live["data"] == {"a": "1", "n": "v3"}
    assert client.get("v1", "ConfigMap", "merged", namespace)["data"]["b"] == "2"
    web = client.get("apps/v1", "Deployment", "web", namespace)
    assert "env" not in web["spec"]["template"]["spec"]["containers"][0]
    assert "by" not in web["metadata"]["labels"]
    assert set(said().values()) == {("in-sync", "none")}
