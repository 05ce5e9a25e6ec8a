"""The example that needs no cluster: a dump of one that has left its repository."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from openinfra_tui.cli.diff import command

FOLDER = Path(__file__).parents[2] / "examples" / "drift"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_example_shows_what_drift_is():
    arguments = [str(FOLDER / "site"), "--from-dump", str(FOLDER / "cluster.json")]
    result = CliRunner().invoke(command, [*arguments, "--output", "json"])
    assert result.exit_code == 1, result.output
    report = json.loads(result.stdout)
    found = {f"{item['kind']}/{item['name']}": item["verdict"] for item in report["objects"]}
    assert found == {
        "ConfigMap/limits": "missing",
        "ConfigMap/old": "extra",
        "ConfigMap/web": "drifted",
        "Deployment/web": "drifted",
        "Kustomization/flux-system": "in-sync",
        "Kustomization/shop": "in-sync",
        "Namespace/shop": "in-sync",
        "Secret/web": "drifted",
        "Service/web": "will-be-reverted",
    }
    assert "changed-by-hand" not in (FOLDER / "cluster.json").read_text()
    assert "no-secret" not in result.stdout


def test_a_dump_cannot_be_watched_and_not_every_form_can_be_told():
    arguments = [str(FOLDER / "site"), "--from-dump", str(FOLDER / "cluster.json"), "--watch"]
    result = CliRunner().invoke(command, arguments)
    assert "a dump does not change" in str(result.exception)
    result = CliRunner().invoke(command, [*arguments, "--output", "sarif"])
    assert "--watch prints json or text, not sarif" in str(result.exception)
