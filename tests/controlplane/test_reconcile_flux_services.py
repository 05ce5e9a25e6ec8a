"""Every service that is built in one site, reconciled by the real Flux until every Pod runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.controlplane.reconcile import states
from tests.controlplane.reconcile.cluster import converge, flux_site

pytestmark = pytest.mark.slow

SITE = Path(__file__).parents[1] / "sites" / "services.yaml"
REPORT = Path(__file__).parents[2] / "build" / "reports" / "reconcile-flux-services.json"
# Those that the preset does not have.
MORE = {
    "aodh", "ceilometer", "designate", "ironic", "magnum", "manila", "masakari",
    "powerdns", "prometheus-openstack-exporter", "skyline", "tempest",
}  # fmt: skip


def test_a_site_of_all_services_is_ready_down_to_the_last_pod(tmp_path: Path) -> None:
    # An authority of the operator's own would be files beside the clone.
    with flux_site(tmp_path, preset=SITE, answers={"exposure.tls.issuer": "self-signed"}) as site:
        try:
            done = converge(site, 1500)
        finally:
            states.write_table(REPORT, site.client, time.monotonic() - site.started)
        assert set(site.steps) >= MORE
        assert states.unready(site.client, done.revision, site.steps) == {}
        site.wait(lambda: not site.kubelet.waiting(), 120)
        releases = states.releases(site.client)
        assert {states.said(releases[name]).split()[0] for name in MORE} == {"True"}
        jobs = site.client.list("batch/v1", "Job", "openstack")
        assert len(jobs) > 60
        assert all(job.get("status", {}).get("succeeded") == 1 for job in jobs)
