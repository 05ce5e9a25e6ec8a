"""What the view says around the objects: what is in the way, what is shown of how many, why nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from openinfra_tui.drift.runs import ago
from openinfra_tui.tui.drift import filters
from openinfra_tui.tui.drift.words import FAINT, GLYPHS, WORDS
from openinfra_tui.tui.text import literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from openinfra_tui.drift.runs import DeployerRun
    from openinfra_tui.flow.observing import About, Failed, Link
    from openinfra_tui.flow.picture import Picture, Row
    from openinfra_tui.tui.drift.filters import Filter, Line

_MOST = 3  # problems of a report that are told


def troubles(link: Link, about: About, failed: Failed, picture: Picture | None, now: datetime) -> list[str]:
    """Why what one sees is old, or not there, or not complete; and what no object shows: hosts."""
    lines = []
    if link.trouble:
        who = " as ".join(part for part in (about.server, about.user) if part)
        lines.append(f"✗ The cluster does not answer: {link.trouble}")
        lines.append(f"  Tried: {who or 'the context of the kubeconfig'}; again every few seconds.")
        if picture is not None:
            lines[-1] += " Shown is what was known."
    if failed.message:
        lines.append(f"✗ {failed.message}")
        if failed.hint:
            lines.append(f"  {failed.hint}")
    if picture is not None:
        lines += [f"! not complete: {problem}" for problem in picture.report.problems[:_MOST]]
        lines += [_hosts(run, now) for run in picture.report.runs if run.verdict != "in-sync"]
    return lines


def _hosts(run: DeployerRun, now: datetime) -> str:
    known = run.problem if run.report is None else f"looked at {ago(now - run.report.time)}"
    return f"{GLYPHS[run.verdict]} hosts of {run.site}: {WORDS[run.verdict]}, {known}; S tells more"


def shown(wanted: Filter, rows: Iterable[Row], lines: Iterable[Line], marked: set[str]) -> Content:
    """Which objects are shown, or what is wrong with the pattern."""
    wrong = filters.problem(wanted.text)
    if wrong:
        return literal(wrong, "$text-error")
    total = sum(row.verdict is not None and row.depth == 1 for row in rows)
    count = sum(line.row.verdict is not None and line.row.depth == 1 for line in lines)
    text = f"{filters.describe(wanted)} · {count} of {total}"
    return literal(f"{text} · {len(marked)} marked" if marked else text, FAINT)


def nothing(wanted: Filter, picture: Picture, changed: datetime) -> Content:
    """Why the tree is empty: nothing matches, or nothing is wrong."""
    if wanted.text or wanted.place:
        return literal("Nothing matches. esc shows all faults again.", FAINT)
    summary = picture.report.summary
    hosts = any(run.verdict != "in-sync" for run in picture.report.runs)
    return Content("\n\n").join(
        [
            literal(f"✓ {'No object' if hosts else 'Nothing'} is wrong.", "$text-success bold"),
            literal(f"{summary['in-sync']} objects are in sync, {summary['ignored']} are ignored.", ""),
            literal(
                f"Last sure of it at {changed.astimezone():%H:%M:%S}. ! shows everything.",
                FAINT,
            ),
        ]
    )
