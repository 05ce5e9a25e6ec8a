"""JSON documents on disk, by the digest of everything that they were made from.

Whoever calls decides what may be kept: never anything of a repository with a secret in clear.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = 2000


def default_folder(name: str = "builds") -> Path:
    """A folder of `openinfra-tui` in the user's cache folder.

    Source: XDG Base Directory Specification, XDG_CACHE_HOME; a relative path there is to be ignored.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = named if named.is_absolute() else Path.home() / ".cache"
    return base / "openinfra-tui" / name


@dataclass(frozen=True)
class Cache:
    """A folder of documents. One that cannot be read or written holds nothing: only time is lost."""

    folder: Path

    def get(self, key: str) -> Any:
        """The document of a key, or None."""
        try:
            return orjson.loads((self.folder / key).read_bytes())
        except (OSError, ValueError):
            return None

    def put(self, documents: Mapping[str, Any]) -> None:
        """Keep documents by key; those that JSON would change are left out."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for key, document in documents.items():
                with contextlib.suppress(TypeError):
                    text = orjson.dumps(document)
                    if orjson.loads(text) == document:
                        self._write(key, text)
            self._prune()

    def _write(self, key: str, text: bytes) -> None:
        import tempfile  # not for those who only read

        descriptor, name = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        Path(name).replace(self.folder / key)

    def _prune(self) -> None:
        files = list(self.folder.iterdir())
        if len(files) > _KEPT:
            for file in sorted(files, key=lambda path: path.stat().st_mtime)[: len(files) - _KEPT]:
                file.unlink(missing_ok=True)
