"""From a key to an action: worked out beside the screen, shown, confirmed, done, told."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from textual.app import SuspendNotSupported

from openinfra_tui import proc
from openinfra_tui.drift.writers import as_markdown
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.flow import acting
from openinfra_tui.tui.dialogs import Fields
from openinfra_tui.tui.drift.confirm import ActionDialog
from openinfra_tui.tui.text import clean, literal

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import datetime

    from textual.widget import Widget
    from textual.widgets import Static

    from openinfra_tui.drift.model import ObjectVerdict, Origin
    from openinfra_tui.drift.report import Report
    from openinfra_tui.flow.actions import Action
    from openinfra_tui.flow.picture import Row
    from openinfra_tui.tui.drift.lookout import Lookout

_EXPECTED_FOR = timedelta(days=30)
_YAML = 100_000  # characters of one object that are drawn


class Actor:
    """Asks the observer's loop for actions.

    Args:
        lookout: where the observer runs.
    """

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout
        self._actor = acting.Actor(lookout.observer)

    async def propose(self, name: str, row: Row) -> Action:
        """An action to confirm.

        Raises:
            UserError: it cannot be done.
        """
        found: Coroutine[Any, Any, Action] = getattr(self._actor, name)(row)
        return await self._lookout.ask(found)

    async def expect(self, row: Row, reason: str, until: date) -> Action:
        """As `propose`, with what was typed."""
        return await self._lookout.ask(self._actor.expect(row, reason, until))

    async def perform(self, action: Action) -> str:
        """Do it, and say what came of it."""
        return await self._lookout.ask(self._actor.perform(action))

    async def manifest(self, row: Row) -> dict[str, Any] | None:
        """The live object, masked."""
        return await self._lookout.ask(self._actor.manifest(row))


def begin(node: Widget, actor: Actor, name: str, row: Row, now: datetime) -> None:
    """Work an action out, show it, and do it once it is confirmed."""

    async def run() -> None:
        if name == "expect":
            said = await node.app.push_screen_wait(_question(row, now.date()))
            if said is None:
                return
            action = await actor.expect(row, said[0], date.fromisoformat(said[1]))
        else:
            action = await actor.propose(name, row)
        if await node.app.push_screen_wait(ActionDialog(action)):
            node.app.notify(clean(await actor.perform(action)), markup=False)

    _beside(node, run())


def show_yaml(node: Widget, actor: Actor, row: Row, place: Static) -> None:
    """Put the live object into the detail."""

    async def run() -> None:
        found = await actor.manifest(row)
        if found is None:
            place.update(literal("there is no live object", "$text-warning"))
            return
        text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=1000)
        place.update(literal(text, limit=_YAML))

    _beside(node, run())


def edit(node: Widget, root: Path, origin: Origin) -> None:
    """Open the file of an object in $VISUAL or $EDITOR, at its line where the editor takes one.

    Vi, Emacs and nano take `+LINE`; other editors get the file alone.
    """
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    place = (root / origin.file).resolve()
    if not words:
        node.app.notify("set EDITOR to your editor", severity="warning", markup=False)
        return
    if not origin.file or not place.is_relative_to(root.resolve()) or not place.is_file():
        node.app.notify("nobody knows which file it comes from", severity="warning", markup=False)
        return
    takes = Path(words[0]).name in ("vi", "vim", "nvim", "emacs", "nano")
    line = [f"+{origin.line}"] if takes and origin.line else []
    try:
        with node.app.suspend():
            proc.interactive([*words, *line, place])
    except (SuspendNotSupported, UserError) as error:
        node.app.notify(clean(str(error) or "this terminal cannot be lent"), severity="error", markup=False)


def export(node: Widget, report: Report, shown: Sequence[ObjectVerdict], now: datetime) -> None:
    """Write what is shown as Markdown."""
    file = Path.cwd() / f"drift-{now:%Y%m%dT%H%M%SZ}.md"
    try:
        file.write_text(as_markdown(replace(report, objects=tuple(shown), counted=report.summary)), "utf-8")
    except OSError as error:
        node.app.notify(clean(f"{file}: {error.strerror}"), severity="error", markup=False)
    else:
        node.app.notify(clean(f"written to {file}"), markup=False)


def _question(row: Row, today: date) -> Fields:
    def judge(lines: list[str]) -> dict[int, str]:
        faults = {} if lines[0].strip() else {0: "somebody will read it when the day has come"}
        try:
            if date.fromisoformat(lines[1]) <= today:
                faults[1] = "must be a day to come"
        except ValueError:
            faults[1] = "must be a date such as 2026-12-31"
        return faults

    until = (today + _EXPECTED_FOR).isoformat()
    fields = [("Reason", "", "why this is as it should be"), ("Until", until, "a day")]
    return Fields(clean(f"Expect the differences of {row.key}"), fields, judge)


def _beside(node: Widget, work: Coroutine[Any, Any, None]) -> None:
    async def run() -> None:
        try:
            await work
        except Refused as error:
            _tell(node, error, "warning")
        except UserError as error:
            _tell(node, error, "error")
        except Exception as error:
            node.log.error(error)
            node.app.notify(clean(f"{type(error).__name__}: {error}"), severity="error", markup=False)

    node.run_worker(run(), group="act", exclusive=True, exit_on_error=False)


def _tell(node: Widget, error: UserError, severity: Any) -> None:
    text = f"{error.message}\n{error.hint}".strip()
    node.app.notify(clean(text), severity=severity, markup=False)
