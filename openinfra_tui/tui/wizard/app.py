"""The wizard as an application: start, walk, write."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events

from openinfra_tui.catalog.presets import preset_names
from openinfra_tui.errors import UserError
from openinfra_tui.tui.app import BaseApp
from openinfra_tui.tui.beside import beside
from openinfra_tui.tui.text import clean
from openinfra_tui.tui.wizard.start import Start, StartScreen

if TYPE_CHECKING:
    from datetime import date

    from openinfra_tui.flow.draft import Draft
    from openinfra_tui.tui.wizard.screen import WizardScreen

_NEXT = "openinfra_tui.tui.wizard.screen"
PRESETS = {
    "kolla-all-in-one": "Kolla-Ansible on one host, without Kubernetes",
    "kolla-ha": "Kolla-Ansible, highly available, run from a cluster",
    "lab": "one small cluster, to try it",
    "openstack-helm-ha": "OpenStack-Helm, highly available",
}


class WizardApp(BaseApp["list[str] | Path"]):
    """Ends with the lines that the terminal shows afterwards, or with nothing where it was left.

    Where one wants to look at drift, it ends with the folder of the repository.

    Args:
        today: the day for which the rules judge.
        state: where answers are kept.
        draft: what to begin with; without it that is asked first.
    """

    def __init__(self, today: date, state: Path, draft: Draft | None = None) -> None:
        super().__init__()
        self._today, self._state, self._draft = today, state, draft
        self._walking: WizardScreen | None = None
        self.busy = False
        self._held = 0
        self._ahead: list[events.Key] = []

    def on_mount(self) -> None:
        """Start, or go on at once."""
        if self._draft is not None:
            self._walk(self._draft)
            return
        presets = [(name, PRESETS[name]) for name in preset_names()]
        start = StartScreen(presets, self._kept())
        self.push_screen(start, self._started)
        # What the next screen needs is read while one looks at this one.
        self.call_after_refresh(
            lambda: beside(start, lambda: import_module(_NEXT), lambda _: None, group="import")
        )

    async def on_event(self, event: events.Event) -> None:
        """Keys that come while a page is worked out wait for it; none is lost, none lands on another page."""
        waits = isinstance(event, events.Key) and event.key not in ("ctrl+c", "ctrl+q")
        if isinstance(event, events.Key) and waits and (self.busy or self._ahead):
            self._ahead.append(event)
            return
        await super().on_event(event)

    def hold(self) -> int:
        """A page is being worked out: keys wait until its number is `ready`."""
        self.busy = True
        self._held += 1
        return self._held

    def ready(self, held: int) -> None:
        """The page stands: what was typed ahead is for it, as soon as it has the focus."""
        self.call_after_refresh(self._release, held)

    def _release(self, held: int) -> None:
        if held != self._held:  # another page has taken its place
            return
        self.busy = False
        if self._ahead:
            self.call_after_refresh(self._next_key)

    async def _next_key(self) -> None:
        if self._ahead and not self.busy:
            await super().on_event(self._ahead.pop(0))
            self.call_after_refresh(self._next_key)

    def at_stake(self) -> tuple[str, str] | None:
        """The answers are kept, so one question is enough."""
        if self._walking is None:
            return None
        self._walking.keep_standing()
        return "Leave the wizard?", "The answers are kept: openinfra-tui wizard --resume goes on with them."

    def _kept(self) -> str:
        if not self._state.exists():
            return ""
        from openinfra_tui.flow.saved import load

        try:
            return str(load(self._state).file)
        except UserError as error:
            self.notify(clean(f"{error.message}. {error.hint}"), severity="warning", markup=False)
            return ""

    def _started(self, start: Start | None) -> None:
        if start is None:
            return
        if start.kind == "drift":
            self.exit(Path(start.name).expanduser())
            return
        try:
            self._walk(self._begin(start))
        except UserError as error:
            self.notify(clean(error.message, limit=1000), severity="error", markup=False, timeout=15)
            self.on_mount()

    def _begin(self, start: Start) -> Draft:
        from openinfra_tui.flow.draft import blank, from_file, from_preset, from_saved
        from openinfra_tui.flow.saved import load

        draft = blank(os.environ, Path.cwd())
        match start.kind:
            case "preset":
                return from_preset(draft, start.name)
            case "file":
                return from_file(draft, Path(start.name).expanduser().absolute())
            case "resume":
                return from_saved(draft, load(self._state))
        return draft

    def _walk(self, draft: Draft) -> None:
        from openinfra_tui.tui.wizard.screen import WizardScreen

        self._walking = WizardScreen(draft, self._today, self._keep)
        self.push_screen(self._walking)

    def _keep(self, draft: Draft) -> None:
        from openinfra_tui.flow.draft import saved
        from openinfra_tui.flow.saved import save

        save(self._state, saved(draft))

    def finished(self, lines: list[str]) -> None:
        """Leave for good: the answers stand in the site file."""
        from openinfra_tui.flow.saved import forget

        forget(self._state)
        self.exit(lines)
