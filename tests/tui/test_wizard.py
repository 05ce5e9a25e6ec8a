from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from git import Repo
from textual.events import Key, Paste
from textual.widgets import DataTable, Input

from openinfra_tui.catalog.presets import preset_names
from openinfra_tui.flow.draft import blank, from_preset
from openinfra_tui.flow.preview import write
from openinfra_tui.flow.update import Accept
from openinfra_tui.questions.answers import set_answer
from openinfra_tui.tui.wizard.app import PRESETS
from openinfra_tui.tui.wizard.conflict import ConflictPage
from openinfra_tui.tui.wizard.review import ReviewPage
from openinfra_tui.tui.wizard.writing import WritingPage
from tests.tui.driving import LARGE, SMALL, TODAY, driven
from tests.tui.scenes import every_question, preset, step

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


def test_each_preset_says_what_it_is() -> None:
    assert tuple(sorted(PRESETS)) == preset_names()
    assert all(0 < len(what) <= 54 for what in PRESETS.values())  # beside the name, in 80 columns


def test_everything_that_was_typed_stays_on_the_way_back(home: Path) -> None:
    async def scenario() -> None:
        async with driven(from_preset(blank({}, home), "openstack-helm-ha")) as wizard:
            await wizard.clear()
            await wizard.type("ber1")
            await wizard.press("enter", "enter", "escape")
            assert wizard.screen.draft.answers.values["metadata.name"] == "ber1"
            assert "ber1" in wizard.text

    asyncio.run(scenario())


def test_what_cannot_be_chosen_leads_to_the_answer_in_the_way(home: Path) -> None:
    async def scenario() -> None:
        async with driven(every_question()) as wizard:
            await step(wizard, "Deployer")
            await wizard.press("home", "down", "down")
            assert "In the way: Placement" in wizard.text
            await wizard.press("enter")
            assert wizard.screen.draft.answers.values["openstack.deployer"] == "openstack-helm"
            assert wizard.screen.view is not None
            assert wizard.screen.view.step == "Placement"

    asyncio.run(scenario())


def test_from_the_review_to_a_problem_and_back(home: Path) -> None:
    async def scenario() -> None:
        async with driven(preset(domain=None)) as wizard:
            await wizard.press("f10")
            assert isinstance(wizard.page, ReviewPage)
            assert not wizard.page.sound
            await wizard.press("enter")
            await wizard.type("ber1.cloud.example")
            await wizard.press("enter")
            assert isinstance(wizard.page, ReviewPage)
            assert wizard.page.sound

    asyncio.run(scenario())


def test_hosts_are_pasted_and_counted(home: Path) -> None:
    async def scenario() -> None:
        async with driven(preset(nodes=[])) as wizard:
            await step(wizard, "Nodes")
            lines = [f"ctl{n}.cloud.example,control network compute,10.20.0.1{n}" for n in range(4)]
            wizard.screen.query_one(DataTable).post_message(
                Paste("\n".join(["name,roles,management", *lines]))
            )
            await wizard.settle()
            assert "control 4" in wizard.text
            assert "the number must be odd" in wizard.text
            await wizard.press("d")
            assert "control 3" in wizard.text
            assert "the number must be odd" not in wizard.text
            assert len(wizard.screen.draft.answers.values["nodes"]) == 3

    asyncio.run(scenario())


def test_a_fault_beside_the_screen_does_not_take_it_down(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("[/broken]")

    async def scenario() -> None:
        async with driven(preset()) as wizard:
            monkeypatch.setattr("openinfra_tui.tui.wizard.screen.look", broken)
            await wizard.press("enter", "enter")
            assert "RuntimeError: [/broken]" in wizard.text
            monkeypatch.undo()
            await wizard.press("f10")
            assert isinstance(wizard.page, ReviewPage)

    asyncio.run(scenario())


def test_an_edit_of_the_user_in_the_way_is_settled_on_the_screen(home: Path) -> None:
    draft = preset()
    first = write(draft, TODAY, Accept(), lambda _: None)
    assert first.commit
    repo = Repo(draft.output)
    edited = draft.output / "sites/fra1/site.yaml"
    edited.write_text(edited.read_text().replace("region: RegionOne", "region: Mine"))
    repo.git.commit("-am", "mine")

    async def scenario() -> None:
        changed = replace(draft, answers=set_answer(draft.answers, "region", "Theirs"), opened=True)
        async with driven(changed) as wizard:
            await wizard.press("f10", "w")
            assert isinstance(wizard.page, ConflictPage)
            assert "sites/fra1/site.yaml" in wizard.text
            await wizard.press("w")
            assert isinstance(wizard.page, ConflictPage)
            await wizard.press("t", "w")
            assert "Written" in wizard.text

    asyncio.run(scenario())
    assert "region: Theirs" in edited.read_text()


def test_keys_wait_until_the_newest_page_has_the_focus(home: Path) -> None:
    async def scenario() -> None:
        async with driven(from_preset(blank({}, home), "lab")) as wizard:
            app, page = wizard.app, wizard.page
            value = page.query(Input).first().value
            older = app.hold()
            newer = app.hold()
            app.screen.set_focus(None)
            app.ready(older)
            await wizard.pilot.pause()
            assert app.busy
            page.query(Input).first().focus()
            app.ready(newer)
            app.post_message(Key("x", "x"))
            await wizard.settle()
            assert page.query(Input).first().value == f"{value}x"

    asyncio.run(scenario())
