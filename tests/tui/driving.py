"""The wizard driven by keys, in a process without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from textual.pilot import Pilot

from openinfra_tui.flow.draft import Draft
from openinfra_tui.tui.wizard.app import WizardApp
from openinfra_tui.tui.wizard.page import PageView
from openinfra_tui.tui.wizard.screen import WizardScreen

TODAY = date(2026, 8, 22)
SMALL, LARGE = (80, 24), (120, 40)


@dataclass
class Driver:
    """Presses keys and waits until the screen stands still; counts them."""

    app: WizardApp
    pilot: Pilot[list[str]]
    pressed: int = 0

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.pressed += 1
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Typed values are not counted as keys."""
        for char in text:
            await self.pilot.press({" ": "space"}.get(char, char))
        await self.settle()

    async def clear(self) -> None:
        await self.pilot.press("end", "ctrl+u")

    async def settle(self) -> None:
        for _ in range(3000):
            await self.pilot.pause()
            still = not self.app.busy and all(screen.still for screen in self._walks())
            if still and all(worker.is_finished for worker in self.app.workers):
                await self.pilot.pause()
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"never still: {[str(worker) for worker in self.app.workers]}")

    def _walks(self) -> list[WizardScreen]:
        return [screen for screen in self.app.screen_stack if isinstance(screen, WizardScreen)]

    @property
    def screen(self) -> WizardScreen:
        assert isinstance(self.app.screen, WizardScreen)
        return self.app.screen

    @property
    def page(self) -> PageView:
        return self.screen.query_one(PageView)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        assert len(strips) <= height
        return "\n".join(strip.text[:width].rstrip() for strip in strips)


@asynccontextmanager
async def driven(draft: Draft | None = None, *, size: tuple[int, int] = SMALL) -> AsyncIterator[Driver]:
    here = Path.cwd()
    app = WizardApp(TODAY, here / "state" / "answers.json", draft)
    async with app.run_test(size=size, notifications=True) as pilot:
        driver = Driver(app, pilot)
        await driver.settle()
        yield driver


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]
