from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "http.client",
    "orjson",
    "textual",
    "cookiecutter",
    "git",
    "jsonschema",
    "ruamel",
    "yaml",
    "kubernetes_validate",
    "cryptography",
    "questionary",
    "prompt_toolkit",
)


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openinfra_tui", *words], capture_output=True, text=True, check=False, cwd=cwd
    )


def test_help_loads_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; from openinfra_tui.cli.main import group; group.main(['--help'], standalone_mode=False);"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "name", ["catalog", "check", "doctor", "generate", "new", "plan", "preset", "schema"]
)
def test_every_command_has_help(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout


def test_a_missing_site_is_one_message(tmp_path: Path) -> None:
    done = run("generate", "nowhere.yaml", "--output", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "nowhere.yaml" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "override",
    ["secrets.backend=sealed-secrets", "secrets.backend=external-secrets", "openstack.deployer=yaook"],
)
def test_what_is_not_built_is_refused_and_nothing_is_written(tmp_path: Path, override: str) -> None:
    (tmp_path / "site.yaml").write_text(run("preset", "show", "openstack-helm-ha").stdout, "utf-8")
    done = run("generate", "site.yaml", "--output", "out", "--set", override, cwd=tmp_path)
    assert done.returncode in (2, 5), done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["site.yaml"]


def test_plan_prints_the_order_as_text_json_and_mermaid(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(run("preset", "show", "openstack-helm-ha").stdout, "utf-8")
    assert "keystone" in run("plan", str(site)).stdout
    assert '"name": "keystone"' in run("plan", str(site), "--output", "json").stdout
    assert "mariadb --> keystone" in run("plan", str(site), "--output", "mermaid").stdout


def on_a_terminal(*words: str, cwd: Path, **variables: str) -> tuple[str, str]:
    """stdout, and what stderr shows when it is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "openinfra_tui", *words],
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", **variables},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.communicate(timeout=60)[0], shown.decode()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    place = tmp_path / "r[bold]"
    (place / "sites/a/x").mkdir(parents=True)
    (place / "sites/a/x/kustomization.yaml").write_text("resources: [n.yaml]\n")
    (place / "sites/a/x/n.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n")
    return place


def test_progress_is_plain_lines_where_nobody_watches(small: Path) -> None:
    done = run("check", small.name, "--output", "json", cwd=small.parent)
    assert json.loads(done.stdout)["validated"] == 1
    assert done.stderr.splitlines() == ["read 2 YAML files", "built 1 of 1 kustomizations"]


def test_progress_moves_on_a_terminal_and_data_stays_apart(small: Path) -> None:
    out, shown = on_a_terminal("check", small.name, "--output", "json", cwd=small.parent, NO_COLOR="")
    assert json.loads(out)["validated"] == 1
    assert "built 1 of 1 kustomizations" in shown
    assert "reading r[bold]" in shown
    assert re.search(r"\x1b\[[0-9;]*3[0-9]m", shown), "a colour"
    _, shown = on_a_terminal("check", small.name, cwd=small.parent, NO_COLOR="1")
    assert "built 1 of 1 kustomizations" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown)


@pytest.mark.usefixtures("git_author")
def test_a_conflict_is_exit_code_8_and_the_diff_is_standard_output(tmp_path: Path) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    (tmp_path / "site.yaml").write_text(run("preset", "show", "openstack-helm-ha").stdout)
    words = ["generate", str(tmp_path / "site.yaml"), "--output", str(out), "--age-key", str(key)]
    assert run(*words).returncode == 0
    values = "sites/fra1/openstack/keystone/values.yaml"
    text = (out / values).read_text()
    (out / values).write_text(text.replace("RegionOne", "Mine", 1))
    subprocess.run(["git", "commit", "-qam", "mine"], cwd=out, check=True)
    words += ["--set", "region=North"]
    refused = run(*words, "--dry-run")
    assert (refused.returncode, refused.stdout) == (8, "")
    assert f"{values}:10: endpoints.identity.auth.admin.region_name\n" in refused.stderr
    assert "  base  | region_name: RegionOne\n  yours | region_name: Mine\n" in refused.stderr
    shown = run(*words, "--dry-run", "--accept-ours", values)
    assert shown.returncode == 0, shown.stderr
    assert "+        region_name: North\n" in shown.stdout
    assert (out / values).read_text() == text.replace("RegionOne", "Mine", 1)
