"""The report of a deployer's drift run in a drift report: verdict, age, digest, every output."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from openinfra_tui.drift.live import Live
from openinfra_tui.drift.model import Application, Desired, EngineRef
from openinfra_tui.drift.report import Report
from openinfra_tui.drift.runs import DeployerRun, ago
from openinfra_tui.drift.writers import (
    MARKDOWN_RUN,
    as_json,
    as_junit,
    as_markdown,
    as_sarif,
    as_text,
)
from openinfra_tui.engine.run_report import ChangedFile, RunReport, configuration
from openinfra_tui.flow.deployer_runs import reported
from openinfra_tui.resources import schema_path

APPLICATION = Application(EngineRef("Kustomization", "flux-system", "runner"), "kustomize-controller")
HERE, ELSEWHERE = "a" * 64, "b" * 64
CLEAN = RunReport("ber1", HERE, datetime(2026, 11, 25, 9, tzinfo=UTC), {"ctl1": 0}, (), (), (), {})
FILE = ChangedFile("ctl1", "/etc/kolla/nova-api/nova.conf", "Copying over nova.conf")
CHANGED = replace(CLEAN, changed={"ctl1": 1}, files=(FILE,))
AGE = timedelta(hours=3, minutes=12)


def run(report: RunReport | None = CLEAN, here: str = HERE) -> DeployerRun:
    return DeployerRun("ber1", here, report, AGE)


@pytest.mark.parametrize(
    ("found", "verdict", "code"),
    [
        (run(), "in-sync", 0),
        (run(CHANGED), "drifted", 1),
        (run(replace(CLEAN, checks={"kolla-ansible check": False})), "drifted", 1),
        (run(replace(CLEAN, unreachable=("ctl2",))), "unverified", 3),
        (run(replace(CLEAN, failed=(("ctl1", "a task"),))), "unverified", 3),
        (run(CHANGED, ELSEWHERE), "unverified", 3),
        (DeployerRun("ber1", HERE, problem="no drift run has reported yet"), "unverified", 3),
    ],
    ids=["clean", "file", "check", "unreachable", "failed", "another configuration", "none"],
)
def test_a_report_proves_nothing_but_what_it_compared(found: DeployerRun, verdict: str, code: int) -> None:
    assert found.verdict == verdict
    report = Report((), runs=(found,))
    assert report.exit_code() == code
    assert report.exit_code({"missing"}) == (0 if code == 1 else code)
    plain = json.loads(as_json(report))
    jsonschema.validate(plain, json.loads(schema_path("drift-report-v1alpha1").read_text()))
    assert plain["runs"][0]["verdict"] == verdict
    (case,) = ElementTree.fromstring(as_junit(report))  # noqa: S314 - our own text
    outcome = {"drifted": ["failure"], "unverified": ["skipped"], "in-sync": []}[verdict]
    assert [child.tag for child in case] == outcome
    results = json.loads(as_sarif(report))["runs"][0]["results"]
    assert [item["ruleId"] for item in results] == ([] if verdict == "in-sync" else [verdict])


def test_text_and_markdown_show_age_digest_and_what_differs() -> None:
    report = Report((), runs=(run(replace(CHANGED, unreachable=("ctl2",))),))
    head = "run of ber1: drifted, 3 h 12 min ago, configuration aaaaaaaaaaaa, as in the repository"
    assert as_text(report).splitlines()[:3] == [
        head,
        "    ctl1: /etc/kolla/nova-api/nova.conf  (Copying over nova.conf)",
        "    ctl2: not reached",
    ]
    assert as_text(report, summary_only=True).splitlines()[0] == head
    assert len(as_text(report, summary_only=True).splitlines()) == 2
    assert f"### {head}" in as_markdown(report)
    assert "- ctl1: /etc/kolla/nova-api/nova.conf" in as_markdown(report)
    old = Report((), runs=(run(CLEAN, ELSEWHERE),))
    assert "configuration aaaaaaaaaaaa, the repository has bbbbbbbbbbbb" in as_text(old)


def test_what_a_host_calls_itself_is_no_markup_and_no_escape() -> None:
    host = "a|b<img>\x1b[2J"
    many = tuple(ChangedFile(host, f"/etc/{n}", "t") for n in range(MARKDOWN_RUN + 7))
    report = Report((), runs=(run(replace(CHANGED, changed={host: 57}, files=many)),))
    assert "\x1b" not in as_text(report) + as_markdown(report) + as_junit(report)
    assert "<img>" not in as_markdown(report)
    assert "- 7 more\n" in as_markdown(report)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 min ago"), (59, "0 min ago"), (3600, "1 h 0 min ago"), (200_000, "2 d 7 h ago")],
)
def test_an_age_has_two_units(seconds: int, text: str) -> None:
    assert ago(timedelta(seconds=seconds)) == text


def objects(data: dict[str, str]) -> list[Desired]:
    pod = {
        "containers": [{"env": [{"name": "RUNNER_SITE", "value": "ber1"}]}],
        "volumes": [{"name": "config", "configMap": {"name": "runner-config-1"}}],
    }
    cron = {"jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return [
        Desired(item, APPLICATION)
        for item in (
            made("batch/v1", "CronJob", "runner-drift", spec=cron),
            made("v1", "ConfigMap", "runner-config-1", data=data),
        )
    ]


def made(version: str, kind: str, name: str, **rest: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "runner"}, **rest}


def test_the_report_of_a_dump_is_compared_with_what_the_repository_mounts() -> None:
    data = {"globals.yml": "a: 1\n", "config__nova.conf": "[DEFAULT]\n"}
    live = Live()
    assert asyncio.run(reported([], live, None)) == ()
    (none,) = asyncio.run(reported(objects(data), live, None))
    assert (none.site, none.problem) == ("ber1", "no drift run has reported yet")
    told = {
        "apiVersion": "openinfra.dev/v1alpha1", "kind": "RunReport", "site": "ber1", "time": "2026-11-25T09:00:00Z",
        "configuration": configuration({"data": data}), "hosts": {}, "files": [], "failed": [], "checks": [],
    }  # fmt: skip
    live.add([made("v1", "ConfigMap", "runner-report", data={"report.json": json.dumps(told)})])
    (found,) = asyncio.run(reported(objects(data), live, None))
    assert (found.verdict, found.current) == ("in-sync", True)
    (changed,) = asyncio.run(reported(objects({**data, "globals.yml": "a: 2\n"}), live, None))
    assert (changed.verdict, changed.current) == ("unverified", False)
    live.add([made("v1", "ConfigMap", "runner-report", data={"report.json": "{"})])
    (broken,) = asyncio.run(reported(objects(data), live, None))
    assert "not one of this version" in broken.problem
