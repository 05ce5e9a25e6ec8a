"""Files encrypted as a whole the way ansible-vault does it, without the `ansible-vault` program.

The format 1.1 (https://docs.ansible.com/projects/ansible/latest/vault_guide, "payload format"): a line
`$ANSIBLE_VAULT;1.1;AES256`, then hexadecimal digits in lines of 80. They are the salt, the HMAC-SHA256 of the
ciphertext and the ciphertext, each in hexadecimal digits and one a line. Key, HMAC key and first counter are
PBKDF2-SHA256 of the password over 10000 rounds; the cipher is AES-256-CTR with PKCS#7 padding. No message of
an error holds a value.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.padding import PKCS7

from openinfra_tui.errors import UserError

HEADER = "$ANSIBLE_VAULT;1.1;AES256"
_ROUNDS = 10000
_WIDTH = 80


def encrypt(plain: bytes, password: str) -> bytes:
    """Some bytes as the content of a vault file."""
    salt = os.urandom(32)
    key, check, counter = _keys(password, salt)
    padder = PKCS7(AES.block_size).padder()
    encryptor = Cipher(AES(key), CTR(counter)).encryptor()
    cipher = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    parts = (salt, hmac.digest(check, cipher, "sha256"), cipher)
    digits = b"\n".join(part.hex().encode() for part in parts).hex()
    lines = [digits[at : at + _WIDTH] for at in range(0, len(digits), _WIDTH)]
    return "\n".join([HEADER, *lines, ""]).encode()


def decrypt(content: bytes, password: str) -> bytes:
    """What a vault file holds.

    Raises:
        UserError: it is no vault file of format 1.1, the password is wrong, or it was changed.
    """
    header, _, body = content.partition(b"\n")
    if header.strip() != HEADER.encode():
        raise UserError(f"is not a vault file: the first line is not {HEADER}")
    try:
        salt, digest, cipher = (bytes.fromhex(part) for part in _lines(body))
    except (ValueError, binascii.Error):
        raise UserError("is not a whole vault file") from None
    key, check, counter = _keys(password, salt)
    if not hmac.compare_digest(hmac.digest(check, cipher, "sha256"), digest):
        raise UserError("cannot be decrypted: another password, or it was changed")
    decryptor = Cipher(AES(key), CTR(counter)).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    return unpadder.update(decryptor.update(cipher) + decryptor.finalize()) + unpadder.finalize()


def _lines(body: bytes) -> list[str]:
    return binascii.unhexlify(b"".join(body.split())).decode("ascii").split("\n")


def _keys(password: str, salt: bytes) -> tuple[bytes, bytes, bytes]:
    material = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS, 32 + 32 + 16)
    return material[:32], material[32:64], material[64:]
