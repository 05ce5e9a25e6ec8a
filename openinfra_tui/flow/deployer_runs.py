"""The report of the last drift run, read from the cluster that an engine delivers the runs to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift.model import Key
from openinfra_tui.drift.runs import DeployerRun
from openinfra_tui.engine import run_report
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.model import Desired
    from openinfra_tui.flow.reading import Reader

KEY = Key("", "ConfigMap", run_report.NAMESPACE, run_report.NAME)


async def reported(desired: Iterable[Desired], live: Live, reader: Reader | None) -> tuple[DeployerRun, ...]:
    """The last report of each deployer whose runs are among the desired objects."""
    objects = [item.object for item in desired]
    drift = next((item for item in objects if _is(item, "CronJob", run_report.DRIFT)), None)
    if drift is None:
        return ()
    pod = drift["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    site = next(one["value"] for one in pod["containers"][0]["env"] if one["name"] == "RUNNER_SITE")
    mounted = next(one["configMap"]["name"] for one in pod["volumes"] if one["name"] == "config")
    digest = next((run_report.configuration(item) for item in objects if _is(item, "ConfigMap", mounted)), "")
    try:
        found = await reader.by_key(KEY) if reader else live.objects.get(("v1", KEY))
        if found is None:
            return (DeployerRun(site, digest, problem="no drift run has reported yet"),)
        report = run_report.read_report(str((found.get("data") or {}).get(run_report.KEY, "")))
    except ApiError as error:
        return (DeployerRun(site, digest, problem=f"its report cannot be read: {error.message}"),)
    except UserError as error:
        return (DeployerRun(site, digest, problem=error.message),)
    return (DeployerRun(site, digest, report, datetime.now(UTC) - report.time),)


def _is(item: Mapping[str, Any], kind: str, name: str) -> bool:
    metadata = item.get("metadata") or {}
    place = (item.get("kind"), metadata.get("namespace"), metadata.get("name"))
    return place == (kind, run_report.NAMESPACE, name)
