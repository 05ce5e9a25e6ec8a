"""The runner under the real Flux and the real Argo CD: which commits start a run, and what the run sees.

The Pods are the stand-in kubelet's; what they run is the runner's own script (`reconcile/runs.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from openinfra_tui.drift.report import Report
from openinfra_tui.drift.writers import as_text
from openinfra_tui.engine.run_report import configuration, read_report
from openinfra_tui.flow.diff import Request, run
from tests.controlplane.reconcile.runner import NAMESPACE, RunnerSite, runner_site
from tests.controlplane.reconcile.runs import Run

HERE = Path(__file__).parents[1]
MANAGED = {
    "clusters.management": '{distribution: existing, version: "1.35"}',
    "openstack.runner.image": "registry.aio.cloud.example/kolla-runner:23.0.0-1",
}
SITES = {
    "kolla-ha": ("kolla-ha", {}),
    "kolla-all-in-one": ("kolla-all-in-one", MANAGED),
    "own": (HERE / "sites" / "kolla.yaml", {}),
}
ORDER = ("prechecks", "pull", "deploy", "post-deploy")
DIFFERS = {
    "plays": [{"tasks": [{"task": {"name": "Copying over nova.conf"}, "hosts": {
        "ctl1": {"changed": True, "diff": [{"before_header": "/etc/kolla/nova-api/nova.conf", "before": "s3cr3t"}]},
    }}]}],
    "stats": {"ctl1": {"changed": 1, "failures": 0, "unreachable": 0}},
}  # fmt: skip


@pytest.fixture(params=["flux", pytest.param("argocd", marks=pytest.mark.slow)])
def site_of(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[str], AbstractContextManager[RunnerSite]]:
    """Brings a site up under the engine."""
    return lambda name: runner_site(tmp_path, *SITES[name], request.param)


def seen_by(done: Run, site: RunnerSite) -> None:
    """A run had the configuration of the clone, laid out as the deployer wants it, and the lease for itself."""
    mounted = {path.replace("/", "__"): text for path, text in site.config.items()}
    assert done.configuration == configuration({"data": mounted})
    for path, text in site.config.items():
        assert (done.root / "etc/kolla" / path).read_text("utf-8") == text
    certificate = done.root / "etc/kolla/certificates/ca/root.crt"
    assert certificate.read_text("utf-8") == "ca/root.crt\n"
    assert (done.root / "runner/vault/password").stat().st_size > 20
    lease = site.client.get("coordination.k8s.io/v1", "Lease", "runner", NAMESPACE)
    assert lease["spec"]["holderIdentity"] == ""


def diffed(site: RunnerSite) -> Report:
    """What `openinfra-tui diff` finds."""
    request = Request(
        site.repository.folder,
        config=site.plane.kubeconfig(),
        age_key=site.repository.identity,
        offline=True,
    )

    async def last() -> Report:
        return [event async for event in run(request) if isinstance(event, Report)][-1]

    return asyncio.run(last())


def config_maps(site: RunnerSite) -> set[str]:
    found = site.client.list("v1", "ConfigMap", NAMESPACE)
    return {
        item["metadata"]["name"] for item in found if item["metadata"]["name"].startswith("runner-config-")
    }


@pytest.mark.parametrize(
    "name", ["kolla-ha", *(pytest.param(n, marks=pytest.mark.slow) for n in SITES if n != "kolla-ha")]
)
def test_a_changed_configuration_is_run_once_and_nothing_else_is(
    site_of: Callable[[str], AbstractContextManager[RunnerSite]], name: str
) -> None:
    with site_of(name) as site:
        first = site.applied(1)
        assert (first.commands, first.code, site.finished()) == (ORDER, 0, "Complete")
        seen_by(first, site)
        site.wait(site.fine)
        assert config_maps(site) == {first.mounted}

        # A commit that changes nothing of it.
        readme = site.repository.folder / "components/runner/README.md"
        readme.write_text(readme.read_text("utf-8") + "\nA line.\n", "utf-8")
        site.push("A line of a README")
        assert site.runs.of("apply") == [first]

        globals_yml = f"{site.folder}/config/globals.yml"
        site.repository.edit(globals_yml, lambda old: {**old, "openstack_logging_debug": True})
        site.push("Debug")
        second = site.applied(2)
        assert (second.commands, second.code, site.finished()) == (ORDER, 0, "Complete")
        seen_by(second, site)
        assert second.job != first.job
        assert second.configuration != first.configuration
        site.wait(lambda: config_maps(site) == {second.mounted})
        assert second.mounted != first.mounted
        site.wait(site.fine)

        # Another time for the drift runs: a changed object, and the same configuration.
        runs = site.repository.folder / site.folder / "runs.yaml"
        schedule = site.repository.plan.site.get("openstack.runner.driftSchedule")
        runs.write_text(runs.read_text("utf-8").replace(schedule, "7 7 * * *"), "utf-8")
        site.push("Another schedule")
        # A hook of Argo CD belongs to each sync, whatever it changed.
        count = 2 if site.engine == "flux" else 3
        assert site.applied(count).configuration == second.configuration

        # A run that fails waits for a human.
        site.runs.fails = ("deploy",)
        site.repository.edit(globals_yml, lambda old: {**old, "openstack_logging_debug": False})
        site.push("No debug")
        third = site.applied(count + 1)
        assert (third.commands, third.code, site.finished()) == (ORDER[:3], 2, "Failed")
        site.wait(lambda: not site.fine())
        site.push("A commit of somebody else")
        assert len(site.runs.of("apply")) == count + 1
        site.runs.fails = ()
        site.repository.edit(globals_yml, lambda old: {**old, "openstack_logging_debug": True})
        site.push("Debug again")
        assert site.applied(count + 2).code == 0
        site.wait(site.fine)

        # A drift run keeps its report, and no engine takes it away.
        site.runs.prints = DIFFERS
        drift = site.start("drift", "drift-now")
        assert (drift.commands, drift.code) == (("genconfig", "check"), 1)
        kept = site.client.get("v1", "ConfigMap", "runner-report", NAMESPACE)["data"]["report.json"]
        assert "s3cr3t" not in kept + drift.printed
        report = read_report(kept)
        assert (report.configuration, report.changed) == (drift.configuration, {"ctl1": 1})
        site.push("One more")
        assert site.client.find("v1", "ConfigMap", "runner-report", NAMESPACE)
        assert len(site.runs.of("apply")) == count + 2

        # `diff` shows it, beside the objects, and what it is about.
        compared = diffed(site)
        (shown,) = compared.runs
        assert (shown.verdict, shown.current, shown.configuration) == ("drifted", True, drift.configuration)
        assert {item.verdict for item in compared.objects} <= {"in-sync", "ignored"}, as_text(compared)
        text = as_text(compared)
        assert f"0 min ago, configuration {drift.configuration[:12]}, as in the repository" in text
        assert "ctl1: /etc/kolla/nova-api/nova.conf  (Copying over nova.conf)" in text
        assert "s3cr3t" not in text
        assert compared.exit_code() == 1
        site.repository.edit(globals_yml, lambda old: {**old, "openstack_logging_debug": False})
        (older,) = diffed(site).runs
        assert (older.verdict, older.current) == ("unverified", False)
