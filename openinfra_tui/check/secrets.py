"""No secret in clear: in files as they stand, because a build would hide where one comes from."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from openinfra_tui.check.report import (
    KUSTOMIZATION_FILES,
    Fault,
    Repository,
    generators,
    mappings,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----|AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{40,}")
_CIPHER = re.compile(
    r"^ENC\[AES256_GCM,data:[A-Za-z0-9+/=]*,iv:[A-Za-z0-9+/=]+,tag:[A-Za-z0-9+/=]+,type:[a-z]+\]$"
)
_RECIPIENTS = ("age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "key_groups")
_LIMIT = 5_000_000


def check_secrets(repository: Repository) -> list[Fault]:
    """Faults of kind `secret`; a message never holds the value."""
    faults = []
    for file in repository.files:
        path = repository.root / file
        if path.is_file() and path.stat().st_size < _LIMIT and _KEYS.search(path.read_bytes()):
            faults.append(Fault("secret", file, "holds a private key in clear"))
    rules = [
        rule
        for document in repository.documents.get(".sops.yaml", ())
        for rule in mappings(document, "creation_rules")
    ]
    for file, documents in repository.documents.items():
        for document in documents:
            if not isinstance(document, dict):
                continue
            if file.endswith((".sops.yaml", ".sops.yml")) and file.rsplit("/", 1)[-1] != ".sops.yaml":
                faults += [Fault("secret", file, message) for message in _encrypted(document)]
                faults += [Fault("secret", file, message) for message in _readers(file, document, rules)]
            elif document.get("kind") == "Secret":
                faults += _secret(file, document)
            elif file.rsplit("/", 1)[-1] in KUSTOMIZATION_FILES:
                faults += _generators(file, document)
    return faults


def _encrypted(document: dict[str, Any]) -> Iterator[str]:
    meta = document.get("sops")
    if not isinstance(meta, dict):
        yield "is not encrypted (no sops key)"
        return
    if not _CIPHER.match(str(meta.get("mac", ""))):
        yield "has no message authentication code (sops.mac)"
    if not any(meta.get(kind) for kind in _RECIPIENTS):
        yield "is encrypted for nobody (no recipients below sops)"
    only = meta.get("encrypted_regex")
    body = {key: value for key, value in document.items() if key != "sops"}
    leaves = list(_leaves(body))
    whole = not (only and document.get("kind") == "Secret")
    for path, value in leaves:
        must = whole or path.split(".")[0] in ("data", "stringData")
        if must and not _CIPHER.match(str(value)):
            yield f"{path} is in clear"


def _readers(file: str, document: dict[str, Any], rules: list[dict[str, Any]]) -> Iterator[str]:
    """Who can read a file against who should: what the cluster's key cannot open is never applied.

    The first rule whose path_regex matches counts (SOPS, README, "Using .sops.yaml conf").
    """
    rule = next((rule for rule in rules if _is_for(rule, file)), None)
    if rule is None or not isinstance(rule.get("age"), str):
        return
    wanted = {name.strip() for name in rule["age"].split(",")}
    found = {str(item.get("recipient")) for item in mappings(document, "sops.age")}
    for name in sorted(wanted - found):
        yield f"cannot be read by {name}, whom .sops.yaml names: sops updatekeys"
    for name in sorted(found - wanted):
        yield f"can be read by {name}, whom .sops.yaml does not name: sops updatekeys"


def _is_for(rule: dict[str, Any], file: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):  # of what other engines read otherwise
            return re.search(str(rule.get("path_regex", "")), file) is not None
    except re.error:
        return False


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]")
    elif value is not None and value != "":
        yield path, value


def _secret(file: str, document: dict[str, Any]) -> Iterator[Fault]:
    for part in ("data", "stringData"):
        clear = [path for path, value in _leaves(document.get(part) or {}) if not _CIPHER.match(str(value))]
        if clear:
            yield Fault("secret", file, f"{named(document)} has {part} in clear: {', '.join(clear[:5])}")


def _generators(file: str, document: dict[str, Any]) -> Iterator[Fault]:
    for generator, sources in generators(document, "secretGenerator"):
        name = generator.get("name", "?")
        if generator.get("literals"):
            yield Fault("secret", file, f"secretGenerator {name} has literals: a secret in clear")
        for source in sources:
            if not source.rsplit("=", 1)[-1].endswith((".sops.yaml", ".sops.yml", ".sops.env", ".sops.json")):
                yield Fault(
                    "secret", file, f"secretGenerator {name} reads a file that is not encrypted: {source}"
                )
