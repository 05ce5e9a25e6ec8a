"""`diff` from a Git repository to its exit code, against a real API server; Flux's own part is played."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import subprocess
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from openinfra_tui import yamlio
from openinfra_tui.cli.diff import command
from openinfra_tui.drift import normalise, verdict
from openinfra_tui.drift.desired import flux, source
from openinfra_tui.drift.model import Desired
from openinfra_tui.drift.report import Report
from openinfra_tui.drift.verdict import Assessment, assess
from openinfra_tui.errors import Refused
from openinfra_tui.flow.diff import Request, follow
from openinfra_tui.flow.following import Change
from tests.controlplane import users
from tests.controlplane.binaries import binary
from tests.controlplane.client import Object
from tests.controlplane.plane import ControlPlane

KUSTOMIZATION = "kustomize.toolkit.fluxcd.io/v1"


class Site:
    """A repository with one entry point, and a namespace of its own in the cluster."""

    def __init__(self, root: Path, plane: ControlPlane, namespace: str) -> None:
        self.root = root
        self.plane = plane
        self.namespace = namespace
        self.client = plane.client()
        self.root_name = f"root-{namespace}"
        self._git("init", "-q", "-b", "main")
        self.write("clusters/c/root.yaml", self.kustomization(self.root_name, "./clusters/c"))
        self.write(
            "clusters/c/apps.yaml",
            self.kustomization("apps", "./apps", postBuild={"substitute": {"color": "red"}}),
        )

    def _git(self, *words: str) -> str:
        who = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
        done = subprocess.run(
            ["git", "-C", self.root, *who, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def kustomization(self, name: str, path: str, **spec: Any) -> Object:
        return {
            "apiVersion": KUSTOMIZATION,
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "interval": "10m",
                "path": path,
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "site"},
                **spec,
            },
        }

    def config_map(self, name: str, **more: Any) -> Object:
        metadata = {"name": name, "namespace": self.namespace, **more.pop("metadata", {})}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}, **more}

    def write(self, path: str, *manifests: Object) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("---\n".join(json.dumps(item, indent=1) + "\n" for item in manifests))

    def commit(self) -> str:
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "change")
        return self._git("rev-parse", "HEAD")

    def reconcile(self) -> None:
        """What Flux does with a commit: apply, and write inventory and revision down."""
        commit = self.commit()
        found = source.work_tree(self.root)
        rendered = flux.render(found, flux.entry_points(found), lambda *_: None)
        inventories: dict[str, list[Object]] = {}
        for item in rendered.objects:
            self.client.apply(normalise.for_apply(item.object), "kustomize-controller")
            key = item.key
            entry = {
                "id": f"{key.namespace}_{key.name}_{key.group}_{key.kind}",
                "v": item.object["apiVersion"].rpartition("/")[2],
            }
            inventories.setdefault(item.application.ref.name, []).append(entry)
        for name, entries in inventories.items():
            status = {"lastAppliedRevision": f"main@sha1:{commit}", "inventory": {"entries": entries}}
            self.client.patch(
                self.kustomization(name, "."), {"status": status}, "kustomize-controller", "status"
            )

    def diff(self, *words: str, user: str = users.ADMIN) -> tuple[int, dict[str, Any]]:
        arguments = [
            str(self.root),
            "--kubeconfig",
            str(self.plane.kubeconfig(user)),
            "--output",
            "json",
            *words,
        ]
        result = CliRunner().invoke(command, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, json.loads(result.stdout)

    def verdicts(self, *words: str, user: str = users.ADMIN) -> dict[str, tuple[str, str]]:
        _, report = self.diff(*words, user=user)
        return {item["name"]: (item["verdict"], item["next"]) for item in report["objects"]}


@pytest.fixture(scope="session")
def helm() -> Path:
    """The helm of the harness, found before a test has a cache of its own."""
    return binary("helm")


@pytest.fixture
def site(
    tmp_path: Path,
    control_plane: ControlPlane,
    crds: Callable[..., None],
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    crds("flux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository = tmp_path / "repository"
    repository.mkdir()
    found = Site(repository, control_plane, namespace)
    found.write("apps/all.yaml", found.config_map("one", data={"color": "${color}"}), found.config_map("two"))
    return found


def test_a_repository_in_sync_is_exit_code_0_with_origins(site: Site) -> None:
    site.reconcile()
    code, report = site.diff()
    assert code == 0
    assert report["summary"]["in-sync"] == 4
    by_name = {item["name"]: item for item in report["objects"]}
    assert by_name["one"]["origin"]["file"] == "apps/all.yaml"
    assert by_name["one"]["engine"]["name"] == "apps"
    assert {item["proof"] for item in report["objects"]} == {"local"}
    assert report["coverage"]["dryRuns"] == 0


def test_what_was_proved_once_is_proved_until_something_of_it_changes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.reconcile()
    assessed: list[str] = []

    def noting(desired: Desired, *more: Any, **how: Any) -> Assessment:
        assessed.append(desired.key.name)
        return assess(desired, *more, **how)

    monkeypatch.setattr(verdict, "assess", noting)
    code, first = site.diff()
    assert (code, len(assessed)) == (0, 4)
    assessed.clear()
    code, second = site.diff()
    assert (code, assessed) == (0, [])
    for report in (first, second):
        report.pop("timings")
        report["coverage"].pop("requests")
    assert second == first
    site.client.patch(site.config_map("two"), {"data": {"a": "2"}}, "kubectl-edit")
    assert site.verdicts()["two"] == ("drifted", "update")
    assert assessed == ["two"]
    site.client.patch(site.config_map("one"), {"metadata": {"labels": {"more": "x"}}}, "kubectl-edit")
    assert site.verdicts()["one"] == ("will-be-reverted", "update")
    hook = mutating_webhook(site.namespace)
    site.client.apply(hook)
    try:
        assessed.clear()
        site.diff()
        assert {"one", "two"} <= set(assessed)  # what may be changed on its way in is no proof
    finally:
        site.client.delete(hook)


def mutating_webhook(namespace: str) -> Object:
    """One that may change every ConfigMap of a namespace, and that nobody answers."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": f"hook-{namespace}"},
        "webhooks": [
            {
                "name": "it.example.invalid",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "timeoutSeconds": 1,
                "clientConfig": {"url": "https://127.0.0.1:1/"},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [rule],
            }
        ],
    }


def test_82_pending_is_told_from_drifted(site: Site) -> None:
    site.reconcile()
    site.write("apps/all.yaml", site.config_map("one", data={"color": "blue"}), site.config_map("three"))
    verdicts = site.verdicts()
    assert verdicts["one"] == ("pending", "update")
    assert verdicts["two"] == ("pending", "delete")
    assert verdicts["three"] == ("pending", "create")
    assert site.diff()[0] == 0
    assert site.diff("--fail-on", "pending")[0] == 1
    site.client.patch(site.config_map("one"), {"data": {"color": "green"}}, "kubectl-edit")
    assert site.verdicts()["one"] == ("drifted", "update")
    assert site.verdicts("--against", "applied")["one"] == ("drifted", "update")
    assert site.verdicts("--against", "applied")["two"] == ("in-sync", "none")
    assert site.verdicts("--against", "head")["three"] == ("missing", "create")


def test_82_a_revision_that_is_not_here_is_unverified(site: Site) -> None:
    site.reconcile()
    status = {"status": {"lastAppliedRevision": f"main@sha1:{'0' * 40}"}}
    site.client.patch(site.kustomization("apps", "."), status, "kustomize-controller", "status")
    site.write("apps/all.yaml", site.config_map("one", data={"color": "blue"}), site.config_map("two"))
    assert site.verdicts()["one"] == ("unverified", "update")
    assert site.verdicts()["two"] == ("in-sync", "none")


def test_43_44_and_45_what_git_does_not_hold(site: Site) -> None:
    kept = {"annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}
    site.write(
        "apps/all.yaml",
        site.config_map("one"),
        site.config_map("two"),
        site.config_map("kept", metadata=kept),
    )
    site.reconcile()
    labels = {f"{flux.GROUP}/name": "apps", f"{flux.GROUP}/namespace": site.namespace}
    stray = site.config_map("stray", metadata={"labels": labels})
    site.client.apply(stray, "somebody")
    owned = {**stray, "metadata": {**stray["metadata"], "name": "owned"}}
    one = site.client.get("v1", "ConfigMap", "one", site.namespace)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "one", "uid": one["metadata"]["uid"]}
    owned["metadata"]["ownerReferences"] = [owner]
    site.client.apply(owned, "somebody")
    inventory = site.client.get(KUSTOMIZATION, "Kustomization", "apps", site.namespace)["status"]["inventory"]
    site.write("apps/all.yaml", site.config_map("one"))
    commit = site.commit()
    status = {"status": {"lastAppliedRevision": f"main@sha1:{commit}", "inventory": inventory}}
    site.client.patch(site.kustomization("apps", "."), status, "kustomize-controller", "status")
    verdicts = site.verdicts()
    assert verdicts["two"] == ("extra", "delete")
    assert verdicts["kept"] == ("extra", "none")
    assert verdicts["stray"] == ("extra", "none")
    assert "owned" not in verdicts
    assert site.diff()[0] == 1


def test_58_one_object_twice_blocks_its_kustomization_only(site: Site) -> None:
    site.reconcile()
    site.write("apps/more.yaml", site.config_map("one"))
    code, report = site.diff()
    assert code == 2
    (blocked,) = [item for item in report["objects"] if item["verdict"] == "blocked"]
    assert (blocked["kind"], blocked["name"]) == ("Kustomization", "apps")
    assert "build:" in blocked["reason"]


def test_59_a_list_is_its_items(site: Site) -> None:
    site.write(
        "apps/all.yaml",
        {"apiVersion": "v1", "kind": "List", "items": [site.config_map("one"), site.config_map("two")]},
    )
    site.reconcile()
    assert site.verdicts()["two"] == ("in-sync", "none")


def test_78_variables_come_from_the_cluster(site: Site) -> None:
    variables = {"kind": "ConfigMap", "name": "variables"}
    site.write(
        "clusters/c/apps.yaml",
        site.kustomization("apps", "./apps", postBuild={"substituteFrom": [variables]}),
    )
    site.client.apply(site.config_map("variables", data={"color": "red"}), "somebody")
    site.client.apply(site.config_map("one", data={"color": "red"}), "kustomize-controller")
    before = site.diff("--against", "head")[1]
    assert {i["name"]: i["verdict"] for i in before["objects"]}[
        "one"
    ] == "drifted"  # the labels are not there yet
    changes = [d["path"] for i in before["objects"] if i["name"] == "one" for d in i["differences"]]
    assert all(path.startswith("/metadata/labels") for path in changes)
    site.client.patch(site.config_map("variables"), {"data": {"color": "blue"}}, "somebody")
    after = site.diff("--against", "head")[1]
    changes = [d["path"] for i in after["objects"] if i["name"] == "one" for d in i["differences"]]
    assert "/data/color" in changes


def test_79_a_missing_variable_blocks_and_is_named(site: Site) -> None:
    site.write(
        "clusters/c/apps.yaml", site.kustomization("apps", "./apps", postBuild={"substitute": {"other": "x"}})
    )
    _, report = site.diff()
    by_name = {item["name"]: item for item in report["objects"]}
    assert by_name["one"]["verdict"] == "blocked"
    assert "color" in by_name["one"]["reason"]


def test_96_another_cluster_is_refused(site: Site) -> None:
    recorded = site.root / ".openinfra" / "clusters.yaml"
    recorded.parent.mkdir()
    recorded.write_text("clusters/c: 11111111-2222-3333-4444-555555555555\n")
    with pytest.raises(Refused, match="another cluster"):
        site.diff()


def test_expected_differences_are_ignored_until_their_day(site: Site) -> None:
    site.reconcile()
    site.client.patch(site.config_map("two"), {"data": {"a": "2"}}, "kubectl-edit")
    entry = {
        "object": f"ConfigMap/{site.namespace}/two",
        "path": "/data/a",
        "reason": "on purpose",
        "who": "me",
    }
    file = site.root / ".openinfra" / "expected.yaml"
    file.parent.mkdir()
    file.write_text(json.dumps([{**entry, "until": "2999-01-01"}]))
    assert site.verdicts()["two"] == ("ignored", "update")
    file.write_text(json.dumps([{**entry, "until": "2001-01-01"}]))
    assert site.verdicts()["two"] == ("drifted", "update")


@pytest.mark.parametrize("user", [users.ADMIN, users.NO_SECRETS])
def test_77_the_contents_of_a_helm_release(site: Site, user: str) -> None:
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "it", "namespace": site.namespace},
        "spec": {
            "interval": "1h",
            "chart": {"spec": {"chart": "it", "sourceRef": {"kind": "HelmRepository", "name": "it"}}},
            "driftDetection": {"mode": "enabled"},
        },
    }
    site.write("apps/all.yaml", release)
    site.reconcile()
    inside = site.config_map("inside", data={"password": "hunter2hunter2"})
    inside["metadata"].pop("namespace")
    packed = gzip.compress(json.dumps({"name": "it", "manifest": json.dumps(inside)}).encode())
    stored = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {"name": "sh.helm.release.v1.it.v1", "namespace": site.namespace},
        "data": {"release": base64.b64encode(base64.b64encode(packed)).decode()},
    }
    site.client.apply(stored)
    now = "2026-01-01T00:00:00Z"
    history = {
        "name": "it",
        "namespace": site.namespace,
        "version": 1,
        "chartName": "it",
        "chartVersion": "1",
        "configDigest": "sha256:0",
        "digest": "sha256:0",
        "firstDeployed": now,
        "lastDeployed": now,
        "status": "deployed",
    }
    entries = [{"id": f"{site.namespace}_inside__ConfigMap", "v": "v1"}]
    status = {"storageNamespace": site.namespace, "history": [history], "inventory": {"entries": entries}}
    site.client.patch(release, {"status": status}, "helm-controller", "status")
    applied = site.config_map(
        "inside",
        data={"password": "hunter2hunter2"},
        metadata={
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                "meta.helm.sh/release-name": "it",
                "meta.helm.sh/release-namespace": site.namespace,
            },
        },
    )
    assert site.verdicts(user=user)["inside"][0] == "missing"
    site.client.apply(applied, "helm-controller")
    proved = {users.ADMIN: ("in-sync", "none"), users.NO_SECRETS: ("unverified", "none")}
    assert site.verdicts(user=user)["inside"] == proved[user]
    site.client.patch(applied, {"data": {"password": "changed-by-hand"}}, "kubectl-edit")
    code, report = site.diff(user=user)
    if user == users.ADMIN:
        assert code == 1
        assert site.verdicts()["inside"] == ("drifted", "update")
        assert "hunter2" not in json.dumps(report)
        assert "changed-by-hand" not in json.dumps(report)


def test_47_a_generated_name_that_changes_is_one_object(site: Site) -> None:
    generator = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": site.namespace,
        "configMapGenerator": [{"name": "made", "literals": ["a=1", "b=1"]}],
    }
    site.write("apps/kustomization.yaml", generator)
    site.reconcile()
    assert {verdict for verdict, _ in site.verdicts().values()} == {"in-sync"}
    generator["configMapGenerator"] = [{"name": "made", "literals": ["a=2", "b=1"]}]
    site.write("apps/kustomization.yaml", generator)
    site.commit()
    _, report = site.diff()
    (made,) = [item for item in report["objects"] if item["name"].startswith("made-")]
    assert (made["verdict"], made["next"]) == ("pending", "create")
    assert "takes the place of made-" in made["reason"]
    assert [(item["path"], item["desired"], item["live"]) for item in made["differences"]] == [
        ("/data/a", "2", "1")
    ]


def test_80_and_81_a_chart_that_throws_dice_or_asks_the_cluster_is_not_drift(
    helm: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{helm.parent}:/usr/local/bin:/usr/bin:/bin")
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": site.namespace},
        "spec": {
            "interval": "1h",
            "chart": {
                "spec": {"chart": "charts/web", "sourceRef": {"kind": "GitRepository", "name": "site"}}
            },
            "valuesFrom": [{"kind": "ConfigMap", "name": "values"}],
            "values": {"other": "o"},
        },
    }
    values = site.config_map("values", data={"values.yaml": "word: from-git\nother: lost\n"})
    site.write("apps/all.yaml", release, values)
    templates = {
        "plain": "word: {{ .Values.word }}\n  other: {{ .Values.other }}",
        "dice": 'word: {{ include "dice" . }}',
        "asks": 'word: {{ (lookup "v1" "ConfigMap" "a" "b").kind | default "none" }}',
        "clock": 'word: {{ now | date "2006" | quote }}',
    }
    (site.root / "charts/web/templates").mkdir(parents=True)
    (site.root / "charts/web/Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.0.0\n")
    helper = '{{- define "dice" }}{{ randAlphaNum 9 | quote }}{{ end -}}\n'
    (site.root / "charts/web/templates/_help.tpl").write_text(helper)
    for name, data in templates.items():
        (site.root / f"charts/web/templates/{name}.yaml").write_text(
            f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  {data}\n"
        )
    site.reconcile()
    metadata = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": "web",
            "meta.helm.sh/release-namespace": site.namespace,
        },
    }
    for name in templates:
        data = {"word": "from-git", "other": "o"} if name == "plain" else {"word": "another"}
        site.client.apply(site.config_map(name, data=data, metadata=metadata), "helm-controller")
    found = site.verdicts("--against", "head")
    assert {name: found[name] for name in templates} == {
        "plain": ("in-sync", "none"),
        "dice": ("unverified", "update"),
        "asks": ("unverified", "update"),
        "clock": ("unverified", "update"),
    }
    chart = site.root / "charts/web/templates/plain.yaml"
    chart.write_text(chart.read_text().replace(".Values.word", "upper .Values.word"))
    assert site.verdicts("--against", "head")["plain"][0] == "drifted"


def test_the_cluster_is_recorded_when_that_is_asked_for(site: Site) -> None:
    site.reconcile()
    site.diff("--record-cluster")
    uid = site.client.get("v1", "Namespace", "kube-system")["metadata"]["uid"]
    text = (site.root / ".openinfra/clusters.yaml").read_text()
    assert yamlio.load(text) == {"clusters/c": uid}
    site.diff()  # the same one is not refused


def test_each_change_is_told_while_it_is_watched(site: Site) -> None:
    site.reconcile()
    request = Request(site.root, config=site.plane.kubeconfig())
    two = site.config_map("two")

    async def told() -> list[tuple[str, str, str]]:
        found = []
        edits = [
            lambda: site.client.patch(two, {"data": {"a": "9"}}, "kubectl-edit"),
            lambda: site.client.delete(two),
            lambda: site.client.apply(labelled_as_applied(two), "kustomize-controller"),
        ]
        async with asyncio.timeout(60), aclosing(follow(request)) as events:
            async for event in events:
                if isinstance(event, Report):
                    assert not event.exit_code()
                if isinstance(event, Change) and event.before and event.after:
                    found.append((event.after.key.name, event.before.verdict, event.after.verdict))
                if isinstance(event, Report | Change):
                    if not edits:
                        return found
                    await asyncio.to_thread(edits.pop(0))
        return found

    def labelled_as_applied(item: Object) -> Object:
        labels = {
            "kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": site.namespace,
        }
        return {**item, "metadata": {**item["metadata"], "labels": labels}}

    assert asyncio.run(told()) == [
        ("two", "in-sync", "drifted"),
        ("two", "drifted", "missing"),
        ("two", "missing", "in-sync"),
    ]


def test_a_selector_a_namespace_and_a_verdict_narrow_the_report(site: Site) -> None:
    site.reconcile()
    site.client.delete(site.config_map("two"))
    assert set(site.verdicts("--only", "missing")) == {"two"}
    assert site.diff("--only", "in-sync")[0] == 1  # the exit code is that of the whole
    assert set(site.verdicts("--selector", f"{flux.GROUP}/name=apps")) == {"one", "two"}
    assert site.verdicts("--namespace", "elsewhere") == {}


def test_nobody_gets_no_verdict_that_is_not_one(site: Site) -> None:
    site.reconcile()
    code, report = site.diff(user=users.NOBODY)
    assert code == 3
    assert report["summary"]["unverified"] == len(report["objects"]) == 4
