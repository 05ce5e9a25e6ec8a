"""Rules of Kolla-Ansible and Kayobe: which hosts and images they accept."""

from __future__ import annotations

from openinfra_tui.catalog.rules.registry import Facts, Found, Problem, System, by, each_system, rule

_PRECHECKS = "https://github.com/openstack/kolla-ansible/blob/master/ansible/roles/prechecks/vars/main.yml"
_SUPPORT = "https://github.com/openstack/kolla-ansible/blob/master/doc/source/user/support-matrix.rst"
_IMAGES = "https://github.com/openstack/kolla/blob/master/doc/source/support_matrix.rst"
_UNBUILDABLE = "https://github.com/openstack/kolla/blob/master/kolla/image/unbuildable.py"
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


def _base(facts: Facts, system: System) -> str:
    """The distribution of the images: as it was answered, or that of the host."""
    return facts.text("openstack.kolla.baseDistro") or system.distribution


@rule(
    "F2",
    "error",
    when=by("kolla-ansible"),
    because="The prechecks of Kolla-Ansible assert that the host is in a list, one for each series.",
    source=_PRECHECKS,
    paths=_PATHS,
)
@each_system("openstack.series")
def host_in_list(facts: Facts, system: System) -> Found:
    """Kolla-Ansible accepts the hosts of its own list; AlmaLinux 10 with the check switched off."""
    deployer = facts.catalog.deployer("kolla-ansible")
    accepted = deployer.hosts.get(facts.series, ()) if deployer else ()
    if not accepted or system.host in accepted or _refused_elsewhere(facts, system):
        return
    if system.host == "almalinux 10":
        text = "AlmaLinux 10 needs prechecks_enable_host_os_checks: false and kolla_base_distro: rocky"
        yield Problem(text, "warning", (system.path,))
    else:
        yield f"Kolla-Ansible {facts.series} refuses {system.host}; it accepts {', '.join(accepted)}"


@rule(
    "F3",
    "error",
    when=by(*_BOTH, since="2026.2"),
    because="Kolla-Ansible and Kayobe removed CentOS Stream as a host with 2026.2.",
    source=_SUPPORT,
    paths=_PATHS,
)
@each_system("openstack.series")
def no_centos(facts: Facts, system: System) -> Found:
    """No CentOS Stream from 2026.2 on."""
    if system.distribution == "centos-stream":
        yield f"{facts.deployer} {facts.series} has no support for CentOS Stream"


@rule(
    "F4",
    "warning",
    when=by("kolla-ansible", until="2026.1"),
    because="No Kolla images are published for CentOS Stream 10.",
    source=_SUPPORT,
    paths=_PATHS,
)
@each_system()
def build_centos_images(_: Facts, system: System) -> Found:
    """CentOS Stream 10 up to 2026.1 means building images."""
    if system.host == "centos-stream 10":
        yield "you must build and host the images for CentOS Stream 10"


@rule(
    "F5",
    "error",
    when=by("kayobe"),
    because="Kayobe knows rocky and ubuntu; os_release of anything else falls through to noble.",
    source=_KAYOBE,
    paths=_PATHS,
)
@each_system()
def kayobe_hosts(facts: Facts, system: System) -> Found:
    """Kayobe: Rocky 10 or Ubuntu 24.04; CentOS Stream with a warning before 2026.2."""
    accepted = ["rocky 10", "ubuntu 24.04", *(["rocky 9"] if facts.series == "2025.1" else [])]
    if system.host not in accepted and not _refused_elsewhere(facts, system):
        text = f"Kayobe {facts.series} does not support {system.host}"
        yield Problem(text, "warning" if system.distribution == "centos-stream" else None)


@rule(
    "F6",
    "error",
    when=by("kolla-ansible", since="2025.2"),
    because="From 2025.2 on the precheck list holds no EL 9 and no Ubuntu 22.04.",
    source=_PRECHECKS,
    paths=_PATHS,
)
@each_system("openstack.series")
def too_old(facts: Facts, system: System) -> Found:
    """Hosts that Kolla-Ansible dropped with 2025.2; from 2026.2 on F3 speaks of CentOS Stream."""
    told = system.distribution == "centos-stream" and facts.series >= "2026.2"
    if system.host in _TOO_OLD and not told:
        yield f"{system.host} is too old for Kolla-Ansible {facts.series}"


@rule(
    "F7",
    "error",
    when=by(*_BOTH),
    because="Kolla needs a package manager, Python and SSH on the host.",
    source=_BOOTSTRAP,
    paths=_PATHS,
)
@each_system()
def immutable_hosts(facts: Facts, system: System) -> Found:
    """No immutable host below Kolla."""
    if system.distribution in _NO_HOST_TOOLS:
        yield f"{facts.deployer} cannot prepare {system.host}"


@rule(
    "F8",
    "error",
    when=by(*_BOTH),
    because="Kolla dropped openEuler with 2024.2 and never listed Anolis OS or Fedora.",
    source=_IMAGES,
    paths=_PATHS,
)
@each_system()
def never_listed(facts: Facts, system: System) -> Found:
    """Distributions that no Kolla list holds."""
    if system.distribution in _NEVER:
        yield f"{facts.deployer} does not support {system.host}"


@rule(
    "F9",
    "warning",
    when=by(*_BOTH),
    because="Kolla recommends that the images and the hosts are of one distribution.",
    source=_SUPPORT,
    paths=("openstack.kolla.baseDistro", "operatingSystem"),
)
@each_system("openstack.kolla.baseDistro")
def images_match_hosts(facts: Facts, system: System) -> Found:
    """The base of the images is the distribution of the hosts; Rocky on AlmaLinux is what F2 asks for."""
    base = _base(facts, system)
    if base != system.distribution and (base, system.distribution) != ("rocky", "almalinux"):
        yield f"the images are based on {base}, the hosts run {system.distribution}"


@rule(
    "F10",
    "error",
    when=by(*_BOTH),
    because="Kolla cannot build the images of these on Rocky Linux.",
    source=_UNBUILDABLE,
    paths=("openstack.kolla", "operatingSystem"),
)
@each_system("openstack.kolla.extras")
def unbuildable_on_rocky(facts: Facts, system: System) -> Found:
    """OVS-DPDK, the HA cluster of Masakari, and collectd have no Rocky images."""
    extras = facts.site.get("openstack.kolla.extras") or ()
    if _base(facts, system) == "rocky":
        for extra in extras:
            yield f"there is no {extra} image for Rocky Linux"


@rule(
    "F11",
    "warning",
    when=by(*_BOTH),
    because="No image is tested on aarch64, and that of Bifrost cannot be built there.",
    source=_IMAGES,
    paths=("openstack.deployer", "operatingSystem"),
)
@each_system()
def untested_architecture(facts: Facts, system: System) -> Found:
    """Kolla on ARM is untested."""
    if system.architecture == "aarch64":
        yield f"{facts.deployer} is not tested on aarch64"


@rule(
    "F52",
    "warning",
    when=by(*_BOTH),
    because="RabbitMQ cannot skip a version: it is upgraded on the way, before the rest.",
    source="https://github.com/openstack/kolla-ansible/blob/master/doc/source/user/operating-kolla.rst",
    paths=("openstack.upgradeFrom", "openstack.series"),
)
def rabbitmq_between(facts: Facts) -> Found:
    """A jump from SLURP to SLURP needs an upgrade of RabbitMQ between."""
    running = facts.text("openstack.upgradeFrom")
    if facts.catalog.step(running, facts.series) == "slurp":
        yield f"upgrade RabbitMQ on {running} before the rest goes to {facts.series}"


@rule(
    "F56",
    "error",
    when=by(*_BOTH),
    because="Each series of Kolla-Ansible accepts a window of ansible-core, and 2026.2 needs Python 3.12.",
    source="https://pypi.org/project/kolla-ansible/23.0.0/",
    paths=("openstack.kolla.controlHost", "openstack.series"),
)
def control_host(facts: Facts) -> Found:
    """Python and ansible-core where Ansible is run, as far as they were answered."""
    deployer = facts.catalog.deployer("kolla-ansible")
    needs = deployer.control_hosts.get(facts.series) if deployer else None
    if needs is None:
        return
    for key, name, window in (
        ("python", "Python", needs.python),
        ("ansibleCore", "ansible-core", needs.ansible_core),
    ):
        path = f"openstack.kolla.controlHost.{key}"
        version = facts.text(path)
        if version and not window.holds(version):
            text = f"{facts.deployer} {facts.series} needs {name} {window}, not {version}"
            yield Problem(text, paths=(path, "openstack.series"))


@rule(
    "F57",
    "warning",
    when=by(*_BOTH),
    because="The bootstrap of the hosts sets SELinux permissive and disables firewalld and ufw.",
    source=_BOOTSTRAP,
    paths=("openstack.deployer",),
)
def security_posture(facts: Facts) -> Found:
    """What Kolla changes on the hosts."""
    yield f"{facts.deployer} sets SELinux permissive and disables the firewall of every host"
