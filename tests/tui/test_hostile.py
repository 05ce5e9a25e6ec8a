"""Text that means harm to a terminal or to markup is shown as what it is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import DataTable, Input

from openinfra_tui.flow.draft import from_saved, saved
from openinfra_tui.flow.saved import load, save
from openinfra_tui.tui.text import clean
from tests.tui.driving import driven
from tests.tui.scenes import preset, step

HOSTILE = {
    "markup": "[/foo] [bold]x[/] [@click=app.leave]y[/]",
    "ansi": "\x1b[31mred\x1b]0;title\x07",
    "right-to-left": "abc\u202edcba\u2066x",
    "long": "n" * 10_000,
    "emoji": "👩‍💻🏳️‍🌈 e\u0301 字",
    "braces": "{{ x }} $(id) ${HOME} %s",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_typed_and_pasted(text: str, home: Path) -> None:
    async def scenario() -> None:
        async with driven(preset()) as wizard:
            wizard.screen.query(Input).first().value = text
            await wizard.press("tab", "f10", "f1", "escape")
            _is_harmless(wizard.text)
            await step(wizard, "Nodes")
            for pasted in (text, f"name,roles\n{text},control", f"[control]\n{text}"):
                wizard.screen.query_one(DataTable).post_message(Paste(pasted))
                await wizard.settle()
                _is_harmless(wizard.text)
            await wizard.press("a")
            wizard.app.screen.query(Input).first().value = text
            for _ in wizard.app.screen.query(Input):
                await wizard.press("enter")
            _is_harmless(wizard.text)

    asyncio.run(scenario())


def _is_harmless(text: str) -> None:
    bad = [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char not in "\n\u200d"]
    assert not bad, bad


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_clean_text_has_nothing_that_a_terminal_obeys(text: str) -> None:
    _is_harmless(clean(text))
    assert len(clean(text)) <= 4000


def test_what_is_kept_is_gone_on_with(home: Path) -> None:
    state = home / "state" / "answers.json"

    async def scenario() -> None:
        async with driven(preset()) as wizard:
            await wizard.clear()
            await wizard.type("ber1")
            await wizard.press("enter", "enter")
            kept = load(state)
            assert kept.answers == wizard.screen.draft.answers
            assert kept.answers.values["metadata.name"] == "ber1"
        async with driven(from_saved(preset(), load(state))) as wizard:
            assert wizard.screen.view is not None
            assert wizard.screen.view.step == "Nodes"
            assert wizard.screen.view.name == "ber1"

    asyncio.run(scenario())


def test_a_name_that_cannot_be_one_is_never_kept_as_an_answer(home: Path) -> None:
    async def scenario() -> None:
        async with driven(preset()) as wizard:
            await wizard.clear()
            await wizard.type("Not A Name")
            await wizard.press("f10")
            assert "what was typed cannot be taken" in wizard.text
            await wizard.press("enter")
            assert "Not A Name" in wizard.text
            state = Path.cwd() / "state" / "answers.json"
            save(state, saved(wizard.screen.draft))
            assert load(state).answers.values["metadata.name"] == "fra1"

    asyncio.run(scenario())


def test_the_first_screen_loads_no_heavy_library() -> None:
    heavy = (
        "git",
        "cookiecutter",
        "http.client",
        "pyrage",
        "jinja2",
        "openinfra_tui.flow.generate",
        "jsonschema",
    )
    code = (
        "import sys, openinfra_tui.tui.wizard.app, openinfra_tui.cli.wizard\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_without_a_terminal_it_names_the_plain_way(term: str, home: Path) -> None:
    command = [sys.executable, "-m", "openinfra_tui", "wizard"]
    env = {
        "TERM": term,
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 2
    assert "openinfra-tui new" in done.stderr
    assert "\x1b" not in done.stderr
