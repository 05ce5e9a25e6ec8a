"""External Secrets: Git holds where a value is, and a Vault or OpenBao holds the value.

What was generated stands in one file, encrypted for the recipients of the site and read by no engine; a
script of the repository brings it into the store. A value has a path of its own, so that equal names are one
value there too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui.secret.encrypted import EncryptedFiles, by_name
from openinfra_tui.secret.store import VALUES, WATCHED, values_template
from openinfra_tui.yamlio import dump

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from openinfra_tui.secret.store import Holder

STORE = "openinfra"  # the ClusterSecretStore of skeletons/external-secrets
PROPERTY = "value"


@dataclass(frozen=True, repr=False)
class ExternalStore:
    """Keeps references in Git.

    Attributes:
        files: who can decrypt what is to be brought into the store, and the identity that reads it.
        fill: the path of that file.
        folder: the path in the store below which every value stands.
    """

    files: EncryptedFiles
    fill: str
    folder: str

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
        specs = by_name(holder.places for holder in holders)
        sealed = self.files.update(existing, {self.fill: specs}, rotate, given, moved, made)
        return sealed | {holder.file: dump(self._reference(holder)).encode() for holder in holders}

    def read(self, existing: Mapping[str, bytes], holders: Sequence[Holder]) -> dict[str, str]:
        """See `Store.read`."""
        return self.files.read(existing, {self.fill: by_name(holder.places for holder in holders)})

    def _reference(self, holder: Holder) -> dict[str, Any]:
        """The ExternalSecret (external-secrets.io/v1) that makes the Secret of a component."""
        names = sorted({spec.name for spec in holder.places.values()})
        return {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": holder.secret, "namespace": holder.namespace},
            "spec": {
                "refreshInterval": "10m",
                "secretStoreRef": {"kind": "ClusterSecretStore", "name": STORE},
                "target": {
                    "name": holder.secret,
                    "template": {
                        "metadata": {"labels": WATCHED},
                        "data": {VALUES: values_template(holder.places)},
                    },
                },
                "data": [
                    {
                        "secretKey": name,
                        "remoteRef": {"key": f"{self.folder}/{name}", "property": PROPERTY},
                    }
                    for name in names
                ],
            },
        }
