"""`diff --from-dump`: a whole run without an API server; kubeconfigs; expected differences."""

import base64
import errno
import io
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from openinfra_tui.cli import exits
from openinfra_tui.cli.diff import command
from openinfra_tui.cluster import kubeconfig
from openinfra_tui.drift import dump, expected
from openinfra_tui.errors import UserError
from openinfra_tui.resources import schema_path

LABELS = {"kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
ROOT = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {"name": "root", "namespace": "flux-system"},
    "spec": {"path": "./c", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "site"}},
}


def config_map(name, value):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "d"},
        "data": {"a": value},
    }


def secret(value):
    data = {"password": base64.b64encode(value.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "d"}, "data": data}


def applied(manifest):
    def owned(value):
        return {f"f:{key}": owned(item) if isinstance(item, dict) else {} for key, item in value.items()}

    fields = owned({key: value for key, value in manifest.items() if key in ("data", "spec")})
    entry = {
        "manager": "kustomize-controller",
        "operation": "Apply",
        "apiVersion": manifest["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": {**fields, "f:metadata": {"f:labels": owned(LABELS)}},
    }
    return {**manifest, "metadata": {**manifest["metadata"], "labels": LABELS, "managedFields": [entry]}}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "r"
    (root / "c").mkdir(parents=True)
    wanted = [
        ROOT,
        config_map("same", "1"),
        config_map("changed", "1"),
        config_map("gone", "1"),
        secret("topsecret"),
    ]
    (root / "c/all.yaml").write_text(yaml.safe_dump_all(wanted))
    return root


def diff(root, file, *words):
    result = CliRunner().invoke(command, [str(root), "--from-dump", str(file), *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def cluster(value="topsecret"):
    return [
        applied(ROOT),
        applied(config_map("same", "1")),
        applied(config_map("changed", "2")),
        applied(secret(value)),
    ]


@pytest.mark.parametrize("sealed", [True, False])
def test_a_dump_is_compared_like_a_cluster(repository, tmp_path, sealed):
    file = tmp_path / "dump.json"
    kinds = {("v1", "ConfigMap"): True, ("v1", "Secret"): True, (ROOT["apiVersion"], "Kustomization"): True}
    if sealed:
        file.write_text(dump.write(cluster(), "salt", kinds, {}))
        assert "topsecret" not in file.read_text()
        assert secret("topsecret")["data"]["password"] not in file.read_text()
    else:
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": cluster()}))
    result = diff(repository, file, "--output", "json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    jsonschema.validate(report, json.loads(schema_path("drift-report-v1alpha1").read_text()))
    verdicts = {item["name"]: item["verdict"] for item in report["objects"]}
    assert verdicts == {
        "root": "in-sync",
        "same": "in-sync",
        "changed": "drifted",
        "gone": "missing",
        "s": "in-sync",
    }
    assert "topsecret" not in result.output


def test_a_changed_secret_is_told_and_not_shown(repository, tmp_path):
    file = tmp_path / "dump.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": cluster("somethingelse")}))
    for form in ("text", "json", "markdown", "junit", "sarif"):
        result = diff(repository, file, "--output", form)
        for value in ("topsecret", "somethingelse"):
            assert value not in result.output
            assert base64.b64encode(value.encode()).decode() not in result.output
        assert "(secret #" in result.output


def test_a_kind_that_was_not_dumped_is_unverified(repository, tmp_path):
    file = tmp_path / "dump.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": cluster()[:1]}))
    result = diff(repository, file, "--summary")
    assert result.exit_code == 3
    assert "4 unverified" in result.stdout


def test_what_is_in_another_repository_is_told_and_never_exit_code_0(repository, tmp_path):
    other = json.loads(json.dumps(ROOT))
    other["metadata"]["name"] = "other"
    other["spec"] |= {"path": "./far", "sourceRef": {"kind": "GitRepository", "name": "elsewhere"}}
    (repository / "c/all.yaml").write_text(yaml.safe_dump_all([ROOT, other]))
    file = tmp_path / "dump.json"
    file.write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [applied(ROOT), applied(other)]})
    )
    result = diff(repository, file)
    assert result.exit_code == 3
    assert "not complete: Kustomization flux-system/other: source:" in result.stdout


def test_an_unknown_verdict_is_refused(repository, tmp_path):
    result = CliRunner().invoke(command, [str(repository), "--only", "drfted"])
    assert result.exit_code == 2
    assert "drfted" in result.output


def test_expected_entries_say_why_who_and_until(tmp_path):
    (tmp_path / ".openinfra").mkdir()
    file = tmp_path / ".openinfra/expected.yaml"
    file.write_text("- {object: ConfigMap/d/a, reason: r, who: w, until: 2026-01-01}\n")
    (entry,) = expected.read(tmp_path)
    assert entry.until == date(2026, 1, 1)
    file.write_text("- {object: ConfigMap/d/a}\n")
    with pytest.raises(UserError, match="lacks reason, who, until"):
        expected.read(tmp_path)


def config(**user):
    return {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": "https://example.invalid:6443/",
                    "tls-server-name": "kubernetes",
                    "proxy-url": "http://proxy.invalid:3128",
                    "certificate-authority-data": base64.b64encode(b"PEM").decode(),
                },
            }
        ],
        "users": [{"name": "u", "user": user}],
    }


def test_a_kubeconfig_as_kubectl_reads_it(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("from-file\n")
    user = {
        "tokenFile": "token",
        "as": "boss",
        "as-groups": ["a", "b"],
        "as-user-extra": {"reason": ["drift"]},
    }
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(yaml.safe_dump({"current-context": "one"}))
    second.write_text(yaml.safe_dump({**config(**user), "current-context": "other"}))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}:{tmp_path / 'missing'}")
    access = kubeconfig.load()
    assert (access.context, access.server, access.namespace) == ("one", "https://example.invalid:6443", "n")
    assert (access.tls_server_name, access.proxy_url, access.authority) == (
        "kubernetes",
        "http://proxy.invalid:3128",
        b"PEM",
    )
    assert access.impersonate == (
        ("Impersonate-User", "boss"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-reason", "drift"),
    )
    assert kubeconfig.credential(access).token == "from-file"
    with pytest.raises(UserError, match="no context 'none'"):
        kubeconfig.load("none")


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}}, "not supported"),
        (
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "x",
                    "interactiveMode": "Always",
                }
            },
            "terminal",
        ),
        ({"client-certificate": "nothing.pem"}, "cannot read client-certificate"),
        ({"client-key-data": "?"}, "not base64"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(tmp_path, user, message):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config(**user)))
    with pytest.raises(UserError, match=message):
        kubeconfig.load(path=path)


def test_no_kubeconfig_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(UserError, match="no kubeconfig"):
        kubeconfig.load()


def test_the_first_line_comes_at_once(tmp_path):
    """Within 600 ms, and of that the processor's time: a busy machine is not ours to test."""
    (tmp_path / "dump.json").write_text("{}")
    words = [sys.executable, "-m", "openinfra_tui", "diff", str(tmp_path), "--from-dump"]
    taken = []
    for _ in range(3):
        with subprocess.Popen([*words, str(tmp_path / "dump.json")], stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == b"connect\n"
            counted = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            taken.append((int(counted[11]) + int(counted[12])) / os.sysconf("SC_CLK_TCK"))
    assert min(taken) < 0.6


def of_its_own(root, *more):
    return [sys.executable, "-m", "openinfra_tui", "diff", str(root), *more]


def test_all_of_a_report_arrives_although_the_process_ends_at_once(repository, tmp_path):
    (tmp_path / "dump.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": cluster()}))
    dump = ("--from-dump", str(tmp_path / "dump.json"))
    done = subprocess.run(of_its_own(repository, *dump, "--output", "json"), capture_output=True, check=False)
    whole = json.loads(done.stdout)
    again = CliRunner().invoke(command, [str(repository), *dump, "--output", "json"])
    assert whole["summary"] == json.loads(again.stdout)["summary"]
    assert done.returncode == again.exit_code


def test_what_cannot_be_written_is_left_for_python_to_say(monkeypatch):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(os, "_exit", lambda _: pytest.fail("the report is lost without a word"))
    exits.leave(exits.AtOnce(0))
