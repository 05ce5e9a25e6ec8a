"""A site file of an older format becomes one of the current, comments and order kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.cli.main import group
from openinfra_tui.errors import UserError
from openinfra_tui.flow.migrate import migrate
from openinfra_tui.site.load import load_site
from openinfra_tui.site.migrations import Migration
from openinfra_tui.site.problem import SiteError


def renewed(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**data, "spec": {**data["spec"], "domain": f"new.{data['spec']['domain']}"}}


# Formats that never were: only to show that the steps are walked, and what they leave alone.
STEPS = (
    Migration("openinfra.dev/test2", "openinfra.dev/v1alpha1", {"spec.openstack.release": "series"}),
    Migration("openinfra.dev/test1", "openinfra.dev/test2", {"spec.zone": "domain"}, renewed),
)
NEW = preset_text("openstack-helm-ha")


def old(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    text = NEW.replace("openinfra.dev/v1alpha1", "openinfra.dev/test1").replace("\n  domain:", "\n  zone:", 1)
    assert "\n    series:" in text
    assert "#" in text
    path.write_text(text.replace("\n    series:", "\n    # As agreed.\n    release:", 1), "utf-8")
    path.chmod(0o640)
    return path


def test_every_step_is_walked_and_comments_stay(tmp_path: Path) -> None:
    path = old(tmp_path)
    before = path.read_text("utf-8")
    trial = migrate(path, STEPS, write=False)
    assert path.read_text("utf-8") == before
    done = migrate(path, STEPS, write=True)
    assert (trial.diff, trial.text) == (done.diff, done.text)
    assert done.comments_kept
    assert "\n-apiVersion: openinfra.dev/test1\n+apiVersion: openinfra.dev/v1alpha1\n" in done.diff
    assert path.read_text("utf-8") == done.text
    assert path.stat().st_mode & 0o777 == 0o640
    assert [item.name for item in tmp_path.iterdir()] == ["site.yaml"]

    def comments(text: str) -> set[str]:
        return {line.strip() for line in text.splitlines() if line.strip().startswith("#")}

    assert comments(before) <= comments(done.text)
    site = load_site(path)
    wanted = load_site_text(tmp_path, NEW).spec
    assert site.spec == {**wanted, "domain": f"new.{wanted['domain']}"}
    assert migrate(path, STEPS, write=True).diff == ""


def load_site_text(folder: Path, text: str) -> Any:
    path = folder / "new.yaml"
    path.write_text(text, "utf-8")
    return load_site(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apiVersion: v9\n", 'found "v9"'),
        ("apiVersion: [1]\n", "none that is text"),
        ("- 1\n", "not a mapping"),
        ("a: !!python/name:os.system x\n", "tag"),
        ("a: \x1b[31m\n", "control character"),
        ("", "not a mapping"),
    ],
)
def test_what_is_no_site_file_is_refused_and_left(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError) as raised:
        migrate(path, STEPS, write=True)
    assert message in raised.value.message
    assert raised.value.message.isprintable()
    assert path.read_text("utf-8") == text


def test_a_site_that_is_unsound_afterwards_is_not_written(tmp_path: Path) -> None:
    path = old(tmp_path)
    path.write_text(path.read_text("utf-8") + "  unknown: 1\n", "utf-8")
    before = path.read_bytes()
    with pytest.raises(SiteError, match="unknown"):
        migrate(path, STEPS, write=True)
    assert path.read_bytes() == before


def test_formats_that_lead_in_a_circle_are_told(tmp_path: Path) -> None:
    circle = (Migration("a", "b"), Migration("b", "a"))
    path = tmp_path / "site.yaml"
    path.write_text("apiVersion: a\n")
    with pytest.raises(UserError, match="apiVersion: found"):
        migrate(path, circle, write=True)


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(NEW, "utf-8")
    done = CliRunner().invoke(group, ["migrate", str(path)])
    assert done.exit_code == 0
    assert "has the current format" in done.output
