"""Generated secrets that a deployer reads from a vault file of its own, complete from the first commit.

The file is the only store of its values; the record of a site says which keys it holds, so that one that
lacks nothing is kept byte for byte, and needs no password to know it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui import yamlio
from openinfra_tui.errors import UserError
from openinfra_tui.secret import forms, sops, vault

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class VaultSpec:
    """What one vault file holds, and what opens it.

    Attributes:
        keys: the form of the secret of each key.
        password: the name of the secret that opens it.
        sealed: the encrypted values file that holds this secret.
        place: the dotted path of the secret in there.
    """

    keys: Mapping[str, str]
    password: str
    sealed: str
    place: str


@dataclass(frozen=True, repr=False)
class Vaulted:
    """The vault files, and the passwords that were made for them, by the name of the secret."""

    files: Mapping[str, bytes]
    passwords: Mapping[str, str]


def update(
    existing: Mapping[str, bytes],
    wanted: Mapping[str, VaultSpec],
    held: Mapping[str, Collection[str]],
    rotate: Collection[str],
    identity: str | None,
) -> Vaulted:
    """The vault files that hold every wanted key; values that exist are kept unless they are to be rotated.

    Args:
        existing: the files of the repository by path.
        wanted: the vault files by path.
        held: by path, the keys that a file holds, as the record of the site says.
        rotate: names of keys, or of the secrets that open the files, that get a new value.
        identity: the text of an age identity, needed once a file that exists must be read.

    Raises:
        UserError: a file must be read, and there is no identity, or it opens nothing.
    """
    files: dict[str, bytes] = {}
    passwords: dict[str, str] = {}
    for path, spec in wanted.items():
        there = existing.get(path)
        whole = set(spec.keys) <= set(held.get(path, ())) and not {*spec.keys, spec.password} & set(rotate)
        if there is not None and whole and spec.sealed in existing:
            files[path] = there
            continue
        known = _password(existing, spec, path, identity) if spec.sealed in existing else ""
        values: dict[str, Any] = {}
        if there is not None:
            if not known:
                raise UserError(f"{path}: {spec.sealed} with its password is gone", "bring it back from Git")
            values = _read(there, known, path)
        password = known
        if not known or spec.password in rotate:
            password = passwords[spec.password] = forms.generate("password")
        made = {
            key: value(form)
            for key, form in spec.keys.items()
            if key not in values or values[key] is None or key in rotate
        }
        files[path] = vault.encrypt(yamlio.dump(dict(sorted({**values, **made}.items()))).encode(), password)
    return Vaulted(files, passwords)


def value(form: str) -> str | dict[str, str]:
    """A new value of a form as it stands in a vault file: a pair of keys is a mapping, `empty` is empty."""
    if form == "empty":
        return ""
    if form == "rsa-keypair":
        private, public = forms.rsa_key_pair()
        return {"private_key": private, "public_key": public}
    return forms.generate(form)


def _password(existing: Mapping[str, bytes], spec: VaultSpec, path: str, identity: str | None) -> str:
    if identity is None:
        raise UserError(
            f"{path} must be read to change it, and {spec.sealed} for that",
            "name the file of an age identity that opens it with --age-key",
        )
    try:
        node: Any = sops.decrypt(existing[spec.sealed], identity)
    except UserError as error:
        raise UserError(f"{spec.sealed}: {error.message}", error.hint) from None
    for key in spec.place.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, str) else ""


def _read(content: bytes, password: str, path: str) -> dict[str, Any]:
    try:
        plain = vault.decrypt(content, password)
    except UserError as error:
        raise UserError(f"{path}: {error.message}", error.hint) from None
    loaded = yamlio.load(plain)
    if not isinstance(loaded, dict):
        raise UserError(f"{path}: holds no mapping")
    return loaded
