"""Write what differs between the releases of Kolla-Ansible: groups of the inventory, keys of the passwords.

`python scripts/kolla_series.py VENV…`: each a virtual environment with one kolla-ansible release in it. A
new release is a `pip install kolla-ansible==VERSION` there and a run of this.
"""

from __future__ import annotations

import ast
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

from openinfra_tui import yamlio

DATA = Path(__file__).parents[1] / "openinfra_tui" / "catalog" / "data" / "kolla"
# The groups whose members are the operator's own; every other group has groups in it.
OWN = ("control", "network", "compute", "monitoring", "storage", "deployment")
# The lists of kolla_ansible/cmd/genpwd.py, and the form of the secret that each of them makes.
FORMS = {
    "uuid_keys": "uuid",
    "ssh_keys": "rsa-keypair",
    "blank_keys": "empty",
    "hmac_md5_keys": "hex32",
    "fernet_keys": "fernet",
    "bcrypt_keys": "bcrypt-salt",
}


def main() -> None:
    """Write one file a series."""
    for name in sys.argv[1:]:
        venv = Path(name)
        (metadata,) = venv.glob("lib/python*/site-packages/kolla_ansible-*.dist-info")
        (core,) = venv.glob("lib/python*/site-packages/ansible_core-*.dist-info")
        share = venv / "share" / "kolla-ansible"
        series = _series(share)
        found: dict[str, Any] = {
            "release": metadata.name.removesuffix(".dist-info").partition("-")[2],
            "ansibleCore": core.name.removesuffix(".dist-info").partition("-")[2],
            "groups": _groups(share / "ansible" / "inventory" / "multinode"),
            "passwords": _passwords(share / "etc_examples" / "kolla" / "passwords.yml", metadata.parent),
        }
        DATA.mkdir(exist_ok=True)
        head = "# Written by scripts/kolla_series.py from the released package.\n"
        (DATA / f"{series}.yaml").write_text(head + yamlio.dump(found), "utf-8")


def _series(share: Path) -> str:
    places = (
        share / "ansible" / "group_vars" / "all" / "common.yml",
        share / "ansible" / "group_vars" / "all.yml",
    )
    (place,) = (place for place in places if place.exists())
    return str(yamlio.load(place.read_bytes())["openstack_release"])


def _groups(inventory: Path) -> dict[str, list[str]]:
    parser = ConfigParser(allow_no_value=True, delimiters=("=",), strict=False)
    parser.read(inventory)
    out: dict[str, list[str]] = {}
    for section in parser.sections():
        name = section.removesuffix(":children")
        if not section.endswith(":vars") and name not in OWN:
            out[name] = list(parser[section])
    return out


def _passwords(example: Path, packages: Path) -> dict[str, str]:
    forms: dict[str, str] = {}
    tree = ast.parse((packages / "kolla_ansible" / "cmd" / "genpwd.py").read_text("utf-8"))
    for node in ast.walk(tree):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name) and target.id in FORMS:
            forms |= dict.fromkeys(ast.literal_eval(node.value), FORMS[target.id])
    return {key: forms.get(key, "password") for key in yamlio.load(example.read_bytes())}


if __name__ == "__main__":
    main()
