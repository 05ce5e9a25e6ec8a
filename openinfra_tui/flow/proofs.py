"""Comparisons that were proved to be in sync, by a digest of all that a proof looks at.

A proof follows from the manifest, how it is applied, the live object and the types, and from nothing else.
Where none of these has changed since the run before, to the last byte, it need not be made again. Nothing but
"in sync, proved locally, and nothing to tell" is kept, and nothing of Secrets.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from openinfra_tui import __version__
from openinfra_tui.cache import Cache, default_folder
from openinfra_tui.drift import place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from openinfra_tui.drift.model import Application, Desired, ObjectVerdict

# A change of what is proved, or how, is another form: a proof of the old one is none.
_FORM = "1"


class Proofs:
    """What was proved for one repository in one cluster.

    Args:
        root: the repository.
        cluster: the UID of the cluster.
        types: a digest of the types of the cluster.
    """

    def __init__(self, root: Path, cluster: str, types: str) -> None:
        self._basis = f"{__version__}\n{_FORM}\n{types}\n".encode()
        self._cache = Cache(default_folder("proofs"))
        self._file = hashlib.sha256(f"{root}\n{cluster}".encode()).hexdigest()
        kept = self._cache.get(self._file)
        self._known = frozenset(map(str, kept)) if isinstance(kept, list) else frozenset()
        self._held: set[str] = set()
        self._applications: dict[int, tuple[Application, bytes]] = {}

    def digest(self, desired: Desired, live: Mapping[str, Any] | None) -> str:
        """The digest of a comparison; empty for one that is not kept."""
        if live is None or desired.key.kind == "Secret" or desired.sealed or desired.problem or desired.doubt:
            return ""
        try:
            sides = orjson.dumps(desired.object), orjson.dumps(live)
        except TypeError:
            return ""  # a number that is none of JSON
        whole = hashlib.blake2b(self._basis, digest_size=16)
        for part in (self._applied(desired.application), *sides):
            whole.update(b"%d\n" % len(part))
            whole.update(part)
        return whole.hexdigest()

    def known(self, digest: str, desired: Desired) -> ObjectVerdict | None:
        """The verdict of a comparison that was proved before."""
        if digest not in self._known:
            return None
        self._held.add(digest)
        return place.plain(desired, "in-sync", "none", "local")

    def learn(self, digest: str, found: ObjectVerdict) -> None:
        """Take in a verdict; all but a plain proof is passed over."""
        if digest and (found.verdict, found.proof, found.reason) == ("in-sync", "local", None):
            self._held.add(digest)

    def keep(self, *, whole: bool) -> None:
        """Write down what holds now, for the next run.

        Args:
            whole: all was looked at, so what was not met again is not kept.
        """
        held = self._held if whole else self._held | self._known
        if held != self._known:
            self._cache.put({self._file: sorted(held)})

    def _applied(self, application: Application) -> bytes:
        """How an object is applied, as bytes; one application stands behind many objects."""
        held = self._applications.get(id(application))
        if held is None:
            held = self._applications[id(application)] = (application, repr(application).encode())
        return held[1]
