"""The same site with the real charts of OpenStack-Helm (CONTRIBUTING.md says how to get them)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.charts.checkout import real_chart_servers
from tests.controlplane.reconcile import states
from tests.controlplane.reconcile.cluster import ConvergedSite, converge, flux_site

pytestmark = pytest.mark.slow

REPORTS = Path(__file__).parents[2] / "build" / "reports"
OPENSTACK = {
    "keystone",
    "glance",
    "placement",
    "neutron",
    "nova",
    "cinder",
    "heat",
    "horizon",
    "barbican",
    "octavia",
}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConvergedSite]:
    """The site with the real charts, all steps ready."""
    with flux_site(tmp_path_factory.mktemp("real"), real_chart_servers) as site:
        yield converge(site, timeout=1800)


def test_the_whole_site_converges_with_the_real_charts(real: ConvergedSite) -> None:
    site = real.site
    site.wait(lambda: not site.kubelet.waiting(), 300)
    found = states.outcomes(site.client, real.revision, site.steps, {})
    states.write_report(REPORTS / "reconcile-flux-real.json", "flux", found)
    states.write_table(REPORTS / "reconcile-flux-real-releases.json", site.client, real.seconds)
    assert {outcome.state for outcome in found} == {"ready"}
    assert {pod["status"]["phase"] for pod in site.client.list("v1", "Pod")} == {"Running", "Succeeded"}
    releases = states.releases(site.client)
    assert releases.keys() >= OPENSTACK
    assert {release["status"]["history"][0]["status"] for release in releases.values()} == {"deployed"}
