"""Verdicts of single objects: proved locally, else asked where that is possible."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import place, sent, verdict
from openinfra_tui.flow.asking import Asker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.model import Desired, ObjectVerdict
    from openinfra_tui.drift.schema import Type
    from openinfra_tui.drift.verdict import Assessment
    from openinfra_tui.flow.proofs import Proofs
    from openinfra_tui.flow.reading import Reader

    Asking = Callable[[], Coroutine[Any, Any, ObjectVerdict]]


class Judge:
    """Judges objects of one cluster, as it was read.

    Args:
        live: the cluster.
        reader: asks its API server; None for a dump.
        brings: what the desired objects bring for their own members.
        proofs: those of the run before.
    """

    def __init__(
        self, live: Live, reader: Reader | None, brings: place.Overlay, proofs: Proofs | None = None
    ) -> None:
        self.live = live
        self.reader = reader
        self.brings = brings
        self.proofs = proofs
        self.asker = Asker(reader) if reader else None

    async def verdict(self, desired: Desired) -> ObjectVerdict:
        """The verdict of one object against the cluster, whatever revision it is of."""
        found, asking = self.begun(desired)
        return found if asking is None else await asking()

    def begun(self, desired: Desired) -> tuple[ObjectVerdict, Asking | None]:
        """The verdict as far as it needs nobody, and what is left to ask for it, if anything."""
        early = place.hindrance(desired, self.live, self.brings)
        if early is not None:
            return early, None
        there = self.live.of(desired)
        kind = self.live.schemas.find(str(desired.object.get("apiVersion")), desired.key.kind)
        admission = self._admission(desired, there)
        digest = self.proofs.digest(desired, there) if self.proofs and not admission else ""
        if self.proofs and digest and (known := self.proofs.known(digest, desired)):
            return known, None
        desired, unknown = sent.by_flux(desired, kind)
        found = verdict.assess(desired, there, kind, admission=admission)
        if self.proofs and not unknown:
            self.proofs.learn(digest, found.verdict)
        early, asking = self._left(desired, there, kind, found)
        if not unknown:
            return early, asking
        return _noted(early, unknown), partial(_noting, asking, unknown) if asking else None

    def _left(
        self, desired: Desired, there: Mapping[str, Any] | None, kind: Type | None, found: Assessment
    ) -> tuple[ObjectVerdict, Asking | None]:
        """The verdict that was found, and what is left to ask for it."""
        asker = self.asker
        if asker is None:
            return found.verdict, None
        if there is None:
            missing = found.verdict.verdict == "missing"
            return found.verdict, partial(self._absent, desired, found.verdict) if missing else None
        return found.verdict, partial(asker.settle, desired, there, kind, found) if found.ask else None

    async def _absent(self, desired: Desired, found: ObjectVerdict) -> ObjectVerdict:
        """Whether the server would take what is missing."""
        if self.asker is None:
            return found
        answer = await self.asker.apply(desired)
        if answer.object is not None:
            return found._replace(proof="dry-run")
        return verdict.blocked(desired, answer.reason) if answer.blocks else found

    def _admission(self, desired: Desired, there: Mapping[str, Any] | None) -> bool:
        if self.reader is None:
            return False
        if self.live.admission is None:
            return True
        plural = self.reader.resource(desired.object).plural
        touches = self.live.admission.touches
        return touches(desired.object, plural) or (there is not None and touches(there, plural))


async def _noting(asking: Asking, unknown: tuple[str, ...]) -> ObjectVerdict:
    return _noted(await asking(), unknown)


def _noted(found: ObjectVerdict, unknown: tuple[str, ...]) -> ObjectVerdict:
    note = f"Flux leaves out what this kind does not have: {', '.join(unknown)}"
    return found._replace(reason=f"{found.reason}; {note}" if found.reason else note)
