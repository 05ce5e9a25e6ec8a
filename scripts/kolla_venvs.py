"""Make the environments that the tests of Kolla-Ansible use: one a release, each with its own collections.

`python scripts/kolla_venvs.py FOLDER`: a Python of at least 3.12 is needed, and the package index. The
collections come from the `ansible` package of the same age, as Galaxy is another server; the one that only
prepares hosts (openstack.kolla) is not in it, and the tests do not run it.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from openinfra_tui.catalog.kolla import kolla_release
from openinfra_tui.catalog.read import load_catalog

# The `ansible` package whose ansible-core the release takes.
PACKAGES = {"2025.1": ">=10,<12", "2025.2": ">=11,<13", "2026.1": ">=12,<14", "2026.2": ">=14,<15"}
WANTED = (
    *(f"ansible/{name}/" for name in ("netcommon", "posix", "utils")),
    *(f"community/{name}/" for name in ("crypto", "docker", "general", "library_inventory_filtering_v1")),
    "containers/podman/",
)


def main() -> None:
    """Make what is not there yet."""
    root = Path(sys.argv[1])
    deployer = load_catalog().deployer("kolla-ansible")
    for series in deployer.built if deployer else ():
        release = kolla_release(series)
        venv = root / release.release
        if (venv / "collections").is_dir():
            continue
        run(sys.executable, "-m", "venv", str(venv))
        pins = (f"kolla-ansible=={release.release}", f"ansible-core=={release.ansible_core}")
        run(str(venv / "bin" / "pip"), "install", "--quiet", *pins)
        wheels = venv / "wheels"
        download = ("download", "--quiet", "--no-deps", f"ansible{PACKAGES[series]}", "--dest", str(wheels))
        run(str(venv / "bin" / "pip"), *download)
        (wheel,) = wheels.glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            prefixes = tuple(f"ansible_collections/{name}" for name in WANTED)
            names = [name for name in archive.namelist() if name.startswith(prefixes)]
            archive.extractall(venv / "collections", names)
        wheel.unlink()


def run(*argv: str) -> None:
    """Run one program; it must succeed."""
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    main()
