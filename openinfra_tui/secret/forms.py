"""The forms a generated secret can have, and how each one is made.

================ ==========================================================================
form             value
================ ==========================================================================
password         32 ASCII letters and digits (190 bits): safe in URLs, INI files and shells
hex32            32 hexadecimal digits (16 random bytes)
fernet           urlsafe base64 of 32 bytes, as `cryptography.fernet` wants it
kek              base64 of 32 bytes: Barbican's simple_crypto key encryption key
uuid             a random UUID
bcrypt-salt      22 characters of bcrypt's own base64 (16 random bytes)
given            one line that the operator brings; never made here
ssh-keypair      a private Ed25519 key in OpenSSH's PEM; `public_ssh_key` derives the other half
================ ==========================================================================

`rsa_key_pair` makes what is two texts.

All randomness comes from the operating system (`secrets`, `cryptography`).
"""

from __future__ import annotations

import base64
import secrets
import string
import uuid
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

GIVEN = "given"
PASSWORD_LENGTH = 32
RSA_BITS = 3072
_ALPHABET = string.ascii_letters + string.digits
_TO_BCRYPT = str.maketrans(
    string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/",
    "./" + string.ascii_uppercase + string.ascii_lowercase + string.digits,
)


def generate(form: str) -> str:
    """A new random value of one form.

    Args:
        form: one of `form_names()`.

    Raises:
        UserError: there is no such form.
    """
    maker = _FORMS.get(form)
    if maker is None:
        raise UserError(f"unknown form of secret: {form}", f"use one of {', '.join(form_names())}")
    return maker()


def form_names() -> tuple[str, ...]:
    """Every form that `generate` can make."""
    return tuple(_FORMS)


def public_ssh_key(private: str, comment: str = "") -> str:
    """The line for `authorized_keys` that belongs to a private OpenSSH key.

    Args:
        private: an unencrypted private key in OpenSSH's PEM.
        comment: what to put behind the key, or an empty string.

    Raises:
        UserError: the text is not such a key. The message never holds any of the text.
    """
    try:
        key = serialization.load_ssh_private_key(private.encode("utf-8"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UserError("not an unencrypted OpenSSH private key") from None
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{line.decode('ascii')} {comment}".rstrip()


def rsa_key_pair() -> tuple[str, str]:
    """A private RSA key as PKCS#8 PEM, and its line for `authorized_keys`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode("ascii"), public.decode("ascii")


def _password() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH))


def _hex32() -> str:
    return secrets.token_hex(16)


def _fernet() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def _kek() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def _uuid() -> str:
    return str(uuid.uuid4())


def _bcrypt_salt() -> str:
    return base64.b64encode(secrets.token_bytes(16)).decode("ascii").rstrip("=").translate(_TO_BCRYPT)


def _ssh_private_key() -> str:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return pem.decode("ascii")


_FORMS: dict[str, Callable[[], str]] = {
    "password": _password,
    "hex32": _hex32,
    "fernet": _fernet,
    "kek": _kek,
    "uuid": _uuid,
    "bcrypt-salt": _bcrypt_salt,
    "ssh-keypair": _ssh_private_key,
}
