"""The drift view against the real API server and the real Flux: what changes is seen, and how soon."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openinfra_tui.engine import run_report
from tests.controlplane.client import Object
from tests.controlplane.flux import Flux
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.plane import ControlPlane
from tests.controlplane.viewed import Site, config_map, make_site, run, watching

EDITS = 20
SOON = 0.5
SLACK = 4  # other work on this machine; what was measured is printed


@pytest.fixture
def site(
    control_plane: ControlPlane, flux: Flux, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with GitServer(tmp_path / "git") as git:
        yield make_site(control_plane, namespace, git, tmp_path / "work")


def test_edits_are_seen_soon_and_the_cursor_stays(site: Site, record_property) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            assert {view.verdict(name) for name in ("first", "second", "third", "web", "apps")} == {"in-sync"}
            await asyncio.sleep(3)  # the watches have begun
            await view.choose("second")
            took = []
            for number in range(EDITS):
                wanted = "drifted" if number % 2 == 0 else "in-sync"
                value = "2" if number % 2 == 0 else "1"
                edited = config_map(site.namespace, "first")
                begun = time.monotonic()
                await asyncio.to_thread(site.client.patch, edited, {"data": {"a": value}}, "kubectl-edit")
                await view.until(lambda wanted=wanted: view.verdict("first") == wanted)
                took.append(time.monotonic() - begun)
                assert view.tree.row is not None
                assert view.tree.row.key.name == "second"
            record_property("median", statistics.median(took))
            record_property("worst", max(took))
            assert statistics.median(took) < SOON * SLACK
            assert view.app.view.timeline.entries

    run(scenario)


def test_a_file_is_seen_soon_and_a_commit_is_pending(site: Site, record_property) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            await asyncio.sleep(3)
            maps = [config_map(site.namespace, name) for name in ("first", "second")]
            begun = time.monotonic()
            site.write("apps/all.yaml", *maps, config_map(site.namespace, "third", a="3"))
            await view.until(lambda: view.verdict("third") == "pending")
            record_property("file", time.monotonic() - begun)
            assert view.verdict("web") == "pending"
            assert "changed" in view.text
            commit = await asyncio.to_thread(site.push, "Second")
            await asyncio.to_thread(site.reconcile, "GitRepository", "site")
            await asyncio.to_thread(site.reconcile, "Kustomization", "apps")
            await view.until(lambda: view.verdict("third") == "in-sync" and view.row("web") is None)
            await view.until(lambda: commit[:7] in view.text)

    run(scenario)


def test_what_goes_is_missing_and_what_comes_is_there(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            await asyncio.sleep(2)
            await asyncio.to_thread(site.client.delete, config_map(site.namespace, "first"))
            await view.until(lambda: view.verdict("first") == "missing")
            await asyncio.to_thread(site.reconcile, "Kustomization", "apps")
            await view.until(lambda: view.verdict("first") == "in-sync")

    run(scenario)


def test_the_report_of_a_run_on_hosts_is_seen_when_it_comes(site: Site) -> None:
    place = {"namespace": run_report.NAMESPACE}
    mounted = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "runner-config-1", **place},
        "data": {"globals.yml": "a: 1\n"},
    }
    container = {"name": "run", "image": "run:1", "env": [{"name": "RUNNER_SITE", "value": "ber1"}]}
    pod = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "runner-config-1"}}],
    }
    drift = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": run_report.DRIFT, **place},
        "spec": {
            "schedule": "0 3 * * *",
            "suspend": True,
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        },
    }
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": run_report.NAMESPACE}}

    def told(changed: int) -> Object:
        text = json.dumps(
            {
                "apiVersion": "openinfra.dev/v1alpha1",
                "kind": "RunReport",
                "site": "ber1",
                "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "configuration": run_report.configuration(mounted),
                "hosts": {"ctl1": {"changed": changed, "unreachable": 0, "failed": 0}},
                "files": [],
                "failed": [],
                "checks": [],
            }
        )
        metadata = {"name": run_report.NAME, **place}
        data = {run_report.KEY: text}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    maps = [config_map(site.namespace, name) for name in ("first", "second", "third")]
    site.write("apps/all.yaml", *maps, space, mounted, drift)
    site.push("A runner")
    site.reconcile("GitRepository", "site")
    site.reconcile("Kustomization", "apps")

    async def scenario() -> None:
        async with watching(site) as view:
            await view.until(lambda: "hosts of ber1: unverified, no drift run has reported yet" in view.text)
            await asyncio.sleep(3)
            await asyncio.to_thread(site.client.apply, told(2), "runner")
            await view.until(lambda: "hosts of ber1: drifted, looked at 0 min ago" in view.text)
            await view.pilot.press("S")
            await view.until(lambda: "ctl1: 2 changes" in view.text)
            await asyncio.to_thread(site.client.apply, told(0), "runner")
            await view.until(lambda: "ctl1" not in view.text and "in sync" in view.text)

    run(scenario)
