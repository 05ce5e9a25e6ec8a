"""Every screen of the drift view at both sizes, as the program itself draws it, against `snapshots/tui/drift/`."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from tests.tui.drift_scenes import DRIFT_SCENES, viewing
from tests.tui.driving import LARGE, SMALL

SNAPSHOTS = Path(__file__).resolve().parents[2] / "snapshots" / "tui" / "drift"
CASES = [
    *((name, size, "dark") for name in DRIFT_SCENES for size in (SMALL, LARGE)),
    *((name, LARGE, "light") for name in ("overview", "lost")),
]


def picture(name: str, size: tuple[int, int], shade: str) -> str:
    async def scenario() -> str:
        async with viewing(size) as view:
            view.app.theme = f"textual-{shade}"
            await DRIFT_SCENES[name](view)
            await view.settle()
            return view.app.export_screenshot()

    svg = asyncio.run(scenario())
    return re.sub(r"terminal-\d+", "terminal", svg).replace(" \n", "\n")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are shown in the zone of whoever looks."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("name", "size", "shade"),
    CASES,
    ids=[f"{name}-{size[0]}x{size[1]}-{shade}" for name, size, shade in CASES],
)
def test_screen(name: str, size: tuple[int, int], shade: str, request: pytest.FixtureRequest) -> None:
    file = SNAPSHOTS / f"{name}-{size[0]}x{size[1]}-{shade}.svg"
    drawn = picture(name, size, shade)
    if request.config.getoption("--update-snapshots"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(drawn, encoding="utf-8")
    assert file.exists(), f"no snapshot {file.name}: make snapshots"
    assert drawn == file.read_text(encoding="utf-8"), "make snapshots, and look at what has changed"


def test_every_snapshot_has_its_screen() -> None:
    known = {f"{name}-{size[0]}x{size[1]}-{shade}.svg" for name, size, shade in CASES}
    assert {file.name for file in SNAPSHOTS.glob("*.svg")} == known
