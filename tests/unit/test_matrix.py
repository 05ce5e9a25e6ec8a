"""Which host a deployer takes, cell by cell: supported, warned or refused, each with its text.

Sources of the table: the host lists of Kolla-Ansible's prechecks on each branch and its support matrix; the host
systems of OpenStack-Helm's README and CI. A cell says what a rule adds for that host alone: what is said for
every host of a deployer and series (`EVERYWHERE`) is not repeated in it.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.catalog.rules import check_rules
from openinfra_tui.site.load import parse_site

TODAY = date(2026, 11, 25)
SERIES = ("2025.1", "2025.2", "2026.1", "2026.2")
PRESET = {"openstack-helm": "openstack-helm-ha", "kolla-ansible": "kolla-ha"}
# Of hosts with Kubernetes 1.35 below them, Neutron by OVN, and a cluster that exists already.
# host: OpenStack-Helm in the four series, the rules; Kolla-Ansible in the four series, the rules.
TABLE = {
    "ubuntu 22.04": ("WWWW", "F55, F15 F55, F15 F55, F15 F55", "XXXX", "F2 F55, F6 F55, F6 F55, F6 F55"),
    "ubuntu 24.04": ("SSSW", ", , , F15", "SSSS", ", , ,"),
    "ubuntu 26.04": ("WWWS", "F15, F15, F15,", "XXXX", "F2, F2, F2, F2"),
    "debian 12": ("WWWW", "F15 F55, F15 F55, F15 F55, F15 F55", "WWWX", "F55, F55, F55, F2 F55"),
    "debian 13": ("WWWW", "F15, F15, F15, F15", "XXSS", "F2, F2, ,"),
    "rocky 9": ("WWWW", "F15, F15, F15, F15", "SXXX", ", F6, F6, F6"),
    "rocky 10": ("WWWW", "F12 F15, F12 F15, F12 F15, F12 F15", "WWWW", "F12, F12, F12, F12"),
    "almalinux 9": ("WWWW", "F15, F15, F15, F15", "XXXX", "F2, F6, F6, F6"),
    "almalinux 10": ("WWWW", "F12 F15, F12 F15, F12 F15, F12 F15", "WWWW", "F2 F12, F2 F12, F2 F12, F2 F12"),
    "centos-stream 9": (
        "WWWW", "F15 F55, F15 F55, F15 F55, F15 F55", "WXXX", "F55, F6 F55, F6 F55, F3 F55",
    ),
    "centos-stream 10": (
        "WWWW", "F12 F15, F12 F15, F12 F15, F12 F15", "WWWX", "F4 F12, F4 F12, F4 F12, F3 F12",
    ),
    "rhel 9": ("WWWW", "F15, F15, F15, F15", "XXXX", "F2, F2, F2, F2"),
    "fedora 43": ("WWWW", "F15 F55, F15 F55, F15 F55, F15 F55", "XXXX", "F8 F55, F8 F55, F8 F55, F8 F55"),
    "fedora 44": ("WWWW", "F15 F55, F15 F55, F15 F55, F15 F55", "XXXX", "F8 F55, F8 F55, F8 F55, F8 F55"),
    "fcos stable": ("WWWW", "F15, F15, F15, F15", "XXXX", "F7, F7, F7, F7"),
    "scos 10": ("XXXX", "F15 F24, F15 F24, F15 F24, F15 F24", "XXXX", "F7, F7, F7, F7"),
    "openeuler 24.03": (
        "XXXX", "F15 F21, F15 F21, F15 F21, F15 F21", "XXXX", "F8 F59, F8 F59, F8 F59, F8 F59",
    ),
    "openeuler 22.03": (
        "XXXX", "F15 F21, F15 F21, F15 F21, F15 F21", "XXXX", "F8 F59, F8 F59, F8 F59, F8 F59",
    ),
    "anolis 23": ("WWWW", "F15, F15, F15, F15", "XXXX", "F8, F8, F8, F8"),
    "anolis 8": ("XXXX", "F15 F21, F15 F21, F15 F21, F15 F21", "XXXX", "F8, F8, F8, F8"),
    "flatcar stable": ("WWWW", "F15, F15, F15, F15", "XXXX", "F7, F7, F7, F7"),
    "talos 1.13": ("XXXX", "F15 F20, F15 F20, F15 F20, F15 F20", "XXXX", "F7, F7, F7, F7"),
}  # fmt: skip
TESTED = {
    "2025.1": "ubuntu 22.04 and ubuntu 24.04", "2025.2": "ubuntu 24.04", "2026.1": "ubuntu 24.04", "2026.2": "ubuntu 26.04",
}  # fmt: skip
ACCEPTED = {
    "2025.1": "centos-stream 9, centos-stream 10, debian 12, rocky 9, rocky 10, ubuntu 24.04",
    "2025.2": "centos-stream 10, debian 12, rocky 10, ubuntu 24.04",
    "2026.1": "centos-stream 10, debian 12, debian 13, rocky 10, ubuntu 24.04",
    "2026.2": "debian 13, rocky 10, ubuntu 24.04",
}
ENDS = {
    "ubuntu 22.04": "ends on 2027-04-01", "debian 12": "ended on 2026-07-11", "centos-stream 9": "ends on 2027-05-31",
    "fedora 43": "ends on 2026-12-09", "fedora 44": "ends on 2027-06-02",
}  # fmt: skip
TEXTS = {
    "F2": "Kolla-Ansible {series} refuses {host}; it accepts {accepted}",
    "F2 almalinux 10": "AlmaLinux 10 needs prechecks_enable_host_os_checks: false and kolla_base_distro: rocky",
    "F3": "kolla-ansible {series} has no support for CentOS Stream",
    "F4": "you must build and host the images for CentOS Stream 10",
    "F6": "{host} is too old for Kolla-Ansible {series}",
    "F7": "kolla-ansible cannot prepare {host}",
    "F8": "kolla-ansible does not support {host}",
    "F12": "install kernel-modules-extra of the running kernel on {host} first",
    "F15": "OpenStack-Helm tests {series} on {tested}, not on {host}",
    "F20": "the backend ovn uses the openvswitch chart, which does not start on Talos",
    "F21": "{host} boots with cgroup v1, which Kubernetes 1.35 refuses; "
    "boot it with systemd.unified_cgroup_hierarchy=1",
    "F24": "scos needs a cluster made by okd",
    "F55": "the support of {host} {ends}",
    "F59": "{host} has no OpenStack {series} packages",
}
EVERYWHERE = {"F16", "F32", "F53", "F54", "F57"}
LETTERS = {"error": "X", "warning": "W"}


@cache
def findings(deployer: str, series: str, host: str, *answers: str) -> tuple[tuple[str, str, str], ...]:
    """Rule, letter and text of all that is said of a host."""
    site = yamlio.load(preset_text(PRESET[deployer]))
    distribution, release = host.rsplit(" ", 1)
    site["spec"]["openstack"]["series"] = series
    site["spec"]["operatingSystem"] = {"default": {"distribution": distribution, "release": release}}
    found = check_rules(parse_site(yamlio.dump(site), "site.yaml", answers), TODAY)
    return tuple((f.rule, LETTERS[f.severity], f.message) for f in found if f.rule not in EVERYWHERE)


def letter(found: tuple[tuple[str, str, str], ...]) -> str:
    """The worst of what is said."""
    said = {one[1] for one in found}
    return "X" if "X" in said else "W" if said else "S"


def test_the_table_has_every_host_of_the_catalog() -> None:
    assert set(TABLE) == {f"{one.id} {one.release}" for one in load_catalog().distributions}


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("deployer", PRESET)
@pytest.mark.parametrize("host", TABLE)
def test_each_cell_of_the_matrix(host: str, deployer: str, series: str) -> None:
    row, column = TABLE[host], SERIES.index(series)
    letters, rules = row[:2] if deployer == "openstack-helm" else row[2:]
    wanted = rules.split(",")[column].split()
    found = findings(deployer, series, host)
    values = {
        "host": host,
        "series": series,
        "tested": TESTED[series],
        "accepted": ACCEPTED[series],
        "ends": ENDS.get(host, ""),
    }
    texts = {rule: TEXTS.get(f"{rule} {host}", TEXTS[rule]).format(**values) for rule in wanted}
    assert {rule: text for rule, _, text in found} == texts
    assert letter(found) == letters[column]


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("scos 10", "clusters.undercloud.distribution=okd"),
        ("openeuler 24.03", "clusters.undercloud.version=1.34"),
        ("anolis 8", "clusters.undercloud.version=1.34"),
    ],
)
def test_what_openstack_helm_refuses_for_one_answer_is_warned_without_it(host: str, answer: str) -> None:
    assert letter(findings("openstack-helm", "2026.1", host)) == "X"
    found = findings("openstack-helm", "2026.1", host, answer)
    assert letter(found) == "W"
    assert ("F15", "W", f"OpenStack-Helm tests 2026.1 on ubuntu 24.04, not on {host}") in found
