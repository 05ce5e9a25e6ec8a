from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from openinfra_tui import yamlio
from openinfra_tui.build import kustomize
from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.errors import CheckFailed, Conflicted, Refused, UserError
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree, template_context
from openinfra_tui.flow.update import Accept
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
    # By hand there is nothing to apply, and a runner is two folders.
    assert built > {"kolla-all-in-one": -1, "kolla-ha": 2}.get(preset, 20)


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


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit_edit(folder: Path, path: str, text: str, instead_of: str = "") -> None:
    place = folder / path
    before = place.read_text("utf-8")
    assert instead_of in before
    place.write_text(before.replace(instead_of, text, 1) if instead_of else before + text, "utf-8")
    git(folder, "commit", "-qam", "an edit")


@pytest.fixture
def skeletons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Skeletons of another version of ours, which a test may change."""
    folder = tmp_path / "skeletons"
    shutil.copytree(skeletons_path(), folder)
    for module in ("flow.rendering", "plan.component"):
        monkeypatch.setattr(f"openinfra_tui.{module}.skeletons_path", lambda: folder)
    return folder


KEYSTONE = "sites/fra1/openstack/keystone"
TEMPLATES = "keystone/{{cookiecutter.root}}"
SITE_VALUES = "sites/{{cookiecutter.site.name}}/openstack/keystone/values.yaml"


def change(skeletons: Path, path: str, old: str, new: str) -> None:
    place = skeletons / TEMPLATES / path
    before = place.read_text("utf-8")
    assert old in before
    place.write_text(before.replace(old, new), "utf-8")


def test_a_new_version_of_ours_is_merged_with_what_the_user_edited(tmp_path: Path, skeletons: Path) -> None:
    request, out = request_for(tmp_path, "openstack-helm-ha"), tmp_path / "out"
    generate(request, TODAY, lambda _: None)
    values = f"{KEYSTONE}/values.yaml"
    commit_edit(out, values, "    api: 5 # said the load test\n", "    api: 3\n")
    (out / KEYSTONE / "mine.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\n")
    git(out, "add", ".")
    commit_edit(out, f"{KEYSTONE}/kustomization.yaml", "keystone\n- mine.yaml\n", "keystone\n")
    change(skeletons, SITE_VALUES, "public: https", "public: https\n      internal: http")
    trial = generate(replace(request, dry_run=True), TODAY, lambda _: None)
    assert trial.diff is not None
    assert f"+++ b/{values}\n" in trial.diff
    assert "\n+      internal: http\n" in trial.diff
    assert trial.diff.count("\n+++ ") == 1
    done = generate(request, TODAY, lambda _: None)
    assert done.commit
    text = (out / values).read_text("utf-8")
    assert "    api: 5 # said the load test\n" in text
    assert "public: https\n      internal: http\n" in text
    assert "- mine.yaml" in (out / KEYSTONE / "kustomization.yaml").read_text("utf-8")
    assert git(out, "diff", "--stat", "HEAD^", "HEAD", "--", ".").count("|") == 1
    assert "internal: http" in git(out, "show", f"openinfra/fra1:{values}")
    assert generate(request, TODAY, lambda _: None).commit is None


def test_a_conflict_writes_nothing_until_it_is_decided(tmp_path: Path, skeletons: Path) -> None:
    request, out = request_for(tmp_path, "openstack-helm-ha"), tmp_path / "out"
    generate(request, TODAY, lambda _: None)
    values = f"{KEYSTONE}/values.yaml"
    commit_edit(out, values, "    api: 5\n", "    api: 3\n")
    refs = git(out, "for-each-ref")
    change(skeletons, SITE_VALUES, "    api: {{ cookiecutter.facts.replicas.control | yaml }}", "    api: 7")
    with pytest.raises(Conflicted, match=rf"(?s){values}:4: pod.replicas.api.*base.*3.*yours.*5.*new.*7"):
        generate(request, TODAY, lambda _: None)
    assert (git(out, "for-each-ref"), git(out, "status", "--porcelain")) == (refs, "")
    kept = generate(replace(request, accept=Accept(ours=(KEYSTONE,))), TODAY, lambda _: None)
    assert kept.commit is None
    assert generate(request, TODAY, lambda _: None).commit is None
    assert "    api: 5\n" in (out / values).read_text("utf-8")


def test_without_the_branch_the_user_decides(tmp_path: Path) -> None:
    request, out = request_for(tmp_path, "openstack-helm-ha"), tmp_path / "out"
    generate(request, TODAY, lambda _: None)
    values = f"{KEYSTONE}/values.yaml"
    commit_edit(out, values, "    api: 5\n", "    api: 3\n")
    git(out, "branch", "-D", "openinfra/fra1")
    with pytest.raises(Conflicted, match=r"1 conflict in 1 file.*\nthe branch of the last render is missing"):
        generate(request, TODAY, lambda _: None)
    review = generate(replace(request, review=True), TODAY, lambda _: None).diff
    assert review is not None
    assert "\n-    api: 5\n+    api: 3\n" in review
    assert review.count("\n@@ ") == 1
    generate(replace(request, accept=Accept(ours=(values,))), TODAY, lambda _: None)
    assert "    api: 5\n" in (out / values).read_text("utf-8")
    assert "    api: 3\n" in git(out, "show", f"openinfra/fra1:{values}")
    assert generate(request, TODAY, lambda _: None).commit is None


def test_a_trial_leaves_nothing_behind(tmp_path: Path) -> None:
    request = replace(request_for(tmp_path, "openstack-helm-ha"), dry_run=True)
    trial = generate(request, TODAY, lambda _: None)
    assert trial.diff is not None
    assert f"+++ b/{KEYSTONE}/values.yaml\n" in trial.diff
    assert "ENC[" not in trial.diff
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gitconfig", "site.yaml"]


def test_an_edit_that_breaks_the_repository_is_found_before_the_commit(tmp_path: Path) -> None:
    request, out = request_for(tmp_path, "openstack-helm-ha"), tmp_path / "out"
    generate(request, TODAY, lambda _: None)
    commit_edit(out, f"{KEYSTONE}/kustomization.yaml", "keystone\n- gone.yaml\n", "keystone\n")
    head = git(out, "rev-parse", "HEAD")
    with pytest.raises(CheckFailed, match=r"gone\.yaml"):
        generate(request, TODAY, lambda _: None)
    assert git(out, "rev-parse", "HEAD") == head


def test_answers_edited_in_the_repository_are_the_answers(tmp_path: Path) -> None:
    request, out = request_for(tmp_path, "openstack-helm-ha"), tmp_path / "out"
    generate(request, TODAY, lambda _: None)
    site = "sites/fra1/site.yaml"
    commit_edit(out, site, "# agreed with DNS\n")
    with pytest.raises(Conflicted, match=site):
        generate(replace(request, overrides=("region=North",)), TODAY, lambda _: None)
    inside = replace(request, site=out / site)
    assert generate(inside, TODAY, lambda _: None).commit is None
    generate(replace(inside, overrides=("region=West",)), TODAY, lambda _: None)
    assert (out / site).read_text("utf-8").endswith("# agreed with DNS\n")
    commit_edit(out, site, "region: North", "region: West")
    assert generate(inside, TODAY, lambda _: None).commit
    assert "region_name: North" in (out / KEYSTONE / "values.yaml").read_text("utf-8")
    assert (out / site).read_text("utf-8").endswith("# agreed with DNS\n")


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
