"""The actions of the drift view on what Argo CD applies, against the real Argo CD."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui import proc
from openinfra_tui.tui.drift.confirm import ActionDialog
from tests.controlplane.argocd import NAMESPACE as ARGOCD
from tests.controlplane.argocd import ArgoCD
from tests.controlplane.client import Object
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.plane import ControlPlane
from tests.controlplane.viewed import Site, Watched, config_map, run, watching

APPLICATION = ("argoproj.io/v1alpha1", "Application")
OURS = "openinfra"


def application(site: Site, name: str, options: tuple[str, ...]) -> Object:
    """One that nobody syncs but who asks for it."""
    return {
        "apiVersion": APPLICATION[0],
        "kind": APPLICATION[1],
        "metadata": {"name": name, "namespace": ARGOCD},
        "spec": {
            "project": "default",
            "destination": {"server": "https://kubernetes.default.svc", "namespace": site.namespace},
            "source": {"repoURL": site.url, "path": "apps", "targetRevision": "main"},
            "syncPolicy": {"syncOptions": list(options)},
        },
    }


@pytest.fixture(params=[(), ("ServerSideApply=true",)], ids=["client-side", "server-side"])
def name(request: pytest.FixtureRequest, site: Site) -> str:
    """Of an Application that has never been synced."""
    name = f"acted-{site.namespace}"
    app = application(site, name, request.param)
    site.write("apps/all.yaml", config_map(site.namespace, "first"), config_map(site.namespace, "second"))
    site.write("clusters/c/app.yaml", app)
    site.push("First")
    site.client.apply(app)
    site.client.wait_for(
        *APPLICATION, name, ARGOCD, until=lambda it: status(it, "sync", "status") == "OutOfSync"
    )
    return name


@pytest.fixture
def site(
    control_plane: ControlPlane,
    argocd: ArgoCD,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    work = tmp_path / "work"
    with GitServer(tmp_path / "git") as git:
        site = Site(work, git.create("site"), control_plane.client(), namespace, control_plane.kubeconfig())
        proc.run(["git", "init", "--quiet", "--initial-branch=main", work])
        site.git("config", "user.name", "Op")
        site.git("config", "user.email", "op@cloud.example")
        yield site


def status(item: Object, *path: str) -> Any:
    found: Any = item.get("status") or {}
    for part in path:
        found = (found or {}).get(part)
    return found


def app_of(site: Site, name: str) -> Object:
    return site.client.get(*APPLICATION, name, ARGOCD)


async def act(view: Watched, name: str, key: str) -> str:
    """Press a key on an object or on the Application, confirm, and return what the dialog said."""
    row = view.row(name) or next(row for row in view.tree.rows if row.key.name == name)
    view.app.view.jump(row.id)
    await view.pilot.pause()
    await view.pilot.press(key)
    await view.until(lambda: isinstance(view.app.screen, ActionDialog))
    await view.pilot.pause()
    said = view.text
    await view.pilot.press("tab", "enter")
    return said


async def synced(view: Watched, site: Site, name: str) -> str:
    """Let Argo CD sync by the key, and wait until it has done so."""
    before = status(app_of(site, name), "operationState", "finishedAt")
    said = await act(view, name, "s")

    def done() -> bool:
        now = app_of(site, name)
        phase, ended = (status(now, "operationState", word) for word in ("phase", "finishedAt"))
        return phase == "Succeeded" and ended != before and "operation" not in now

    await view.until(done, timeout=90)
    return said


def test_argo_cd_refreshes_and_syncs_when_asked_and_a_revert_leaves_nothing_of_ours(
    site: Site, name: str
) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            assert view.verdict("first") == "missing"
            said = await synced(view, site, name)
            assert "Sync Application" in said
            assert "initiatedBy" in said
            await view.until(lambda: view.verdict("first") == "in-sync")
            assert status(app_of(site, name), "operationState", "operation", "initiatedBy", "username")

            before = status(app_of(site, name), "reconciledAt")
            await asyncio.sleep(1.1)  # it counts in seconds
            assert "argocd.argoproj.io/refresh" in await act(view, name, "r")
            await view.until(lambda: status(app_of(site, name), "reconciledAt") != before, timeout=90)

            edited = config_map(site.namespace, "first")
            change = {"data": {"a": "2", "b": "by hand"}}
            await asyncio.to_thread(site.client.patch, edited, change, "kubectl-edit")
            await view.until(lambda: view.verdict("first") == "drifted")
            await view.choose("first")
            await view.pilot.press("a")
            reason = "has no place of its own for a change of one field"
            await view.until(lambda: reason in view.told)
            assert view.app.screen is view.app.view
            said = await act(view, "first", "v")
            assert "Revert" in said
            await view.until(lambda: view.verdict("first") == "in-sync")
            live = site.live("first")
            assert live["data"]["a"] == "1"
            assert not [one for one in live["metadata"]["managedFields"] if OURS in one["manager"]]

            maps = [config_map(site.namespace, "first", kept="1"), config_map(site.namespace, "second")]
            site.write("apps/all.yaml", *maps)
            await asyncio.to_thread(site.push, "Another field")
            await synced(view, site, name)
            await view.until(lambda: "a" not in site.live("first")["data"])
            assert site.live("first")["data"]["kept"] == "1"
            owners = [one["manager"] for one in app_of(site, name)["metadata"]["managedFields"]]
            assert not [owner for owner in owners if OURS in owner]

    run(scenario)
