"""List and watch through a faulty server: what it tells is in the end what the cluster holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from openinfra_tui.cluster import kubeconfig
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.cluster.discovery import Resource
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.cluster.watching import watch
from tests.controlplane import users
from tests.controlplane.client import Client
from tests.controlplane.loopback.fault import FaultProxy
from tests.controlplane.loopback.rules import Refuse, Reset, Rule, Truncate, WatchEnd, WatchError
from tests.controlplane.loopback.tls import write_pair
from tests.controlplane.plane import ControlPlane

CONFIG_MAPS = Resource("v1", "ConfigMap", "configmaps", True, frozenset({"list", "watch"}))


@pytest.fixture
def proxy(control_plane: ControlPlane, tmp_path: Path) -> Iterator[FaultProxy]:
    direct = control_plane.client()
    authority = tmp_path / "ca.crt"
    authority.write_text(direct.ca)
    with FaultProxy(direct.server, upstream_ca=authority, tls=write_pair(tmp_path / "own")) as server:
        yield server


def put(client: Client, namespace: str, name: str, value: str) -> None:
    metadata = {"name": name, "namespace": namespace}
    client.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}})


@pytest.mark.parametrize(
    "rule",
    [
        None,
        Rule(WatchError(after=0), kind="watch", times=2),
        Rule(Refuse(410), kind="watch", times=2),
        Rule(WatchEnd(after=1), kind="watch", times=2),
        Rule(Reset(), kind="watch", times=1),
        Rule(Refuse(500), kind="watch", times=1),
        Rule(Refuse(410), kind="list", times=2),
        Rule(Truncate(20), kind="list", times=1),
    ],
    ids=str,
)
def test_a_watch_ends_up_with_what_is_there(
    control_plane: ControlPlane, proxy: FaultProxy, namespace: str, rule: Rule | None
) -> None:
    client = control_plane.client()
    put(client, namespace, "first", "1")
    put(client, namespace, "gone", "1")
    if rule is not None:
        proxy.add(rule)
    config = control_plane.kubeconfig(server=proxy.url, ca=str(proxy.ca_file))

    async def seen() -> dict[str, str]:
        held: dict[str, str] = {}
        changed = False
        async with Connection(kubeconfig.load(path=config)) as connection:
            events = watch(connection, CONFIG_MAPS, namespace=namespace)
            async with asyncio.timeout(30), aclosing(events):
                async for event in events:
                    if event.sort == "SYNCED" and not changed:
                        changed = True
                        await asyncio.to_thread(change)
                    elif event.object is not None:
                        name = event.object["metadata"]["name"]
                        if event.sort == "DELETED":
                            held.pop(name, None)
                        else:
                            held[name] = event.object["data"]["a"]
                    if held == {"first": "2", "second": "1"}:
                        return held
        return held

    def change() -> None:
        put(client, namespace, "first", "2")
        put(client, namespace, "second", "1")
        metadata = {"name": "gone", "namespace": namespace}
        client.delete({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})

    assert asyncio.run(seen()) == {"first": "2", "second": "1"}


def test_who_may_not_watch_is_told(control_plane: ControlPlane) -> None:
    async def first() -> None:
        async with Connection(kubeconfig.load(path=control_plane.kubeconfig(users.NOBODY))) as connection:
            events = watch(connection, CONFIG_MAPS)
            async with aclosing(events):
                await anext(events)

    with pytest.raises(ApiError, match="forbidden"):
        asyncio.run(first())
