"""The configuration of a deployer that runs: all of it reaches the runs, and its passwords are encrypted.

A run sees only the keys of its ConfigMaps, so a file that no generator names is one that Kolla-Ansible never
reads, without a word. Passwords are encrypted as a whole: upstream's own programs for them refuse files with
single encrypted values (kolla_ansible/cmd/genpwd.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.check.report import (
    KUSTOMIZATION_FILES,
    Fault,
    Repository,
    generators,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = "runner"
_PASSWORDS = ("passwords.yml", "passwords.yaml")
_HEADER = b"$ANSIBLE_VAULT;"


def check_runner(repository: Repository) -> Iterator[Fault]:
    """Faults of kind `reference`: a file that no run sees."""
    for file, documents in repository.documents.items():
        folder, _, name = file.rpartition("/")
        if name not in KUSTOMIZATION_FILES or not folder.endswith(f"/{_FOLDER}"):
            continue
        found_in = (generators(item, "configMapGenerator") for item in documents)
        listed = {entry.rpartition("=")[2] for made in found_in for _, entries in made for entry in entries}
        folders = tuple({f"{folder}/{path.partition('/')[0]}/" for path in listed if "/" in path})
        for found in repository.files:
            if found.startswith(folders) and found.removeprefix(f"{folder}/") not in listed:
                yield Fault("reference", found, f"no run sees it: no configMapGenerator of {file} lists it")


def check_passwords(repository: Repository) -> Iterator[Fault]:
    """Faults of kind `secret`: passwords of a deployer in clear."""
    for file in repository.files:
        if f"/{_FOLDER}/" not in file or not file.endswith(_PASSWORDS):
            continue
        path = repository.root / file
        if path.is_file() and not path.read_bytes().startswith(_HEADER):
            yield Fault("secret", file, "is not encrypted as a whole: ansible-vault encrypt")
