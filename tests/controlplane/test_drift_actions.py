"""Each action of the drift view, by its key, against the real API server and the real Flux."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator

import pytest
import yaml

from openinfra_tui.tui.dialogs import Fields
from openinfra_tui.tui.drift.confirm import ActionDialog
from tests.controlplane.flux import Flux
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.plane import ControlPlane
from tests.controlplane.viewed import KUSTOMIZATION, Site, Watched, config_map, make_site, run, watching

OURS = "openinfra"


@pytest.fixture(scope="module")
def site(control_plane: ControlPlane, flux: Flux, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all actions; each leaves the cluster as Git has it."""
    namespace = f"test-{secrets.token_hex(4)}"
    control_plane.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    folder = tmp_path_factory.mktemp("acting")
    with pytest.MonkeyPatch.context() as patch, GitServer(folder / "git") as git:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield make_site(control_plane, namespace, git, folder / "work")


async def shown(view: Watched, kind: type = ActionDialog) -> str:
    await view.until(lambda: isinstance(view.app.screen, kind))
    await view.pilot.pause()
    return view.text


async def act(view: Watched, name: str, key: str) -> str:
    """Press the key on an object, confirm, and return what the dialog said."""
    await view.choose(name)
    await view.pilot.press(key)
    said = await shown(view)
    await view.pilot.press("tab", "enter")
    return said


async def edited(site: Site, view: Watched, name: str, **data: str) -> None:
    obj = config_map(site.namespace, name)
    await asyncio.to_thread(site.client.patch, obj, {"data": data}, "kubectl-edit")
    await view.until(lambda: view.verdict(name) in ("drifted", "will-be-reverted"))


def suspended(site: Site) -> bool:
    return bool(site.live("apps", KUSTOMIZATION)["spec"].get("suspend"))


def managers(site: Site, name: str) -> set[str]:
    return {entry["manager"] for entry in site.live(name)["metadata"]["managedFields"]}


def goes_with_git(site: Site) -> None:
    """Nobody of ours owns what was reverted: the field goes when Git gives it up."""
    maps = [config_map(site.namespace, "first", kept="1")]
    maps += [config_map(site.namespace, name) for name in ("second", "third")]
    before = (site.work / "apps/all.yaml").read_text()
    site.write("apps/all.yaml", *maps)
    site.push("Another field")
    site.reconcile("GitRepository", "site")
    site.reconcile("Kustomization", "apps")
    assert site.live("first")["data"] == {"kept": "1"}
    (site.work / "apps/all.yaml").write_text(before)
    site.push("As it was")
    site.reconcile("GitRepository", "site")
    site.reconcile("Kustomization", "apps")


def test_reconcile_brings_back_what_was_edited(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            await edited(site, view, "first", a="2")
            said = await act(view, "first", "r")
            # Apart: the dialog breaks the line between them.
            assert "PATCH" in said
            assert "/apis/kustomize.toolkit.fluxcd.io/v1/" in said
            assert "reconcile.fluxcd.io/requestedAt" in said
            await view.until(lambda: view.verdict("first") == "in-sync")
        assert site.live("first")["data"] == {"a": "1"}

    run(scenario)


def test_an_engine_that_works_is_asked_to_revert(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            await edited(site, view, "first", a="2")
            said = await act(view, "first", "v")
            assert "Its engine does it." in said
            assert "reconcile.fluxcd.io/requestedAt" in said
            await view.until(lambda: view.verdict("first") == "in-sync")
        assert site.live("first")["data"] == {"a": "1"}
        assert not any(OURS in name for name in managers(site, "first"))
        goes_with_git(site)

    run(scenario)


def test_nothing_is_sent_without_a_yes(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            before = site.live("apps", KUSTOMIZATION)["metadata"]["resourceVersion"]
            await view.choose("first")
            for answer in (("enter",), ("escape",), ("tab", "tab", "enter")):
                await view.pilot.press("r")
                await shown(view)
                await view.pilot.press(*answer)
                await view.until(lambda: view.app.screen is view.app.view)
            await asyncio.sleep(0.5)
            assert site.live("apps", KUSTOMIZATION)["metadata"]["resourceVersion"] == before

    run(scenario)


def test_a_suspended_engine_is_reverted_in_its_name_and_resumed(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            await act(view, "first", "s")
            await view.until(lambda: suspended(site))
            await edited(site, view, "first", a="2", b="by hand")
            said = await act(view, "first", "v")
            assert "fieldManager=kustomize-controller" in said
            await view.until(lambda: view.verdict("first") == "in-sync")
            assert site.live("first")["data"] == {"a": "1"}
            assert not any(OURS in name for name in managers(site, "first"))
            await act(view, "first", "s")
            await view.until(lambda: not suspended(site))
            # Without a trace: Git never set the field.
            assert "suspend" not in site.live("apps", KUSTOMIZATION)["spec"]
            assert not any(
                OURS in entry["manager"]
                for entry in site.live("apps", KUSTOMIZATION)["metadata"]["managedFields"]
            )
        goes_with_git(site)

    run(scenario)


def test_what_is_expected_is_ignored_and_written_down(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            await edited(site, view, "second", a="2")
            await view.choose("second")
            await view.pilot.press("x")
            await shown(view, Fields)
            await view.pilot.press(*"ours", "enter", "enter")
            said = await shown(view)
            assert "+- object: ConfigMap/" in said
            await view.pilot.press("tab", "enter")
            await view.until(lambda: view.verdict("second") == "ignored")
        (entry,) = yaml.safe_load((site.work / ".openinfra/expected.yaml").read_text())
        assert (entry["path"], entry["reason"], entry["who"]) == ("/data/a", "ours", "Op")
        (site.work / ".openinfra/expected.yaml").unlink()
        await asyncio.to_thread(site.reconcile, "Kustomization", "apps")

    run(scenario)


def test_adopt_commits_a_patch_that_holds_what_is_live(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            await edited(site, view, "third", a="live")
            said = await act(view, "third", "a")
            assert "value: live" in said
            await view.until(lambda: site.git("log", "-1", "--format=%s").startswith("Adopt what is live"))
            await view.until(lambda: view.verdict("third") in ("in-sync", "ignored"))
        assert (
            (site.work / "apps/kustomization.yaml")
            .read_text()
            .startswith("# kept\nresources:\n  - all.yaml\n")
        )
        site.git("push", "--quiet", site.url, "main")
        site.reconcile("GitRepository", "site")
        site.reconcile("Kustomization", "apps")
        assert site.live("third")["data"] == {"a": "live"}

    run(scenario)


def test_adopt_is_refused_before_it_is_shown_where_no_commit_can_be_made(site: Site) -> None:
    file = site.work / "apps/kustomization.yaml"
    before = file.read_text()

    async def scenario() -> None:
        async with watching(site) as view:
            await edited(site, view, "first", a="2")
            file.write_text(f"{before}# unfinished\n")
            await view.choose("first")
            await view.pilot.press("a")
            await view.until(lambda: "changes that are not committed" in view.told)
            assert view.app.screen is view.app.view

    try:
        run(scenario)
    finally:
        file.write_text(before)
        site.reconcile("Kustomization", "apps")


def test_read_only_has_no_action(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site, read_only=True) as view:
            await view.choose("first")
            for key in "rsvax":
                await view.pilot.press(key)
            await asyncio.sleep(0.3)
            assert view.app.screen is view.app.view
            assert "read-only" in view.text

    run(scenario)


def test_a_cluster_that_stops_is_told_and_comes_back(site: Site, control_plane: ControlPlane) -> None:
    """The same without a stop of the shared server: its answers are cut off by a proxy in between."""
    from tests.controlplane.loopback.fault import FaultProxy
    from tests.controlplane.loopback.tls import write_pair

    direct = control_plane.client()
    authority = site.work.parent / "ca.crt"
    authority.write_text(direct.ca)

    async def scenario() -> None:
        proxy = FaultProxy(direct.server, upstream_ca=authority, tls=write_pair(site.work.parent / "own"))
        with proxy as server:
            site.config = control_plane.kubeconfig(server=server.url, ca=str(server.ca_file))
            async with watching(site) as view:
                begun = time.monotonic()
                await asyncio.to_thread(server.__exit__, None, None, None)
                await view.until(lambda: "does not answer" in view.text)
                assert "Tried: https://" in view.text
                assert view.row("first") is not None
                assert time.monotonic() - begun < 30
        site.config = control_plane.kubeconfig()

    run(scenario)
