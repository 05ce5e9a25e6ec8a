"""The drift view as an application."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.command import DiscoveryHit, Hit, Hits, Provider

from openinfra_tui.tui.app import BaseApp
from openinfra_tui.tui.drift import acts
from openinfra_tui.tui.drift.lookout import Lookout
from openinfra_tui.tui.drift.screen import DriftScreen
from openinfra_tui.tui.drift.tree import ObjectTree
from openinfra_tui.tui.text import clean, literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from openinfra_tui.flow.diff import Request
    from openinfra_tui.flow.observing import Seen
    from openinfra_tui.flow.picture import Row

_MOST = 50


class ObjectProvider(Provider):
    """Finds any object by its name, shown or not."""

    async def search(self, query: str) -> Hits:
        """Objects whose kind, namespace or name match."""
        matcher = self.matcher(query)
        scored = ((matcher.match(_title(row)), row) for row in self._rows())
        best = sorted((one for one in scored if one[0] > 0), key=lambda one: -one[0])[:_MOST]
        for score, row in best:
            yield Hit(score, literal(_title(row)), partial(self._jump, row), text=_title(row))

    async def discover(self) -> Hits:
        """The first of them."""
        for row in self._rows()[:_MOST]:
            yield DiscoveryHit(literal(_title(row)), partial(self._jump, row), text=_title(row))

    def _rows(self) -> list[Row]:
        screen = self.screen
        return [row for row in screen.query_one(ObjectTree).rows if row.depth < 2] if _is_view(screen) else []

    def _jump(self, row: Row) -> None:
        if isinstance(self.screen, DriftScreen):
            self.screen.jump(row.id)


def _is_view(screen: object) -> bool:
    return isinstance(screen, DriftScreen)


def _title(row: Row) -> str:
    key = row.key
    return clean(f"{key.kind} {key.namespace}/{key.name}" if key.namespace else f"{key.kind} {key.name}")


class DriftApp(BaseApp[None]):
    """Shows where a cluster has left its repository, for as long as it runs.

    Args:
        request: what is compared with what; None shows only what is told to it.
        read_only: nothing can be changed from here.
        clock: the time now.
    """

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ObjectProvider}

    def __init__(
        self,
        request: Request | None,
        *,
        read_only: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> None:
        super().__init__()
        self._clock, self._read_only = clock, read_only
        self.lookout = Lookout(request, self._told) if request is not None else None
        actor = acts.Actor(self.lookout) if self.lookout is not None else None
        self.view = DriftScreen(clock, read_only=read_only, actor=actor)

    def on_mount(self) -> None:
        """Begin to look once there is a screen to show it."""
        self.push_screen(self.view)
        if self.lookout is not None:
            self.call_after_refresh(self.lookout.start)

    def on_unmount(self) -> None:
        """Leave no thread behind."""
        if self.lookout is not None:
            self.lookout.stop()

    def _told(self, sight: Seen) -> None:
        """A sight, in the thread of the observer; nobody waits until it is drawn."""
        if self._loop is not None and self.is_running:
            self._loop.call_soon_threadsafe(self.see, sight)

    def see(self, sight: Seen) -> None:
        """Show a sight."""
        if self.is_running and self.view.is_mounted:
            self.view.see(sight)
