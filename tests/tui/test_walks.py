"""Random walks by keys: never a crash, never an answer lost, never a site that generate refuses after all."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.flow.draft import Draft, blank, from_preset
from openinfra_tui.flow.preview import preview
from openinfra_tui.questions.answers import set_answer
from openinfra_tui.questions.model import NAME
from openinfra_tui.questions.review import problems
from openinfra_tui.tui.wizard.review import ReviewPage
from openinfra_tui.tui.wizard.screen import WizardScreen
from tests.tui.driving import LARGE, SMALL, TODAY, Driver, driven

STEPS_OF_A_WALK = 14
KEYS = [
    *("enter", "enter", "enter", "escape", "escape", "down", "up", "space", "tab", "f10", "f3", "f1", "left"),
    *("right", "d", "a", "e", "end", "x", "1", "delete", "f4", "o", "pagedown"),
]


def worlds() -> list[tuple[str, str, str]]:
    """Each deployer, distribution and placement of the catalog with many of the others."""
    catalog = load_catalog()
    deployers = [one.id for one in catalog.deployers]
    systems = sorted({one.id for one in catalog.distributions})
    placements = [one.id for one in catalog.placements]
    everything = list(itertools.product(deployers, systems, placements))
    random.Random(8).shuffle(everything)
    return everything


def begin(seed: int) -> Draft:
    deployer, system, placement = worlds()[seed % len(worlds())]
    draft = blank({}, Path.cwd())
    if seed % 4:
        draft = from_preset(draft, ("lab", "openstack-helm-ha")[seed % 2])
    answers = draft.answers
    if seed % 3:
        for path, value in (
            ("openstack.deployer", deployer),
            ("operatingSystem.default.distribution", system),
            ("placement", placement),
        ):
            answers = set_answer(answers, path, value)
    return replace(draft, answers=answers, everything=bool(seed % 5))


async def walk(wizard: Driver, chance: random.Random, seen: Counter[str]) -> None:
    rules: set[str] = set()
    for _ in range(STEPS_OF_A_WALK):
        walked = next(one for one in wizard.app.screen_stack if isinstance(one, WizardScreen))
        before = dict(walked.draft.answers.values)
        page = walked._page
        # Only what is asked on this page, and what it makes new (keys of a mapping), may change.
        mine = {question.path for question in page.questions} if page else set()
        if chance.random() < 0.2:
            keys = ["f2", "home", *["down"] * chance.randrange(15), "enter"]
        else:
            keys = [chance.choice(KEYS)]
        await wizard.press(*keys)
        after = walked.draft.answers.values
        lost = {path for path, value in before.items() if path not in mine and after.get(path) != value}
        assert not lost, (keys, lost)
        if walked.view is not None:
            rules |= {one.rule for one in walked.view.troubles if one.rule}
    for _ in range(4):
        if isinstance(wizard.app.screen, WizardScreen) and isinstance(wizard.page, ReviewPage):
            break
        await wizard.press("f10") if isinstance(wizard.app.screen, WizardScreen) else await wizard.press(
            "escape"
        )
    assert isinstance(wizard.page, ReviewPage)
    seen.update(rules)
    draft = wizard.screen.draft
    held = draft.answers.values
    places = ("openstack.deployer", "operatingSystem.default.distribution", "placement")
    seen.update(str(held[path]) for path in places if held.get(path))
    seen["walks"] += 1
    if wizard.page.sound:
        seen["sound"] += 1
        found = preview(draft, TODAY)
        assert not found.problem, found.problem
        assert not [one for one in problems(draft.answers, TODAY) if one.severity == "error"]


def walks(seeds: range) -> str:
    """How many of the walks met each rule, and each deployer, distribution and placement."""
    seen: Counter[str] = Counter()

    async def scenario(seed: int) -> None:
        async with driven(begin(seed), size=SMALL if seed % 2 else LARGE) as wizard:
            await walk(wizard, random.Random(seed), seen)

    for seed in seeds:
        try:
            asyncio.run(scenario(seed))
        except Exception as error:
            raise AssertionError(
                f"walk {seed}: {begin(seed).answers.values.get(NAME, '')} {error}"
            ) from error
    return json.dumps(seen, sort_keys=True)


@pytest.mark.parametrize("first", range(0, 6, 3))
def test_random_walks(first: int, home: Path, record_property: Any) -> None:
    record_property("rules", walks(range(first, first + 3)))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10, 210, 10))
def test_two_hundred_random_walks(first: int, home: Path, record_property: Any) -> None:
    record_property("rules", walks(range(first, first + 10)))
