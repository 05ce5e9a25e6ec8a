"""SOPS: one encrypted values file a component, which the engine decrypts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from openinfra_tui.secret.encrypted import EncryptedFiles
    from openinfra_tui.secret.store import Holder


@dataclass(frozen=True, repr=False)
class SopsStore:
    """Keeps the values encrypted in Git.

    Attributes:
        files: who can decrypt, and the identity that reads what exists.
    """

    files: EncryptedFiles

    def update(
        self,
        existing: Mapping[str, bytes],
        holders: Sequence[Holder],
        *,
        rotate: Collection[str] = (),
        given: Mapping[str, str] | None = None,
        moved: Mapping[str, str] | None = None,
        made: Mapping[str, str] | None = None,
    ) -> dict[str, bytes]:
        """See `Store.update`."""
        wanted = {holder.file: holder.places for holder in holders}
        return self.files.update(existing, wanted, rotate, given, moved, made)

    def read(self, existing: Mapping[str, bytes], holders: Sequence[Holder]) -> dict[str, str]:
        """See `Store.read`."""
        return self.files.read(existing, {holder.file: holder.places for holder in holders})
