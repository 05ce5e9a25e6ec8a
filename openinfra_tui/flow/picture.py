"""What the drift view shows at one moment, as a plain value: objects below their engine objects, and sources.

A picture is made beside the screen; the screen only filters and draws it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import health
from openinfra_tui.drift.model import EngineRef, Key, ObjectVerdict, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.report import Report

ENGINES = {
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("argoproj.io", "Application"),
}
SOURCES = {
    ("source.toolkit.fluxcd.io", kind)
    for kind in ("GitRepository", "OCIRepository", "HelmRepository", "HelmChart", "Bucket")
}
# The worst first: what a folded row stands for.
SEVERITY = (
    "blocked",
    "drifted",
    "missing",
    "extra",
    "will-be-reverted",
    "unverified",
    "pending",
    "ignored",
    "in-sync",
)
_DEEPEST = 4  # Deployment, ReplicaSet, Pod; more is a circle of owners


@dataclass(frozen=True)
class Row:
    """One line of the tree.

    Attributes:
        id: stays the same as long as the object is the same one.
        depth: 0 for an engine object.
        key: of the object.
        api_version: of the object, where it is known.
        verdict: None for what only has an owner.
        worst: of the verdicts of this row and of those below it.
        health: a word of kstatus, or the readiness of an engine object.
        labels: of the live object.
        faulty: how many below it (itself too) are not in sync.
        total: how many are below it, itself too where it has a verdict.
    """

    id: str
    depth: int
    key: Key
    api_version: str = ""
    verdict: ObjectVerdict | None = None
    worst: str = "in-sync"
    health: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    faulty: int = 0
    total: int = 0


@dataclass(frozen=True)
class Picture:
    """Everything at one moment.

    Attributes:
        rows: in the order of the tree, parents before children.
        report: the counts, the cluster, the repository.
        sources: engine objects and sources as the cluster holds them.
    """

    rows: tuple[Row, ...]
    report: Report
    sources: tuple[Mapping[str, Any], ...] = ()


def picture(report: Report, live: Live) -> Picture:
    """The picture of a report and what is known of the cluster."""
    owned = _owned(live)
    by_engine: dict[EngineRef | None, list[ObjectVerdict]] = defaultdict(list)
    own: dict[EngineRef, ObjectVerdict] = {}
    for item in report.objects:
        by_engine[item.engine].append(item)
        if (item.key.group, item.key.kind) in ENGINES:
            own[EngineRef(item.key.kind, item.key.namespace, item.key.name)] = item
    engines = {ref_of(item): item for item in engine_objects(live)}
    rows: list[Row] = []
    for ref in sorted(by_engine, key=lambda one: (one is None, _order(one))):
        below: list[Row] = []
        for item in by_engine[ref]:
            below += _with_children(item, live, owned)
        rows.append(_head(ref, own.get(ref) if ref else None, engines.get(ref) if ref else None, below))
        rows += below
    return Picture(tuple(rows), report, tuple(_sources(live)))


def engine_objects(live: Live) -> Iterable[Mapping[str, Any]]:
    """The Kustomizations, HelmReleases and Applications of a cluster."""
    for (_, key), item in live.objects.items():
        if (key.group, key.kind) in ENGINES:
            yield item


def ref_of(engine: Mapping[str, Any]) -> EngineRef:
    """The name of an engine object."""
    key = key_of(dict(engine))
    return EngineRef(key.kind, key.namespace, key.name)


def readiness(engine: Mapping[str, Any] | None) -> str:
    """How an engine object is: Ready, Stalled, Reconciling, Failing, Suspended, or the health of Argo CD."""
    if engine is None:
        return health.NOT_FOUND
    spec, status = engine.get("spec") or {}, engine.get("status") or {}
    if spec.get("suspend") is True:
        return "Suspended"
    if str(engine.get("apiVersion", "")).startswith("argoproj.io/"):
        return str((status.get("health") or {}).get("status") or "Unknown")
    states = {
        str(item.get("type")): str(item.get("status"))
        for item in status.get("conditions") or ()
        if isinstance(item, dict)
    }
    for condition, word in (("Stalled", "Stalled"), ("Reconciling", "Reconciling"), ("Ready", "Ready")):
        if states.get(condition) == "True":
            return word
    return "Failing" if states.get("Ready") == "False" else "Unknown"


def _order(ref: EngineRef | None) -> tuple[str, str, str]:
    return (ref.namespace, ref.name, ref.kind) if ref else ("", "", "")


def _with_children(item: ObjectVerdict, live: Live, owned: Mapping[str, list[dict[str, Any]]]) -> list[Row]:
    there = live.objects.get((item.api_version, item.key))
    engine = f"{item.engine.kind}/{item.engine.namespace}/{item.engine.name}" if item.engine else ""
    metadata = (there or {}).get("metadata") or {}
    row = Row(
        f"{engine}|{item.key}",
        1,
        item.key,
        item.api_version,
        item,
        item.verdict,
        readiness(there) if (item.key.group, item.key.kind) in ENGINES else health.health(there),
        metadata.get("labels") or {},
        int(is_faulty(item)),
        1,
    )
    return [row, *_children(row, str(metadata.get("uid") or ""), owned)]


def _children(parent: Row, uid: str, owned: Mapping[str, list[dict[str, Any]]]) -> list[Row]:
    if parent.depth >= _DEEPEST or not uid:
        return []
    rows: list[Row] = []
    for child in owned.get(uid, ()):
        key, metadata = key_of(child), child["metadata"]
        row = Row(
            f"{parent.id}|{key}",
            parent.depth + 1,
            key,
            str(child.get("apiVersion")),
            None,
            "",
            health.health(child),
            metadata.get("labels") or {},
        )
        rows += [row, *_children(row, str(metadata.get("uid") or ""), owned)]
    return rows


def _head(
    ref: EngineRef | None, own: ObjectVerdict | None, there: Mapping[str, Any] | None, below: list[Row]
) -> Row:
    worst = min((row.worst for row in below if row.verdict), key=SEVERITY.index, default="in-sync")
    counted = sum(row.faulty for row in below), sum(row.total for row in below)
    if ref is None:
        return Row(
            "|", 0, Key("", "", "", "no engine object"), worst=worst, faulty=counted[0], total=counted[1]
        )
    group = next((group for group, kind in ENGINES if kind == ref.kind), "")
    return Row(
        f"{ref.kind}/{ref.namespace}/{ref.name}",
        0,
        Key(group, ref.kind, ref.namespace, ref.name),
        str((there or {}).get("apiVersion") or ""),
        own,
        worst,
        readiness(there),
        ((there or {}).get("metadata") or {}).get("labels") or {},
        *counted,
    )


def is_faulty(verdict: ObjectVerdict) -> bool:
    """Whether somebody should look at it."""
    return verdict.verdict not in ("in-sync", "ignored")


def _owned(live: Live) -> dict[str, list[dict[str, Any]]]:
    """By UID of an owner what it owns, by kind and name."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in live.objects.values():
        for owner in (item.get("metadata") or {}).get("ownerReferences") or ():
            found[str(owner.get("uid"))].append(item)
    for items in found.values():
        items.sort(key=key_of)
    return found


def _sources(live: Live) -> list[Mapping[str, Any]]:
    wanted = ENGINES | SOURCES
    found = [(key, item) for (_, key), item in live.objects.items() if (key.group, key.kind) in wanted]
    return [item for _, item in sorted(found, key=lambda one: one[0])]
