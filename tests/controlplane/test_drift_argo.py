"""What the diff says of a repository of Argo CD, against what the real Argo CD says and then does."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from openinfra_tui import proc
from openinfra_tui.cli.diff import command
from tests.controlplane.argocd import NAMESPACE as ARGOCD
from tests.controlplane.argocd import ArgoCD
from tests.controlplane.binaries import binary
from tests.controlplane.client import Client, Object
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.loopback.helm import HelmRepository
from tests.controlplane.plane import ControlPlane

APPLICATION = ("argoproj.io/v1alpha1", "Application")
SYNCED = frozenset({"in-sync", "ignored", "will-be-reverted"})
CHART = {
    "Chart.yaml": b"apiVersion: v2\nname: web\nversion: 1.2.3\n",
    "values.yaml": b"word: none\n",
    "templates/map.yaml": (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-map\n"
        b'data:\n  word: {{ .Values.word }}\n  kube: "{{ .Capabilities.KubeVersion.Minor }}"\n'
        b'  argo: "{{ .Capabilities.APIVersions.Has "argoproj.io/v1alpha1/Application" }}"\n'
    ),
    "templates/dice.yaml": (
        b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .Release.Name }}-dice\n"
        b"stringData:\n  word: {{ randAlphaNum 20 }}\n"
    ),
    "templates/hook.yaml": (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-hook\n"
        b"  annotations:\n    helm.sh/hook: post-install\n    helm.sh/hook-delete-policy: hook-succeeded\n"
    ),
}


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server


@pytest.fixture
def charts(tmp_path: Path) -> Iterator[HelmRepository]:
    with HelmRepository(tmp_path / "charts") as server:
        server.publish(CHART)
        yield server


@pytest.fixture(autouse=True)
def _own_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own caches, and the helm of the harness."""
    helm = binary("helm")  # found in the cache that the next line leaves
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HELM_CACHE_HOME", str(tmp_path / "helm"))
    monkeypatch.setenv("PATH", f"{helm.parent}:/usr/local/bin:/usr/bin:/bin")


def config_map(name: str, data: dict[str, str], **more: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more}, "data": data}


def deployment(name: str) -> Object:
    labels = {"app": name}
    container = {
        "name": "app",
        "image": "app:1",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"containerPort": 80}],
        "resources": {"requests": {"cpu": "1000m"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def application(name: str, namespace: str, options: tuple[str, ...] = (), **spec: Any) -> Object:
    return {
        "apiVersion": APPLICATION[0],
        "kind": APPLICATION[1],
        "metadata": {
            "name": name,
            "namespace": ARGOCD,
            "annotations": {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"},
        },
        "spec": {
            "project": "default",
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            "syncPolicy": {"automated": {}, "syncOptions": list(options)},
            **spec,
        },
    }


class Site:
    """A repository that Argo CD reconciles."""

    def __init__(self, plane: ControlPlane, engine: ArgoCD, server: GitServer, work: Path) -> None:
        self.plane = plane
        self.engine = engine
        self.client: Client = plane.client()
        self.work = work
        self.url = server.create("site")
        self._git: list[str | Path] = ["git", "-C", work, "-c", "user.name=O", "-c", "user.email=o@c.example"]
        work.mkdir()
        proc.run([*self._git, "init", "--quiet", "--initial-branch=main"])

    def commit(self, files: dict[str, list[Object] | bytes]) -> None:
        for path, content in files.items():
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                (self.work / path).write_bytes(content)
            else:
                (self.work / path).write_text("---\n".join(json.dumps(item) + "\n" for item in content))
        proc.run([*self._git, "add", "--all", "."])
        proc.run([*self._git, "commit", "--quiet", "--message=Change"])
        proc.run([*self._git, "push", "--quiet", self.url, "main"])

    def deploy(self, *applications: Object) -> None:
        for item in applications:
            self.client.apply(item)
        for item in applications:
            self.client.wait_for(*APPLICATION, item["metadata"]["name"], ARGOCD, until=_in_sync)

    def compared(self, name: str) -> dict[str, str]:
        """What Argo CD says of each object of an Application, after a fresh look."""
        before = self.client.get(*APPLICATION, name, ARGOCD)["status"]["reconciledAt"]
        self.engine.refresh(name)
        found = self.client.wait_for(
            *APPLICATION,
            name,
            ARGOCD,
            until=lambda item: (
                item["status"].get("reconciledAt") != before
                and "argocd.argoproj.io/refresh" not in (item["metadata"].get("annotations") or {})
            ),
        )
        return {
            f"{item['kind']}/{item['name']}": item["status"]
            for item in found["status"]["resources"]
            if not item.get("hook") and item.get("status")  # none where a mark was only copied
        }

    def diff(self, *words: str) -> dict[str, dict[str, Any]]:
        arguments = [str(self.work), "--kubeconfig", str(self.plane.kubeconfig()), "--output", "json", *words]
        result = CliRunner().invoke(command, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        report = json.loads(result.stdout)
        return {f"{item['kind']}/{item['name']}": item for item in report["objects"]}


def _in_sync(application: Object) -> bool:
    status = application.get("status", {})
    done = status.get("operationState", {}).get("phase") == "Succeeded"
    return bool(status.get("sync", {}).get("status") == "Synced" and done)


@pytest.fixture
def site(control_plane: ControlPlane, argocd: ArgoCD, git: GitServer, tmp_path: Path) -> Site:
    return Site(control_plane, argocd, git, tmp_path / "work")


def verdicts(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: item["verdict"] for name, item in found.items()}


@pytest.mark.parametrize("options", [(), ("ServerSideApply=true",)], ids=["client-side", "server-side"])
def test_argo_cd_says_the_same(site: Site, namespace: str, options: tuple[str, ...]) -> None:
    name = f"all-{namespace}"
    names = ("same", "edited", "added", "lacks", "deleted", "labelled", "ignored", "foreign", "gone")
    maps = [config_map(item, {"a": "1", "b": "2"}) for item in names]
    objects = [*maps, deployment("web"), deployment("order"), deployment("scaled")]
    ignore = [
        {"kind": "ConfigMap", "name": "ignored", "jsonPointers": ["/data/a"]},
        {"group": "apps", "kind": "Deployment", "name": "scaled", "managedFieldsManagers": ["scaler"]},
    ]
    source = {"repoURL": site.url, "path": "apps", "targetRevision": "main"}
    entry = application(name, namespace, options, source=source, ignoreDifferences=ignore)
    site.commit({"apps/all.yaml": objects, "clusters/c/app.yaml": [entry]})
    site.deploy(entry)
    assert set(verdicts(site.diff()).values()) == {"in-sync"}

    def patch(item: Object, change: Object, manager: str = "kubectl-edit") -> None:
        item = {**item, "metadata": {**item["metadata"], "namespace": namespace}}
        site.client.patch(item, change, manager)

    by_name = {item["metadata"]["name"]: item for item in objects}
    patch(by_name["edited"], {"data": {"a": "9"}})
    patch(by_name["added"], {"data": {"c": "9"}})
    patch(by_name["lacks"], {"data": {"b": None}})
    patch(by_name["labelled"], {"metadata": {"labels": {"by": "hand"}}})
    patch(by_name["ignored"], {"data": {"a": "9"}})
    patch(by_name["foreign"], {"data": {"z": "9"}}, "operator")
    gone = {**by_name["deleted"], "metadata": {"name": "deleted", "namespace": namespace}}
    site.client.delete(gone)
    container = {"name": "app", "env": [{"name": "A", "value": "7"}], "image": "app:1"}
    patch(by_name["web"], {"spec": {"template": {"spec": {"containers": [container]}}}})
    patch(by_name["scaled"], {"spec": {"replicas": 4}}, "scaler")
    # A controller that copies marks onto what it makes.
    marked = site.client.get("v1", "ConfigMap", "same", namespace)["metadata"]["annotations"]
    copy = config_map("copied", {"a": "1"}, namespace=namespace, annotations=marked)
    site.client.apply(copy, "operator")
    expected = {
        "ConfigMap/same": "in-sync",
        "ConfigMap/edited": "drifted",
        "ConfigMap/added": "in-sync",
        "ConfigMap/lacks": "drifted",
        "ConfigMap/deleted": "missing",
        "ConfigMap/labelled": "in-sync",
        "ConfigMap/ignored": "ignored",
        "ConfigMap/foreign": "in-sync",
        "ConfigMap/gone": "in-sync",
        "Deployment/web": "drifted",
        "Deployment/order": "in-sync",
        "Deployment/scaled": "ignored",
    }
    assert verdicts(site.diff()) == expected
    theirs = site.compared(name)
    assert {item: verdict in SYNCED for item, verdict in expected.items()} == {
        item: status == "Synced" for item, status in theirs.items()
    }
    # What Git drops is there until somebody prunes: the Application does not.
    site.commit({"apps/all.yaml": [item for item in objects if item is not by_name["gone"]]})
    site.compared(name)
    assert site.diff()["ConfigMap/gone"]["verdict"] == "extra"
    assert site.diff()["ConfigMap/gone"]["next"] == "none"
    assert site.compared(name)["ConfigMap/gone"] == "OutOfSync"


def test_a_chart_with_values_of_the_repository(site: Site, namespace: str, charts: HelmRepository) -> None:
    name = f"web-{namespace}"
    chart = {
        "repoURL": charts.url,
        "chart": "web",
        "targetRevision": "1.2.3",
        "helm": {"valueFiles": ["$values/values/web.yaml"], "parameters": [{"name": "more", "value": "x"}]},
    }
    own = {"repoURL": site.url, "targetRevision": "main", "ref": "values"}
    entry = application(name, namespace, ("ServerSideApply=true",), sources=[chart, own])
    site.commit({"values/web.yaml": b"word: three\n", "clusters/c/app.yaml": [entry]})
    site.client.apply(entry)
    done = site.client.wait_for(
        *APPLICATION,
        name,
        ARGOCD,
        until=lambda item: item.get("status", {}).get("operationState", {}).get("phase") == "Succeeded",
    )
    assert done
    found = site.diff()
    assert verdicts(found) == {
        f"ConfigMap/{name}-map": "in-sync",
        f"Secret/{name}-dice": "unverified",
        f"ConfigMap/{name}-hook": "ignored",
    }
    assert found[f"Secret/{name}-dice"]["reason"] == "its chart makes another value each time"
    assert verdicts(site.diff("--offline")) == verdicts(found)
    live = site.client.get("v1", "ConfigMap", f"{name}-map", namespace)
    assert live["data"]["argo"] == "true"
    site.client.patch(live, {"data": {"word": "four"}}, "kubectl-edit")
    changed = site.diff("--offline")[f"ConfigMap/{name}-map"]
    assert (changed["verdict"], changed["differences"][0]["path"]) == ("drifted", "/data/word")


def test_what_kubectl_applied_first_is_undone_when_argo_cd_syncs(site: Site, namespace: str) -> None:
    name = f"moved-{namespace}"
    source = {"repoURL": site.url, "path": "apps", "targetRevision": "main"}
    entry = application(name, namespace, ("ServerSideApply=true",), source=source)
    site.commit({"apps/all.yaml": [config_map("it", {"a": "1"})], "clusters/c/app.yaml": [entry]})
    first = {
        **config_map("it", {"a": "1", "left": "over"}),
        "metadata": {"name": "it", "namespace": namespace},
    }
    # As `kubectl apply` does it: an Update of its manager.
    site.client.request(
        "POST",
        site.client.path("v1", "ConfigMap", namespace) + "?fieldManager=kubectl-client-side-apply",
        first,
    )
    site.client.apply(
        {**entry, "spec": {**entry["spec"], "syncPolicy": {"syncOptions": ["ServerSideApply=true"]}}}
    )
    site.client.wait_for(
        *APPLICATION, name, ARGOCD, until=lambda item: bool(item.get("status", {}).get("resources"))
    )
    found = site.diff()["ConfigMap/it"]
    assert found["verdict"] == "drifted"  # the tracking mark is not there yet
    assert "/data/left" in {item["path"] for item in found["differences"]}
    site.deploy(entry)
    live = site.client.get("v1", "ConfigMap", "it", namespace)
    assert live["data"] == {"a": "1"}


@pytest.mark.slow
def test_a_hundred_edits_as_argo_cd_sees_them(site: Site, namespace: str) -> None:
    """Random edits of random objects; each verdict is compared with Argo CD's own."""
    dice = random.Random(20261125)
    total = 60
    entries = []
    files: dict[str, list[Object] | bytes] = {}
    for side, options in (("ssa", ("ServerSideApply=true",)), ("csa", ())):
        objects = [
            config_map(f"{side}-{index}", {"a": "1", "b": "2", "c": "3"}) for index in range(total // 2)
        ]
        objects += [deployment(f"{side}-d{index}") for index in range(total // 2)]
        files[f"{side}/all.yaml"] = objects
        source = {"repoURL": site.url, "path": side, "targetRevision": "main"}
        entries.append(application(f"{side}-{namespace}", namespace, options, source=source))
    files["clusters/c/apps.yaml"] = entries
    site.commit(files)
    site.deploy(*entries)
    for side in ("ssa", "csa"):
        content = files[f"{side}/all.yaml"]
        assert isinstance(content, list)
        for item in content:
            _edit(site.client, item, namespace, dice)
    ours = site.diff()
    theirs = {**site.compared(f"ssa-{namespace}"), **site.compared(f"csa-{namespace}")}
    assert len(theirs) == 2 * total
    wrong = {
        name: (ours[name]["verdict"], status, ours[name]["differences"])
        for name, status in theirs.items()
        if (ours[name]["verdict"] in SYNCED) != (status == "Synced")
    }
    assert not wrong
    assert not [item for item in ours.values() if item["verdict"] in ("unverified", "blocked")]


def _edit(client: Client, item: Object, namespace: str, dice: random.Random) -> None:
    there = {**item, "metadata": {**item["metadata"], "namespace": namespace}}
    manager = dice.choice(["kubectl-edit", "kubectl-client-side-apply", "operator"])
    if item["kind"] == "ConfigMap":
        changes: list[Object | None] = [
            {"data": {dice.choice("abc"): dice.choice(["1", "2", "9"])}},
            {"data": {dice.choice("abcde"): None}},
            {"data": {dice.choice("de"): "9"}},
            {"metadata": {"labels": {"x": "1"}}},
            {"metadata": {"annotations": {"x": "1"}}},
            {},
            None,
        ]
    else:
        container = {"name": "app", "image": dice.choice(["app:1", "app:2"])}
        kept = {
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": dice.choice(["1", "2"])}},
        }
        more = [{"name": "side", "image": "side:1"}] if dice.random() < 0.4 else []
        changes = [
            {"spec": {"replicas": dice.choice([1, 2])}},
            {"spec": {"template": {"spec": {"containers": [{**container, **kept}, *more]}}}},
            {"spec": {"template": {"spec": {"containers": [{**container}, *more]}}}},
            {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}},
            {"spec": {"revisionHistoryLimit": dice.choice([10, 3])}},
            {},
        ]
    change = dice.choice(changes)
    if change is None:
        client.delete(there)
    elif change:
        client.patch(there, change, manager)
