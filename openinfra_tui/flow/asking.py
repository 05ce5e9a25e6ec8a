"""Asking the API server about what could not be proved, a few objects at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster import dryrun
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift import client_side, managed, normalise, sent, takeover, verdict
from openinfra_tui.drift.answer import Answer, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.model import Desired, ObjectVerdict
    from openinfra_tui.drift.schema import Type
    from openinfra_tui.drift.verdict import Assessment
    from openinfra_tui.flow.reading import Reader

_MOVES = 3


@dataclass
class Asker:
    """Dry-runs against one cluster; where one says that we may not, no second is sent for that kind.

    Attributes:
        asked: how many dry-runs were sent.
    """

    reader: Reader
    asked: int = 0
    _forbidden: dict[tuple[str, str, str], Answer] = field(default_factory=dict)

    async def settle(
        self, desired: Desired, live: Mapping[str, Any], kind: Type | None, assessment: Assessment
    ) -> ObjectVerdict:
        """The verdict of an object that must be asked about."""
        for _ in range(_MOVES):
            answer = await self.apply(desired, assessment.merge)
            base = _version(live)
            if answer.object is None or _version(answer.object) == base:
                break
            # Somebody changed it between our list and the answer: both must speak of the same object.
            try:
                moved = await self.reader.again(live)
            except ApiError as error:
                answer = refusal(error.status, error.message, error.reason)
                break
            if moved is None:
                return verdict.assess(desired, None, kind).verdict
            live = moved
            assessment = verdict.assess(desired, live, kind, admission=True)
            if not assessment.ask:
                return assessment.verdict
        else:
            answer = Answer(None, "moving", "the object changes faster than it can be compared")
        if sent.through_types(desired) and answer.object is not None:
            less, answer = await self._as_flux_asks(desired, live, kind, answer)
            if less is not desired:
                desired, assessment = less, verdict.assess(less, live, kind, admission=True)
        revert = None
        if assessment.reverts and answer.object is not None:
            revert = await self._taken_over(desired, live, answer.object, assessment.reverts)
        return _warned(verdict.settle(desired, live, kind, assessment, answer, revert), answer)

    async def _as_flux_asks(
        self, desired: Desired, live: Mapping[str, Any], kind: Type | None, answer: Answer
    ) -> tuple[Desired, Answer]:
        """The answer to what Flux sends, where the first one shows that Flux does not send all of it."""
        applied = answer.object or {}
        absent = sent.left_out(desired.object, applied, kind)
        if not absent or normalise.compared(applied) == normalise.compared(live):
            return desired, answer
        less = desired.written(normalise.without(desired.object, absent))
        again = await self.apply(less)
        moved = again.object is None or _version(again.object) != _version(live)
        return (desired, answer) if moved else (less, again)

    async def apply(self, desired: Desired, merge: Mapping[str, Any] | None = None) -> Answer:
        """The server's answer to a dry-run of the engine's apply, or of the merge patch that it sends."""
        place = _place(desired)
        if place in self._forbidden:
            return self._forbidden[place]
        payload = normalise.for_apply(desired.object)
        self.asked += 1
        try:
            resource = self.reader.resource(payload)
            connection, manager = self.reader.connection, desired.application.manager
            if merge is None:
                found, warnings = await dryrun.apply(connection, resource, payload, manager)
            else:
                strategic = not client_side.is_custom(desired.key.group)
                found, warnings = await dryrun.merge(
                    connection, resource, merge, manager, strategic=strategic
                )
        except ApiError as error:
            answer = refusal(error.status, error.message, error.reason)
            if answer.code == "read-only":
                self._forbidden[place] = answer
            return answer
        return Answer(found, warnings=warnings)

    async def _taken_over(
        self,
        desired: Desired,
        live: Mapping[str, Any],
        applied: Mapping[str, Any],
        paths: tuple[managed.Path, ...],
    ) -> Answer:
        """The server's answer to what is applied, without what the engine removes on its own."""
        after, emptied = takeover.without(applied, paths)
        content = [pointer for pointer in emptied if not pointer.startswith("/metadata/")]
        if content and not desired.application.client_side and client_side.is_custom(desired.key.group):
            # structured-merge-diff leaves null there, which no schema of a custom resource takes; in a patch
            # the server would drop it, so it cannot be asked.
            return Answer(None, "invalid", f"{content[0]}: nothing is left of it but null, which is refused")
        self.asked += 1
        try:
            found = await dryrun.replace(
                self.reader.connection, self.reader.resource(live), live, after, desired.application.manager
            )
        except ApiError as error:
            return refusal(error.status, error.message, error.reason)
        return Answer(found)


def _place(desired: Desired) -> tuple[str, str, str]:
    return str(desired.object.get("apiVersion")), desired.key.kind, desired.key.namespace


def _version(item: Mapping[str, Any]) -> str:
    return str(item["metadata"].get("resourceVersion") or "")


def _warned(found: ObjectVerdict, answer: Answer) -> ObjectVerdict:
    if not answer.warnings:
        return found
    said = "; ".join(warning.partition('"')[2].rstrip('"') or warning for warning in answer.warnings)
    return found._replace(reason=f"{found.reason}; warning: {said}" if found.reason else f"warning: {said}")
