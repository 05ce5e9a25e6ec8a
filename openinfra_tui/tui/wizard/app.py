"""The wizard as an application: start, walk, write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import events

from openinfra_tui.catalog.presets import preset_names
from openinfra_tui.errors import UserError
from openinfra_tui.flow.draft import Draft, from_file, from_preset, from_saved, saved
from openinfra_tui.flow.saved import forget, load, save
from openinfra_tui.tui.app import BaseApp
from openinfra_tui.tui.text import clean
from openinfra_tui.tui.wizard.screen import WizardScreen
from openinfra_tui.tui.wizard.start import Start, StartScreen

if TYPE_CHECKING:
    from datetime import date

_PRESETS = {
    "lab": "one small cluster, to try it",
    "openstack-helm-ha": "OpenStack-Helm, highly available",
}


class WizardApp(BaseApp[list[str]]):
    """Ends with the lines that the terminal shows afterwards, or with nothing where it was left.

    Args:
        draft: what to begin with.
        today: the day for which the rules judge.
        state: where answers are kept.
        begun: whether the draft says what to begin with, so that nobody is asked.
    """

    def __init__(self, draft: Draft, today: date, state: Path, *, begun: bool) -> None:
        super().__init__()
        self._draft, self._today, self._state, self._begun = draft, today, state, begun
        self.busy = False
        self._ahead: list[events.Key] = []

    def on_mount(self) -> None:
        """Start, or go on at once."""
        if self._begun:
            self._walk(self._draft)
            return
        presets = [(name, _PRESETS.get(name, "")) for name in preset_names()]
        self.push_screen(StartScreen(presets, self._kept()), self._started)

    async def on_event(self, event: events.Event) -> None:
        """Keys that come while a page is worked out wait for it; none is lost, none lands on another page."""
        waits = isinstance(event, events.Key) and event.key not in ("ctrl+c", "ctrl+q")
        if isinstance(event, events.Key) and waits and (self.busy or self._ahead):
            self._ahead.append(event)
            return
        await super().on_event(event)

    def hold(self) -> None:
        """A page is being worked out: keys wait for it."""
        self.busy = True

    def ready(self) -> None:
        """The page stands: what was typed ahead is for it, one key after the other."""
        self.busy = False
        if self._ahead:
            self.call_after_refresh(self._next_key)

    async def _next_key(self) -> None:
        if self._ahead and not self.busy:
            await super().on_event(self._ahead.pop(0))
            self.call_after_refresh(self._next_key)

    def at_stake(self) -> tuple[str, str] | None:
        """The answers are kept, so one question is enough."""
        walks = [screen for screen in self.screen_stack if isinstance(screen, WizardScreen)]
        if not walks:
            return None
        walks[0].keep_standing()
        return "Leave the wizard?", "The answers are kept: openinfra-tui wizard --resume goes on with them."

    def _kept(self) -> str:
        if not self._state.exists():
            return ""
        try:
            return str(load(self._state).file)
        except UserError as error:
            self.notify(clean(f"{error.message}. {error.hint}"), severity="warning", markup=False)
            return ""

    def _started(self, start: Start | None) -> None:
        if start is None:
            return
        try:
            self._walk(self._begin(start))
        except UserError as error:
            self.notify(clean(error.message, limit=1000), severity="error", markup=False, timeout=15)
            self.on_mount()

    def _begin(self, start: Start) -> Draft:
        match start.kind:
            case "preset":
                return from_preset(self._draft, start.name)
            case "file":
                return from_file(self._draft, Path(start.name).expanduser())
            case "resume":
                return from_saved(self._draft, load(self._state))
        return self._draft

    def _walk(self, draft: Draft) -> None:
        self.push_screen(WizardScreen(draft, self._today, self._keep))

    def _keep(self, draft: Draft) -> None:
        save(self._state, saved(draft))

    def finished(self, lines: list[str]) -> None:
        """Leave for good: the answers stand in the site file."""
        forget(self._state)
        self.exit(lines)
