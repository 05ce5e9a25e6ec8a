from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from git import Repo

from openinfra_tui.flow.draft import blank, from_preset
from openinfra_tui.tui.wizard.review import ReviewPage
from openinfra_tui.tui.wizard.writing import WritingPage
from tests.tui.driving import LARGE, SMALL, driven

MOST_KEYS = 60


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_from_a_preset_to_a_commit(home: Path, size: tuple[int, int]) -> None:
    async def scenario() -> None:
        async with driven(size=size) as wizard:
            await wizard.press("down", "enter")
            while not isinstance(wizard.page, ReviewPage):
                await wizard.press("enter")
            await wizard.press("w")
            assert isinstance(wizard.page, WritingPage)
            assert "Written" in wizard.text
            pressed = wizard.pressed + 1
            await wizard.pilot.press("enter")
            assert pressed <= MOST_KEYS
        assert wizard.app.return_value is not None
        assert any(line.startswith("repeat: openinfra-tui generate") for line in wizard.app.return_value)

    asyncio.run(scenario())
    repo = Repo(home / "clouds")
    assert [commit.author.name for commit in repo.iter_commits()] == ["Op"]
    assert (home / "site.yaml").exists()
    assert (home / ".config/sops/age/keys.txt").stat().st_mode & 0o777 == 0o600
    assert not (home / "state" / "answers.json").exists()


def test_everything_that_was_typed_stays_on_the_way_back(home: Path) -> None:
    async def scenario() -> None:
        async with driven(from_preset(blank({}, home), "openstack-helm-ha")) as wizard:
            await wizard.clear()
            await wizard.type("ber1")
            await wizard.press("enter", "enter", "escape")
            assert wizard.screen.draft.answers.values["metadata.name"] == "ber1"
            assert "ber1" in wizard.text

    asyncio.run(scenario())
