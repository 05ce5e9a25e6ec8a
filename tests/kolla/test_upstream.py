"""What we write, read by Kolla-Ansible itself: one environment a release (`make kolla`)."""

from __future__ import annotations

import configparser
import getpass
import grp
import json
import os
import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.secret import sops
from openinfra_tui.secret.age import read_identity
from openinfra_tui.secret.vault import decrypt
from tests.kolla.upstream import Upstream, facts, write_facts

pytestmark = pytest.mark.slow
TODAY = date(2026, 11, 25)
SERIES = ("2025.1", "2025.2", "2026.1", "2026.2")
MORE = (
    "aodh, barbican, blazar, ceilometer, cloudkitty, designate, gnocchi, masakari, mistral, skyline, watcher"
)
# Everything at once that the presets do not ask for.
WIDE = (
    f"openstack.services=[keystone, glance, placement, neutron, nova, cinder, {MORE}]",
    "openstack.neutron.backend=openvswitch",
    "openstack.kolla.extras=[hacluster, collectd]",
    "openstack.kolla.containerEngine=podman",
    "mirrors={}",
)
CEPH = "storage={backend: external-ceph, externalCeph: {fsid: 4f2b1c9e-7d3a-4c55-9a0e-2b6f8d1e7c30, monitors: [10.32.0.21]}}"
OWN = Path(__file__).parents[1] / "sites" / "kolla.yaml"
SITES: dict[str, tuple[str | Path, tuple[str, ...]]] = {
    "kolla-ha": ("kolla-ha", (CEPH,)),
    "kolla-all-in-one": ("kolla-all-in-one", ()),
    "wide": ("kolla-ha", WIDE),
    "own": (OWN, ()),
}
# Its hosts run Debian 13, which earlier releases refuse.
PAIRS = [(name, series) for name in SITES for series in SERIES if name != "own" or series >= "2026.1"]
UBUNTU = {
    "distribution": "Ubuntu", "distribution_release": "noble", "distribution_version": "24.04",
    "distribution_major_version": "24", "os_family": "Debian",
}  # fmt: skip
DEBIAN = {
    "distribution": "Debian", "distribution_release": "trixie", "distribution_version": "13.1",
    "distribution_major_version": "13", "os_family": "Debian",
}  # fmt: skip


@dataclass(frozen=True)
class Staged:
    """The configuration of a site as a run lays it out, its vault password beside it."""

    site: Path
    folder: Path
    password: Path

    @property
    def inventory(self) -> str:
        """The inventory of the site."""
        return str(self.folder / "inventory" / "hosts")

    @property
    def options(self) -> tuple[str, ...]:
        """The options that each command gets."""
        return (
            "-i",
            self.inventory,
            "--configdir",
            str(self.folder),
            "--vault-password-file",
            str(self.password),
        )


def staged(tmp_path: Path, name: str, series: str) -> Staged:
    """Generate a site, and lay its configuration out as the runner does."""
    preset, sets = SITES[name]
    site = tmp_path / "site.yaml"
    site.write_text(preset.read_text("utf-8") if isinstance(preset, Path) else preset_text(preset), "utf-8")
    key = tmp_path / "age.key"
    ceph = tmp_path / "ceph.key"
    ceph.write_text("AQBexample==\n", "utf-8")
    overrides = (f"openstack.series={series}", *sets)
    given = {"ceph-client-key": ceph} if name == "kolla-ha" else {}
    request = Request(site, tmp_path / "out", overrides, age_key=key, commit=False, given=given)
    generate(request, TODAY, lambda _: None)
    (here,) = (tmp_path / "out" / "sites").glob("*/runner")
    folder = tmp_path / "etc"
    shutil.copytree(here / "config", folder)
    secrets = sops.decrypt((here / "secrets.sops.yaml").read_bytes(), read_identity(key))
    password = tmp_path / "vault-password"
    password.write_text(secrets["vault"]["password"], "utf-8")
    for made in yamlio.load((folder / "runner.yaml").read_bytes())["files"]:
        if made["path"].startswith("/etc/kolla/"):
            target = folder / made["path"].removeprefix("/etc/kolla/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(made["text"].replace("@", secrets["ceph"]["key"]), "utf-8")
    return Staged(here, folder, password)


@pytest.mark.parametrize(("name", "series"), PAIRS)
def test_every_key_and_group_is_known_to_the_release(tmp_path: Path, name: str, series: str) -> None:
    upstream, site = Upstream(series), staged(tmp_path, name, series)
    written = yamlio.load((site.folder / "globals.yml").read_bytes())
    assert set(written) - upstream.known_keys == set()
    shipped = upstream.share / "ansible" / "inventory" / "multinode"
    assert sections(shipped) - sections(Path(site.inventory)) == set()
    listed = json.loads(upstream.run("ansible-inventory", "-i", site.inventory, "--list", home=tmp_path).out)
    reference = json.loads(upstream.run("ansible-inventory", "-i", str(shipped), "--list", home=tmp_path).out)
    for group in set(reference) - {"all", "_meta", *FILLED}:
        assert set(listed[group].get("children", ())) == set(reference[group].get("children", ())), group


FILLED = ("control", "network", "compute", "storage", "monitoring", "deployment", "ungrouped")


def sections(inventory: Path) -> set[str]:
    lines = inventory.read_text("utf-8").splitlines()
    return {line.strip("[]").removesuffix(":children") for line in lines if line.startswith("[")}


@pytest.mark.parametrize(("name", "series"), PAIRS)
def test_its_own_programs_read_the_configuration(tmp_path: Path, name: str, series: str) -> None:
    upstream, site = Upstream(series), staged(tmp_path, name, series)
    for command in ("deploy", "prechecks", "upgrade"):
        printed = upstream.run("kolla-ansible", command, *site.options, "-lt", home=tmp_path)
        assert "Apply role keystone" in printed.out
        unmatched = re.findall(r"Could not match supplied host pattern, ignoring: (\S+)", printed.complaints)
        # Other groups are made while it runs.
        assert set(unmatched) & sections(upstream.share / "ansible" / "inventory" / "multinode") == set()
    plain = upstream.run(
        "ansible-vault",
        "view",
        "--vault-password-file",
        str(site.password),
        str(site.folder / "passwords.yml"),
        home=tmp_path,
    ).out
    passwords = yamlio.load(plain)
    wanted = yamlio.load((upstream.share / "etc_examples" / "kolla" / "passwords.yml").read_bytes())
    assert set(passwords) == set(wanted)
    assert [key for key, value in passwords.items() if not value] == ["docker_registry_password"]
    assert passwords == yamlio.load(
        decrypt((site.folder / "passwords.yml").read_bytes(), site.password.read_text())
    )


@pytest.mark.parametrize("series", ["2026.1", "2026.2"])
def test_what_upstream_makes_of_the_answers(tmp_path: Path, series: str) -> None:
    upstream, site = Upstream(series), staged(tmp_path, "kolla-ha", series)
    asked = {
        "tag": "openstack_tag",
        "registry": "docker_registry ~ '/' ~ docker_namespace",
        "external": "kolla_external_fqdn",
        "internal": "kolla_internal_fqdn",
        "ovn": "neutron_plugin_agent",
        "backends": "cinder_enabled_backends | map(attribute='name') | list",
        "coordination": "cinder_coordination_backend",
        "cluster": "cinder_cluster_name",
        "tunnel": "tunnel_interface",
        "bridges": "neutron_bridge_name",
        "valkey": "enable_valkey | bool",
        "backup": "enable_cinder_backup | bool",
        "files": "glance_backend_file | bool",
    }
    expression = "{{ {" + ", ".join(f"'{key}': {value}" for key, value in asked.items()) + "} | to_json }}"
    text = upstream.run(
        *("ansible", "-i", site.inventory, "ctl1.ber1.cloud.example"),
        *("--playbook-dir", str(upstream.share / "ansible"), "-m", "ansible.builtin.debug"),
        *("-e", f"@{site.folder}/globals.yml", "-e", f"@{site.folder}/passwords.yml", "-e", f"CONFIG_DIR={site.folder}"),
        *("--vault-password-file", str(site.password), "-a", f"msg={expression}"),
        home=tmp_path,
    ).out  # fmt: skip
    found = json.loads(text[text.index("{") :][: text[text.index("{") :].rindex("}") + 1])["msg"]
    values = json.loads(found) if isinstance(found, str) else found
    assert values == {
        "tag": f"{series}-ubuntu-noble",
        "registry": "registry.cloud.example/mirror/openstack.kolla",
        "external": "api.ber1.cloud.example",
        "internal": "10.30.0.10",
        "ovn": "ovn",
        "backends": ["rbd-1"],
        "coordination": "valkey",
        "cluster": "ber1",
        "tunnel": "bond0.22",
        "bridges": "br-physnet1",
        "valkey": True,
        "backup": True,
        "files": False,
    }


def rendered(
    tmp_path: Path,
    name: str,
    series: str,
    hosts: dict[str, str],
    wanted: str,
    interfaces: tuple[str, ...],
    system: dict[str, str],
) -> Path:
    """Every file that upstream would write, by host and container."""
    upstream, site = Upstream(series), staged(tmp_path, name, series)
    for file in (
        "haproxy.pem",
        "haproxy-internal.pem",
        "ca/root.crt",
        *(f"proxysql-{x}.pem" for x in ("ca", "cert", "key")),
    ):
        place = site.folder / "certificates" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("a certificate\n", "utf-8")
    every = {host: facts(host, address, interfaces, system) for host, address in hosts.items()}
    every["localhost"] = facts("localhost", "127.0.0.1", ("lo0",), system)
    write_facts(tmp_path / "facts", every)
    config = tmp_path / "ansible.cfg"
    config.write_text(
        "[defaults]\ngathering = smart\nfact_caching = jsonfile\nfact_caching_timeout = 0\nforks = 2\n"
        f"fact_caching_connection = {tmp_path}/facts\nremote_tmp = {tmp_path}/remote\n",
        "utf-8",
    )
    out = tmp_path / "rendered"
    where = json.dumps({"node_config_directory": str(out) + "/{{ inventory_hostname }}"})
    upstream.run(
        *("kolla-ansible", "genconfig", *site.options, "--limit", f"{wanted},localhost"),
        *("-e", "ansible_connection=local", "-e", "ansible_become=false"),
        *("-e", f"ansible_python_interpreter={upstream.venv}/bin/python"),
        *("-e", f"config_owner_user={getpass.getuser()}", "-e", f"config_owner_group={grp.getgrgid(os.getgid()).gr_name}"),
        *("-e", where),
        home=tmp_path, timeout=1800, ANSIBLE_CONFIG=str(config),
        KOLLA_ANSIBLE_DATA_FILES_PATH=str(upstream.stubbed(tmp_path)),
    )  # fmt: skip
    return out


def ini(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(path)
    return parser


def test_the_files_of_a_control_and_a_compute_host(tmp_path: Path) -> None:
    hosts = {f"ctl{n}.ber1.cloud.example": f"10.30.0.1{n}" for n in (1, 2, 3)}
    hosts |= {f"cmp{n}.ber1.cloud.example": f"10.30.0.3{n}" for n in (1, 2)}
    hosts |= {"mon1.ber1.cloud.example": "10.30.0.21"}
    wanted = "ctl1.ber1.cloud.example,cmp1.ber1.cloud.example"
    interfaces = ("bond0.21", "bond0.22", "bond0.30", "bond1", "eth0", "eth1")
    out = rendered(tmp_path, "kolla-ha", "2026.1", hosts, wanted, interfaces, UBUNTU)
    control, compute = out / "ctl1.ber1.cloud.example", out / "cmp1.ber1.cloud.example"
    nova = ini(compute / "nova-compute" / "nova.conf")
    assert nova["DEFAULT"]["my_ip"] == "10.30.0.31"
    assert nova["libvirt"]["virt_type"] == "kvm"
    assert nova["libvirt"]["images_rbd_pool"] == "vms"
    neutron = ini(control / "neutron-server" / "neutron.conf")
    assert neutron["DEFAULT"]["global_physnet_mtu"] == "9000"
    ml2 = ini(control / "neutron-server" / "ml2_conf.ini")
    assert ml2["ml2_type_vlan"]["network_vlan_ranges"] == "physnet1:100:199"
    assert ml2["ml2"]["mechanism_drivers"].startswith("ovn")
    cinder = ini(control / "cinder-volume" / "cinder.conf")
    assert cinder["DEFAULT"]["cluster"] == "ber1"
    haproxy = "\n".join(path.read_text("utf-8") for path in sorted((control / "haproxy").rglob("*.cfg")))
    assert "203.0.113.10" in haproxy
    assert "10.30.0.10" in haproxy
    assert "ssl crt" in haproxy
    assert (
        (control / "glance-api" / "ceph" / "ceph.client.openstack.keyring")
        .read_text()
        .endswith("key = AQBexample==\n")
    )


def test_the_files_of_another_site_and_release(tmp_path: Path) -> None:
    names = {"c1": "10.60.0.11", "s1": "10.60.0.21", "v1": "10.60.0.31"}
    hosts = {f"{name}.osl1.cloud.example": address for name, address in names.items()}
    out = rendered(tmp_path, "own", "2026.2", hosts, ",".join(hosts), ("eno1", "eno2"), DEBIAN)
    control, storage, compute = (out / host for host in hosts)
    nova = ini(compute / "nova-compute" / "nova.conf")
    assert nova["DEFAULT"]["my_ip"] == "10.60.0.31"
    assert nova["libvirt"].get("images_type") is None
    agent = ini(compute / "neutron-openvswitch-agent" / "openvswitch_agent.ini")
    assert agent["ovs"]["local_ip"] == "10.60.0.31"
    ml2 = ini(control / "neutron-server" / "ml2_conf.ini")
    assert ml2["ml2"]["mechanism_drivers"].startswith("openvswitch")
    assert not (control / "cinder-volume").exists()
    cinder = ini(storage / "cinder-volume" / "cinder.conf")
    assert cinder["lvm-1"]["volume_group"] == "cinder-volumes"
    assert cinder["DEFAULT"].get("cluster", "") == ""
    haproxy = "\n".join(path.read_text("utf-8") for path in sorted((control / "haproxy").rglob("*.cfg")))
    assert "10.60.0.10:5000" in haproxy
