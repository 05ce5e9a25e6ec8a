"""Rules of Kolla-Ansible and Kayobe: which hosts they accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.catalog.rules.registry import Facts, Problem, System, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRECHECKS = "https://github.com/openstack/kolla-ansible/blob/master/ansible/roles/prechecks/vars/main.yml"
_SUPPORT = "https://github.com/openstack/kolla-ansible/blob/master/doc/source/user/support-matrix.rst"
_KAYOBE = "https://pypi.org/project/kayobe/21.0.0/"
_BOOTSTRAP = "https://github.com/openstack/ansible-collection-kolla/tree/master/roles/baremetal"
_PATHS = ("openstack.deployer", "openstack.series", "operatingSystem")
_BOTH = ("kolla-ansible", "kayobe")

_TOO_OLD = ("rocky 9", "almalinux 9", "centos-stream 9", "ubuntu 22.04")
_NEVER = ("openeuler", "anolis", "fedora")
_NO_HOST_TOOLS = ("fcos", "scos", "flatcar", "talos")


def _refused_elsewhere(facts: Facts, system: System) -> bool:
    """Whether one of F3, F6, F7 and F8 speaks of this system, so that it is said once."""
    return (
        system.distribution in _NEVER + _NO_HOST_TOOLS
        or (system.distribution == "centos-stream" and facts.series >= "2026.2")
        or (facts.deployer == "kolla-ansible" and system.host in _TOO_OLD and facts.series >= "2025.2")
    )


@rule(
    "F2",
    "error",
    because="The prechecks of Kolla-Ansible assert that the host is in a list, one for each series.",
    source=_PRECHECKS,
    paths=_PATHS,
)
def host_in_list(facts: Facts) -> Iterator[Problem]:
    """Kolla-Ansible accepts the hosts of its own list; AlmaLinux 10 with the check switched off."""
    deployer = facts.catalog.deployer("kolla-ansible")
    if facts.deployer != "kolla-ansible" or deployer is None or facts.series not in deployer.hosts:
        return
    accepted = deployer.hosts[facts.series]
    for system in facts.systems:
        if system.host in accepted or _refused_elsewhere(facts, system):
            continue
        if system.host == "almalinux 10":
            text = "AlmaLinux 10 needs prechecks_enable_host_os_checks: false and kolla_base_distro: rocky"
            yield Problem(text, "warning", (system.path,))
        else:
            text = f"Kolla-Ansible {facts.series} refuses {system.host}; it accepts {', '.join(accepted)}"
            yield Problem(text, paths=(system.path, "openstack.series"))


@rule(
    "F3",
    "error",
    because="Kolla-Ansible and Kayobe removed CentOS Stream as a host with 2026.2.",
    source=_SUPPORT,
    paths=_PATHS,
)
def no_centos(facts: Facts) -> Iterator[Problem]:
    """No CentOS Stream from 2026.2 on."""
    if facts.deployer in _BOTH and facts.series >= "2026.2":
        for system in facts.systems:
            if system.distribution == "centos-stream":
                text = f"{facts.deployer} {facts.series} has no support for CentOS Stream"
                yield Problem(text, paths=(system.path, "openstack.series"))


@rule(
    "F4",
    "warning",
    because="No Kolla images are published for CentOS Stream 10.",
    source=_SUPPORT,
    paths=_PATHS,
)
def build_centos_images(facts: Facts) -> Iterator[Problem]:
    """CentOS Stream 10 up to 2026.1 means building images."""
    if facts.deployer == "kolla-ansible" and facts.series <= "2026.1":
        for system in facts.systems:
            if system.host == "centos-stream 10":
                yield Problem("you must build and host the images for CentOS Stream 10", paths=(system.path,))


@rule(
    "F5",
    "error",
    because="Kayobe knows rocky and ubuntu; os_release of anything else falls through to noble.",
    source=_KAYOBE,
    paths=_PATHS,
)
def kayobe_hosts(facts: Facts) -> Iterator[Problem]:
    """Kayobe: Rocky 10 or Ubuntu 24.04; CentOS Stream with a warning before 2026.2."""
    if facts.deployer != "kayobe":
        return
    accepted = ["rocky 10", "ubuntu 24.04", *(["rocky 9"] if facts.series == "2025.1" else [])]
    for system in facts.systems:
        if system.host not in accepted and not _refused_elsewhere(facts, system):
            text = f"Kayobe {facts.series} does not support {system.host}"
            yield Problem(text, "warning" if system.distribution == "centos-stream" else None, (system.path,))


@rule(
    "F6",
    "error",
    because="From 2025.2 on the precheck list holds no EL 9 and no Ubuntu 22.04.",
    source=_PRECHECKS,
    paths=_PATHS,
)
def too_old(facts: Facts) -> Iterator[Problem]:
    """Hosts that Kolla-Ansible dropped with 2025.2."""
    if facts.deployer == "kolla-ansible" and facts.series >= "2025.2":
        for system in facts.systems:
            if system.host in _TOO_OLD and not (
                system.distribution == "centos-stream" and facts.series >= "2026.2"
            ):
                text = f"{system.host} is too old for Kolla-Ansible {facts.series}"
                yield Problem(text, paths=(system.path, "openstack.series"))


@rule(
    "F7",
    "error",
    because="Kolla needs a package manager, Python and SSH on the host.",
    source=_BOOTSTRAP,
    paths=_PATHS,
)
def immutable_hosts(facts: Facts) -> Iterator[Problem]:
    """No immutable host below Kolla."""
    if facts.deployer in _BOTH:
        for system in facts.systems:
            if system.distribution in _NO_HOST_TOOLS:
                yield Problem(f"{facts.deployer} cannot prepare {system.host}", paths=(system.path,))


@rule(
    "F8",
    "error",
    because="Kolla dropped openEuler with 2024.2 and never listed Anolis OS or Fedora.",
    source="https://github.com/openstack/kolla/blob/master/doc/source/support_matrix.rst",
    paths=_PATHS,
)
def never_listed(facts: Facts) -> Iterator[Problem]:
    """Distributions that no Kolla list holds."""
    if facts.deployer in _BOTH:
        for system in facts.systems:
            if system.distribution in _NEVER:
                yield Problem(f"{facts.deployer} does not support {system.host}", paths=(system.path,))


@rule(
    "F57",
    "warning",
    because="The bootstrap of the hosts sets SELinux permissive and disables firewalld and ufw.",
    source=_BOOTSTRAP,
    paths=("openstack.deployer",),
)
def security_posture(facts: Facts) -> Iterator[Problem]:
    """What Kolla changes on the hosts."""
    if facts.deployer in _BOTH:
        yield Problem(f"{facts.deployer} sets SELinux permissive and disables the firewall of every host")
