"""YAML documents encrypted the way SOPS does it, for age recipients, without the `sops` program.

What this writes, `sops decrypt` and Flux's kustomize-controller open; what `sops` wrote for an age
recipient with every value encrypted, this opens. The format, as `sops` 3.11 reads it (`aes/cipher.go`,
`sops.go`, `stores/stores.go` of getsops/sops):

- one data key of 32 random bytes a file, wrapped by age for each recipient on its own;
- each scalar AES-256-GCM with a 32-byte nonce; the additional data is the path of keys, each followed by
  `:` (positions in lists are left out); empty strings and null stay as they are;
- the MAC is the SHA-512 of all plaintexts in document order, seeded because `mac_only_encrypted` is set,
  and itself encrypted with the time of the change as additional data.

Flux finds such a file by the bytes `mac: ENC[`, so that line is neither quoted nor folded. Keys stay
readable; nothing else does. No message of an error holds a value.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyrage
import yaml
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from openinfra_tui.errors import UserError
from openinfra_tui.secret.age import parse_identity, parse_recipient
from openinfra_tui.yamlio import load, quoted, scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VERSION = "3.11.0"  # the release of sops whose format this is
_SUFFIX = "_unencrypted"  # sops leaves what is below such a key in clear
_SEED = hashlib.sha256(b"sops").digest()
_VALUE = re.compile(r"ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:([a-z]+)\]")
_SIMPLE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")


def encrypt(document: Mapping[str, Any], recipients: Iterable[str]) -> str:
    """One document as SOPS-encrypted YAML.

    Args:
        document: mappings, lists and scalars (str, int, float, bool, None); keys are strings.
        recipients: public age recipients (`age1...`); each alone can decrypt.

    Raises:
        UserError: there is no recipient, one is not an X25519 recipient, or the document cannot be kept
            whole and secret in this format.
    """
    names = list(dict.fromkeys(recipient.strip() for recipient in recipients))
    if not names:
        raise UserError(
            "there is no age recipient to encrypt for", "name at least one recipient in the site file"
        )
    if not document:
        raise UserError("an empty document cannot be encrypted")
    if "sops" in document:
        raise UserError("the key `sops` at the top of a document is taken by its own metadata")
    parsed = [parse_recipient(name) for name in names]
    key = os.urandom(32)
    mac = hashlib.sha512(_SEED)
    cipher = AESGCM(key)
    lines = _encrypt_map(document, (), cipher, mac, 0)
    changed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines.append("sops:")
    lines.append("  age:")
    for name, recipient in zip(names, parsed, strict=True):
        armor = pyrage.encrypt(key, [recipient], armored=True).decode("ascii")
        lines += [f"  - recipient: {name}", "    enc: |", *(f"      {line}" for line in armor.splitlines())]
    lines += [
        f'  lastmodified: "{changed}"',
        f"  mac: {_seal(cipher, mac.hexdigest().upper().encode('ascii'), 'str', changed)}",
        "  mac_only_encrypted: true",
        f"  unencrypted_suffix: {_SUFFIX}",
        f"  version: {_VERSION}",
    ]
    return "\n".join(lines) + "\n"


def decrypt(text: str | bytes, identity: str) -> dict[str, Any]:
    """The document of a SOPS-encrypted YAML text, its MAC verified.

    Args:
        text: the encrypted file.
        identity: an X25519 age identity (`AGE-SECRET-KEY-1...`).

    Raises:
        UserError: the text is not such a file, the identity does not open it, a value is in clear, or
            something was changed without `sops`.
    """
    document, metadata = _split(text)
    changed, sealed = metadata.get("lastmodified"), metadata.get("mac")
    if not isinstance(changed, str) or not isinstance(sealed, str):
        raise UserError("the `sops` metadata has no lastmodified or no mac")
    cipher = AESGCM(_data_key(metadata, identity))
    mac = hashlib.sha512(_SEED if metadata.get("mac_only_encrypted") is True else b"")
    plain = {str(key): _decrypt(value, (str(key),), cipher, mac) for key, value in document.items()}
    wanted, _ = _open(cipher, sealed, changed, "sops.mac")
    if not hmac.compare_digest(wanted, mac.hexdigest().upper().encode("ascii")):
        raise UserError("the MAC of an encrypted file does not match: it was changed without sops")
    return plain


def recipients_of(text: str | bytes) -> tuple[str, ...]:
    """The age recipients that an encrypted file names.

    Raises:
        UserError: the text is not a SOPS-encrypted YAML file for age recipients.
    """
    return tuple(str(entry["recipient"]) for entry in _entries(_split(text)[1]))


def sealed_keys(text: str | bytes) -> dict[str, Any]:
    """The document of an encrypted file with its values still encrypted: for its keys, without any identity.

    Raises:
        UserError: the text is not a SOPS-encrypted YAML file.
    """
    return _split(text)[0]


def _split(text: str | bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        whole = load(text)
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError("an encrypted file is not YAML") from None  # YAML errors quote the text
    metadata = whole.get("sops") if isinstance(whole, dict) else None
    if not isinstance(metadata, dict):
        raise UserError(
            "a file that must be encrypted has no `sops` metadata", "encrypt it with `sops encrypt`"
        )
    return {key: value for key, value in whole.items() if key != "sops"}, metadata


def _entries(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = metadata.get("age")
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and {"recipient", "enc"} <= entry.keys() for entry in entries
    ):
        raise UserError("an encrypted file has no age recipients (`sops.age`)")
    return entries


def _data_key(metadata: Mapping[str, Any], identity: str) -> bytes:
    parsed = parse_identity(identity)
    for entry in _entries(metadata):
        try:
            key = bytes(pyrage.decrypt(str(entry["enc"]).encode("utf-8"), [parsed]))
        except pyrage.DecryptError:
            continue  # wrapped for somebody else; that none fits is told below
        if len(key) != 32:
            raise UserError("the data key of an encrypted file is not 32 bytes long")
        return key
    public = str(parsed.to_public())
    names = [str(entry["recipient"]) for entry in _entries(metadata)]
    if public in names:
        raise UserError(
            f"the data key of an encrypted file, wrapped for {public}, is damaged", "restore it from Git"
        )
    raise UserError(
        f"the age key {public} does not open this file, which is for {', '.join(names)}",
        "name the matching key with --age-key",
    )


def _encrypt_map(
    value: Mapping[str, Any], path: tuple[str, ...], cipher: AESGCM, mac: Any, indent: int
) -> list[str]:
    out: list[str] = []
    pad = " " * indent
    for key, item in value.items():
        if not isinstance(key, str) or not key:
            raise UserError(
                f"keys of an encrypted document must be non-empty strings (below {'.'.join(path) or 'top'})"
            )
        if key.endswith(_SUFFIX):
            raise UserError(f"{'.'.join((*path, key))}: sops would leave this in clear, because of {_SUFFIX}")
        head = f"{pad}{key if _SIMPLE_KEY.fullmatch(key) and scalar(key) == key else quoted(key)}:"
        if isinstance(item, dict) and item:
            out += [head, *_encrypt_map(item, (*path, key), cipher, mac, indent + 2)]
        elif isinstance(item, list) and item:
            out += [head, *_encrypt_list(item, (*path, key), cipher, mac, indent)]
        else:
            out.append(f"{head} {_encrypt_scalar(item, (*path, key), cipher, mac)}")
    return out


def _encrypt_list(
    value: list[Any], path: tuple[str, ...], cipher: AESGCM, mac: Any, indent: int
) -> list[str]:
    out: list[str] = []
    for item in value:
        if isinstance(item, dict) and item:
            nested = _encrypt_map(item, path, cipher, mac, indent + 2)
        elif isinstance(item, list) and item:
            nested = _encrypt_list(item, path, cipher, mac, indent + 2)
        else:
            nested = [_encrypt_scalar(item, path, cipher, mac)]
        out += [f"{' ' * indent}- {nested[0].lstrip(' ')}", *nested[1:]]
    return out


def _encrypt_scalar(value: object, path: tuple[str, ...], cipher: AESGCM, mac: Any) -> str:
    if value is None or value == "" or (isinstance(value, dict | list) and not value):
        return {"NoneType": "null", "str": '""', "dict": "{}", "list": "[]"}[type(value).__name__]
    try:
        plain, kind = _to_bytes(value)
    except (ValueError, TypeError):  # UnicodeEncodeError holds the value: do not chain it
        raise UserError(f"{'.'.join(path)}: a {type(value).__name__} that sops cannot hold") from None
    mac.update(plain)
    return _seal(cipher, plain, kind, ":".join(path) + ":")


def _to_bytes(value: object) -> tuple[bytes, str]:
    """A scalar in the form that Go's sops hashes and encrypts, and its type's name."""
    if isinstance(value, bool):
        return (b"True" if value else b"False"), "bool"
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return str(value).encode("ascii"), "int"
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f").removesuffix(".0").encode("ascii"), "float"
    if isinstance(value, str):
        return value.encode("utf-8"), "str"
    raise TypeError(type(value).__name__)


def _seal(cipher: AESGCM, plain: bytes, kind: str, additional: str) -> str:
    nonce = os.urandom(32)
    sealed = cipher.encrypt(nonce, plain, additional.encode("utf-8"))
    data, iv, tag = (base64.b64encode(part).decode("ascii") for part in (sealed[:-16], nonce, sealed[-16:]))
    return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{kind}]"


def _open(cipher: AESGCM, sealed: str, additional: str, where: str) -> tuple[bytes, str]:
    match = _VALUE.fullmatch(sealed)
    if match is None:
        raise UserError(f"{where} is in clear in a file that must be encrypted", "encrypt it with sops")
    try:
        data, nonce, tag = (base64.b64decode(part, validate=True) for part in match.groups()[:3])
        return cipher.decrypt(nonce, data + tag, additional.encode("utf-8")), match[4]
    except (InvalidTag, binascii.Error, ValueError):
        raise UserError(f"{where} cannot be decrypted: it was changed or moved without sops") from None


def _decrypt(value: Any, path: tuple[str, ...], cipher: AESGCM, mac: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _decrypt(item, (*path, str(key)), cipher, mac) for key, item in value.items()}
    if isinstance(value, list):
        return [_decrypt(item, path, cipher, mac) for item in value]
    if value is None or value == "":
        return value
    where = ".".join(path)
    if not isinstance(value, str):
        raise UserError(f"{where} is in clear in a file that must be encrypted", "encrypt it with sops")
    plain, kind = _open(cipher, value, ":".join(path) + ":", where)
    mac.update(plain)
    try:
        if kind in ("str", "time"):
            return plain.decode("utf-8")
        if kind in ("int", "float"):
            return int(plain) if kind == "int" else float(plain)
    except ValueError:
        raise UserError(f"{where} does not hold what its type {kind} says") from None
    if kind == "bool":
        return plain.lower() == b"true"
    raise UserError(f"{where}: values of type {kind} are not supported")
