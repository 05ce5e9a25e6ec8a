"""Built objects on disk, by the digest of everything that they were built from.

Whoever calls decides what may be kept: never a build of a repository with a secret in clear.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KEPT = 2000


def default_folder() -> Path:
    """`openinfra-tui/builds` in the user's cache folder.

    Source: XDG Base Directory Specification, XDG_CACHE_HOME; a relative path there is to be ignored.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = named if named.is_absolute() else Path.home() / ".cache"
    return base / "openinfra-tui" / "builds"


@dataclass(frozen=True)
class Cache:
    """A folder of builds. One that cannot be read or written holds nothing: only time is lost."""

    folder: Path

    def get(self, key: str) -> list[dict[str, Any]] | None:
        """The objects of a key, or None."""
        try:
            found = json.loads((self.folder / key).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, list) else None

    def put(self, built: dict[str, list[dict[str, Any]]]) -> None:
        """Keep builds by key; those that JSON would change are left out."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for key, objects in built.items():
                with contextlib.suppress(TypeError):
                    text = json.dumps(objects)
                    if json.loads(text) == objects:
                        self._write(key, text)
            self._prune()

    def _write(self, key: str, text: str) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(self.folder / key)

    def _prune(self) -> None:
        files = list(self.folder.iterdir())
        if len(files) > _KEPT:
            for file in sorted(files, key=lambda path: path.stat().st_mtime)[: len(files) - _KEPT]:
                file.unlink(missing_ok=True)
