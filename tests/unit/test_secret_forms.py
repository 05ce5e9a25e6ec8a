"""Every form of generated secret is what its reader accepts."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key

from openinfra_tui.errors import UserError
from openinfra_tui.secret.forms import form_names, generate, public_ssh_key


@pytest.mark.parametrize("form", form_names())
def test_each_call_makes_another_value(form: str) -> None:
    assert len({generate(form) for _ in range(20)}) == 20


def test_shapes() -> None:
    for _ in range(20):
        assert re.fullmatch(r"[A-Za-z0-9]{32}", generate("password"))
        assert re.fullmatch(r"[0-9a-f]{32}", generate("hex32"))
        assert len(base64.b64decode(generate("kek"), validate=True)) == 32
        box = Fernet(generate("fernet"))
        assert box.decrypt(box.encrypt(b"x")) == b"x"


def test_ssh_key_is_openssh_and_its_public_half_matches() -> None:
    private = generate("ssh-keypair")
    assert private.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    public = public_ssh_key(private, "nova@fra1")
    assert re.fullmatch(r"ssh-ed25519 \S+ nova@fra1", public)
    assert public_ssh_key(private) == public.removesuffix(" nova@fra1")
    loaded = load_ssh_private_key(private.encode(), None).public_key()
    assert load_ssh_public_key(public.encode()) == loaded


@pytest.mark.parametrize("text", ["", "hidden", generate("ssh-keypair")[:120]])
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UserError) as caught:
        public_ssh_key(text)
    assert caught.value.message == "not an unencrypted OpenSSH private key"
    assert caught.value.__cause__ is None


def test_unknown_form_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="unknown form of secret: pasword") as caught:
        generate("pasword")
    assert "password" in caught.value.hint
