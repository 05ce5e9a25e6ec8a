"""What the first screens offer beside the questions: drift, and a cluster that exists."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.color import Color
from textual.strip import Strip
from textual.widgets import OptionList

from openinfra_tui.flow.observing import Link
from openinfra_tui.tui.drift.words import GLYPHS
from tests.tui.drift_scenes import ABOUT, seen, viewing
from tests.tui.driving import LARGE, driven
from tests.tui.scenes import preset, step


def test_the_start_leads_to_the_drift_of_a_repository(home: Path) -> None:
    (home / "clouds").mkdir()

    async def scenario() -> Path | list[str] | None:
        async with driven() as wizard:
            options = wizard.app.screen.query_one(OptionList)
            options.highlighted = options.get_option_index("drift")
            await wizard.press("enter")
            await wizard.clear()
            await wizard.type("nowhere")
            await wizard.press("enter")
            assert "there is no such folder" in wizard.text
            await wizard.clear()
            await wizard.type("clouds")
            await wizard.pilot.press("enter")
            await wizard.pilot.pause()
            return wizard.app.return_value

    assert asyncio.run(scenario()) == Path("clouds")


def test_a_cluster_that_cannot_be_read_is_told_and_the_hosts_stay(home: Path) -> None:
    async def scenario() -> None:
        async with driven(preset()) as wizard:
            await step(wizard, "Nodes")
            before = wizard.screen.draft.answers.values["nodes"]
            await wizard.press("f5")
            assert "nothing is changed there" in wizard.text
            await wizard.press("enter")
            assert "no kubeconfig" in wizard.text
            assert wizard.screen.draft.answers.values["nodes"] == before

    asyncio.run(scenario())


@pytest.mark.parametrize(("words", "plainly"), [(("wizard",), "new"), (("drift", "."), "diff")])
def test_a_dumb_terminal_is_refused_with_the_plain_way(
    words: tuple[str, ...], plainly: str, home: Path
) -> None:
    ours, theirs = pty.openpty()
    env = {
        "TERM": "dumb",
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "openinfra_tui", *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        said = b""
        while part := _read(ours):
            said += part
        assert process.wait() == 2
    os.close(ours)
    assert b"TERM=dumb cannot show a screen" in said
    assert f"openinfra-tui {plainly}".encode() in said
    assert b"\x1b" not in said


def _read(end: int) -> bytes:
    try:
        return os.read(end, 4096)
    except OSError:  # Linux says so when the other end is closed
        return b""


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "ansi-light"])
def test_every_theme_draws_both_views(theme: str, home: Path) -> None:
    async def scenario() -> None:
        async with driven(preset()) as wizard:
            wizard.app.theme = theme
            await step(wizard, "Nodes")
            assert "F5 read" in wizard.text
        async with viewing(LARGE) as view:
            view.app.theme = theme
            await view.see(ABOUT, Link(), seen())
            assert "~ Kustomization" in view.text

    asyncio.run(scenario())


def test_without_colours_nothing_is_coloured_and_every_state_has_a_mark(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def coloured(app: App[Any]) -> set[str]:
        styles = {
            one.style for strip in app.screen._compositor.render_strips() for one in _filtered(app, strip)
        }
        colours = {colour for style in styles if style for colour in (style.color, style.bgcolor) if colour}
        triplets = {colour.get_truecolor() for colour in colours}
        return {one.hex for one in triplets if max(one) - min(one) > 2}

    async def scenario() -> tuple[set[str], set[str]]:
        async with driven(preset()) as wizard:
            await step(wizard, "Nodes")
            first = coloured(wizard.app)
        async with viewing(LARGE) as view:
            await view.see(ABOUT, Link(), seen())
            assert len(set(GLYPHS.values())) == len(GLYPHS)
            assert {mark for mark in GLYPHS.values() if mark in view.text} >= set("~»↺!+-?○")
            return first, coloured(view.app)

    assert all(asyncio.run(scenario()))
    monkeypatch.setenv("NO_COLOR", "1")
    assert asyncio.run(scenario()) == (set(), set())


def _filtered(app: App[Any], strip: Strip) -> Strip:
    """As it goes to the terminal."""
    for one in app.get_line_filters():
        strip = strip.apply_filter(one, Color(0, 0, 0))
    return strip
