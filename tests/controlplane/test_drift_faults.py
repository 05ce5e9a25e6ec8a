"""A faulty API server: never a wrong verdict, never past the deadline, the rest still reported."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from openinfra_tui.cluster import kubeconfig
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift.model import ObjectVerdict
from tests.controlplane.client import Object
from tests.controlplane.judging import judge, labelled
from tests.controlplane.loopback.fault import FaultProxy
from tests.controlplane.loopback.rules import Hang, Refuse, Reset, Rule, Truncate
from tests.controlplane.loopback.tls import write_pair
from tests.controlplane.plane import ControlPlane

TIMEOUT = 5.0
RBAC = 'configmaps "it" is forbidden: User "x" cannot patch resource "configmaps" in API group ""'


@dataclass
class Scene:
    """A drifted ConfigMap and a ServiceAccount in sync, behind a proxy."""

    proxy: FaultProxy
    config: Path
    config_map: Object
    account: Object

    def judged(self) -> tuple[ObjectVerdict, ObjectVerdict]:
        started = time.monotonic()
        one, other = judge(self.config, [self.config_map, self.account], timeout=TIMEOUT)
        assert time.monotonic() - started < 4 * TIMEOUT
        return one, other


@pytest.fixture
def scene(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Scene]:
    direct = control_plane.client()
    authority = tmp_path / "ca.crt"
    authority.write_text(direct.ca)
    metadata = {"name": "it", "namespace": namespace}
    config_map = labelled({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}})
    account = labelled({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    for item in (config_map, account):
        direct.apply(item, "kustomize-controller")
    direct.patch(config_map, {"data": {"a": "2"}}, "kubectl-edit")
    with FaultProxy(direct.server, upstream_ca=authority, tls=write_pair(tmp_path / "own")) as proxy:
        config = control_plane.kubeconfig(server=proxy.url, ca=str(proxy.ca_file))
        yield Scene(proxy, config, config_map, account)


@pytest.mark.parametrize(
    ("effect", "times", "verdict"),
    [
        (Refuse(403), None, "drifted"),  # each object is read by name instead
        (Refuse(404), None, "unverified"),
        (Refuse(410), 1, "drifted"),
        (Refuse(429, retry_after=1), 1, "drifted"),
        (Refuse(429, retry_after=60), None, "unverified"),
        (Refuse(500), None, "unverified"),
        (Refuse(503), 1, "drifted"),
        (Refuse(503), None, "unverified"),
        (Reset(), 1, "drifted"),
        (Reset(), None, "unverified"),
        (Truncate(40), None, "unverified"),
        (Hang(), None, "unverified"),
    ],
    ids=str,
)
def test_a_list_that_fails(
    scene: Scene, effect: Refuse | Reset | Truncate | Hang, times: int | None, verdict: str
) -> None:
    scene.proxy.add(Rule(effect, kind="list", path="/configmaps", times=times))
    one, other = scene.judged()
    assert one.verdict == verdict, one
    assert other.verdict == "in-sync", other


@pytest.mark.parametrize(
    ("effect", "times", "verdict", "proof"),
    [
        (Refuse(403, RBAC), None, "drifted", "predicted"),
        (Refuse(403, "denied by policy"), None, "blocked", "dry-run"),
        (Refuse(404, 'namespaces "x" not found'), None, "blocked", "dry-run"),
        (Refuse(409), None, "blocked", "dry-run"),
        (Refuse(422), None, "blocked", "dry-run"),
        (Refuse(429, retry_after=1), 1, "drifted", "dry-run"),
        (Refuse(500), None, "unverified", "predicted"),
        (Refuse(503), 1, "drifted", "dry-run"),
        (Refuse(400, "webhook x does not support dry run"), None, "unverified", "predicted"),
        (Reset(), 1, "drifted", "dry-run"),
        (Reset(), None, "unverified", "predicted"),
        (Truncate(40), None, "unverified", "predicted"),
        (Hang(), None, "unverified", "predicted"),
    ],
    ids=str,
)
def test_a_dry_run_that_fails(
    scene: Scene, effect: Refuse | Reset | Truncate | Hang, times: int | None, verdict: str, proof: str
) -> None:
    scene.proxy.add(Rule(effect, kind="patch.*", path="/configmaps", times=times))
    one, other = scene.judged()
    assert (one.verdict, one.proof) == (verdict, proof), one
    assert other.verdict == "in-sync", other


@pytest.mark.parametrize("effect", [Refuse(500), Truncate(100), Reset()], ids=str)
def test_without_schemas_less_is_proved_and_nothing_wrong(
    scene: Scene, effect: Refuse | Truncate | Reset
) -> None:
    scene.proxy.add(Rule(effect, path="/openapi"))
    one, other = scene.judged()
    assert (one.verdict, other.verdict) == ("drifted", "in-sync")


def test_without_the_webhooks_nothing_is_proved_without_asking(scene: Scene) -> None:
    scene.proxy.add(Rule(Refuse(403), path="/mutatingwebhookconfigurations"))
    _, other = scene.judged()
    assert (other.verdict, other.proof) == ("in-sync", "dry-run")


def test_a_server_that_says_nothing_fails_in_time(scene: Scene) -> None:
    scene.proxy.add(Rule(Hang()))
    started = time.monotonic()
    with pytest.raises(ApiError):
        scene.judged()
    assert time.monotonic() - started < 2 * TIMEOUT


def plugin(scene: Scene, tmp_path: Path, tokens: list[str], expires: str = "") -> Path:
    """A kubeconfig whose exec plugin hands out the tokens one after the other, the last again and again."""
    left = tmp_path / "tokens"
    left.write_text("\n".join(tokens) + "\n")
    program = tmp_path / "plugin"
    moment = f',"expirationTimestamp":"{expires}"' if expires else ""
    answer = (
        '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        f'"status":{{"token":"%s"{moment}}}}}\\n'
    )
    program.write_text(
        "#!/bin/sh\n"
        f"token=$(head -n 1 {left})\n"
        f"[ $(wc -l < {left}) -gt 1 ] && sed -i 1d {left}\n"
        f"echo x >> {tmp_path / 'calls'}\n"
        f"printf '{answer}' \"$token\"\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    config = json.loads(scene.config.read_text())
    execution = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(program),
        "interactiveMode": "Never",
    }
    config["users"][0]["user"] = {"exec": execution}
    path = tmp_path / "exec.json"
    path.write_text(json.dumps(config))
    return path


def test_an_expired_exec_credential_is_renewed_once(scene: Scene, tmp_path: Path) -> None:
    good = json.loads(scene.config.read_text())["users"][0]["user"]["token"]
    scene.config = plugin(scene, tmp_path, ["expired", good])
    one, other = scene.judged()
    assert (one.verdict, other.verdict) == ("drifted", "in-sync")
    assert len((tmp_path / "calls").read_text().split()) == 2


def test_a_credential_that_stays_bad_is_told(scene: Scene, tmp_path: Path) -> None:
    scene.config = plugin(scene, tmp_path, ["bad"])
    with pytest.raises(ApiError, match="Unauthorized"):
        scene.judged()


def test_a_credential_near_its_end_is_renewed_before_it_is_used(scene: Scene, tmp_path: Path) -> None:
    good = json.loads(scene.config.read_text())["users"][0]["user"]["token"]
    access = kubeconfig.load(path=plugin(scene, tmp_path, [good], "2020-01-01T00:00:00Z"))
    assert kubeconfig.credential(access).expires is not None
    assert good not in repr(kubeconfig.credential(access))
