"""Secrets that an operator makes: an ExternalSecret or a SealedSecret as the Secret that comes of it.

Sources of the rules: ExternalSecret (external-secrets.io/v1) and SealedSecret (bitnami.com/v1alpha1) API
references: with a template only its keys are in the Secret of an ExternalSecret, and a SealedSecret adds them
to its sealed ones; a key that a template of a SealedSecret names and nothing holds is empty text.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import yamlio
from openinfra_tui.check.report import (
    Fault,
    Place,
    Repository,
    dig,
    is_kind,
    is_object,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXTERNAL, SEALED = ("ExternalSecret", "external-secrets.io"), ("SealedSecret", "bitnami.com")
_ACTION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_KEY = re.compile(r"index \. \"([^\"]+)\"|\.([A-Za-z_][A-Za-z0-9_]*)")
_MARK = "FROM-A-SECRET"
_SHORTEST = 2 + 128 + 16  # length, a key wrapped by RSA with 1024 bits, the tag of an empty value


def made_secret(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Secret that comes of an object, without values; None where none does."""
    if is_kind(item, *EXTERNAL):
        template = _map(dig(item, "spec.target.template"))
        name = dig(item, "spec.target.name") or dig(item, "metadata.name")
        keys = _map(template.get("data")) or dict.fromkeys(_names(item))
    elif is_kind(item, *SEALED):
        template = _map(dig(item, "spec.template"))
        name = dig(item, "metadata.name")
        keys = {**_map(dig(item, "spec.encryptedData")), **_map(template.get("data"))}
    else:
        return None
    meta = {
        "name": name,
        "namespace": dig(item, "metadata.namespace"),
        "labels": _map(dig(template, "metadata.labels")),
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": dict.fromkeys(keys, "")}


def chart_values(item: Mapping[str, Any]) -> Any:
    """The values that the template of an object makes, each secret a mark; None where there are none."""
    text = _templates(item).get("values.yaml")
    if not isinstance(text, str):
        return None
    try:
        return yamlio.load(_ACTION.sub(_MARK, text))
    except yaml.YAMLError:
        return None


def check_made_secrets(repository: Repository) -> list[Fault]:
    """Faults of kind `secret` and `reference` of the objects that make Secrets; no message holds a value."""
    faults: list[Fault] = []
    for file, documents in repository.documents.items():
        for item in documents:
            if is_object(item) and (is_kind(item, *EXTERNAL) or is_kind(item, *SEALED)):
                faults += [Fault("secret", file, f"{named(item)}: {text}") for text in _faults(item)]
    return faults


def check_stores(reached: list[Place]) -> Iterator[Fault]:
    """The store that an ExternalSecret of a cluster names must be in that cluster."""
    stores = {
        _store(item.get("kind"), dig(item, "metadata.namespace"), dig(item, "metadata.name"))
        for _, item in reached
    }
    for file, item in reached:
        reference = dig(item, "spec.secretStoreRef")
        if is_kind(item, *EXTERNAL) and isinstance(reference, dict):
            kind, name = reference.get("kind") or "SecretStore", reference.get("name")
            if _store(kind, dig(item, "metadata.namespace"), name) not in stores:
                yield Fault("reference", file, f"{named(item)}: {kind} {name} does not exist in this cluster")


def _store(kind: object, namespace: object, name: object) -> tuple[str, str, str]:
    return str(kind), str(namespace) if kind == "SecretStore" else "", str(name)


def _faults(item: Mapping[str, Any]) -> Iterator[str]:
    sealed = _map(dig(item, "spec.encryptedData"))
    known = set(sealed) if is_kind(item, *SEALED) else set(_names(item))
    for name, value in sealed.items():
        if not _is_sealed(value):
            yield f"{name} is not sealed"
    if dig(item, "spec.data") is not None and is_kind(item, *SEALED):
        yield "spec.data is a form that the controller no longer opens"
    for key, text in _templates(item).items():
        actions = _ACTION.findall(str(text))
        used = {a or b for action in actions for a, b in _KEY.findall(action)}
        # Where the whole secret is taken over (dataFrom), its keys are not known here.
        if not dig(item, "spec.dataFrom"):
            for name in sorted(used - known):
                yield f"the template of {key} names {name}, which the object does not have"
        yield from _clear(key, str(text))


def _clear(key: str, text: str) -> Iterator[str]:
    """Values of a template that come from no secret: a password written into one would be in clear."""
    try:
        values = yamlio.load(_ACTION.sub(_MARK, text))
    except yaml.YAMLError:
        return
    for path, value in _leaves(values):
        if isinstance(value, str) and _MARK not in value:
            yield f"the template of {key} has {path or 'a value'} in clear; put it into values.user.yaml"


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]")
    elif value not in (None, ""):
        yield path, value


def _is_sealed(value: object) -> bool:
    try:
        raw = base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) >= _SHORTEST and 128 <= int.from_bytes(raw[:2], "big") <= len(raw) - 2 - 16


def _templates(item: Mapping[str, Any]) -> dict[str, Any]:
    path = "spec.template.data" if is_kind(item, *SEALED) else "spec.target.template.data"
    return _map(dig(item, path))


def _names(item: Mapping[str, Any]) -> list[str]:
    entries = dig(item, "spec.data")
    found = entries if isinstance(entries, list) else []
    return [str(entry.get("secretKey")) for entry in found if isinstance(entry, dict)]


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
