from __future__ import annotations

from datetime import date

import pytest

from openinfra_tui.catalog.built import not_built
from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.catalog.read import Window, load_catalog, minor_of
from openinfra_tui.catalog.rules import check_rules
from openinfra_tui.errors import UserError
from openinfra_tui.plan.component import load_components
from openinfra_tui.site.load import parse_site


def test_every_entry_has_source_and_date() -> None:
    catalog = load_catalog()
    for kind in ("distributions", "series", "minors", "components", "deployers", "placements", "engines"):
        entries = getattr(catalog, kind)
        assert entries
        for entry in entries:
            assert entry.source.startswith("https://"), entry
            assert isinstance(entry.date, date), entry


def test_ids_are_unique() -> None:
    catalog = load_catalog()
    hosts = [(d.id, d.release) for d in catalog.distributions]
    assert len(set(hosts)) == len(hosts)
    for kind in ("series", "minors", "components", "deployers", "placements", "engines"):
        ids = [entry.id for entry in getattr(catalog, kind)]
        assert len(set(ids)) == len(ids)


def test_references_inside_the_catalog_hold() -> None:
    catalog = load_catalog()
    hosts = {f"{d.id} {d.release}" for d in catalog.distributions}
    for deployer in catalog.deployers:
        assert all(catalog.find_series(series) for series in deployer.series), deployer.id
        assert set(deployer.preview) <= set(deployer.series)
        for series, accepted in deployer.hosts.items():
            assert series in deployer.series
            assert set(accepted) <= hosts
        if deployer.bundled_kubernetes:
            assert catalog.minor(deployer.bundled_kubernetes)
    deployers = {d.id for d in catalog.deployers}
    for placement in catalog.placements:
        assert set(placement.openstack_from) <= deployers
        roles = {cluster.role for cluster in placement.clusters}
        assert placement.engine_in in roles or (not roles and not placement.engine_in)


def test_what_is_built() -> None:
    catalog = load_catalog()
    assert [p.id for p in catalog.placements if p.built] == ["openstack-on-k8s", "manual-core"]
    assert len(catalog.placements) == 6
    assert [e.id for e in catalog.engines if e.built] == ["flux", "argocd"]
    built = {d.id: d.built for d in catalog.deployers if d.built}
    assert built == {
        "openstack-helm": ("2026.1",),
        "kolla-ansible": ("2025.1", "2025.2", "2026.1", "2026.2"),
    }


def test_the_window_of_rook_is_that_of_the_chart_that_we_pin() -> None:
    (release,) = load_components()["rook-ceph-operator"].releases
    rook = load_catalog().component("rook")
    assert rook is not None
    assert minor_of(release.version) == minor_of(rook.version)


def test_windows() -> None:
    assert minor_of("v1.35.4") == (1, 35)
    window = Window("1.9", "1.35")
    assert window.holds("1.10")
    assert window.holds("1.35.8")
    assert not window.holds("1.36")
    assert Window("1.33").holds("1.99")
    assert str(Window("1.33")) == "1.33 or newer"
    assert str(window) == "1.9 to 1.35"


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid_sites_that_can_be_built(name: str) -> None:
    text = preset_text(name)
    assert text.startswith("# yaml-language-server: $schema=")
    site = parse_site(text, f"{name}.yaml")
    assert not_built(site) == []
    assert [f for f in check_rules(site, date(2026, 11, 25)) if f.severity == "error"] == []


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(UserError, match=r"no preset named \.\./lab"):
        preset_text("../lab")


def test_names_of_presets() -> None:
    assert preset_names() == ("kolla-all-in-one", "kolla-ha", "lab", "openstack-helm-ha")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("openstack.deployer=kayobe", "deployer kayobe"),
        ("openstack.deployer=existing", "deployer existing"),
        ("openstack.series=2025.2", "OpenStack-Helm 2025.2 is known"),
        ("openstack.series=2031.1", "series 2031.1 is not in the catalog"),
        ("placement=layered", "placement layered"),
    ],
)
def test_what_is_known_and_not_built(override: str, words: str) -> None:
    (sentence,) = not_built(parse_site(preset_text("openstack-helm-ha"), "site.yaml", (override,)))
    assert words in sentence
    assert sentence.startswith(override.split("=")[0])


@pytest.mark.parametrize(
    "override",
    [
        "openstack.services=[keystone, swift]",
        "exposure.gateway=ingress-nginx",
        "exposure.loadBalancer.provider=kube-vip",
        "mirrors.git=ssh://git@git.cloud.example/mirror",
        "clusters.undercloud.cni={name: kube-ovn, managed: true}",
        "clusters.undercloud={cni: {name: cilium, managed: true}, podCidr: 'fd00:10::/56'}",
        "clusters.undercloud.cni={name: calico, managed: true, replaceKubeProxy: true}",
        "clusters.undercloud.distribution=kubeadm",
        "openstack.magnum.driver=capi-helm",
        "openstack.magnum.osDistro=debian",
        "openstack.kolla.baseDistro=debian",
        "openstack.kolla.extras=[collectd]",
    ],
)
def test_no_answer_is_dropped_in_silence(override: str) -> None:
    (sentence,) = not_built(parse_site(preset_text("openstack-helm-ha"), "site.yaml", (override,)))
    assert "known and not built yet" in sentence


def test_what_no_chart_can_run_is_refused_with_the_reason() -> None:
    asked = ("openstack.services=[keystone, gnocchi]",)
    (sentence,) = not_built(parse_site(preset_text("openstack-helm-ha"), "site.yaml", asked))
    assert (
        "gnocchi is known and not built yet: its chart has images of Gnocchi 3.0.3 on Python 2.7" in sentence
    )
    assert not_built(parse_site(preset_text("kolla-ha"), "site.yaml", asked)) == []
