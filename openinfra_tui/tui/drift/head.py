"""The head of the view: whom one looks at, how fresh it is, and how many objects have which verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from openinfra_tui.tui.drift.words import FAINT, GLYPHS, SHOWN, STYLES, WORDS
from openinfra_tui.tui.text import clean, literal

if TYPE_CHECKING:
    from datetime import datetime

    from openinfra_tui.drift.report import Report
    from openinfra_tui.flow.observing import About, Link

_ALWAYS = ("in-sync", "drifted")


def where(about: About, report: Report | None, *, read_only: bool, wide: bool) -> Content:
    """The cluster and who we are to it."""
    dump = str(report.cluster.get("dump") or "") if report else ""
    if dump:
        parts = [f"dump {dump.rpartition('/')[2]}"]
    else:
        parts = [about.context or "drift", about.version]
        if wide:
            parts += [about.server, f"as {about.user}" if about.user else ""]
        if about.version:
            parts.append(may(about, read_only=read_only))
    return literal(" · ".join(part for part in parts if part), "bold $text-primary")


def may(about: About, *, read_only: bool) -> str:
    """Whether something can be changed from here."""
    if read_only:
        return "read-only"
    return "you may patch" if about.may_patch else "you may only read"


def stands(about: About, report: Report | None, *, wide: bool) -> Content:
    """The repository."""
    if report is None:
        return Content("")
    revision = str(report.repository.get("revision") or "")
    if not revision:
        return literal("not in Git" if not about.branch else about.branch, FAINT)
    state = "changed" if report.repository.get("dirty") else "clean"
    branch = clean(about.branch, limit=24)
    text = f"{branch} {revision[:7]} {state}"
    if wide:
        commits = {str(commit)[:7] for commit in (report.repository.get("applied") or {}).values() if commit}
        if len(commits) == 1:
            text += f" · applied {commits.pop()}"
        elif commits:
            text += f" · {len(commits)} revisions applied"
    return literal(text.strip(), FAINT)


def fresh(link: Link, seen: datetime | None, now: datetime, *, dump: bool) -> Content:
    """How old what one sees is."""
    if link.trouble and link.since is not None:
        return literal(f"✗ lost since {link.since.astimezone():%H:%M:%S}", "$text-error bold")
    if dump or seen is None:
        return literal("a dump" if dump else "connecting", FAINT)
    return literal(f"live, changed {_span(int((now - seen).total_seconds()))} ago", "$text-success")


def counts(report: Report | None, width: int) -> Content:
    """The counters, with words where they fit; those that are nothing are left out."""
    if report is None:
        return literal("nothing is known yet", FAINT)
    summary = report.summary
    shown = [name for name in SHOWN if summary[name] or name in _ALWAYS]
    share = (
        100 * int(report.coverage.get("compared") or 0) // max(int(report.coverage.get("desired") or 0), 1)
    )
    said = Content("")
    forms: tuple[tuple[str, dict[str, str], str], ...] = (
        ("   ", WORDS, "coverage "),
        ("  ", WORDS, "coverage "),
        ("  ", {}, "coverage "),
        ("  ", {}, ""),
    )
    for space, words, cover in forms:
        parts = [
            literal(f"{GLYPHS[name]} {summary[name]} {words.get(name, '')}".rstrip(), STYLES[name])
            for name in shown
        ]
        said = Content(space).join([*parts, literal(f"{cover}{min(share, 100)} %", FAINT)])
        if said.cell_length <= width:
            break
    return said


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{max(seconds, 0)} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
