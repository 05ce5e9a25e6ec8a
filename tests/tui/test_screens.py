"""Every screen at both sizes, dark and light, as the program itself draws it, against `snapshots/tui/`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.tui.driving import LARGE, SMALL, driven
from tests.tui.scenes import SCENES

SNAPSHOTS = Path(__file__).resolve().parents[2] / "snapshots" / "tui"
FAST = [(name, SMALL, "dark") for name in SCENES]
CASES = [
    *FAST,
    *((name, LARGE, "dark") for name in SCENES),
    *((name, SMALL, "light") for name in ("form", "choice-refused", "nodes", "review", "preview-tree")),
]


def picture(name: str, size: tuple[int, int], shade: str) -> str:
    begin, scene = SCENES[name]

    async def scenario() -> str:
        draft = begin() if begin else None
        async with driven(draft, size=size) as wizard:
            wizard.app.theme = f"textual-{shade}"
            await scene(wizard)
            await wizard.settle()
            # Ids of the classes are a digest of what is drawn and of the title; blanks at line ends are noise.
            return wizard.app.export_screenshot()

    svg = asyncio.run(scenario())
    return re.sub(r"terminal-\d+", "terminal", svg).replace(" \n", "\n")


def case(one: tuple[str, tuple[int, int], str]) -> object:
    """The contract size is compared at every run, the others where minutes do not count."""
    name, size, shade = one
    marks = () if one in FAST else (pytest.mark.slow,)
    return pytest.param(*one, id=f"{name}-{size[0]}x{size[1]}-{shade}", marks=marks)


@pytest.mark.parametrize(("name", "size", "shade"), [case(one) for one in CASES])
def test_screen(
    name: str, size: tuple[int, int], shade: str, home: Path, request: pytest.FixtureRequest
) -> None:
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
