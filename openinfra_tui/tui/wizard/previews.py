"""Previews are worked out once nothing has changed for a moment; newer ones take the place of older."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.tui.beside import beside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from textual.timer import Timer
    from textual.widget import Widget

    from openinfra_tui.flow.draft import Draft
    from openinfra_tui.flow.preview import Change, Preview

_QUIET = 0.3


class Previews:
    """The last preview, and the one that is being worked out.

    Args:
        node: what they are for.
        today: the day for which the rules judge.
    """

    def __init__(self, node: Widget, today: date) -> None:
        self._node, self._today = node, today
        self._last: Preview | None = None
        self._timer: Timer | None = None
        self._asked, self._ended = 0, 0

    @property
    def still(self) -> bool:
        """Whether the last one that was asked for is there."""
        return self._asked == self._ended

    def ask(self, draft: Draft, show: Callable[[Preview, Mapping[str, Change]], None]) -> None:
        """Work one out, and show it with what it changes against the one before."""
        self._asked += 1
        number, last = self._asked, self._last

        def work() -> tuple[Preview, Mapping[str, Change]]:
            # Rendering needs most of the program; the first screen must not wait for it.
            from openinfra_tui.flow.preview import changed_since, preview

            found = preview(draft, self._today)
            return found, changed_since(last, found)

        def done(found: tuple[Preview, Mapping[str, Change]]) -> None:
            self._last = found[0]
            show(*found)

        def ended() -> None:
            self._ended = max(self._ended, number)

        if self._timer is not None:
            self._timer.stop()
        self._timer = self._node.set_timer(
            _QUIET, lambda: beside(self._node, work, done, group="preview", ended=ended)
        )
