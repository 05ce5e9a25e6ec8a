"""What the last drift run of a deployer reported, and which configuration of the repository that was about.

`components/runner/scripts/run.py` writes it into the ConfigMap `runner-report`; it names hosts and files, and
holds no line of a file. It is as old as it says: nothing looks at the hosts between two runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE, NAME, KEY = "runner", "runner-report", "report.json"
DRIFT = "runner-drift"  # the CronJob that reports


@dataclass(frozen=True)
class ChangedFile:
    """A file of a host that the deployer would write anew."""

    host: str
    path: str
    task: str


@dataclass(frozen=True)
class RunReport:
    """One report.

    Attributes:
        site: the name of the site.
        configuration: the digest of the configuration that was compared.
        time: when.
        changed: by host, how many tasks would change something.
        unreachable: the hosts that did not answer; nothing is known of them.
        files: the files that differ, as far as the deployer names them.
        failed: (host, task) of what could not be compared.
        checks: by command, whether its own check passed.
    """

    site: str
    configuration: str
    time: datetime
    changed: Mapping[str, int]
    unreachable: tuple[str, ...]
    files: tuple[ChangedFile, ...]
    failed: tuple[tuple[str, str], ...]
    checks: Mapping[str, bool]

    @property
    def in_sync(self) -> bool:
        """Whether every host answered and nothing differs, at that time."""
        return not (self.unreachable or self.failed or any(self.changed.values())) and all(
            self.checks.values()
        )


def read_report(text: str) -> RunReport:
    """Read a report.

    Raises:
        UserError: the text is no report of this version.
    """
    try:
        data: dict[str, Any] = json.loads(text)
        if (data["apiVersion"], data["kind"]) != ("openinfra.dev/v1alpha1", "RunReport"):
            raise ValueError
        hosts: dict[str, dict[str, int]] = data["hosts"]
        return RunReport(
            site=str(data["site"]),
            configuration=str(data["configuration"]),
            time=datetime.strptime(data["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
            changed={host: int(stats["changed"]) for host, stats in hosts.items()},
            unreachable=tuple(host for host, stats in hosts.items() if stats["unreachable"]),
            files=tuple(ChangedFile(f["host"], f["path"], f["task"]) for f in data["files"]),
            failed=tuple((f["host"], f["task"]) for f in data["failed"]),
            checks={str(check["command"]): bool(check["ok"]) for check in data["checks"]},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            "the report of the last run is not one of this version", "start a drift run"
        ) from None


def configuration(config_map: Mapping[str, Any]) -> str:
    """The digest of the configuration in a ConfigMap, as a run computes it of what it mounts."""
    content = {name: text.encode() for name, text in (config_map.get("data") or {}).items()}
    content |= {name: base64.b64decode(text) for name, text in (config_map.get("binaryData") or {}).items()}
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(content.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
