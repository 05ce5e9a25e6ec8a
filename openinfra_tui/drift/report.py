"""The drift report: one plain value that every output is written from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.model import VERDICTS, ObjectVerdict
from openinfra_tui.drift.runs import plain_run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.drift.runs import DeployerRun

API_VERSION = "openinfra.dev/v1alpha1"
FAILS_ON = frozenset({"drifted", "will-be-reverted", "missing", "extra"})


@dataclass(frozen=True)
class Report:
    """What a diff found.

    Attributes:
        objects: every desired object, also those in sync, and every extra one.
        cluster: name, server, version, uid, of what was compared against.
        repository: path, revision, dirty, and the applied revision by engine object.
        coverage: how many objects were read and compared, requests made, kinds that could not be read.
        problems: what keeps the whole from being complete, by kind or engine object.
        timings: seconds by step.
        runs: the last reports of deployers that run on hosts.
        counted: the counts of the whole, where `objects` is only a part of it.
    """

    # asyncio.run has the result of its task written out, twice, as it gives signals back.
    objects: tuple[ObjectVerdict, ...] = field(repr=False)
    cluster: Mapping[str, Any] = field(default_factory=dict)
    repository: Mapping[str, Any] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    runs: tuple[DeployerRun, ...] = ()
    counted: Mapping[str, int] | None = None

    def only(self, verdicts: Collection[str]) -> Report:
        """The report with only some verdicts shown; the counts stay those of the whole."""
        shown = tuple(item for item in self.objects if item.verdict in verdicts)
        return replace(self, objects=shown, counted=self.summary)

    @property
    def summary(self) -> dict[str, int]:
        """How many objects have each verdict, all nine."""
        if self.counted is not None:
            return dict(self.counted)
        counts = Counter(item.verdict for item in self.objects)
        return {verdict: counts[verdict] for verdict in VERDICTS}

    def exit_code(self, fail_on: Collection[str] = FAILS_ON) -> int:
        """2 something is blocked, 1 something differs, 3 something could not be verified, 0 none of these."""
        summary = self.summary
        if summary["blocked"]:
            return 2
        ran = {run.verdict for run in self.runs}
        if any(summary[verdict] or verdict in ran for verdict in fail_on):
            return 1
        return 3 if summary["unverified"] or "unverified" in ran or self.problems else 0


def to_plain(report: Report) -> dict[str, Any]:
    """The report as `schemas/drift-report-v1alpha1.schema.json` describes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "DriftReport",
        "summary": report.summary,
        "cluster": dict(report.cluster),
        "repository": dict(report.repository),
        "coverage": dict(report.coverage),
        "problems": list(report.problems),
        "runs": [plain_run(run) for run in report.runs],
        "timings": {step: round(seconds, 3) for step, seconds in report.timings.items()},
        "objects": [plain_object(item) for item in report.objects],
    }


def plain_object(item: ObjectVerdict) -> dict[str, Any]:
    """One object of a report."""
    engine = item.engine
    return {
        "apiVersion": item.api_version,
        "kind": item.key.kind,
        "namespace": item.key.namespace or None,
        "name": item.key.name,
        "verdict": item.verdict,
        "next": item.next,
        "proof": item.proof,
        "engine": {"kind": engine.kind, "namespace": engine.namespace, "name": engine.name}
        if engine
        else None,
        "origin": {"file": item.origin.file, "line": item.origin.line},
        "differences": [
            {
                "path": difference.path,
                "change": difference.change,
                "desired": difference.desired,
                "live": difference.live,
                "blame": [
                    {"manager": who.manager, "operation": who.operation, "time": who.time}
                    for who in difference.blame
                ],
            }
            for difference in item.differences
        ],
        "reason": item.reason,
    }
