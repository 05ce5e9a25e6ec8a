"""SOPS values of manifests: opened in memory where a key is given, else their paths are told.

Two forms, as kustomize-controller opens them: an object that is itself encrypted (a `sops` key at its top),
and a Secret whose data holds an encrypted file (a secretGenerator over `secrets.sops.yaml`).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from openinfra_tui import proc, yamlio
from openinfra_tui.build import programs
from openinfra_tui.errors import ToolError

if TYPE_CHECKING:
    from pathlib import Path

_SEALED_FILE = re.compile(rb"^\s*\"?mac\"?:\s*\"?ENC\[", re.MULTILINE)


class Opener:
    """Opens what one age key opens, through the sops program, so that the bytes are those of the controller.

    Args:
        key_file: an age identity file, or None: then nothing is opened.
    """

    def __init__(self, key_file: Path | None) -> None:
        self._key_file = key_file
        self._opened: dict[bytes, bytes | None] = {}

    def open(self, manifest: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """A manifest with its values opened, and the paths of those that stay closed."""
        if isinstance(manifest.get("sops"), dict):
            plain = self._decrypt(yamlio.dump(manifest).encode(), "json")
            if plain is not None:
                return dict(json.loads(plain)), ()
            closed = {key: value for key, value in manifest.items() if key != "sops"}
            return closed, tuple(_closed_paths(closed))
        if manifest.get("kind") != "Secret" or not isinstance(manifest.get("data"), dict):
            return manifest, ()
        data, left = {}, []
        for name, value in manifest["data"].items():
            raw = _raw(value)
            if not _SEALED_FILE.search(raw):
                data[name] = value
                continue
            plain = self._decrypt(raw, "json" if name.endswith(".json") else "yaml")
            data[name] = value if plain is None else base64.b64encode(plain).decode()
            left += [f"/data/{name}"] if plain is None else []
        return {**manifest, "data": data}, tuple(left)

    def values(self, text: bytes) -> bytes | None:
        """A values file that is encrypted, opened; None when nothing opens it."""
        return self._decrypt(text, "yaml")

    def _decrypt(self, text: bytes, form: str) -> bytes | None:
        if self._key_file is None:
            return None
        if text not in self._opened:
            self._opened[text] = self._run(text, form)
        return self._opened[text]

    def _run(self, text: bytes, form: str) -> bytes | None:
        found = programs.copies("sops")
        if not found:
            return None
        words = [str(found[0]), "decrypt", "--input-type=yaml", f"--output-type={form}", "/dev/stdin"]
        environment = {"SOPS_AGE_KEY_FILE": str(self._key_file), "SOPS_DISABLE_VERSION_CHECK": "true"}
        try:
            return proc.run(words, stdin=text, env=environment, timeout=30).stdout
        except ToolError:
            return None  # not for this key: the value stays closed and is told as such


def is_sealed(text: bytes) -> bool:
    """Whether a file is one that SOPS encrypted."""
    return _SEALED_FILE.search(text) is not None


def _raw(value: Any) -> bytes:
    try:
        # kustomize writes long values over several lines.
        return base64.b64decode("".join(str(value).split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _closed_paths(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _closed_paths(item, f"{path}/{key}")]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in _closed_paths(item, f"{path}/{index}")]
    return [path] if isinstance(value, str) and value.startswith("ENC[") else []
