"""The small screens that all applications share."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.app import App, ComposeResult

from openinfra_tui.tui.dialogs import Fields
from openinfra_tui.tui.widgets.options import Options
from tests.tui.driving import driven


def taken_after(until: str, *steps: tuple[str, ...] | str) -> list[list[str] | None]:
    """What two lines are taken as, the second with something in it, after texts typed and keys pressed."""
    taken: list[list[str] | None] = []

    async def scenario() -> None:
        fields = [("Name", "", ""), ("Until", until, "")]
        async with driven() as wizard:
            await wizard.app.push_screen(Fields("Two lines", fields, lambda _: {}), taken.append)
            await wizard.pilot.pause()
            for step in steps:
                await (wizard.type(step) if isinstance(step, str) else wizard.press(*step))
            await wizard.pilot.pause()

    asyncio.run(scenario())
    return taken


def test_what_is_typed_goes_to_the_first_line_and_on_to_the_next(home: Path) -> None:
    assert taken_after("2027", "mine", ("enter",), "2028", ("enter",)) == [["mine", "2028"]]


def test_tab_goes_from_line_to_line(home: Path) -> None:
    assert taken_after("", ("tab",), "b", ("tab",), "a", ("enter", "enter")) == [["a", "b"]]


def test_a_page_key_on_a_list_without_height_is_no_crash() -> None:
    """As on a review whose problems have not been drawn yet."""

    class Flat(App[None]):
        CSS = "OptionList { height: 0; border: none; }"

        def compose(self) -> ComposeResult:
            yield Options("one", "two")

    async def scenario() -> None:
        app = Flat()
        async with app.run_test() as pilot:
            app.query_one(Options).highlighted = 0
            await pilot.press("pagedown", "pageup", "down")
            assert app.query_one(Options).highlighted == 1

    asyncio.run(scenario())
