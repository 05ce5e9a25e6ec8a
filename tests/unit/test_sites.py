"""More than one site in one repository: none of them changes what another is built to."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from openinfra_tui import __version__, yamlio
from openinfra_tui.build import kustomize
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.check.run import check
from openinfra_tui.cli.main import group
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.membership import add_site, list_sites, remove_site
from openinfra_tui.flow.migrate import migrate
from openinfra_tui.site.migrations import Migration
from openinfra_tui.site.problem import SiteError

pytestmark = pytest.mark.usefixtures("git_author")
TODAY = date(2026, 11, 25)
SITES = Path(__file__).parents[1] / "sites"


def request_for(folder: Path, name: str, *overrides: str, text: str = "") -> Request:
    site = folder / f"{name}.yaml"
    body = text or preset_text("lab").replace("name: lab", f"name: {name}", 1)
    site.write_text(body, "utf-8")
    return Request(site, folder / "out", overrides, age_key=folder / "operator.agekey")


def add(request: Request) -> None:
    add_site(request, TODAY, lambda _: None)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def edit(folder: Path, path: str, old: str, new: str) -> None:
    place = folder / path
    text = place.read_text("utf-8")
    assert old in text
    place.write_text(text.replace(old, new, 1), "utf-8")
    git(folder, "commit", "-qam", "an edit")


def builds(out: Path, site: str) -> dict[str, str]:
    """What kustomize itself makes of every folder of a site."""
    tool = kustomize.find()
    files = sorted([*(out / "sites" / site).rglob("kustomization.yaml")])
    assert len(files) > 20
    return {
        str(file.parent.relative_to(out)): yamlio.dump(kustomize.build(tool, file.parent)) for file in files
    }


def own_files(out: Path, site: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for top in ("sites", "clusters")
        for path in sorted((out / top / site).rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the sites ber1 and muc1, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        config = folder / "gitconfig"
        config.write_text("[user]\nname = Op\nemail = op@cloud.example\n")
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        generate(request_for(folder, "ber1"), TODAY, lambda _: None)
        add(request_for(folder, "muc1"))
    return folder


@pytest.fixture
def two(made: Path, tmp_path: Path) -> Path:
    """A copy of that repository, in a folder of its own."""
    subprocess.run(["cp", "-a", *(str(path) for path in made.iterdir()), str(tmp_path)], check=True)
    return tmp_path


def test_what_is_shared_names_each_site(two: Path) -> None:
    out = two / "out"
    rules = yamlio.load((out / ".sops.yaml").read_bytes())["creation_rules"]
    assert [rule["path_regex"] for rule in rules] == [
        "sites/ber1/.*\\.sops\\.yaml$",
        "sites/muc1/.*\\.sops\\.yaml$",
    ]
    assert all(rule["age"].startswith("age1") for rule in rules)
    readme = (out / "README.md").read_text("utf-8")
    assert "\n| [ber1](" in readme
    assert "\n| [muc1](" in readme
    assert [row["name"] for row in list_sites(out)] == ["ber1", "muc1"]
    lists = [(out / f".openinfra/files/{name}.txt").read_text().splitlines() for name in ("ber1", "muc1")]
    assert not [path for path in lists[0] if path.startswith("sites/muc1/")]
    assert "sites/muc1/site.yaml" in lists[1]
    checked = CliRunner().invoke(group, ["check", str(out)])
    assert (checked.exit_code, checked.output.count("0 faults")) == (0, 1)


def test_a_third_site_changes_nothing_of_the_others_and_goes_without_a_trace(two: Path) -> None:
    out = two / "out"
    before = {site: (builds(out, site), own_files(out, site)) for site in ("ber1", "muc1")}
    tree = git(out, "rev-parse", "HEAD^{tree}")
    add(request_for(two, "fra1", text=(SITES / "services.yaml").read_text("utf-8")))
    assert (out / "components/openstack/octavia").is_dir()
    assert {site: (builds(out, site), own_files(out, site)) for site in before} == before
    done = remove_site(out, "fra1", None)
    assert "components/openstack/octavia" in done.components
    assert not [folder for folder in done.components if folder.endswith("/keystone")]
    assert {site: (builds(out, site), own_files(out, site)) for site in before} == before
    assert not (out / "sites/fra1").exists()
    assert git(out, "status", "--porcelain") == ""
    assert git(out, "branch", "--list", "openinfra/fra1") == ""
    assert "fra1" not in (out / "README.md").read_text() + (out / ".sops.yaml").read_text()
    # Only the list of what was written for the site that the shared files were rendered for may differ.
    assert git(out, "diff", "--name-only", tree, "HEAD") in ("", ".openinfra/files/ber1.txt")
    for name in before:
        assert generate(request_for(two, name), TODAY, lambda _: None).commit is None


def test_a_pin_of_one_site_is_no_pin_of_another(two: Path) -> None:
    out = two / "out"
    before = builds(out, "ber1")
    edit(out, "sites/muc1/openstack/keystone/pin.yaml", 'version: "', 'version: "9')
    assert builds(out, "ber1") == before
    edited = (out / "sites/muc1/openstack/keystone/pin.yaml").read_text()
    for name in ("ber1", "muc1"):
        assert generate(request_for(two, name), TODAY, lambda _: None).commit is None
    assert (out / "sites/muc1/openstack/keystone/pin.yaml").read_text() == edited


def test_a_site_that_moves_to_a_newer_format_changes_nothing_of_another(two: Path) -> None:
    out = two / "out"
    before, file = builds(out, "ber1"), out / "sites/muc1/site.yaml"
    was = builds(out, "muc1")
    edit(out, "sites/muc1/site.yaml", "openinfra.dev/v1alpha1", "openinfra.dev/test1")
    edit(out, "sites/muc1/site.yaml", "\n  domain:", "\n  zone:")
    with pytest.raises(SiteError):
        generate(Request(file, out, age_key=two / "operator.agekey"), TODAY, lambda _: None)
    migrate(
        file,
        [Migration("openinfra.dev/test1", "openinfra.dev/v1alpha1", {"spec.zone": "domain"})],
        write=True,
    )
    git(out, "commit", "-qam", "the format of today")
    generate(Request(file, out, age_key=two / "operator.agekey"), TODAY, lambda _: None)
    assert builds(out, "ber1") == before
    assert builds(out, "muc1") == was


def test_an_older_version_leaves_alone_what_a_newer_one_wrote(two: Path) -> None:
    out = two / "out"
    edit(out, ".openinfra/sites/muc1.yaml", __version__, "9.0.0")
    refs = git(out, "for-each-ref")
    for name in ("muc1", "ber1"):
        with pytest.raises(Refused, match=r"openinfra-tui 9\.0\.0 wrote this repository"):
            generate(request_for(two, name), TODAY, lambda _: None)
    with pytest.raises(Refused, match=r"openinfra-tui 9\.0\.0 wrote this repository"):
        add(request_for(two, "ham1"))
    assert git(out, "for-each-ref") == refs


def test_an_edit_of_what_is_shared_stays_when_a_site_comes_and_goes(two: Path) -> None:
    out = two / "out"
    edit(out, "README.md", "## Change something", "## Change something, after asking us")
    edit(out, "components/openstack/keystone/values.yaml", "pod_rally_test: false", "pod_rally_test: true")
    add(request_for(two, "ham1"))
    remove_site(out, "muc1", None)
    generate(request_for(two, "ber1", "region=North"), TODAY, lambda _: None)
    readme = (out / "README.md").read_text()
    assert "## Change something, after asking us\n" in readme
    assert [line.split("]")[0] for line in readme.splitlines() if line.startswith("| [")] == [
        "| [ber1",
        "| [ham1",
    ]
    assert "pod_rally_test: true" in (out / "components/openstack/keystone/values.yaml").read_text()


def test_a_removed_site_can_come_again(two: Path) -> None:
    out = two / "out"
    files = own_files(out, "muc1").keys()
    remove_site(out, "muc1", None)
    add(request_for(two, "muc1"))
    assert own_files(out, "muc1").keys() == files


def test_a_component_that_one_site_gives_up_stays_for_the_others(two: Path) -> None:
    out = two / "out"
    before = builds(out, "muc1")
    keep = '["cinder", "glance", "horizon", "keystone", "neutron", "nova", "placement"]'
    request = request_for(two, "ber1", f"openstack.services={keep}")
    assert generate(request, TODAY, lambda _: None).effects == ()
    assert [p.name for p in (out / "sites/ber1/openstack/heat").iterdir()] == ["values.user.yaml"]
    assert (out / "components/openstack/heat").is_dir()
    assert builds(out, "muc1") == before
    done = remove_site(out, "muc1", None)
    assert "components/openstack/heat" in done.components
    assert not (out / "components/openstack/heat").exists()


def test_without_the_branch_of_another_site_its_components_stay_too(two: Path) -> None:
    out = two / "out"
    git(out, "branch", "-D", "openinfra/muc1")
    before = builds(out, "muc1")
    keep = '["cinder", "glance", "horizon", "keystone", "neutron", "nova", "placement"]'
    generate(request_for(two, "ber1", f"openstack.services={keep}"), TODAY, lambda _: None)
    assert builds(out, "muc1") == before


def test_what_is_refused_leaves_the_repository_alone(two: Path) -> None:
    out = two / "out"
    refs = git(out, "for-each-ref")
    with pytest.raises(Refused, match="holds a site muc1 already"):
        add(request_for(two, "muc1"))
    with pytest.raises(Refused, match="site ham1 wants argocd, and site ber1 of this repository has flux"):
        add(request_for(two, "ham1", "gitops.engine=argocd"))
    with pytest.raises(UserError, match="holds no site 'nowhere'"):
        remove_site(out, "nowhere", None)
    with pytest.raises(Refused, match="holds no site yet"):
        add(replace(request_for(two, "ham1"), output=two / "empty"))
    assert git(out, "for-each-ref") == refs
    assert git(out, "status", "--porcelain") == ""
    remove_site(out, "muc1", None)
    with pytest.raises(Refused, match="the only site"):
        remove_site(out, "ber1", None)


def test_two_sites_of_argo_cd_share_its_folder_and_nothing_of_their_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = request_for(tmp_path, "ber1", "gitops.engine=argocd")
    generate(first, TODAY, lambda _: None)
    before, shared = own_files(out, "ber1"), git(out, "rev-parse", "HEAD:argocd", "HEAD:components")
    add(request_for(tmp_path, "muc1", "gitops.engine=argocd"))
    assert own_files(out, "ber1") == before
    assert git(out, "rev-parse", "HEAD:argocd", "HEAD:components") == shared
    for site, other in (("ber1", b"muc1"), ("muc1", b"ber1")):
        files = own_files(out, site)
        assert len([path for path in files if "/applications/" in path]) > 20
        assert not [path for path, content in files.items() if other in content]
    report = check(out)
    assert (report.faults, report.unvalidated) == ((), {})
    edit(out, "clusters/muc1/undercloud/applications/nova.yaml", "project: openstack", "project: nowhere")
    assert [fault.file for fault in check(out).faults] == ["clusters/muc1/undercloud/applications/nova.yaml"]
    git(out, "reset", "--hard", "HEAD~1")
    assert generate(first, TODAY, lambda _: None).commit is None
    assert remove_site(out, "muc1", None).clusters == ("clusters/muc1/undercloud",)
    assert own_files(out, "ber1") == before
    assert check(out).faults == ()


def test_the_commands(two: Path) -> None:
    out = str(two / "out")
    runner = CliRunner()
    listed = runner.invoke(group, ["site", "list", "--repository", out])
    assert listed.output.splitlines()[0].split() == [
        *("name", "region", "deployer", "series", "engine", "placement", "version")
    ]
    assert [line.split()[0] for line in listed.output.splitlines()[1:]] == ["ber1", "muc1"]
    site = request_for(two, "ham1").site
    added = runner.invoke(group, ["site", "add", str(site), "--repository", out, "--dry-run"])
    assert added.exit_code == 0, added.output
    assert "+| [ham1](sites/ham1/RUNBOOK.md)" in added.output
    gone = runner.invoke(group, ["site", "remove", "muc1", "--repository", out])
    assert gone.exit_code == 0, gone.output
    assert "flux uninstall" in gone.output
    assert "databases and Ceph are kept" in gone.output
