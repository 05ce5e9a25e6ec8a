"""Kolla-Ansible's own programs, each release in its environment, on the configuration of a site.

Full offline render: upstream's roles write the files of each host into a folder. What talks to containers is
replaced by modules that do nothing, and what it would ask of the hosts is told by a cache of facts. No host is
contacted.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.kolla import kolla_release

FOLDER = Path(
    os.environ.get("OPENINFRA_KOLLA")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openinfra-tui" / "kolla"
)
STUB = """#!/usr/bin/python
# WANT_JSON
import json

print(json.dumps({"changed": False, "resources": [], "containers": {}, "result": False}))
"""
STUBBED = ("kolla_toolbox", "kolla_container", "kolla_container_facts")


class Printed(NamedTuple):
    """What a program printed."""

    out: str
    complaints: str


@dataclass(frozen=True)
class Upstream:
    """One release."""

    series: str

    @property
    def venv(self) -> Path:
        """Its environment, made by `make kolla`; without it the test is left out."""
        venv = FOLDER / kolla_release(self.series).release
        if not (venv / "collections").is_dir():
            pytest.skip(f"no kolla-ansible {venv.name} in {FOLDER}: make kolla")
        return venv

    @property
    def share(self) -> Path:
        """The playbooks of the release."""
        return self.venv / "share" / "kolla-ansible"

    @cached_property
    def known_keys(self) -> set[str]:
        """Every variable that some file of the release sets, or names in its sample."""
        ansible = self.share / "ansible"
        patterns = ("group_vars/all.yml", "group_vars/all/*.yml", "group_vars/baremetal/*")
        patterns += ("roles/*/defaults/*.yml", "roles/*/vars/*.yml")
        files = [path for pattern in patterns for path in ansible.glob(pattern)]
        files.append(self.share / "etc_examples" / "kolla" / "passwords.yml")
        keys = {key for file in files for key in (yamlio.load(file.read_bytes()) or {})}
        sample = (self.share / "etc_examples" / "kolla" / "globals.yml").read_text("utf-8")
        return keys | set(re.findall(r"^#?([a-z_0-9]+):", sample, re.MULTILINE))

    def run(self, *argv: str, home: Path, timeout: float = 120, **environment: str) -> Printed:
        """What one of its programs prints; it must succeed."""
        env = {
            "PATH": f"{self.venv / 'bin'}:{os.environ['PATH']}",
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(self.venv / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            **environment,
        }
        words = (str(self.venv / "bin" / argv[0]), *argv[1:])
        done = subprocess.run(
            words, env=env, cwd=home, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, f"{' '.join(argv[:3])}: {done.stdout[-6000:]}{done.stderr[-3000:]}"
        return Printed(done.stdout, done.stderr)

    def stubbed(self, folder: Path) -> Path:
        """A copy of its playbooks in which nothing asks for containers."""
        copy = folder / "stub"
        shutil.copytree(self.share, copy)
        for name in STUBBED:
            (copy / "ansible" / "library" / f"{name}.py").write_text(STUB, "utf-8")
        return copy


def facts(name: str, address: str, interfaces: tuple[str, ...], system: dict[str, str]) -> dict[str, Any]:
    """What a host would say of itself."""
    network = address.rsplit(".", 1)[0] + ".0"
    out: dict[str, Any] = {
        **{f"ansible_{key}": value for key, value in system.items()},
        "ansible_architecture": "x86_64",
        "ansible_hostname": name.split(".")[0],
        "ansible_fqdn": name,
        "ansible_nodename": name,
        "ansible_processor_vcpus": 4,
        "ansible_memtotal_mb": 16000,
        "ansible_service_mgr": "systemd",
        "ansible_interfaces": ["lo", *interfaces],
        "ansible_python": {"executable": "/usr/bin/python3", "version": {"major": 3, "minor": 12}},
        "ansible_default_ipv4": {"address": address, "interface": interfaces[0]},
        "ansible_all_ipv4_addresses": [address],
        "ansible_user_uid": 0,
        "ansible_user_gid": 0,
        "module_setup": True,
    }
    for interface in interfaces:
        ipv4 = {"address": address, "netmask": "255.255.255.0", "prefix": "24", "network": network}
        key = f"ansible_{interface.replace('-', '_')}"
        out[key] = {"device": interface, "active": True, "ipv4": ipv4, "type": "ether", "mtu": 1500}
    return out


def write_facts(folder: Path, every: dict[str, dict[str, Any]]) -> None:
    """The fact cache of ansible-core from 2.19 on: a file a host, its content a text inside of JSON."""
    folder.mkdir()
    for name, found in every.items():
        (folder / f"s1_{name}").write_text(json.dumps({"__payload__": json.dumps(found)}), "utf-8")
        (folder / name).write_text(json.dumps(found), "utf-8")
