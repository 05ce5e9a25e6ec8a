"""What the last drift run of a deployer reported, beside the configuration that the repository has now.

A report speaks of the hosts as they were when the run looked, and of the configuration that it had. Of
another configuration it proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta

    from openinfra_tui.engine.run_report import RunReport

DIGEST = 12  # characters that people read


@dataclass(frozen=True)
class DeployerRun:
    """The last report of one site.

    Attributes:
        site: its name.
        configuration: the digest of what the repository has a run mount.
        report: what was reported, None where nothing was.
        age: of the report.
        problem: why there is no report.
    """

    site: str
    configuration: str
    report: RunReport | None = None
    age: timedelta | None = None
    problem: str = ""

    @property
    def current(self) -> bool:
        """Whether the report is about the configuration in the repository."""
        return self.report is not None and self.report.configuration == self.configuration

    @property
    def verdict(self) -> str:
        """`drifted` where hosts differ from the configuration in the repository, `in-sync` where none does.

        `unverified` without a report, with one of another configuration, and where hosts are missing in it.
        """
        report = self.report
        if report is None or not self.current:
            return "unverified"
        if report.in_sync:
            return "in-sync"
        return "drifted" if any(report.changed.values()) or not all(report.checks.values()) else "unverified"


def headline(run: DeployerRun) -> str:
    """Verdict, age and digest in one line."""
    start = f"run of {run.site}: {run.verdict}"
    if run.report is None or run.age is None:
        return f"{start}, {run.problem}"
    whose = "as in the repository" if run.current else f"the repository has {run.configuration[:DIGEST]}"
    return f"{start}, {ago(run.age)}, configuration {run.report.configuration[:DIGEST]}, {whose}"


def details(run: DeployerRun) -> list[str]:
    """What differs, a line each: files, hosts and commands."""
    report = run.report
    if report is None:
        return []
    named = {file.host for file in report.files}
    return [
        *(f"{file.host}: {file.path or 'not a file'}  ({file.task})" for file in report.files),
        *(f"{host}: {n} changes" for host, n in report.changed.items() if n and host not in named),
        *(f"{host}: not reached" for host in report.unreachable),
        *(f"{host}: not compared: {task}" for host, task in report.failed if host not in report.unreachable),
        *(f"{command}: failed" for command, fine in report.checks.items() if not fine),
    ]


def ago(age: timedelta) -> str:
    """An age in its two largest units."""
    minutes = max(0, int(age.total_seconds())) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h ago"
    return f"{hours} h {minutes % 60} min ago" if hours else f"{minutes} min ago"


def plain_run(run: DeployerRun) -> dict[str, Any]:
    """A run as the schema of a drift report describes it."""
    report = run.report
    return {
        "site": run.site,
        "verdict": run.verdict,
        "configuration": run.configuration,
        "problem": run.problem or None,
        "report": None
        if report is None or run.age is None
        else {
            "time": f"{report.time:%Y-%m-%dT%H:%M:%SZ}",
            "ageSeconds": max(0, int(run.age.total_seconds())),
            "configuration": report.configuration,
            "changed": dict(report.changed),
            "unreachable": list(report.unreachable),
            "files": [{"host": f.host, "path": f.path, "task": f.task} for f in report.files],
            "failed": [{"host": host, "task": task} for host, task in report.failed],
            "checks": dict(report.checks),
        },
    }
