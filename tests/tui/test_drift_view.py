"""The drift view by keys: cursor, filter, hostile texts, ten thousand objects."""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import replace
from pathlib import Path

import pytest

from openinfra_tui.drift.live import Live
from openinfra_tui.drift.model import Blame, Difference, EngineRef, Origin
from openinfra_tui.flow.observing import Link
from openinfra_tui.flow.picture import picture
from openinfra_tui.tui.dialogs import Help
from openinfra_tui.tui.drift import words
from openinfra_tui.tui.drift.filters import Filter, lines
from tests.tui.drift_scenes import (
    ABOUT,
    REPORT,
    at_peace,
    cluster,
    of,
    report,
    seen,
    verdicts,
    viewing,
    with_hosts,
)
from tests.tui.driving import LARGE, SMALL

HOSTILE = ("[/foo]", "[red]x", "\x1b[31mred\x1b[0m", "\u202eabc", "n" * 10_000, "🙂" * 40, "a\nb", "")
MANY = 10_000
ONE_TURN = 0.1  # seconds that the event loop may be held


def test_the_cursor_stays_on_its_object_while_others_come_and_go() -> None:
    async def scenario() -> None:
        async with viewing(LARGE) as view:
            await view.see(ABOUT, Link(), seen())
            await view.press("down", "down")
            row = view.tree.row
            assert row is not None
            assert row.key.name == "nova-etc"
            fewer = [item for item in verdicts() if item.key.name != "nova-api-osapi"]
            await view.see(picture(report(fewer), cluster()))
            assert view.tree.row is not None
            assert view.tree.row.id == row.id
            more = [
                of("v1", "ConfigMap", f"a/a{n}", "extra", EngineRef("Kustomization", "a", "a"))
                for n in range(50)
            ]
            await view.see(picture(report([*more, *verdicts()]), cluster()))
            assert view.tree.row.id == row.id
            assert "nova-etc" in view.text

    asyncio.run(scenario())


def test_the_keys_move_the_cursor_where_panes_take_turns() -> None:
    """While nothing is known the tree is hidden there, and what is hidden has no focus."""

    async def scenario() -> None:
        async with viewing(SMALL) as view:
            await view.see(ABOUT, Link(), seen())
            await view.press("down")
            assert view.tree.row is not None
            assert view.tree.row.key.name == "nova-api-osapi"
            await view.press("enter")
            assert "proved by" in view.text
            await view.press("escape", "down")
            assert view.tree.row.key.name == "nova-etc"
            await view.press("slash", *"zzz", "enter", "escape", "down")
            assert view.tree.has_focus

    asyncio.run(scenario())


def test_filters_find_by_pattern_inverse_labels_kind_and_namespace() -> None:
    rows = seen().rows

    def names(**wanted: object) -> set[str]:
        found = lines(rows, replace(Filter(faults=False), **wanted), {})
        return {line.row.key.name for line in found if line.row.depth == 1}

    assert names(text="^Deployment") == {"nova-api-osapi"}
    assert names(text="!keystone") == {
        item.key.name for item in verdicts() if "keystone" not in f"{item.key.namespace}/{item.key.name}"
    }
    assert names(text="-l app=nova") == {"nova-api-osapi"}
    assert names(place="job") == {"glance-bootstrap"}
    assert names(place="deployment elsewhere") == set()
    assert names(text="(") == names()
    assert "keystone-1" not in names(faults=True)


def test_esc_leads_back_step_by_step() -> None:
    async def scenario() -> None:
        async with viewing(SMALL) as view:
            await view.see(ABOUT, Link(), seen())
            await view.press("slash", *"osapi", "enter", "enter")
            assert view.app.view.has_class("-opened")
            await view.press("escape")
            assert not view.app.view.has_class("-opened")
            assert view.tree.filter.text == "osapi"
            await view.press("escape")
            assert view.tree.filter.text == ""
            await view.press("question_mark")
            assert isinstance(view.app.screen, Help)

    asyncio.run(scenario())


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_texts_from_outside_are_never_obeyed(text: str) -> None:
    async def scenario() -> None:
        ref = EngineRef("Kustomization", text or "n", text or "k")
        blame = (Blame(text, "Update", text),)
        changes = [Difference(f"/spec/{text}", change, text, text, blame) for change in ("value", "added")]
        found = of(
            "v1",
            "ConfigMap",
            f"d/{text or 'x'}",
            "drifted",
            ref,
            *changes,
            reason=text,
            origin=Origin(text, 1),
        )
        live = Live()
        live.add(
            [
                {
                    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                    "kind": "Kustomization",
                    "metadata": {"name": text or "k", "namespace": text or "n"},
                    "spec": {"path": text, "interval": text},
                    "status": {"conditions": [{"type": "Ready", "status": "True", "message": text}]},
                }
            ]
        )
        for size in (SMALL, LARGE):
            async with viewing(size) as view:
                problems = replace(report([found]), problems=(text,))
                await view.see(ABOUT, Link(), picture(problems, live))
                await view.press("down", "enter", "u", "S", "t", "escape", "escape")
                assert "\x1b" not in view.text
                assert "\u202e" not in view.text

    asyncio.run(scenario())


def test_ten_thousand_objects_scroll_and_filter_without_delay(record_property: pytest.RecordProperty) -> None:
    refs = [EngineRef("Kustomization", "flux-system", f"k{n:02}") for n in range(20)]
    found = [
        of("v1", "ConfigMap", f"d/c{n:05}", "drifted" if n % 20 == 0 else "in-sync", refs[n % 20])
        for n in range(MANY)
    ]
    many = picture(report(found), Live())
    # What a thousand tests before left in memory is not the view's to go through.
    gc.collect()
    gc.freeze()

    async def scenario() -> None:
        async with viewing(LARGE) as view:
            turns = {}
            begun = time.process_time()
            view.app.see(many)
            turns["show"] = time.process_time() - begun
            await view.settle()
            begun = time.process_time()
            view.tree.narrow(Filter(faults=False))
            turns["everything"] = time.process_time() - begun
            begun = time.process_time()
            view.tree.narrow(Filter(text="c09", faults=False))
            turns["filter"] = time.process_time() - begun
            view.tree.narrow(Filter(faults=False))
            await view.settle()
            begun = time.process_time()
            for _ in range(20):
                view.tree.action_page(1)
                await view.pilot.pause()
            turns["page"] = (time.process_time() - begun) / 20
            begun = time.process_time()
            view.app.see(many)
            turns["again"] = time.process_time() - begun
            for name, seconds in turns.items():
                record_property(name, seconds)
            assert len(view.tree.shown) == MANY + len(refs)
            assert max(turns.values()) < ONE_TURN, turns

    try:
        asyncio.run(scenario())
    finally:
        gc.unfreeze()


def test_peace_says_so_and_when_it_was_last_sure() -> None:
    async def scenario() -> None:
        async with viewing(SMALL) as view:
            await view.see(ABOUT, Link(), at_peace())
            assert "Nothing is wrong" in view.text
            assert "Last sure" in view.text

    asyncio.run(scenario())


def test_the_last_known_state_stays_when_the_cluster_is_lost() -> None:
    async def scenario() -> None:
        async with viewing(LARGE) as view:
            await view.see(ABOUT, Link(), seen(), Link("no answer", view.app._clock()))
            assert view.app.view.has_class("-stale")
            assert "nova-api-osapi" in view.text
            assert "Tried: https://10.20.0.5:6443 as admin" in view.text
            await view.see(Link())
            assert not view.app.view.has_class("-stale")

    asyncio.run(scenario())


def test_without_a_cluster_no_action_is_offered(home: Path) -> None:
    async def scenario() -> None:
        async with viewing(LARGE) as view:
            await view.see(ABOUT, Link(), seen())
            await view.press("down", *"rsvax")
            assert view.app.screen is view.app.view

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("one", "text"),
    [
        ("3", '"3"'),
        (3, "3"),
        ("true", '"true"'),
        ("abc", "abc"),
        (None, words.NOTHING),
        ("", '""'),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_values_of_different_types_look_different(one: object, text: str) -> None:
    assert words.value(one) == text


def test_hosts_that_differ_are_told_above_a_cluster_in_sync() -> None:
    async def scenario() -> None:
        async with viewing(SMALL) as view:
            await view.see(ABOUT, Link(), with_hosts(REPORT))
            assert "~ hosts of fra1: drifted, looked at 3 h 12 min ago; S tells more" in view.text
            assert "No object is wrong" in view.text
            await view.press("S")
            for text in ("9c1f04e7d2aa, as in the repository", "nova.conf", "cmp2: not reached"):
                assert text in view.text
            await view.see(with_hosts(None, "no drift run has reported yet"))
            assert "? hosts of fra1: unverified, no drift run has reported yet" in view.text
            calm = replace(REPORT, changed={}, unreachable=(), files=(), checks={})
            await view.see(with_hosts(calm))
            assert "hosts of fra1:" not in view.text
            await view.press("S")
            assert "Nothing is wrong" in view.text

    asyncio.run(scenario())


def test_a_host_that_is_called_oddly_is_written_as_it_is() -> None:
    async def scenario() -> None:
        async with viewing(LARGE) as view:
            changed = {"[red]x\x1b[2J": 3, "n" * 10_000: 1}
            await view.see(ABOUT, Link(), with_hosts(replace(REPORT, changed=changed, files=())))
            await view.press("S")
            assert "[red]x" in view.text
            assert "\x1b" not in view.text

    asyncio.run(scenario())
