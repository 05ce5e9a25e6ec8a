"""Each rule refuses one site and passes its nearest neighbour, which differs in the answer in the way."""

from __future__ import annotations

import copy
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.catalog.rules import RULES, check_rules
from openinfra_tui.check.constraints import CONSTRAINTS
from openinfra_tui.site.load import parse_site

if TYPE_CHECKING:
    from openinfra_tui.site.model import Site

TODAY = date(2026, 8, 22)
BASE = yamlio.load(preset_text("openstack-helm-ha"))


def make(overlay: dict[str, Any]) -> Site:
    """The base site with some answers replaced, by dotted path; it must satisfy the schema."""
    site = copy.deepcopy(BASE)
    spec = site["spec"]
    for path, value in overlay.items():
        *parents, last = path.split(".")
        here = spec
        for step in parents:
            here = here.setdefault(step, {})
        here[last] = value
    return parse_site(yamlio.dump(site), "site.yaml")


def found(overlay: dict[str, Any], today: date = TODAY) -> set[tuple[str, str]]:
    return {(f.rule, f.severity) for f in check_rules(make(overlay), today)}


def host(distribution: str, release: str, role: str = "default") -> dict[str, Any]:
    return {f"operatingSystem.{role}": {"distribution": distribution, "release": release}}


def by(deployer: str, series: str = "2026.1") -> dict[str, Any]:
    placed = {"placement": PLACED[deployer]} if deployer in PLACED else {}
    return {"openstack.deployer": deployer, "openstack.series": series, **placed}


def kubernetes(version: str) -> dict[str, Any]:
    return {"clusters.undercloud.version": version}


def made_by(distribution: str) -> dict[str, Any]:
    return {"clusters.undercloud.distribution": distribution}


def cpu(architecture: str) -> dict[str, Any]:
    return {"operatingSystem.default.architecture": architecture}


def magnum(driver: str, images: str) -> dict[str, Any]:
    return {
        "openstack.services": ["magnum"],
        "openstack.magnum.driver": driver,
        "openstack.magnum.osDistro": images,
    }


def bare_metal(changed: dict[str, Any]) -> dict[str, Any]:
    answers = {
        "interface": "bond0.23",
        "network": "physnet1",
        "cidr": "10.23.0.0/24",
        "gateway": "10.23.0.1",
        "pool": "10.23.0.100-10.23.0.199",
        "nameserver": "10.20.0.5",
    }
    return {"openstack.services": ["ironic"], "openstack.ironic": {**answers, **changed}}


def telemetry(monitoring: bool, *services: str) -> dict[str, Any]:
    return {"openstack.services": list(services), "monitoring.enabled": monitoring}


def upgrade(running: str, wanted: str, deployer: str) -> dict[str, Any]:
    return {**by(deployer, wanted), "openstack.upgradeFrom": running}


def runs_on(series: str, **versions: str) -> dict[str, Any]:
    return {**by("kolla-ansible", series), "openstack.kolla.controlHost": versions}


def control(count: int, compute: int = 1) -> dict[str, Any]:
    names = [(f"ctl{n}.example.org", "control") for n in range(count)]
    names += [(f"cmp{n}.example.org", "compute") for n in range(compute)]
    return {"nodes": [{"name": name, "roles": [role]} for name, role in names]}


# Where the other placements than that of the base site are needed.
def nodes(*roles: str) -> list[dict[str, Any]]:
    return [{"name": "a.example.org", "roles": list(roles), "addresses": {"management": "10.20.0.11"}}]


PLACED = {"kolla-ansible": "manual-core", "kayobe": "manual-core", "existing": "k8s-on-openstack"}
NO_ROOK = {"storage": {"backend": "storage-class", "storageClass": "fast"}}
ARGO = {"gitops.engine": "argocd"}
OKO = "openstack-k8s-operators"
OKO_BASE = {**by(OKO, "2023.1"), **host("rhel", "9"), **made_by("openshift")}
KOLLA = by("kolla-ansible")
LVM = {"storage": {"backend": "lvm"}}
MIRROR = {"mirrors": {"images": "registry.example.org/mirror"}}
BARE = {"cidr": "10.20.0.0/24", "interface": "bond0"}
VIRTUAL = {"networks.management": {**BARE, "vip": "10.20.0.10"}}
RUN = {**KOLLA, **LVM, **MIRROR, **VIRTUAL}  # on hosts of its own, and nothing in the way
EXISTING = {"openstack.deployer": "existing"}
MANUAL = {"placement": "manual-core", **host("ubuntu", "24.04")}
NOBLE = host("ubuntu", "24.04")
SHORT = {"nodes": [{"name": "a", "roles": ["control", "compute"]}]}
LONG = {"nodes": [{"name": "a.example.org", "roles": ["control", "compute"]}]}
E, W = "error", "warning"

# rule, severity, refused overlay, passing overlay
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("F1", E, {**by("sunbeam"), **host("ubuntu", "26.04")}, by("sunbeam")),
    ("F2", E, {**by("kolla-ansible", "2026.2"), **host("ubuntu", "26.04")}, by("kolla-ansible", "2026.2")),
    ("F2", W, {**KOLLA, **host("almalinux", "10")}, {**KOLLA, **host("rocky", "10")}),
    (
        "F3",
        E,
        {**by("kayobe", "2026.2"), **host("centos-stream", "10")},
        {**by("kayobe", "2026.2"), **host("rocky", "10")},
    ),
    ("F4", W, {**KOLLA, **host("centos-stream", "10")}, {**KOLLA, **host("rocky", "10")}),
    ("F5", E, {**by("kayobe"), **host("debian", "13")}, {**by("kayobe"), **NOBLE}),
    ("F5", W, {**by("kayobe"), **host("centos-stream", "10")}, {**by("kayobe"), **host("rocky", "10")}),
    (
        "F6",
        E,
        {**by("kolla-ansible", "2025.2"), **host("rocky", "9")},
        {**by("kolla-ansible", "2025.2"), **NOBLE},
    ),
    ("F7", E, {**KOLLA, **host("flatcar", "stable")}, {**KOLLA, **NOBLE}),
    ("F8", E, {**KOLLA, **host("fedora", "44")}, {**KOLLA, **NOBLE}),
    (
        "F9",
        W,
        {**KOLLA, "openstack.kolla.baseDistro": "debian"},
        {**KOLLA, "openstack.kolla.baseDistro": "ubuntu"},
    ),
    (
        "F10",
        E,
        {**KOLLA, **host("rocky", "10"), "openstack.kolla.extras": ["hacluster"]},
        {**KOLLA, **host("rocky", "10"), "openstack.kolla.extras": []},
    ),
    ("F11", W, {**KOLLA, **cpu("aarch64")}, {**KOLLA, **cpu("x86-64-v3")}),
    (
        "F13",
        W,
        {**by("yaook"), **host("rocky", "10"), **cpu("x86-64-v2")},
        {**by("yaook"), **host("almalinux", "10"), **cpu("x86-64-v2")},
    ),
    ("F12", W, {**by("yaook"), **host("rocky", "10")}, {**by("yaook"), **host("rocky", "9")}),
    ("F14", E, {**kubernetes("1.37"), **NO_ROOK}, {**kubernetes("1.35"), **NO_ROOK}),
    ("F14", W, {**kubernetes("1.36"), **NO_ROOK}, {**kubernetes("1.35"), **NO_ROOK}),
    ("F15", W, host("debian", "13"), NOBLE),
    ("F16", E, {"openstack.series": "2024.1"}, {**by("yaook", "2024.1")}),
    (
        "F16",
        W,
        {**by("openstack-helm", "2026.2"), **host("ubuntu", "26.04")},
        {**by("openstack-helm", "2026.1"), **NOBLE},
    ),
    ("F18", E, {"exposure.gateway": "ingress-nginx"}, {**by("yaook"), "exposure.gateway": "ingress-nginx"}),
    ("F19", W, {**by("yaook"), "exposure.gateway": "ingress-nginx"}, by("yaook")),
    ("F20", E, {**host("talos", "1.13")}, {**host("flatcar", "stable")}),
    (
        "F21",
        E,
        {**host("openeuler", "24.03"), **kubernetes("1.35")},
        {**host("openeuler", "24.03"), **kubernetes("1.34.2")},
    ),
    (
        "F22",
        E,
        {**made_by("cluster-api"), **host("fcos", "stable")},
        {**made_by("existing"), **host("fcos", "stable")},
    ),
    (
        "F23",
        W,
        {**made_by("cluster-api"), **host("flatcar", "stable")},
        {**made_by("existing"), **host("flatcar", "stable")},
    ),
    ("F24", E, {**made_by("existing"), **host("scos", "10")}, {**made_by("okd"), **host("scos", "10")}),
    ("F25", E, {**OKO_BASE, **made_by("existing")}, OKO_BASE),
    ("F26", W, {**OKO_BASE, **made_by("okd")}, OKO_BASE),
    ("F27", E, {**OKO_BASE, **host("ubuntu", "24.04", "compute")}, OKO_BASE),
    (
        "F27",
        W,
        {**by("yaook"), **OKO_BASE, **host("centos-stream", "10", "compute")},
        {**OKO_BASE, **host("rocky", "10", "storage")},
    ),
    ("F28", E, {**OKO_BASE, "openstack.series": "2025.2"}, OKO_BASE),
    (
        "F29",
        W,
        {**by("atmosphere", "2025.2"), **host("ubuntu", "22.04"), "placement": "k8s-on-openstack"},
        {**by("kayobe", "2025.2"), "placement": "k8s-on-openstack"},
    ),
    ("F30", E, by("atmosphere", "2025.2"), {**by("atmosphere", "2025.2"), "placement": "k8s-on-openstack"}),
    ("F31", E, by("sunbeam"), {**by("sunbeam"), "placement": "k8s-on-openstack"}),
    ("F32", W, {**by("sunbeam"), "placement": "k8s-on-openstack"}, by("existing")),
    (
        "F33",
        E,
        {**by("atmosphere", "2025.2"), **host("ubuntu", "26.04")},
        {**by("atmosphere", "2025.2"), **host("ubuntu", "22.04")},
    ),
    (
        "F33",
        W,
        {**by("atmosphere", "2025.2"), **NOBLE},
        {**by("atmosphere", "2025.2"), **host("ubuntu", "22.04")},
    ),
    ("F34", E, {**by("atmosphere", "2025.2"), **SHORT}, {**by("atmosphere", "2025.2"), **LONG}),
    ("F35", E, {**by("yaook", "2026.2"), "openstack.services": ["magnum"]}, by("yaook", "2026.2")),
    (
        "F35",
        W,
        {**by("yaook"), "openstack.services": ["magnum"]},
        {**by("yaook"), "openstack.services": ["nova"]},
    ),
    (
        "F36",
        E,
        {**by("yaook"), **magnum("capi-helm", "rockylinux")},
        {**by("yaook"), **magnum("capi-helm", "flatcar")},
    ),
    (
        "F36",
        E,
        {**by("yaook"), **magnum("capi-helm", "debian")},
        {**by("yaook"), **magnum("capi-helm", "ubuntu")},
    ),
    (
        "F39",
        W,
        {**by("yaook"), "placement": "layered"},
        by("yaook"),
    ),
    (
        "F38",
        E,
        {"placement": "k8s-on-openstack", "clusters.management": {"version": "1.37"}},
        {"placement": "k8s-on-openstack", "clusters.management": {"version": "1.36"}},
    ),
    ("F45", E, {**by("yaook"), **kubernetes("1.36")}, {**by("yaook"), **kubernetes("1.35")}),
    ("F47", W, {"operatingSystem.default.packages": []}, {"operatingSystem.default.packages": ["lvm2"]}),
    ("F48", E, control(2), control(3)),
    ("F48", W, control(1), control(3)),
    ("F48", W, control(9), control(7)),
    ("F49", E, control(3, compute=0), control(3)),
    ("F50", E, {**by("yaook"), **SHORT}, {**by("yaook"), **LONG}),
    ("F51", E, upgrade("2025.1", "2026.1", "yaook"), upgrade("2025.1", "2026.1", "openstack-helm")),
    ("F51", E, upgrade("2024.2", "2025.1", "yaook"), upgrade("2024.1", "2025.1", "yaook")),
    ("F51", E, upgrade("2025.1", "2026.1", "sunbeam"), by("sunbeam")),
    ("F51", E, upgrade("2026.1", "2025.2", "yaook"), upgrade("2025.1", "2025.2", "yaook")),
    (
        "F52",
        W,
        upgrade("2025.1", "2026.1", "kolla-ansible"),
        upgrade("2025.2", "2026.1", "kolla-ansible"),
    ),
    ("F53", E, by("atmosphere", "2024.2"), by("atmosphere", "2025.2")),
    ("F53", W, by("yaook", "2024.1"), by("yaook", "2025.2")),
    ("F54", W, {**by("yaook"), **kubernetes("1.34")}, {**by("yaook"), **kubernetes("1.35")}),
    ("F55", W, {**by("yaook"), **host("debian", "12")}, {**by("yaook"), **host("debian", "13")}),
    ("F56", E, runs_on("2026.2", python="3.11.9"), runs_on("2026.2", python="3.12")),
    ("F56", E, runs_on("2026.1", ansibleCore="2.18"), runs_on("2026.1", ansibleCore="2.20.3")),
    ("F57", W, RUN, {**by("sunbeam"), **MANUAL}),
    (
        "F58",
        W,
        {"openstack.neutron.backend": "openvswitch", "clusters.undercloud.cni": {"name": "calico"}},
        {"clusters.undercloud.cni": {"name": "calico"}},
    ),
    (
        "F59",
        E,
        {**RUN, **host("openeuler", "24.03")},
        {**RUN, **host("openeuler", "24.03"), "placement": "k8s-on-openstack"},
    ),
    ("A1", W, {**by("yaook"), **host("ubuntu", "24.10")}, {**by("yaook"), **NOBLE}),
    ("C1", E, by("yaook", "2026.2"), by("yaook", "2026.1")),
    ("C2", E, {**by("yaook"), **kubernetes("1.32")}, {**by("yaook"), **kubernetes("1.33")}),
    (
        "C2",
        E,
        {**by("yaook"), **ARGO, **kubernetes("1.37"), **NO_ROOK},
        {**by("yaook"), **ARGO, **kubernetes("1.36"), **NO_ROOK},
    ),
    (
        "R1",
        E,
        {**RUN, "networks.management": BARE},
        RUN,
    ),
    ("R1", E, {**RUN, "networks.management": {**BARE, "vip": "10.20.0.11"}}, RUN),
    ("R2", E, {**RUN, "storage": {"backend": "rook"}}, RUN),
    ("R2", E, LVM, {}),
    ("R3", E, {**RUN, "openstack.services": ["swift"]}, {**RUN, "openstack.services": ["cinder"]}),
    (
        "R4",
        E,
        {**RUN, "clusters.management": {"version": "1.35"}},
        {
            **RUN,
            "clusters.management": {"version": "1.35"},
            "openstack.runner.image": "registry.example.org/x:1",
        },
    ),
    ("R5", W, {**RUN, "mirrors": {}}, RUN),
    (
        "R6",
        E,
        {**RUN, "nodes": nodes("control", "storage")},
        {**RUN, "nodes": nodes("control", "storage", "compute")},
    ),
    (
        "R6",
        E,
        {**RUN, "nodes": nodes("control", "compute")},
        {**RUN, "nodes": nodes("control", "storage", "compute")},
    ),
    ("D1", E, {"placement": "openstack-for-k8s"}, {"placement": "openstack-for-k8s", **EXISTING}),
    ("D1", E, {**by("sunbeam"), **MANUAL}, {**by("sunbeam"), **MANUAL, "placement": "k8s-on-openstack"}),
    ("D4", E, {"storage.replicas": 4}, {"storage.replicas": 3}),
    ("S1", E, bare_metal({"network": "physnet9"}), bare_metal({})),
    ("S1", E, bare_metal({"gateway": "10.24.0.1"}), bare_metal({"gateway": "10.23.0.254"})),
    ("S1", E, bare_metal({"pool": "10.23.0.100-10.23.1.1"}), bare_metal({"pool": "10.23.0.2-10.23.0.3"})),
    ("S2", E, telemetry(False, "ceilometer"), telemetry(True, "ceilometer")),
    ("S2", E, telemetry(False, "ceilometer"), telemetry(False, "ceilometer", "aodh")),
    ("S3", W, telemetry(True, "ceilometer", "aodh"), telemetry(True, "ceilometer")),
    ("K1", E, {**ARGO, "secrets.backend": "sealed-secrets"}, {"secrets.backend": "sealed-secrets"}),
    ("K1", E, {**ARGO, "secrets.backend": "sealed-secrets"}, ARGO),
]


@pytest.mark.parametrize(
    ("rule", "severity", "refused", "passing"), CASES, ids=[f"{c[0]}-{c[1]}-{i}" for i, c in enumerate(CASES)]
)
def test_rule(rule: str, severity: str, refused: dict[str, Any], passing: dict[str, Any]) -> None:
    bad, good = found(refused), found(passing)
    assert (rule, severity) in bad
    assert rule not in {name for name, _ in good}
    assert bad - good == {(rule, severity)}


def test_every_rule_has_a_case() -> None:
    assert set(RULES) == {case[0] for case in CASES}


def test_each_of_the_sixty_constraints_is_a_rule_of_the_answers_or_of_the_output() -> None:
    constraints = {f"F{number}" for number in range(1, 61)}
    assert {name for name in RULES if name[0] == "F"} | set(CONSTRAINTS) == constraints
    assert not set(RULES) & set(CONSTRAINTS)


def test_the_base_site_has_no_findings() -> None:
    assert found({}) == set()


def test_rules_depend_on_the_day() -> None:
    site = by("yaook", "2025.1")
    assert ("F53", "warning") not in found(site, date(2026, 10, 1))
    assert ("F53", "warning") in found(site, date(2026, 10, 2))
    assert ("F54", "warning") not in found({}, date(2026, 10, 30))
    assert ("F54", "warning") in found({}, date(2026, 10, 31))


def test_findings_name_the_answer() -> None:
    (finding,) = check_rules(make(host("debian", "13", "storage")), TODAY)
    assert finding.paths == ("operatingSystem.storage", "openstack.series")
    assert finding.because
    assert finding.source.startswith("https://")


def test_errors_come_first() -> None:
    findings = check_rules(make({**by("kolla-ansible", "2026.2"), **host("ubuntu", "26.04")}), TODAY)
    assert [f.severity for f in findings] == sorted(f.severity for f in findings)
    assert findings[0].rule == "F2"


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_rules_are_documented(rule: Any) -> None:
    assert rule.source.startswith("https://")
    assert rule.because.endswith(".")
    assert rule.check.__doc__
    assert rule.paths
