"""What each engine object applied last: rendered again, it tells pending from drifted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from openinfra_tui.drift import verdict

if TYPE_CHECKING:
    from openinfra_tui.drift.desired.flux import Rendered
    from openinfra_tui.drift.model import Desired, EngineRef, Key, ObjectVerdict
    from openinfra_tui.flow.judging import Judge


@dataclass
class Before:
    """What each engine object applied last."""

    applied: dict[EngineRef, str] = field(default_factory=dict)
    renders: dict[str, Rendered] = field(default_factory=dict)
    objects: dict[tuple[EngineRef, Key], Desired] = field(default_factory=dict)

    def known(self, ref: EngineRef) -> bool:
        """Whether the files of the revision that it applied last are here."""
        return self.applied.get(ref, "") in self.renders

    def collect(self) -> None:
        """Choose for each engine object the render of its own revision."""
        for ref, commit in self.applied.items():
            if commit in self.renders:
                for item in self.renders[commit].objects:
                    if item.application.ref == ref:
                        self.objects[ref, item.key] = item

    async def split(self, judge: Judge, desired: Desired, found: ObjectVerdict) -> ObjectVerdict:
        """A verdict against HEAD that may be pending, and is called so where it only waits for the engine."""
        ref = desired.application.ref
        if not self.applied.get(ref):
            return found
        if not self.known(ref):
            reason = f"the applied revision {self.applied[ref][:12]} is not in this clone: fetch it"
            return found._replace(verdict="unverified", reason=reason)
        old = self.objects.get((ref, desired.key))
        if old is None:
            return verdict.pending(found, None)
        if old.object == desired.object:
            return found
        return verdict.pending(found, await judge.verdict(old))
