"""Names of generated Secrets whose files SOPS encrypts.

kustomize-controller decrypts the files of a `secretGenerator` before kustomize builds, so the end of the name
is the digest of the plaintext, where a build of the repository has that of the ciphertext. It is computed
anew from the opened values; no plaintext is written anywhere.
Source: kustomize, api/hasher (type and data; it leaves the name out) and api/internal/generators (base64).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LETTERS = str.maketrans("013ae", "ghkmt")
_LINE = 70
DOUBT = "it has or names a generated Secret, whose name follows from values that no key opens"


def names(pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, str]:
    """The names of generated Secrets after decryption, by those before; empty for one that stays closed.

    Args:
        pairs: the Secrets as they were built, and as far as they were opened.
    """
    found = {}
    for built, opened in pairs:
        stem, _, end = str(built["metadata"]["name"]).rpartition("-")
        if stem and _digest(built) == end:
            found[f"{stem}-{end}"] = f"{stem}-{_digest(opened)}" if opened is not built else ""
    return found


def renamed(value: Any, by: Mapping[str, str]) -> tuple[Any, bool]:
    """A value with each old name replaced, and whether it holds one whose new name is not known."""
    if isinstance(value, dict):
        pairs = {key: renamed(item, by) for key, item in value.items()}
        return {key: item for key, (item, _) in pairs.items()}, any(open_ for _, open_ in pairs.values())
    if isinstance(value, list):
        items = [renamed(item, by) for item in value]
        return [item for item, _ in items], any(open_ for _, open_ in items)
    if isinstance(value, str) and value in by:
        return by[value] or value, not by[value]
    return value, False


def _digest(secret: Mapping[str, Any]) -> str:
    try:
        data = {name: _lines(base64.b64decode(str(text))) for name, text in secret["data"].items()}
    except (binascii.Error, ValueError):
        return ""
    whole = {"data": data, "kind": "Secret", "name": "", "type": str(secret.get("type") or "")}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(_LETTERS)


def _lines(content: bytes) -> str:
    """Base64 as kustomize writes it: in lines, where it is as long as one."""
    text = base64.b64encode(content).decode()
    if len(text) < _LINE:
        return text
    return "".join(f"{text[start : start + _LINE]}\n" for start in range(0, len(text), _LINE))
