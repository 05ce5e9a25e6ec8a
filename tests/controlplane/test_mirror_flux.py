"""Charts of a site with a mirror, fetched by the real source-controller, which reaches nothing but loopback.

The mirror is a Helm repository that holds what `mirror list` names, and nothing else; every chart that a release of
the generated overlays asks for must be found there, at its version.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.build.kustomize import find
from openinfra_tui.build.many import build_all
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.mirroring import needs
from openinfra_tui.site.load import load_site
from tests.controlplane.flux import reconciled
from tests.controlplane.loopback.helm import HelmRepository
from tests.controlplane.plane import ControlPlane

TODAY = date(2026, 11, 25)
SITE = Path(__file__).parents[1] / "sites" / "ha.yaml"
SOURCES = "source.toolkit.fluxcd.io/v1"


def _built(folder: Path) -> list[dict[str, Any]]:
    places = sorted(
        path.parent.relative_to(folder).as_posix()
        for path in (folder / "sites").rglob("kustomization.yaml")
        if path.parent.name != "configs"
    )
    found: list[dict[str, Any]] = []
    for objects in build_all(find(None), folder, places).values():
        assert not isinstance(objects, Exception), objects
        found += objects
    return found


@pytest.mark.usefixtures("flux")
def test_every_chart_of_a_mirrored_site_is_found_in_the_mirror(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
) -> None:
    client = control_plane.client()
    with HelmRepository(tmp_path / "charts") as mirror:
        given = (f"mirrors.charts={mirror.url}",)
        wanted = needs(load_site(SITE, given), TODAY)
        for chart in wanted.charts:
            text = f"apiVersion: v2\nname: {chart.name}\nversion: {chart.version}\n"
            mirror.publish({"Chart.yaml": text.encode(), "values.yaml": b"{}\n"})
        generate(Request(SITE, tmp_path / "out", given, commit=False), TODAY, lambda _: None)
        objects = _built(tmp_path / "out")
        assert not [item for item in objects if item["kind"] == "OCIRepository"]
        for item in objects:
            if item["kind"] == "HelmRepository":
                assert item["spec"]["url"] == mirror.url
                client.apply({**item, "metadata": {"name": item["metadata"]["name"], "namespace": namespace}})
        asked: dict[str, tuple[str, str]] = {}
        for item in objects:
            chart_spec = item["spec"].get("chart", {}).get("spec") if item["kind"] == "HelmRelease" else None
            if chart_spec and chart_spec["sourceRef"]["kind"] == "HelmRepository":
                name = item["metadata"]["name"]
                asked[name] = (chart_spec["chart"], chart_spec["version"])
                meta = {"name": name, "namespace": namespace}
                spec = {"interval": "1h", **chart_spec}
                client.apply({"apiVersion": SOURCES, "kind": "HelmChart", "metadata": meta, "spec": spec})
        assert set(asked.values()) == {(chart.name, chart.version) for chart in wanted.charts}
        for name, (_, version) in asked.items():
            fetched = client.wait_for(SOURCES, "HelmChart", name, namespace, until=reconciled)
            assert fetched["status"]["artifact"]["revision"] == version
