"""What `generate` writes for Argo CD, reconciled by Argo CD's own processes from bootstrap to the last Pod."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from openinfra_tui import proc
from tests.controlplane.missing import tool
from tests.controlplane.reconcile.argo import ArgoSite
from tests.controlplane.reconcile.live import holders
from tests.controlplane.reconcile.states import write_report
from tests.controlplane.reconcile.waves import wave
from tests.controlplane.waiting import eventually

pytestmark = pytest.mark.slow

REPORTS = Path(__file__).parents[2] / "build" / "reports"
# Their pods wait for one another: apart they would wait for ever.
CIRCLE = ("libvirt", "neutron", "nova")


@pytest.fixture(scope="module")
def site(argocd_site: ArgoSite) -> ArgoSite:
    """The preset, bootstrapped, when all of it is done; what became of it is reported in any case."""
    try:
        argocd_site.wait_done(1200)
    finally:
        outcomes = argocd_site.waves.outcomes(argocd_site.names)
        write_report(REPORTS / "reconcile-argocd.json", "argocd", outcomes)
    return argocd_site


def test_every_application_is_synced_and_healthy(site: ArgoSite) -> None:
    assert {outcome.state for outcome in site.waves.outcomes(site.names)} == {"ready"}
    assert site.waves.applications().keys() == {*site.names, "root"}
    eventually(lambda: site.kubelet.waiting() == {}, timeout=60, say=site.waiting)
    jobs = site.client.list("batch/v1", "Job", "openstack")
    assert len(jobs) > 50
    assert all(job["status"].get("succeeded") == 1 for job in jobs)


def test_the_root_asked_for_a_wave_when_all_of_the_waves_before_were_done(site: ArgoSite) -> None:
    found = site.waves.applications()
    pairs = [
        (before, after)
        for before in site.names
        for after in site.names
        if wave(found[before]) < wave(found[after])
    ]
    assert len(pairs) > 200
    for before, after in pairs:
        done, asked = site.done(before), site.asked(after)
        assert done.version < asked.version, (before, after)
        assert done.at <= asked.at, (before, after)


def test_nova_neutron_and_libvirt_were_asked_for_together(site: ArgoSite) -> None:
    done = [site.done(name).version for name in CIRCLE]
    assert all(site.asked(name).version < min(done) for name in CIRCLE)


def test_the_passwords_of_the_encrypted_values_reached_the_charts(site: ArgoSite) -> None:
    file = site.repository.folder / "sites" / "fra1" / "openstack" / "nova" / "secrets.sops.yaml"
    key = {"SOPS_AGE_KEY_FILE": str(site.repository.identity)}
    values = yaml.safe_load(proc.run([tool("sops", "sops"), "decrypt", file], env=key).stdout)
    secret = site.client.get("v1", "Secret", "nova-etc", "openstack")["data"]
    assert (
        base64.b64decode(secret["oslo_db.nova"]).decode()
        == values["endpoints"]["oslo_db"]["auth"]["nova"]["password"]
    )
    contents = [
        base64.b64decode(content).decode("utf-8", "replace")
        for item in site.client.list("v1", "Secret", "openstack")
        for content in (item.get("data") or {}).values()
    ]
    assert not [content for content in contents if content == "password" or "ENC[" in content]


def test_each_password_is_in_secrets_of_those_who_read_it_and_nowhere_else(site: ArgoSite) -> None:
    found = holders(site.client, site.repository)
    assert len(found) > 80
    assert {
        place for places in found.values() for place in places if not place.startswith("Secret ")
    } == set()
    readers: dict[str, set[str]] = {}
    for place, objects in found.items():
        for name in objects:
            readers.setdefault(name, set()).add(place.partition(":")[0])
    # A chart's Secrets begin with its name.
    strangers = {
        name
        for name, components in readers.items()
        if not any(name.partition("/")[2].startswith(component) for component in components)
    }
    assert strangers == set()
    arrived = {place.partition(":")[0] for place, objects in found.items() if objects}
    assert arrived >= {"keystone", "neutron", "nova"}


def test_an_upgrade_of_two_services_in_one_commit_goes_in_order(site: ArgoSite) -> None:
    before = {name: site.asked(name).version for name in site.names}
    keys = site.client.get("v1", "Secret", "keystone-fernet-keys", "openstack")["metadata"]["uid"]
    newer = site.upgrade("keystone", "placement")
    site.wait_done(600)
    keystone, placement = (site.waves.done[name, newer[name]] for name in ("keystone", "placement"))
    assert keystone.version < site.waves.asked["placement", newer["placement"]].version
    assert keystone.at < placement.at
    for name in ("keystone", "placement"):
        deployment = site.client.get("apps/v1", "Deployment", f"{name}-api", "openstack")
        assert deployment["spec"]["template"]["metadata"]["annotations"]["chart-version"] == newer[name]
    # Made anew, every token would be void (osh-atmosphere.md A9, 4).
    assert site.client.get("v1", "Secret", "keystone-fernet-keys", "openstack")["metadata"]["uid"] == keys
    others = {name: site.asked(name).version for name in site.names if name not in newer}
    assert others == {name: before[name] for name in others}
