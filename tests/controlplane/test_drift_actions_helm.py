"""Adopt on what a HelmRelease renders, by its key, against the real Flux: a value, and a field without one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator

import pytest
import yaml

from openinfra_tui.tui.drift.confirm import ActionDialog
from tests.controlplane.binaries import binary
from tests.controlplane.client import Object
from tests.controlplane.flux import Flux, reconciled
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.plane import ControlPlane
from tests.controlplane.viewed import Site, Watched, config_map, make_site, run, watching

RELEASE = ("helm.toolkit.fluxcd.io/v2", "HelmRelease")
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "values.yaml": "greeting: hello\n",
    "templates/map.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-chart\n"
        "data:\n  greeting: {{ .Values.greeting }}\n  fixed: here\n"
    ),
}


def release(namespace: str) -> Object:
    source = {"kind": "GitRepository", "name": "site"}
    return {
        "apiVersion": RELEASE[0],
        "kind": RELEASE[1],
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {"interval": "1h", "chart": {"spec": {"chart": "./charts/shop", "sourceRef": source}}},
    }


@pytest.fixture(scope="module")
def site(control_plane: ControlPlane, flux: Flux, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    namespace = f"test-{secrets.token_hex(4)}"
    control_plane.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    folder = tmp_path_factory.mktemp("adopting")
    helm, kustomize = binary("helm"), binary("kustomize")  # found in the cache that the next lines leave
    with pytest.MonkeyPatch.context() as patch, GitServer(folder / "git") as git:
        patch.setenv("PATH", f"{helm.parent}:/usr/local/bin:/usr/bin:/bin")
        patch.setenv("OPENINFRA_KUSTOMIZE", str(kustomize))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        site = make_site(control_plane, namespace, git, folder / "work")
        for name, text in CHART.items():
            place = site.work / "charts/shop" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        site.write("apps/release.yaml", release(namespace))
        (site.work / "apps/kustomization.yaml").write_text("resources:\n  - all.yaml\n  - release.yaml\n")
        site.push("A chart")
        applied(site)
        installed(site, 1)
        yield site


def applied(site: Site) -> None:
    site.reconcile("GitRepository", "site")
    site.reconcile("Kustomization", "apps")


def installed(site: Site, version: int) -> Object:
    """The HelmRelease after so many installs and upgrades."""
    return site.client.wait_for(
        *RELEASE,
        "shop",
        site.namespace,
        until=lambda it: reconciled(it) and it["status"]["history"][0]["version"] == version,
    )


async def adopted(site: Site, view: Watched, change: dict[str, str], marks: tuple[str, ...]) -> None:
    """Edit by hand, adopt, and let Flux apply what was committed."""
    obj = config_map(site.namespace, "from-chart")
    await asyncio.to_thread(site.client.patch, obj, {"data": change}, "kubectl-edit")
    await view.until(lambda: view.verdict("from-chart") == "drifted")
    commit = site.git("rev-parse", "HEAD")
    await view.choose("from-chart")
    await view.pilot.press("a")
    await view.until(lambda: isinstance(view.app.screen, ActionDialog))
    await view.pilot.pause()
    said = " ".join(view.text.split())
    assert not [mark for mark in marks if mark not in said], said
    await view.pilot.press("tab", "enter")
    await view.until(lambda: site.git("rev-parse", "HEAD") != commit)
    await asyncio.to_thread(site.git, "push", "--quiet", site.url, "main")
    await asyncio.to_thread(applied, site)


def test_a_value_and_a_field_without_one_are_adopted(site: Site) -> None:
    async def scenario() -> None:
        async with watching(site) as view:
            await adopted(site, view, {"greeting": "hi"}, ("/spec/values", "greeting: hi"))
            found = await asyncio.to_thread(installed, site, 2)
            assert found["spec"]["values"] == {"greeting": "hi"}
            assert "postRenderers" not in found["spec"]
            await view.until(lambda: view.verdict("from-chart") == "in-sync")

            await adopted(site, view, {"fixed": "there"}, ("/spec/postRenderers", "post renderer"))
            found = await asyncio.to_thread(installed, site, 3)
            (patch,) = found["spec"]["postRenderers"][0]["kustomize"]["patches"]
            (step,) = yaml.safe_load(patch["patch"])
            assert step == {"op": "replace", "path": "/data/fixed", "value": "there"}
            await view.until(lambda: view.verdict("from-chart") == "in-sync")
        live = site.live("from-chart")
        assert live["data"] == {"greeting": "hi", "fixed": "there"}
        assert not [one for one in live["metadata"]["managedFields"] if "openinfra" in one["manager"]]

    run(scenario)
