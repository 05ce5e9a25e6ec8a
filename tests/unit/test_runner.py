"""The runner: its script as it ships, a site's configuration staged by it, lease, report, and both engines."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from openinfra_tui import yamlio
from openinfra_tui.build import kustomize
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.check import report
from openinfra_tui.check.report import Repository, text_files
from openinfra_tui.check.run import check
from openinfra_tui.check.runner import check_passwords, check_runner
from openinfra_tui.check.secrets import check_secrets
from openinfra_tui.cli.diff import command as diff_command
from openinfra_tui.engine.run_report import configuration, read_report
from openinfra_tui.errors import UserError
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.resources import skeletons_path
from openinfra_tui.site.load import parse_site
from openinfra_tui.tree.model import Tree

TODAY = date(2026, 11, 25)
SCRIPT = (
    skeletons_path() / "runner" / "{{cookiecutter.root}}" / "components" / "runner" / "scripts" / "run.py"
)
HERE = "sites/ber1/runner"


@cache
def tree_of(preset: str, *overrides: str) -> Tree:
    plan, _ = plan_site(parse_site(preset_text(preset), "site.yaml", overrides), TODAY)
    return render_tree(plan, {"operator": "age1x"})


def runs(tree: Tree) -> dict[str, dict[str, Any]]:
    return {
        f"{item['kind']}/{item['metadata']['name']}": item
        for item in yamlio.load_all(tree.text(f"{HERE}/runs.yaml"))
    }


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, loaded as a module."""
    spec = importlib.util.spec_from_file_location("runner_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- objects -------------------------------------------------------------------------------------------------


def test_flux_makes_the_job_again_and_waits_longer_than_it_may_take() -> None:
    tree = tree_of("kolla-ha")
    job = runs(tree)["Job/runner-apply"]
    assert job["metadata"]["annotations"] == {"kustomize.toolkit.fluxcd.io/force": "Enabled"}
    assert (job["spec"]["backoffLimit"], job["spec"].get("ttlSecondsAfterFinished")) == (0, None)
    step = yamlio.load(tree.text("clusters/ber1/management/runner.yaml"))["spec"]
    assert step["wait"] is True
    assert int(step["timeout"].removesuffix("m")) * 60 > job["spec"]["activeDeadlineSeconds"]
    assert step["decryption"] == {"provider": "sops", "secretRef": {"name": "sops-age"}}
    assert "CancelHealthCheckOnNewRevision=true" not in tree.text("sites/ber1/RUNBOOK.md")


def test_argo_cd_runs_a_hook_that_it_does_not_repeat() -> None:
    tree = tree_of("kolla-ha", "gitops.engine=argocd")
    assert runs(tree)["Job/runner-apply"]["metadata"]["annotations"] == {
        "argocd.argoproj.io/hook": "PostSync",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    }
    application = yamlio.load(tree.text("clusters/ber1/management/applications/runner.yaml"))
    assert application["spec"]["source"]["path"] == HERE
    # Without a word, an automated sync is tried five times more (argo-cd, controller/appcontroller.go).
    assert application["spec"]["syncPolicy"]["retry"] == {"limit": 0}
    kustomization = yamlio.load(tree.text(f"{HERE}/kustomization.yaml"))
    assert "secretGenerator" not in kustomization  # it would apply the ciphertext
    assert "create secret generic runner-secrets" in tree.text("sites/ber1/RUNBOOK.md")


def test_hosts_and_series_are_changed_only_by_a_human() -> None:
    gates = runs(tree_of("kolla-ha"))
    assert gates["CronJob/runner-bootstrap"]["spec"]["suspend"] is True
    assert "CronJob/runner-upgrade" not in gates
    upgrading = runs(tree_of("kolla-ha", "openstack.series=2026.2", "openstack.upgradeFrom=2026.1"))
    assert upgrading["CronJob/runner-upgrade"]["spec"]["suspend"] is True
    assert "Job/runner-apply" not in upgrading  # a deployment of the new series over the old one


def test_a_run_may_touch_one_lease_and_one_report() -> None:
    tree = tree_of("kolla-ha")
    _, role, _ = yamlio.load_all(tree.text("components/runner/rbac.yaml"))
    verbs = {
        (rule["resources"][0], *rule.get("resourceNames", ["(any)"])): rule["verbs"] for rule in role["rules"]
    }
    assert verbs == {
        ("leases", "(any)"): ["create"], ("leases", "runner"): ["get", "update"],
        ("configmaps", "(any)"): ["create"], ("configmaps", "runner-report"): ["get", "update"],
    }  # fmt: skip
    policy = yamlio.load(tree.text(f"{HERE}/network-policy.yaml"))
    assert policy["spec"]["egress"][0]["to"] == [{"ipBlock": {"cidr": "10.30.0.0/24"}}]


@pytest.mark.parametrize("engine", ["flux", "argocd"])
def test_what_a_pod_mounts_follows_every_file_of_the_configuration(tmp_path: Path, engine: str) -> None:
    names = []
    for region in ("RegionOne", "RegionTwo"):
        out = made(tmp_path / region, f"gitops.engine={engine}", f"region={region}")
        report = check(out)
        assert (report.faults, report.unvalidated) == ((), {})
        built = subprocess.run(
            ["kubectl", "kustomize", str(out / HERE)], capture_output=True, text=True, check=False
        )
        if built.returncode:
            pytest.skip("no kubectl")
        objects = {
            f"{o['kind']}/{o['metadata']['name'].rsplit('-', 1)[0] if o['kind'] == 'ConfigMap' else o['metadata']['name']}": o
            for o in yamlio.load_all(built.stdout)
        }
        pod = objects["Job/runner-apply"]["spec"]["template"]["spec"]
        mounted = {v["name"]: v.get("configMap", {}).get("name") for v in pod["volumes"]}
        assert mounted["config"] == objects["ConfigMap/runner-config"]["metadata"]["name"]
        assert mounted["scripts"] == objects["ConfigMap/runner-scripts"]["metadata"]["name"]
        names.append(mounted)
        files = {
            p.relative_to(out).as_posix(): p.read_bytes()
            for p in (out / HERE / "config").rglob("*")
            if p.is_file()
        }
        keys = {path.removeprefix(f"{HERE}/config/").replace("/", "__") for path in files}
        assert set(objects["ConfigMap/runner-config"]["data"]) == keys
    assert names[0]["config"] != names[1]["config"]
    assert names[0]["scripts"] == names[1]["scripts"]


def made(folder: Path, *overrides: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "site.yaml").write_text(preset_text("kolla-ha"), "utf-8")
    generate(
        Request(folder / "site.yaml", folder / "out", overrides, commit=False),
        TODAY,
        lambda _: None,
    )
    return folder / "out"


def test_a_file_that_no_run_would_see_is_found(tmp_path: Path) -> None:
    out = made(tmp_path / "site")
    added = out / HERE / "config" / "config" / "nova" / "nova-compute.conf"
    added.parent.mkdir(parents=True)
    added.write_text("[DEFAULT]\n", "utf-8")
    (fault,) = check(out).faults
    assert (fault.kind, fault.file) == ("reference", f"{HERE}/config/config/nova/nova-compute.conf")
    assert "no run sees it" in fault.message
    kustomization = out / HERE / "kustomization.yaml"
    entry = "  - config__nova__nova-compute.conf=config/config/nova/nova-compute.conf\n"
    text = kustomization.read_text("utf-8")
    kustomization.write_text(text.replace("  - globals.yml=", f"{entry}  - globals.yml="), "utf-8")
    assert check(out).faults == ()


@pytest.mark.parametrize(
    "text", ["keystone_admin_password: s3cr3t\n", "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n"]
)
def test_passwords_that_are_not_a_vault_file_are_found(tmp_path: Path, text: str) -> None:
    out = made(tmp_path / "site")
    (out / HERE / "config" / "passwords.yml").write_text(text, "utf-8")
    faults = [fault for fault in check(out).faults if fault.kind == "secret"]
    assert [fault.file for fault in faults] == [f"{HERE}/config/passwords.yml"]
    assert "ansible-vault encrypt" in faults[0].message
    assert "s3cr3t" not in faults[0].message


@pytest.mark.parametrize("made", [5, [5], {"a": 1}, [{"files": 5}], [{"files": [5, None], "envs": "x"}]])
def test_a_malformed_generator_ends_no_check(tmp_path: Path, made: object) -> None:
    folder = tmp_path / "sites" / "a" / "runner"
    folder.mkdir(parents=True)
    content = {"configMapGenerator": made, "secretGenerator": made}
    repository = Repository(tmp_path, {"sites/a/runner/kustomization.yaml": (content, 5, None)})
    assert list(check_runner(repository)) == []
    assert {fault.kind for fault in check_secrets(repository)} <= {"secret"}


def test_checks_of_files_walk_the_folder_once_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sites" / "a" / "runner").mkdir(parents=True)
    (tmp_path / "sites" / "a" / "runner" / "passwords.yml").write_text("a: b\n", "utf-8")
    walks = []

    def walked(root: Path) -> Iterator[str]:
        walks.append(root)
        return text_files(root)

    monkeypatch.setattr(report, "text_files", walked)
    repository = Repository(tmp_path, {})
    found = [*check_secrets(repository), *check_runner(repository), *check_passwords(repository)]
    assert [fault.file for fault in found] == ["sites/a/runner/passwords.yml"]
    assert walks == [tmp_path]


def test_without_a_cluster_there_is_a_configuration_and_no_object() -> None:
    tree = tree_of("kolla-all-in-one")
    assert not [path for path in tree if path.startswith(("clusters/", "argocd/"))]
    assert "sites/aio/runner/config/globals.yml" in tree
    assert "components/runner/scripts/run.py" in tree
    assert "sites/aio/runner/runs.yaml" not in tree
    assert "/scripts/run.py apply" in tree.text("sites/aio/RUNBOOK.md")


# --- the script ----------------------------------------------------------------------------------------------


def run_script(
    tmp_path: Path, action: str, plan: dict[str, Any], **environment: str
) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "config"
    config.mkdir(exist_ok=True)
    (config / "runner.yaml").write_text(yamlio.dump({"directory": str(tmp_path / "etc"), **plan}), "utf-8")
    env = {
        **os.environ, "RUNNER_CONFIG": str(config), "RUNNER_SECRETS": str(tmp_path / "secrets"), "RUNNER_SITE": "ber1",
        "RUNNER_CERTIFICATES": str(tmp_path / "certificates"), "RUNNER_ACCOUNT": str(tmp_path / "account"),
        "RUNNER_LOG": str(tmp_path / "log"), **environment,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, str(SCRIPT), action],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_run_stages_what_it_mounts_and_stops_at_the_first_failure(tmp_path: Path) -> None:
    for folder, files in {
        "config": {"config__nova__nova.conf": "[DEFAULT]\n"},
        "certificates": {"ca__root.crt": "a certificate"},
        "secrets": {"secrets.yaml": "ceph: {key: AQ==}\n"},
    }.items():
        (tmp_path / folder).mkdir()
        for name, text in files.items():
            (tmp_path / folder / name).write_text(text, "utf-8")
    keyring = tmp_path / "etc" / "config" / "glance" / "keyring"
    plan = {
        "files": [{"path": str(keyring), "secret": "ceph.key", "text": "key = @\n"}],
        "actions": {"apply": [["cp", str(keyring), str(tmp_path / "seen")], ["false", "prechecks"], ["touch", str(tmp_path / "never")]]},
        "hints": {"prechecks": "start the bootstrap"},
    }  # fmt: skip
    done = run_script(tmp_path, "apply", plan)
    assert done.returncode == 1
    assert (tmp_path / "etc" / "config" / "nova" / "nova.conf").read_text() == "[DEFAULT]\n"
    assert (tmp_path / "etc" / "certificates" / "ca" / "root.crt").read_text() == "a certificate"
    assert (tmp_path / "seen").read_text() == "key = AQ==\n"
    assert keyring.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "never").exists()
    assert "start the bootstrap" in done.stdout
    assert "AQ==" not in done.stdout + done.stderr


def test_a_run_without_its_secret_or_its_action_says_so(tmp_path: Path) -> None:
    plan = {
        "files": [{"path": str(tmp_path / "x"), "secret": "ceph.key", "text": "@"}],
        "actions": {"apply": []},
    }
    assert "the secret ceph.key is missing" in run_script(tmp_path, "apply", plan).stderr
    assert "no action destroy" in run_script(tmp_path, "destroy", {"actions": {"apply": []}}).stderr


ANSIBLE = {
    "plays": [{"tasks": [
        {"task": {"name": "Copying over nova.conf"}, "hosts": {
            "ctl1": {"changed": True, "diff": [{"before_header": "/etc/kolla/nova-api/nova.conf", "before": "password = s3cr3t", "after": ""}]},
            "ctl2": {"changed": False, "diff": []},
        }},
        {"task": {"name": "Copying over policy"}, "hosts": {
            "ctl1": {"changed": True, "results": [{"changed": True, "diff": {"after_header": "/etc/kolla/x/policy.yaml"}}]},
            "ctl2": {"unreachable": True},
        }},
    ]}],
    "stats": {"ctl1": {"changed": 2, "failures": 0, "unreachable": 0, "ok": 9}, "ctl2": {"changed": 0, "failures": 0, "unreachable": 1, "ok": 0}},
}  # fmt: skip


def test_a_drift_run_reports_files_and_no_line_of_them(tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    printed.write_text(
        "[WARNING]: x\nUsing /etc/ansible.cfg\n" + json.dumps(ANSIBLE, indent=2) + "\n", "utf-8"
    )
    plan = {
        "actions": {},
        "drift": {"command": ["cat", str(printed)], "checks": [["true", "check"], ["false", "check"]]},
    }
    done = run_script(tmp_path, "drift", plan)
    assert done.returncode == 1
    assert "s3cr3t" not in done.stdout + (tmp_path / "log").read_text()
    report = read_report((tmp_path / "log").read_text())
    assert report.site == "ber1"
    assert report.changed == {"ctl1": 2, "ctl2": 0}
    assert report.unreachable == ("ctl2",)
    assert [(f.host, f.path) for f in report.files] == [
        ("ctl1", "/etc/kolla/nova-api/nova.conf"),
        ("ctl1", "/etc/kolla/x/policy.yaml"),
    ]
    assert report.failed == (("ctl2", "Copying over policy"),)
    assert report.checks == {"true check": True, "false check": False}
    assert not report.in_sync
    assert abs((datetime.now(UTC) - report.time).total_seconds()) < 60
    mounted = {p.name: p.read_text("utf-8") for p in (tmp_path / "config").iterdir()}
    assert report.configuration == configuration({"data": mounted})


def test_a_drift_run_of_hosts_that_are_as_they_should_be_succeeds(tmp_path: Path) -> None:
    clean = {"plays": [], "stats": {"ctl1": {"changed": 0, "failures": 0, "unreachable": 0}}}
    (tmp_path / "printed").write_text(json.dumps(clean, indent=1), "utf-8")
    plan = {"actions": {}, "drift": {"command": ["cat", str(tmp_path / "printed")]}}
    assert run_script(tmp_path, "drift", plan).returncode == 0
    assert read_report((tmp_path / "log").read_text()).in_sync
    broken = run_script(tmp_path, "drift", {"actions": {}, "drift": {"command": ["echo", "no JSON"]}})
    assert broken.returncode == 1
    assert "printed no report" in broken.stderr


def test_diff_prints_the_last_report_beside_the_objects(tmp_path: Path) -> None:
    out = made(tmp_path / "site")
    built = kustomize.build(kustomize.find(), out / HERE)
    (config,) = (item for item in built if item["metadata"]["name"].startswith("runner-config-"))
    told = {
        "apiVersion": "openinfra.dev/v1alpha1", "kind": "RunReport", "site": "ber1", "time": "2026-11-01T00:00:00Z",
        "configuration": configuration(config), "hosts": {"ctl1": {"changed": 1, "failures": 0, "unreachable": 0}},
        "files": [{"host": "ctl1", "path": "/etc/kolla/nova-api/nova.conf", "task": "nova.conf"}], "failed": [], "checks": [],
    }  # fmt: skip
    kept = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "runner-report", "namespace": "runner"},
        "data": {"report.json": json.dumps(told)},
    }  # fmt: skip
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*built, kept]}), "utf-8")

    def printed(*words: str, code: int = 1) -> str:
        done = CliRunner().invoke(diff_command, [str(out), "--from-dump", str(dump), "--offline", *words])
        assert done.exit_code == code, done.output
        return done.stdout

    digest = configuration(config)
    line = rf"run of ber1: drifted, \d+ d \d+ h ago, configuration {digest[:12]}, as in the repository"
    assert re.search(line, printed())
    assert "    ctl1: /etc/kolla/nova-api/nova.conf  (nova.conf)" in printed()
    (run,) = json.loads(printed("--output", "json"))["runs"]
    assert (run["verdict"], run["configuration"], run["report"]["configuration"]) == (
        "drifted",
        digest,
        digest,
    )
    assert run["report"]["ageSeconds"] > 0
    markdown = printed("--output", "markdown")
    assert f"configuration {digest[:12]}, as in the repository" in markdown
    assert "- ctl1: /etc/kolla/nova-api/nova.conf" in markdown
    assert "run of" in printed("--namespace", "runner")
    assert "run of" not in printed("--namespace", "flux-system", code=3)


def test_a_long_report_is_cut_to_its_numbers(tmp_path: Path, script: ModuleType) -> None:
    script.TERMINATION_LOG = tmp_path / "log"
    many = [{"host": "ctl1", "path": f"/etc/kolla/{n}", "task": "t" * 40} for n in range(200)]
    report = {
        "apiVersion": "openinfra.dev/v1alpha1", "kind": "RunReport", "site": "a", "configuration": "0", "files": many,
        "time": "2026-11-25T00:00:00Z", "hosts": {"ctl1": {"changed": 200, "failures": 0, "unreachable": 0}}, "failed": [], "checks": [],
    }  # fmt: skip
    script.write_log(report, json.dumps(report))
    assert len((tmp_path / "log").read_text()) <= 4096
    assert read_report((tmp_path / "log").read_text()).changed == {"ctl1": 200}


def test_a_report_of_something_else_is_refused() -> None:
    for text in ("", "[]", "{}", '{"apiVersion": "v2", "kind": "RunReport"}'):
        with pytest.raises(UserError, match="not one of this version"):
            read_report(text)


# --- the lease -----------------------------------------------------------------------------------------------


class Api(BaseHTTPRequestHandler):
    """Objects by path, with the optimistic locking of the API server."""

    objects: ClassVar[dict[str, dict[str, Any]]] = {}

    def answer(self, code: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def item(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def do_GET(self) -> None:
        found = self.objects.get(self.path)
        self.answer(200 if found else 404, found or {})

    def do_POST(self) -> None:
        item = self.item()
        item["metadata"]["resourceVersion"] = "1"
        self.objects[f"{self.path}/{item['metadata']['name']}"] = item
        self.answer(201, item)

    def do_PUT(self) -> None:
        item, there = self.item(), self.objects[self.path]
        if item["metadata"]["resourceVersion"] != there["metadata"]["resourceVersion"]:
            self.answer(409, {})
            return
        item["metadata"]["resourceVersion"] = str(int(there["metadata"]["resourceVersion"]) + 1)
        self.objects[self.path] = item
        self.answer(200, item)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[str]:
    """The URL of a server that keeps objects; the account of a Pod lies in `tmp_path`."""
    (tmp_path / "account").mkdir()
    (tmp_path / "account" / "token").write_text("a token", "utf-8")
    Api.objects = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


LEASE = "/apis/coordination.k8s.io/v1/namespaces/runner/leases/runner"


def test_a_run_takes_the_lease_and_gives_it_back(tmp_path: Path, api: str) -> None:
    done = run_script(
        tmp_path, "apply", {"actions": {"apply": [["true"]]}}, RUNNER_API=api, RUNNER_HOLDER="apply-1"
    )
    assert done.returncode == 0, done.stderr
    assert Api.objects[LEASE]["spec"]["holderIdentity"] == ""
    assert int(Api.objects[LEASE]["metadata"]["resourceVersion"]) >= 2


@pytest.mark.parametrize(("age", "code"), [(0, 1), (3600, 0)], ids=["held", "left behind"])
def test_two_runs_never_meet(tmp_path: Path, api: str, age: int, code: int) -> None:
    renewed = datetime.fromtimestamp(datetime.now(UTC).timestamp() - age, UTC).strftime(
        "%Y-%m-%dT%H:%M:%S.%fZ"
    )
    Api.objects[LEASE] = {
        "metadata": {"name": "runner", "resourceVersion": "7"},
        "spec": {"holderIdentity": "drift-1", "leaseDurationSeconds": 60, "renewTime": renewed},
    }
    plan = {"actions": {"apply": [["touch", str(tmp_path / "ran")]]}}
    done = run_script(tmp_path, "apply", plan, RUNNER_API=api, RUNNER_HOLDER="apply-1", RUNNER_WAIT="-1")
    assert done.returncode == code, done.stderr
    assert (tmp_path / "ran").exists() is (code == 0)


def test_the_report_is_kept_in_the_cluster(tmp_path: Path, api: str) -> None:
    (tmp_path / "printed").write_text(json.dumps(ANSIBLE, indent=1), "utf-8")
    plan = {"actions": {}, "drift": {"command": ["cat", str(tmp_path / "printed")]}}
    for _ in range(2):
        assert run_script(tmp_path, "drift", plan, RUNNER_API=api).returncode == 1
    kept = Api.objects["/api/v1/namespaces/runner/configmaps/runner-report"]
    assert kept["metadata"]["resourceVersion"] == "2"
    assert read_report(kept["data"]["report.json"]).changed["ctl1"] == 2
