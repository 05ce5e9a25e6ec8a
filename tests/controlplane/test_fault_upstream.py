"""The fault proxy in front of the real API server, and the mirror that must live with what it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.client import ApiError, Client
from tests.controlplane.cluster.mirror import Kind, Mirror
from tests.controlplane.loopback.fault import FaultProxy
from tests.controlplane.loopback.rules import Refuse, Reset, Rule, Truncate, WatchEnd, WatchError
from tests.controlplane.loopback.tls import write_pair
from tests.controlplane.plane import ControlPlane
from tests.controlplane.waiting import eventually


@pytest.fixture
def proxy(control_plane: ControlPlane, tmp_path: Path) -> Iterator[FaultProxy]:
    direct = control_plane.client()
    authority = tmp_path / "ca.crt"
    authority.write_text(direct.ca)
    with FaultProxy(direct.server, upstream_ca=authority, tls=write_pair(tmp_path / "own")) as server:
        yield server


@pytest.fixture
def through(control_plane: ControlPlane, proxy: FaultProxy) -> Client:
    """The administrator, by way of the proxy."""
    assert proxy.ca_file is not None
    return Client(proxy.url, proxy.ca_file.read_text(), control_plane.client().token)


def test_a_true_client_cannot_tell_the_proxy_from_the_server(
    through: Client, proxy: FaultProxy, namespace: str
) -> None:
    made = through.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": namespace}}
    )
    assert through.get("v1", "ConfigMap", "a", namespace) == made
    assert proxy.count("patch", "configmaps") == 1
    proxy.add(Rule(Refuse(429, retry_after=1), kind="get", path="/configmaps/a$", times=1))
    with pytest.raises(ApiError, match="429"):
        through.get("v1", "ConfigMap", "a", namespace)
    assert through.get("v1", "ConfigMap", "a", namespace) == made


@pytest.mark.parametrize(
    "rule",
    [
        Rule(WatchError(after=0), kind="watch", times=2),
        Rule(WatchEnd(after=0), kind="watch", times=2),
        Rule(Reset(), kind="watch", times=2),
        Rule(Refuse(410), kind="list", times=2),
        Rule(Truncate(20), kind="list", times=2),
    ],
    ids=lambda rule: f"{rule.kind} {type(rule.effect).__name__}",
)
def test_a_mirror_recovers(
    rule: Rule, through: Client, control_plane: ControlPlane, proxy: FaultProxy, namespace: str
) -> None:
    proxy.add(rule)
    mirror = Mirror(through, Kind("v1", "ConfigMap"), lambda: None)
    mirror.start()
    try:
        eventually(mirror.listed.is_set)
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "namespace": namespace}}
        control_plane.client().apply(made)
        eventually(lambda: (namespace, "late") in mirror.snapshot())
        control_plane.client().delete(made)
        eventually(lambda: (namespace, "late") not in mirror.snapshot())
    finally:
        mirror.stop()
    assert proxy.count(rule.kind, "configmaps") >= 3
