"""From verdicts to the report: known differences taken out, secrets masked, what is not covered told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.drift import expected
from openinfra_tui.drift.mask import Masker
from openinfra_tui.drift.model import Key, ObjectVerdict, group_of
from openinfra_tui.drift.report import Report
from openinfra_tui.flow.reading import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    from openinfra_tui.drift.desired.flux import Rendered
    from openinfra_tui.drift.desired.source import Source
    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.model import Desired
    from openinfra_tui.drift.runs import DeployerRun
    from openinfra_tui.flow.before import Before
    from openinfra_tui.flow.reading import Reader


def shown(
    found: Iterable[ObjectVerdict], target: Source, desired: Iterable[Desired], live: Live, today: date
) -> tuple[ObjectVerdict, ...]:
    """Verdicts in order, as people may see them: expected differences ignored, values of secrets masked."""
    known = expected.read(target.root)
    masker = Masker()
    for manifest in (*(item.object for item in desired), *live.objects.values()):
        masker.learn(manifest)
    verdicts = [expected.apply(item, known, today) for item in found]
    blocked = {(item.engine, item.key) for item in verdicts if item.verdict == "blocked"}
    out = [
        masker.verdict(item)
        for item in verdicts
        if item.verdict == "blocked" or (item.engine, item.key) not in blocked
    ]
    return tuple(sorted(out, key=_order))


def _order(item: ObjectVerdict) -> tuple[str, ...]:
    """By object, then by engine object. Plain texts: ten thousand are sorted after each event of a watch."""
    key, ref = item.key, item.engine
    own = (key.group, key.kind, key.namespace, key.name)
    return (*own, ref.kind, ref.namespace, ref.name) if ref else (*own, "", "", "")


def unbuilt(head: Rendered) -> list[ObjectVerdict]:
    """One verdict for each engine object whose content could not be built, or not be had."""
    out = []
    for ref, problem in head.problems.items():
        engine = head.engines.get(ref)
        code = problem.partition(":")[0]
        if engine is None or code not in ("build", "unread"):
            continue
        version = str(engine.get("apiVersion"))
        key = Key(group_of(version), ref.kind, ref.namespace, ref.name)
        verdict, following = ("blocked", "blocked") if code == "build" else ("unverified", "none")
        out.append(ObjectVerdict(version, key, verdict, following, None, ref, reason=problem))
    return out


def problems(head: Rendered, live: Live, settings: Iterable[str]) -> tuple[str, ...]:
    """What the report cannot speak of: contents elsewhere, engine objects and settings that are not read."""
    elsewhere = [
        f"{ref.kind} {ref.namespace}/{ref.name}: {problem}"
        for ref, problem in head.problems.items()
        if problem.startswith("source:")
    ]
    engines = {kind for _, kind in ENGINES}
    unread = [f"{kind}: {why}" for (_, kind), why in live.failures.items() if kind in engines]
    return tuple(sorted({*elsewhere, *unread, *settings}))


def report(
    objects: tuple[ObjectVerdict, ...],
    *,
    directory: Path,
    dump: Path | None,
    target: Source,
    before: Before,
    head: Rendered,
    live: Live,
    unread: Iterable[str],
    reader: Reader | None,
    desired: int,
    dry_runs: int,
    runs: tuple[DeployerRun, ...],
    timings: Mapping[str, float],
) -> Report:
    """The report around some verdicts."""
    access = reader.connection.access if reader else None
    return Report(
        objects,
        cluster={
            "context": access.context if access else None,
            "server": access.server if access else None,
            "dump": str(dump) if dump else None,
            "uid": live.uid or None,
        },
        repository={
            "path": str(directory),
            "revision": target.revision or None,
            "dirty": target.dirty,
            "applied": {
                f"{ref.kind} {ref.namespace}/{ref.name}": commit or None
                for ref, commit in sorted(before.applied.items())
            },
        },
        coverage={
            "desired": desired,
            "compared": sum(item.verdict not in ("unverified", "blocked") for item in objects),
            "requests": reader.connection.requests if reader else 0,
            "dryRuns": dry_runs,
            "admission": "read" if live.admission is not None else "unknown",
        },
        problems=problems(head, live, unread),
        timings=timings,
        runs=runs,
    )
