"""The drift view while the real API server is stopped, and after it is started again."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.controlplane import crds
from tests.controlplane import plane as planes
from tests.controlplane.flux import Flux
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.viewed import Site, config_map, make_site, run, watching

NAMESPACE = "outage"


def test_a_server_that_stops_is_told_and_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: pytest.RecordProperty
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    async def scenario(plane: planes.ControlPlane, site: Site) -> None:
        async with watching(site) as view:
            await view.choose("second")
            begun = time.monotonic()
            plane.stop_api_server()
            await view.until(lambda: "does not answer" in view.text)
            record_property("told", time.monotonic() - begun)
            assert "Tried: https://" in view.text
            assert "Shown is what was known." in " ".join(view.text.split())
            assert {view.verdict(name) for name in ("first", "second", "third")} == {"in-sync"}
            plane.start_api_server()
            begun = time.monotonic()
            await view.until(lambda: "does not answer" not in view.text)
            record_property("back", time.monotonic() - begun)
            edited = config_map(site.namespace, "first")
            await asyncio.to_thread(site.client.patch, edited, {"data": {"a": "2"}}, "kubectl-edit")
            await view.until(lambda: view.verdict("first") == "drifted")
            assert view.tree.row is not None
            assert view.tree.row.key.name == "second"

    with planes.running() as plane, GitServer(tmp_path / "git") as git:
        crds.install(plane.client(), ["flux"])
        plane.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        flux = Flux(plane)
        flux.start()
        site = make_site(plane, NAMESPACE, git, tmp_path / "work")
        flux.stop()
        run(lambda: scenario(plane, site))
