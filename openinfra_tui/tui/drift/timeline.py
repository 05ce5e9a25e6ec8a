"""What verdicts did since the view was opened: first seen, who, gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.content import Content

from openinfra_tui.flow.picture import is_faulty
from openinfra_tui.tui.drift.words import FAINT, GLYPHS, STYLES, WORDS
from openinfra_tui.tui.text import literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from openinfra_tui.drift.model import EngineRef, Key, ObjectVerdict

_KEPT = 1000


@dataclass(frozen=True)
class Entry:
    """One object that left its verdict for another; an empty verdict is none."""

    time: datetime
    key: Key
    before: str
    after: str
    who: str


@dataclass
class Timeline:
    """Every change, the newest last."""

    entries: list[Entry] = field(default_factory=list)
    _known: dict[tuple[EngineRef | None, Key], ObjectVerdict] | None = None

    def take(self, objects: Iterable[ObjectVerdict], now: datetime) -> None:
        """Compare with what was known; at first only faults are told."""
        found = {(item.engine, item.key): item for item in objects}
        before = self._known
        for place, item in found.items():
            old = before.get(place) if before is not None else None
            same = old is not None and (old.verdict, old.differences) == (item.verdict, item.differences)
            if same or ((before is None or old is None) and not is_faulty(item)):
                continue
            self.entries.append(Entry(now, item.key, old.verdict if old else "", item.verdict, _who(item)))
        for place in (before or {}).keys() - found.keys():
            old = (before or {})[place]
            self.entries.append(Entry(now, old.key, old.verdict, "", ""))
        del self.entries[:-_KEPT]
        self._known = found

    def text(self) -> Content:
        """The newest first."""
        if not self.entries:
            return literal("nothing has changed since the view was opened", FAINT)
        return Content("\n").join(_line(entry) for entry in reversed(self.entries))


def _line(entry: Entry) -> Content:
    after = WORDS.get(entry.after, "gone")
    before = f" (was {WORDS[entry.before]})" if entry.before and entry.before != entry.after else ""
    return Content(" ").join(
        [
            literal(entry.time.astimezone().strftime("%H:%M:%S"), FAINT),
            literal(f"{GLYPHS[entry.after]} {after}", STYLES[entry.after]),
            literal(f"{entry.key}{before}"),
            literal(entry.who, FAINT),
        ]
    )


def _who(item: ObjectVerdict) -> str:
    names = dict.fromkeys(who.manager for difference in item.differences for who in difference.blame[:1])
    return f"by {', '.join(names)}" if names else ""
