"""A password on its way through each store into a release of the real Flux, while the site changes its store.

The operators are stood in for: the test makes the Secret that External Secrets or Sealed Secrets would make of
the object in the cluster, from what the repository holds, and sets the status that they set.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui import proc, yamlio
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.secret import sops
from openinfra_tui.secret.age import read_identity
from tests.controlplane.client import Client, Object
from tests.controlplane.flux import Flux
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.loopback.helm import HelmRepository
from tests.controlplane.plane import ControlPlane
from tests.unit.test_secret_stores import KEYS, certificate, fill, unseal

GROUP = "kustomize.toolkit.fluxcd.io/v1"
SITE = "sites/lab/openstack/placement"
SERVER = 'secrets.externalSecrets={server: "https://bao.cloud.example:8200"}'
EXTERNAL = ("external-secrets.io/v1", "ExternalSecret", "placement-secrets")
SEALED = ("bitnami.com/v1alpha1", "SealedSecret", "placement-secrets")
TEMPLATE = b"""apiVersion: v1
kind: Secret
metadata: {name: placement-etc}
stringData:
  password: {{ .Values.endpoints.oslo_db.auth.placement.password | quote }}
"""


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server


@pytest.fixture
def charts(tmp_path: Path) -> Iterator[HelmRepository]:
    with HelmRepository(tmp_path / "charts") as server:
        yield server


class Repository:
    """What the site's repository says, published for Flux with the charts of a loopback server."""

    def __init__(self, folder: Path, git: GitServer, charts: HelmRepository) -> None:
        self.work, self.git, self.charts = folder / "work", git, charts
        self.url = git.create("site")
        (folder / "site.yaml").write_text(preset_text("lab"), "utf-8")
        (folder / "cert.pem").write_bytes(certificate(KEYS[0]))
        self.request = Request(
            folder / "site.yaml",
            folder / "out",
            age_key=folder / "operator.agekey",
            certificate=folder / "cert.pem",
        )

    def publish(self, *overrides: str) -> str:
        """Generate with these answers, and push; the commit that Flux sees."""
        generate(replace(self.request, overrides=overrides), date(2026, 11, 25), lambda _: None)
        first = not self.work.exists()
        for old in [] if first else self.work.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(
            self.request.output, self.work, ignore=shutil.ignore_patterns(".git"), dirs_exist_ok=True
        )
        common = self.work / "components/openstack/common/sources.yaml"
        (helm,) = [item for item in yamlio.load_all(common.read_bytes()) if item["kind"] == "HelmRepository"]
        common.write_text(yamlio.dump({**helm, "spec": {**helm["spec"], "url": self.charts.url}}))
        overlay = self.work / "sites/lab/openstack/common/kustomization.yaml"
        pinned = yamlio.load(overlay.read_bytes())
        overlay.write_text(yamlio.dump({key: value for key, value in pinned.items() if key != "patches"}))
        words: list[str | Path] = [
            "git",
            "-C",
            self.work,
            "-c",
            "user.name=Op",
            "-c",
            "user.email=op@cloud.example",
        ]
        if first:
            version = yamlio.load((self.work / SITE / "pin.yaml").read_bytes())["spec"]["chart"]["spec"][
                "version"
            ]
            chart = f"apiVersion: v2\nname: placement\nversion: {version}\n".encode()
            self.charts.publish({"Chart.yaml": chart, "values.yaml": b"{}\n", "templates/etc.yaml": TEMPLATE})
            proc.run([*words, "init", "--quiet", "--initial-branch=main"])
        proc.run([*words, "add", "--all"])
        proc.run([*words, "commit", "--quiet", "--message=Next"])
        proc.run([*words, "push", "--quiet", self.url, "main"])
        return self.git.head("site")

    def identity(self) -> str:
        assert self.request.age_key
        return read_identity(self.request.age_key)

    def kustomization(self, name: str) -> Object:
        """As it is in the entry of the cluster, but for what it waits for."""
        found: Object = yamlio.load((self.work / f"clusters/lab/undercloud/{name}.yaml").read_bytes())
        found["spec"].pop("dependsOn", None)
        return found | {"spec": {**found["spec"], "retryInterval": "1s"}}


def made(client: Client, item: Object, values: dict[str, str], template: Object, done: str) -> None:
    """What an operator does with its object."""
    text = template["data"]["values.yaml"]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": item["metadata"]["name"], "namespace": "openstack", **template["metadata"]},
        "stringData": {"values.yaml": yamlio.dump(fill(text, values))},
    }
    client.apply(secret, manager="operator")
    condition = {"type": done, "status": "True", "reason": "Made", "message": "made"}
    client.patch(item, {"status": {"conditions": [condition]}}, subresource="status")


def holding(client: Client, word: str) -> tuple[set[str], set[str]]:
    """The names of the Secrets whose values hold a word, and those of all else that does."""
    secrets, others = set(), set()
    for item in client.list("v1", "Secret"):
        for value in (item.get("data") or {}).values():
            if word.encode() in base64.b64decode(value):
                secrets.add(str(item["metadata"]["name"]))
    kinds = [
        ("v1", "ConfigMap"),
        ("v1", "Event"),
        EXTERNAL[:2],
        SEALED[:2],
        (GROUP, "Kustomization"),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        ("source.toolkit.fluxcd.io/v1", "GitRepository"),
        ("source.toolkit.fluxcd.io/v1", "HelmChart"),
    ]
    for api, kind in kinds:
        for item in client.list(api, kind):
            text = json.dumps(item)
            if word in text or base64.b64encode(word.encode()).decode() in text:
                others.add(f"{kind} {item['metadata']['name']}")
    return secrets, others


def test_a_password_reaches_what_needs_it_by_every_store_and_is_nowhere_else(
    control_plane: ControlPlane,
    flux: Flux,
    crds: Callable[..., None],
    git: GitServer,
    charts: HelmRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "gitconfig").write_text("[user]\nname = Op\nemail = op@cloud.example\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    crds("external-secrets", "sealed-secrets")
    client = control_plane.client()
    site = Repository(tmp_path, git, charts)

    def reconciled_at(commit: str) -> None:
        request = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": commit}}}
        client.patch(source, request)
        for name in ("openstack", "placement"):
            client.wait_for(
                GROUP, "Kustomization", name, "flux-system",
                until=lambda item: item.get("status", {}).get("lastAppliedRevision") == f"main@sha1:{commit}",
                timeout=180,
            )  # fmt: skip

    def reads(secret: str) -> Callable[[Object], bool]:
        """The release has its values from that Secret, and the newest of them is deployed."""

        def holds(item: Object) -> bool:
            names = {ref["name"] for ref in item["spec"]["valuesFrom"] if ref["kind"] == "Secret"}
            status = item.get("status", {})
            ready = [
                c for c in status.get("conditions", ()) if c["type"] == "Ready" and c["status"] == "True"
            ]
            current = status.get("observedGeneration") == item["metadata"]["generation"]
            return bool(ready) and current and any(name.startswith(secret) for name in names)

        return holds

    def password() -> str:
        data = client.get("v1", "Secret", "placement-etc", "openstack")["data"]
        return base64.b64decode(data["password"]).decode()

    first = site.publish()
    plain = sops.decrypt((site.work / SITE / "secrets.sops.yaml").read_bytes(), site.identity())
    canary: str = plain["endpoints"]["oslo_db"]["auth"]["placement"]["password"]
    for name, data in (("openstack", None), ("flux-system", {"age.agekey": site.identity()})):
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        if data:
            meta = {"name": "sops-age", "namespace": name}
            client.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data})
    source: Object = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "flux-system", "namespace": "flux-system"},
        "spec": {"interval": "1h", "url": site.url, "ref": {"branch": "main"}},
    }
    client.apply(source)
    for name in ("openstack", "placement"):
        client.apply(site.kustomization(name))
    reconciled_at(first)
    release = ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "placement", "openstack")
    client.wait_for(*release, until=reads("placement-secrets"), timeout=120)
    assert password() == canary
    (values,) = holding(client, canary)[0] - {"placement-etc"}
    assert re.fullmatch(r"placement-secrets-[a-z0-9]+", values)
    assert holding(client, canary)[1] == set()

    second = site.publish("secrets.backend=external-secrets", SERVER)
    client.apply(site.kustomization("placement"))
    client.patch(source, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": second}}})
    item = client.wait_for(*EXTERNAL, "openstack", until=bool, timeout=120)
    stored: dict[str, str] = sops.decrypt(
        (site.work / "sites/lab/store/values.sops.yaml").read_bytes(), site.identity()
    )
    wanted = {
        entry["secretKey"]: stored[entry["remoteRef"]["key"].split("/")[1]] for entry in item["spec"]["data"]
    }
    assert {entry["remoteRef"]["key"].split("/")[0] for entry in item["spec"]["data"]} == {"lab"}
    made(client, item, wanted, item["spec"]["target"]["template"], "Ready")
    reconciled_at(second)
    client.wait_for(*release, until=reads("placement-secrets"), timeout=120)
    assert password() == canary
    assert holding(client, canary) == ({"placement-secrets", "placement-etc"}, set())

    rotated = {**wanted, "placement-db-password": "Another0Canary"}
    made(client, item, rotated, item["spec"]["target"]["template"], "Ready")
    client.wait_for(
        "v1", "Secret", "placement-etc", "openstack", until=lambda _: password() != canary, timeout=120
    )
    assert holding(client, "Another0Canary") == ({"placement-secrets", "placement-etc"}, set())

    third = site.publish("secrets.backend=sealed-secrets", SERVER)
    client.apply(site.kustomization("placement"))
    client.patch(source, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": third}}})
    item = client.wait_for(*SEALED, "openstack", until=bool, timeout=120)
    opened: dict[str, Any] = {
        name: unseal(text, KEYS[0], "openstack/placement-secrets")
        for name, text in item["spec"]["encryptedData"].items()
    }
    made(client, item, opened, item["spec"]["template"], "Synced")
    reconciled_at(third)
    client.wait_for(*release, until=reads("placement-secrets"), timeout=120)
    assert password() == canary
    assert client.find(*EXTERNAL, "openstack") is None
    client.delete(client.get("v1", "Secret", "placement-secrets", "openstack"))  # its owner is gone
    assert holding(client, canary) == ({"placement-secrets", "placement-etc"}, set())

    for name in ("openstack", "placement"):
        item = site.kustomization(name)
        client.patch(item, {"spec": {"prune": False}})
        client.delete(item)
    client.delete(client.get(*release))
    client.delete(source)
