"""The small screens that all applications share."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.app import App, ComposeResult

from openinfra_tui.tui.dialogs import Fields
from openinfra_tui.tui.widgets.options import Options
from tests.tui.driving import driven


def test_what_is_typed_goes_to_the_first_line_and_on_to_the_next(home: Path) -> None:
    async def scenario() -> None:
        taken: list[list[str] | None] = []
        fields = [("Name", "", ""), ("Until", "2027", "")]
        async with driven() as wizard:
            await wizard.app.push_screen(Fields("Two lines", fields, lambda _: {}), taken.append)
            await wizard.pilot.pause()
            await wizard.type("mine")
            await wizard.press("enter")
            await wizard.type("2028")
            await wizard.press("enter")
            await wizard.pilot.pause()
        assert taken == [["mine", "2028"]]

    asyncio.run(scenario())


def test_tab_goes_from_line_to_line(home: Path) -> None:
    async def scenario() -> None:
        taken: list[list[str] | None] = []
        fields = [("Name", "", ""), ("Until", "", "")]
        async with driven() as wizard:
            await wizard.app.push_screen(Fields("Two lines", fields, lambda _: {}), taken.append)
            await wizard.pilot.pause()
            await wizard.press("tab")
            await wizard.type("b")
            await wizard.press("tab")
            await wizard.type("a")
            await wizard.press("enter", "enter")
            await wizard.pilot.pause()
        assert taken == [["a", "b"]]

    asyncio.run(scenario())


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
