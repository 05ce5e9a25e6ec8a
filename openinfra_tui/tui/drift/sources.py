"""The sources tab: what runs on hosts reported, then engine objects and sources, their state and history."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from textual.content import Content

from openinfra_tui.drift.runs import DIGEST, ago, details
from openinfra_tui.flow.picture import readiness
from openinfra_tui.tui.drift.words import FAINT, GLYPHS, STYLES, WORDS
from openinfra_tui.tui.text import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.drift.runs import DeployerRun

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_ILL = frozenset({"Stalled", "Failing", "Degraded", "NotFound", "Unknown"})
_HISTORY = 5


def sources(runs: Iterable[DeployerRun], found: Iterable[Mapping[str, Any]], now: datetime) -> Content:
    """All of them, in the order given."""
    blocks = [*(_run(run, now) for run in runs), *(_one(item, now) for item in found)]
    if not blocks:
        return literal("no engine object and no source is known", FAINT)
    return Content("\n\n").join(blocks)


def _run(run: DeployerRun, now: datetime) -> Content:
    state = literal(f"{GLYPHS[run.verdict]} {WORDS[run.verdict]}", STYLES[run.verdict])
    lines = [literal(f"Hosts of {run.site}", "bold") + Content("  ") + state]
    if run.report is None:
        return Content("\n").join([*lines, literal(f"  {run.problem}", FAINT)])
    had = run.report.configuration[:DIGEST]
    has = "as in the repository" if run.current else f"the repository has {run.configuration[:DIGEST]}"
    facts = [("looked at", ago(now - run.report.time)), ("digest", f"{had}, {has}")]
    lines += [literal(f"  {label:10}", FAINT) + literal(text) for label, text in facts]
    return Content("\n").join([*lines, *(literal(f"  {line}") for line in details(run))])


def _one(item: Mapping[str, Any], now: datetime) -> Content:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    state = readiness(item)
    name = f"{item.get('kind')} {metadata.get('namespace') or ''}/{metadata['name']}"
    style = "$text-error" if state in _ILL else "$text-warning" if state == "Suspended" else "$text-success"
    lines = [literal(name, "bold") + Content("  ") + literal(state, style)]
    if message := _message(status):
        lines.append(literal(f"  {message}", FAINT))
    for label, text in _facts(spec, status, metadata, now):
        if text:
            lines.append(literal(f"  {label:10}", FAINT) + literal(text))
    lines += _history(status)
    return Content("\n").join(lines)


def _facts(
    spec: Mapping[str, Any], status: Mapping[str, Any], metadata: Mapping[str, Any], now: datetime
) -> list[tuple[str, str]]:
    artifact, sync = status.get("artifact") or {}, status.get("sync") or {}
    applied, tried = (
        str(status.get("lastAppliedRevision") or ""),
        str(status.get("lastAttemptedRevision") or ""),
    )
    last = _last_run(status)
    waits = ", ".join(str(item.get("name")) for item in spec.get("dependsOn") or () if isinstance(item, dict))
    return [
        ("path", str(spec.get("path") or "")),
        ("url", str(spec.get("url") or "")),
        ("artifact", str(artifact.get("revision") or "")),
        ("applied", applied or str(sync.get("revision") or "")),
        ("tried", tried if tried != applied else ""),
        ("waits for", waits),
        ("last run", f"{_ago(now - last)} ago" if last else ""),
        ("next run", _next(spec, last, now)),
        ("asked for", str((metadata.get("annotations") or {}).get("reconcile.fluxcd.io/requestedAt") or "")),
    ]


def _history(status: Mapping[str, Any]) -> list[Content]:
    lines = []
    for entry in (status.get("history") or ())[:_HISTORY]:
        if not isinstance(entry, dict):
            continue
        when = entry.get("lastReconciled") or entry.get("lastDeployed") or entry.get("deployedAt") or ""
        what = entry.get("lastReconciledStatus") or entry.get("status") or ""
        which = entry.get("chartVersion") or entry.get("revision") or entry.get("digest") or ""
        text = " ".join(str(part) for part in (when, what, which) if part)
        lines.append(literal("            ", FAINT) + literal(text, FAINT, limit=120))
    return lines


def _message(status: Mapping[str, Any]) -> str:
    for item in status.get("conditions") or ():
        if isinstance(item, dict) and item.get("type") == "Ready":
            return " ".join(str(item.get("message") or "").split())
    return ""


def _last_run(status: Mapping[str, Any]) -> datetime | None:
    """The newest time that the object itself tells of a run."""
    found = []
    for item in status.get("history") or ():
        if isinstance(item, dict):
            found += [item.get("lastReconciled"), item.get("lastDeployed"), item.get("deployedAt")]
    found.append(status.get("reconciledAt"))
    found.append((status.get("artifact") or {}).get("lastUpdateTime"))
    times = [time for text in found if (time := _time(text)) is not None]
    return max(times, default=None)


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _next(spec: Mapping[str, Any], last: datetime | None, now: datetime) -> str:
    interval = str(spec.get("interval") or "")
    if not interval:
        return ""
    if spec.get("suspend") is True:
        return f"never: suspended (every {interval} else)"
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(interval))
    left = last + timedelta(seconds=seconds) - now if last else timedelta(0)
    return f"within {_ago(left)} (every {interval})" if left > timedelta(0) else f"every {interval}"


def _ago(span: timedelta) -> str:
    seconds = max(int(span.total_seconds()), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
