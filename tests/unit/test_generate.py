from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from openinfra_tui import yamlio
from openinfra_tui.build import kustomize
from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.flow.generate import Request, generate, plan_site, render_tree, template_context
from openinfra_tui.resources import skeletons_path
from openinfra_tui.site.load import parse_site

pytestmark = pytest.mark.usefixtures("git_author")

TODAY = date(2026, 11, 25)
BIN = Path(sys.executable).parent


def request_for(folder: Path, preset: str) -> Request:
    site = folder / "site.yaml"
    site.write_text(preset_text(preset), "utf-8")
    return Request(site, folder / "out", age_key=folder / "operator.agekey")


@pytest.mark.parametrize("preset", preset_names())
def test_a_preset_builds_and_a_second_run_makes_no_commit(tmp_path: Path, preset: str) -> None:
    request = request_for(tmp_path, preset)
    first = generate(request, TODAY, lambda _: None)
    assert first.commit
    assert generate(request, TODAY, lambda _: None).commit is None
    tool = kustomize.find()
    built = 0
    for overlay in sorted((tmp_path / "out").rglob("kustomization.yaml")):
        if overlay.relative_to(tmp_path / "out").parts[0] != "components":
            assert kustomize.build(tool, overlay.parent), overlay
            built += 1
    assert built > 20


def test_real_sops_reads_every_secret_and_none_is_in_clear(tmp_path: Path) -> None:
    request = request_for(tmp_path, "openstack-helm-ha")
    generate(request, TODAY, lambda _: None)
    sops = BIN / "sops"
    assert sops.exists()
    env = {**os.environ, "SOPS_AGE_KEY_FILE": str(request.age_key)}
    values: set[str] = set()
    for path in (tmp_path / "out").rglob("secrets.sops.yaml"):
        done = subprocess.run([sops, "-d", path], capture_output=True, check=True, env=env)
        values |= leaves(yamlio.load(done.stdout))
    assert len(values) > 10
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            text = path.read_text("utf-8")
            assert not [value for value in values if value in text], path


def leaves(value: object) -> set[str]:
    if isinstance(value, dict):
        return {leaf for item in value.values() for leaf in leaves(item)}
    if isinstance(value, list):
        return {leaf for item in value for leaf in leaves(item)}
    return {str(value)}


def test_a_fixed_answer_cannot_change(tmp_path: Path) -> None:
    request = request_for(tmp_path, "openstack-helm-ha")
    generate(request, TODAY, lambda _: None)
    record = tmp_path / "out/.openinfra/sites/fra1.yaml"
    record.write_text(record.read_text().replace("gitops.engine: flux", "gitops.engine: argocd"))
    subprocess.run(["git", "commit", "-qam", "as if it had been argocd"], cwd=tmp_path / "out", check=True)
    with pytest.raises(Refused, match=r"gitops.engine was argocd and is flux"):
        generate(request, TODAY, lambda _: None)


def test_a_refused_first_run_makes_no_key(tmp_path: Path) -> None:
    request = request_for(tmp_path, "lab")
    with pytest.raises(UserError, match="kustomize"):
        generate(replace(request, kustomize="/no/such/program"), TODAY, lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gitconfig", "site.yaml"]
    generate(request, TODAY, lambda _: None)
    assert request.age_key.stat().st_mode & 0o777 == 0o600


def commit_edit(folder: Path, path: str, text: str) -> None:
    place = folder / path
    place.write_text(place.read_text("utf-8") + text, "utf-8")
    subprocess.run(["git", "commit", "-qam", "an edit"], cwd=folder, check=True)


def test_an_edit_in_a_file_of_ours_is_never_written_over(tmp_path: Path) -> None:
    request = request_for(tmp_path, "openstack-helm-ha")
    generate(request, TODAY, lambda _: None)
    place = "sites/fra1/openstack/keystone/values.yaml"
    commit_edit(tmp_path / "out", place, "# mine\n")
    with pytest.raises(Refused, match=f"edited since the last generate.*{place}"):
        generate(request, TODAY, lambda _: None)
    assert (tmp_path / "out" / place).read_text("utf-8").endswith("# mine\n")


def test_an_edit_in_the_users_own_values_stays(tmp_path: Path) -> None:
    request = request_for(tmp_path, "openstack-helm-ha")
    generate(request, TODAY, lambda _: None)
    place = "sites/fra1/openstack/keystone/values.user.yaml"
    commit_edit(tmp_path / "out", place, "# mine\n")
    assert generate(request, TODAY, lambda _: None).commit is None
    assert (tmp_path / "out" / place).read_text("utf-8").endswith("# mine\n")


def test_every_skeleton_renders_the_same_by_the_cookiecutter_command(tmp_path: Path) -> None:
    site = parse_site(preset_text("openstack-helm-ha"), "site.yaml")
    plan, _ = plan_site(site, TODAY)
    recipients = dict(site.get("secrets.recipients"))
    tree = render_tree(plan, recipients)
    replay = tmp_path / "replay.json"
    replay.write_text(json.dumps({"cookiecutter": template_context(plan, recipients)}))
    for component in plan.components:
        output = tmp_path / component.name
        words = ["cookiecutter", str(component.folder), "--replay-file", str(replay), "-o", str(output)]
        subprocess.run([BIN / words[0], *words[1:]], check=True, capture_output=True)
        files = [
            path for path in (output / "root").rglob("*") if path.is_file() and path.read_bytes().strip()
        ]
        # Manifests of another repository are the engine's to name: nothing of them is rendered.
        assert bool(files) == (component.manifests is None)
        for path in files:
            assert path.read_bytes() == tree.files[str(path.relative_to(output / "root"))].content


def test_every_folder_in_skeletons_has_a_context() -> None:
    for folder in skeletons_path().iterdir():
        assert json.loads((folder / "cookiecutter.json").read_text("utf-8"))["root"] == "root"
