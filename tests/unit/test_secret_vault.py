"""Vault files: the format of ansible-vault, and values that stay what they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openinfra_tui import yamlio
from openinfra_tui.errors import UserError
from openinfra_tui.secret import forms, sops
from openinfra_tui.secret.age import find_or_make, public_recipient
from openinfra_tui.secret.vault import HEADER, decrypt, encrypt
from openinfra_tui.secret.vaults import VaultSpec, update

KEYS = {"a_password": "password", "an_id": "uuid", "salt": "bcrypt-salt", "registry": "empty"}
SPEC = VaultSpec(KEYS, "vault-password", "s.sops.yaml", "vault.password")


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=200), st.text(min_size=1, max_size=40))
def test_what_goes_in_comes_out(plain: bytes, password: str) -> None:
    sealed = encrypt(plain, password)
    assert sealed.startswith(HEADER.encode() + b"\n")
    assert max(map(len, sealed.splitlines()[1:])) <= 80
    assert decrypt(sealed, password) == plain
    with pytest.raises(UserError, match="another password"):
        decrypt(sealed, password + "x")


def test_what_was_changed_or_cut_is_refused() -> None:
    sealed = encrypt(b"a: b\n", "p")
    for broken in (b"", b"a: b\n", sealed[:-40], sealed.replace(b"3", b"4"), sealed.replace(b"1.1", b"1.2")):
        with pytest.raises(UserError):
            decrypt(broken, "p")


def read(files: dict[str, bytes], password: str) -> dict[str, str]:
    found: dict[str, str] = yamlio.load(decrypt(files["v.yml"], password))
    return found


@pytest.fixture
def repository(tmp_path: Path) -> tuple[dict[str, bytes], str, str]:
    """A repository with a vault, its password and the identity that opens that."""
    identity, _ = find_or_make(tmp_path / "age.key", tmp_path / "out")
    made = update({}, {"v.yml": SPEC}, {}, (), None)
    password = made.passwords["vault-password"]
    sealed = sops.encrypt({"vault": {"password": password}}, [public_recipient(identity)]).encode()
    return {**made.files, "s.sops.yaml": sealed}, password, identity


def test_a_new_vault_has_every_key_in_its_form(repository: tuple[dict[str, bytes], str, str]) -> None:
    files, password, _ = repository
    found = read(files, password)
    assert set(found) == set(KEYS)
    assert len(found["a_password"]) == forms.PASSWORD_LENGTH
    assert len(found["an_id"]) == 36
    assert len(found["salt"]) == 22
    assert found["registry"] == ""


def test_a_whole_vault_is_kept_byte_for_byte_without_any_key(
    repository: tuple[dict[str, bytes], str, str],
) -> None:
    files, _, _ = repository
    again = update(files, {"v.yml": SPEC}, {"v.yml": list(KEYS)}, (), None)
    assert again.files["v.yml"] == files["v.yml"]
    assert again.passwords == {}


def test_a_key_more_keeps_the_others_and_needs_the_identity(
    repository: tuple[dict[str, bytes], str, str],
) -> None:
    files, password, identity = repository
    more = VaultSpec({**KEYS, "new_key": "hex32"}, SPEC.password, SPEC.sealed, SPEC.place)
    with pytest.raises(UserError, match="must be read"):
        update(files, {"v.yml": more}, {"v.yml": list(KEYS)}, (), None)
    after = update(files, {"v.yml": more}, {"v.yml": list(KEYS)}, (), identity)
    before, now = read(files, password), read(dict(after.files), password)
    assert {key: now[key] for key in KEYS} == before
    assert len(now["new_key"]) == 32


def test_rotation_of_a_value_and_of_the_password(repository: tuple[dict[str, bytes], str, str]) -> None:
    files, password, identity = repository
    held = {"v.yml": list(KEYS)}
    one = update(files, {"v.yml": SPEC}, held, ["a_password"], identity)
    before, now = read(files, password), read(dict(one.files), password)
    assert now["a_password"] != before["a_password"]
    assert now["an_id"] == before["an_id"]
    other = update(files, {"v.yml": SPEC}, held, ["vault-password"], identity)
    assert other.passwords["vault-password"] != password
    assert read(dict(other.files), other.passwords["vault-password"]) == before


def test_a_pair_of_keys_is_one_that_openssh_takes(tmp_path: Path) -> None:
    private, public = forms.rsa_key_pair()
    file = tmp_path / "id"
    file.write_text(private, "ascii")
    file.chmod(0o600)
    done = subprocess.run(["ssh-keygen", "-y", "-f", str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.split()[:2] == public.split()[:2]
