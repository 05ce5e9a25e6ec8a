"""Sites without internet: what is listed is what runs, all of it goes through the mirrors, and check insists."""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from openinfra_tui import yamlio
from openinfra_tui.catalog.images import Image, chart_images, merged
from openinfra_tui.check.run import check
from openinfra_tui.cli.main import group
from openinfra_tui.engine import pins
from openinfra_tui.errors import CheckFailed, NotValidated
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.mirroring import Needs, needs
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.plan.component import load_components
from openinfra_tui.plan.mirrors import Mirrors, mirrors_of, with_host
from openinfra_tui.site.load import load_site
from openinfra_tui.tree.model import Tree

TODAY = date(2026, 11, 25)
SITES = Path(__file__).parents[1] / "sites"
IMAGES, GIT = "registry.cloud.example:5000/mirror", "https://git.cloud.example/mirror"
HTTP, OCI = "https://charts.cloud.example/all", "oci://registry.cloud.example:5000/charts"
# What the internet has of a site; nothing of it may stand in what an engine reads.
OUTSIDE = re.compile(
    r"opendev\.org|github\.com|github\.io|tigera\.io|rook\.io|(?<![\w/])(?:quay\.io|docker\.io|ghcr\.io)/"
)


POD = """---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: metallb-system}
spec: {containers: [{name: a, image: docker.io/own/a:1}]}
---"""


def overrides(engine: str, charts: str) -> tuple[str, ...]:
    return (
        f"gitops.engine={engine}",
        f"mirrors.images={IMAGES}",
        f"mirrors.charts={charts}",
        f"mirrors.git={GIT}",
    )


@cache
def tree_of(name: str, engine: str, charts: str) -> Tree:
    plan, _ = plan_site(load_site(SITES / f"{name}.yaml", overrides(engine, charts)), TODAY)
    return render_tree(plan, {"operator": "age1x"})


@cache
def needs_of(name: str, *given: str) -> Needs:
    return needs(load_site(SITES / f"{name}.yaml", given), TODAY)


def written(root: Path, name: str, engine: str, charts: str) -> Path:
    request = Request(SITES / f"{name}.yaml", root / "out", overrides(engine, charts), commit=False)
    generate(request, TODAY, lambda _: None)
    return root / "out"


def test_an_image_of_the_operators_own_lies_beside_what_is_copied() -> None:
    mirrors = Mirrors(images="registry.example:5000/mirror")
    assert mirrors.reaches_image("registry.example:5000/ours/runner:1")
    assert not mirrors.has_image("registry.example:5000/ours/runner:1")
    assert not mirrors.reaches_image("registry.example:5000.elsewhere.example/runner:1")


def test_an_image_keeps_its_host_as_a_folder_of_the_mirror() -> None:
    mirrors = Mirrors(images=IMAGES)
    assert mirrors.image("quay.io/a/b:1") == f"{IMAGES}/quay.io/a/b:1"
    assert mirrors.image("owner/b:1") == f"{IMAGES}/docker.io/owner/b:1"
    assert mirrors.image(mirrors.image("b:1")) == f"{IMAGES}/docker.io/library/b:1"
    assert Mirrors().image("quay.io/a/b:1") == "quay.io/a/b:1"
    assert with_host("localhost/b") == "localhost/b"
    assert with_host("127.0.0.1:5000/b") == "127.0.0.1:5000/b"


def test_a_neighbour_of_a_mirror_is_not_in_it() -> None:
    mirrors = mirrors_of({"mirrors": {"images": "reg.example/m", "charts": f"{HTTP}/", "git": GIT}})
    assert not mirrors.has_image("reg.example/more/b:1")
    assert mirrors.has_chart(HTTP)
    assert not mirrors.has_chart(f"{HTTP}-other/a")
    assert not mirrors.has_repository(f"{GIT}-other/a/b")
    assert mirrors.repository("https://github.com/a/b.git") == f"{GIT}/a/b"
    assert not mirrors_of({"mirrors": None})


def test_no_two_git_sources_meet_in_the_mirror() -> None:
    urls = {c.manifests.url for c in load_components().values() if c.manifests} | {pins.GIT_URL}
    mirrors = Mirrors(git=GIT)
    assert len({mirrors.repository(url) for url in urls}) == len(urls)


@pytest.mark.parametrize(
    ("image", "values", "runs"),
    [
        (Image("h.io/a/b:1", reference="i"), {}, "h.io/a/b:1"),
        (Image("h.io/a/b:1", reference="i"), {"i": "x/y:2"}, "x/y:2"),
        (Image("h.io/a/b:1", repository="i.r", tag="i.t"), {"i": {"t": "2"}}, "h.io/a/b:2"),
        (Image("h.io/a/b:1", repository="i.r", tag="i.t"), {"i": {"r": "m/b"}}, "m/b:1"),
        (Image("h.io/a/b:1", registry="i.g", repository="i.r"), {"i": {"g": "m:5/h.io"}}, "m:5/h.io/a/b:1"),
        (Image("h.io/a/b:1", registry="i.g", repository="i.r"), {}, "h.io/a/b:1"),
        (Image("h.io/a/b:1", prefix="p"), {"p": "m/h.io/"}, "m/h.io/a/b:1"),
    ],
)
def test_what_a_release_runs_follows_from_its_values(image: Image, values: dict[str, Any], runs: str) -> None:
    assert image.runs(values) == runs


@pytest.mark.parametrize(
    "paths", [{"reference": "i"}, {"repository": "i"}, {"registry": "i"}, {"prefix": "i"}]
)
def test_the_values_of_an_image_make_its_chart_run_the_mirrored_one(paths: dict[str, str]) -> None:
    image = Image("quay.io/a/b:1", **paths)
    led = Mirrors(images=IMAGES).image(image.runs({}))
    assert image.runs(image.values_for(led)) == led == f"{IMAGES}/quay.io/a/b:1"


def test_values_merge_as_helm_does() -> None:
    assert merged({"a": {"b": 1, "c": [1]}}, None, {"a": {"c": [2]}, "d": 3}) == {
        "a": {"b": 1, "c": [2]},
        "d": 3,
    }


def test_an_image_that_its_values_switch_on_is_listed_and_else_not() -> None:
    def names(values: dict[str, Any]) -> set[str]:
        found = chart_images("libvirt", "2025.1.4+ed289c1cd", values)
        assert found is not None
        return {image.key for image in found}

    assert "images.tags.libvirt_exporter" not in names({})
    assert "images.tags.libvirt_exporter" in names(
        {"pod": {"sidecars": {"libvirt_exporter": {"enabled": True}}}}
    )
    assert "images.tags.image_repo_sync" not in names({})
    assert "images.tags.own" in names({"images": {"tags": {"own": "a/b:1"}}})


def test_the_images_of_every_pinned_chart_but_two_are_known() -> None:
    unknown = {
        release.chart
        for component in load_components().values()
        for release in component.releases
        if chart_images(release.chart, release.version, {}) is None
    }
    assert unknown == {"cilium", "ceph-csi-rbd"}


def test_the_list_has_every_release_of_the_plan_and_every_image_of_its_values() -> None:
    found = needs_of("services")
    plan, _ = plan_site(load_site(SITES / "services.yaml", ()), TODAY)
    releases = [release for component in plan.components for release in component.releases]
    packaged = {(r.chart, r.version) for r in releases if r.source != pins.GIT_SOURCE}
    assert {(chart.name, chart.version) for chart in found.charts} == packaged
    (openstack_helm,) = [source for source in found.git if source.url == pins.GIT_URL]
    assert set(openstack_helm.paths) == {r.chart for r in releases if r.source == pins.GIT_SOURCE}
    assert openstack_helm.commit == pins.GIT_COMMIT
    tree, listed = render_tree(plan, {"operator": "age1x"}), {image.reference for image in found.images}
    named: set[str] = set()
    for path in tree:
        if path.endswith("/values.yaml"):
            tags = ((yamlio.load(tree.text(path)) or {}).get("images") or {}).get("tags") or {}
            named |= {with_host(reference) for reference in tags.values() if reference}
    assert named
    assert named <= listed
    assert not [image for image in found.images if image.mirror != image.reference]


def test_an_image_that_is_pinned_by_digest_has_it_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = f"sha256:{'0' * 64}"
    image = Image(f"quay.io/a/b:1@{digest}", reference="image")
    monkeypatch.setattr("openinfra_tui.engine.mirror.chart_images", lambda *_: (image,))
    (found,) = needs(load_site(SITES / "ha.yaml", ()), TODAY).images
    assert found.digest == digest
    assert len(found.used_by) > 20


@pytest.mark.parametrize("charts", [HTTP, OCI])
@pytest.mark.parametrize("engine", ["flux", "argocd"])
def test_every_reference_goes_through_the_mirrors_and_passes_every_check(
    tmp_path: Path, engine: str, charts: str
) -> None:
    folder = written(tmp_path, "services", engine, charts)
    report = check(folder)
    assert report.faults == ()
    assert report.unvalidated == {}
    place = "sites" if engine == "flux" else "clusters"
    for file in sorted((folder / place).rglob("*.yaml")):
        # What a release reads before the mirror's values is the internet's, and overridden.
        if file.name not in ("values.yaml", "site.yaml"):
            text = re.sub(r"(?m)#.*$", "", file.read_text("utf-8")).replace(IMAGES, "MIRROR")
            assert not OUTSIDE.search(text.replace(GIT, "MIRROR")), file


@pytest.mark.parametrize("engine", ["flux", "argocd"])
def test_both_engines_lead_the_same_images(engine: str) -> None:
    tree, other = tree_of("services", engine, HTTP), tree_of("services", "flux", OCI)
    led = {path: tree.text(path) for path in tree if path.endswith("/values.mirror.yaml")}
    assert led == {path: other.text(path) for path in other if path.endswith("/values.mirror.yaml")}
    assert len(led) > 30


def test_nothing_below_components_follows_from_the_mirrors() -> None:
    plan, _ = plan_site(load_site(SITES / "services.yaml", ()), TODAY)
    plain, led = render_tree(plan, {"operator": "age1x"}), tree_of("services", "flux", HTTP)
    for path in led:
        if path.startswith("components/"):
            assert led.files[path].content == plain.files[path].content, path


def test_a_tag_of_an_oci_registry_has_no_plus_under_argo_cd() -> None:
    path = "clusters/fra1/undercloud/applications/keystone.yaml"
    (chart, _) = yamlio.load(tree_of("services", "argocd", OCI).text(path))["spec"]["sources"]
    assert chart["repoURL"] == f"{OCI}/keystone"
    assert chart["targetRevision"] == "2026.1.19_55794356b"


def test_renovate_asks_the_mirror() -> None:
    flux = tree_of("services", "flux", HTTP)
    assert f"registryUrl={HTTP}" in flux.text("sites/fra1/cert-manager/pin.yaml")
    assert f"datasource=git-tags depName={GIT}/envoyproxy" in flux.text("sites/fra1/gateway-api/pin.yaml")


def test_the_runbook_installs_from_the_mirror() -> None:
    text = tree_of("calico", "flux", OCI).text("sites/fra1/RUNBOOK.md")
    assert f"helm install calico {OCI}/tigera-operator" in text
    assert "sites/fra1/calico/values.mirror.yaml" in text
    assert f"--registry={IMAGES}/ghcr.io/fluxcd" in text


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "openstack/keystone/values.mirror.yaml",
            f"keystone_api: {IMAGES}/",
            "keystone_api: ",
            "quay.io/airshipit/keystone:2026.1-ubuntu_noble (images.tags.keystone_api)",
        ),
        (
            "openstack/nova/values.user.yaml",
            "{}",
            "images: {tags: {nova_api: docker.io/own/nova:1}}",
            "docker.io/own/nova:1",
        ),
        (
            "metallb/mirror.yaml",
            HTTP,
            "https://metallb.github.io/metallb",
            "https://metallb.github.io/metallb",
        ),
        ("openstack/common/mirror.yaml", GIT, "https://opendev.org", "https://opendev.org/openstack"),
        (
            "calico/values.mirror.yaml",
            f"registry: {IMAGES}/quay.io/\n",
            "registry: quay.io/\n",
            "quay.io/calico/node",
        ),
        (
            "metallb/configs/pool.yaml",
            "---",
            POD,
            "Pod metallb-system/a runs docker.io/own/a:1",
        ),
    ],
)
def test_one_reference_past_the_mirror_is_refused_under_flux(
    calico: Path, file: str, old: str, new: str, words: str
) -> None:
    path = calico / "sites/fra1" / file
    before = path.read_text("utf-8")
    _edit(path, old, new)
    faults = [fault for fault in check(calico).faults if fault.kind == "mirror"]
    path.write_text(before, "utf-8")
    assert faults
    assert any(words in fault.message for fault in faults)


@pytest.fixture(scope="module")
def calico(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("calico"), "calico", "flux", HTTP)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (
            "clusters/fra1/undercloud/applications/keystone.yaml",
            HTTP,
            "https://tarballs.opendev.org/openstack",
        ),
        ("clusters/fra1/undercloud/applications/gateway-api.yaml", GIT, "https://github.com"),
        ("clusters/fra1/undercloud/applications/mariadb.yaml", GIT, "https://opendev.org"),
        (
            "clusters/fra1/undercloud/applications/nova.yaml",
            "$values/sites/fra1/openstack/nova/values.mirror.yaml",
            "$values/sites/fra1/openstack/nova/values.user.yaml",
        ),
    ],
)
def test_one_reference_past_the_mirror_is_refused_under_argo_cd(
    argocd: Path, file: str, old: str, new: str
) -> None:
    path = argocd / file
    before = path.read_text("utf-8")
    _edit(path, old, new)
    faults = [fault for fault in check(argocd).faults if fault.kind == "mirror"]
    path.write_text(before, "utf-8")
    assert {fault.file for fault in faults} == {file}


@pytest.fixture(scope="module")
def argocd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("argocd"), "ha", "argocd", HTTP)


def test_images_that_nobody_listed_are_told(tmp_path: Path) -> None:
    request = Request(SITES / "cilium.yaml", tmp_path / "out", (f"mirrors.images={IMAGES}",), commit=False)
    done = generate(request, TODAY, lambda _: None)
    assert any("images of chart cilium 1.20.1 are not known" in warning for warning in done.warnings)
    assert check(tmp_path / "out").unvalidated == {"images of chart cilium 1.20.1": 1}
    assert any("cilium 1.20.1" in gap for gap in needs_of("cilium").unknown)


def test_a_repository_with_nonsense_for_mirrors_is_no_traceback(tmp_path: Path) -> None:
    folder = written(tmp_path, "ha", "flux", HTTP)
    (folder / "sites/fra1/site.yaml").write_text("spec: {mirrors: {images: [1], charts: 2, git: {a: b}}}\n")
    assert any(fault.kind == "mirror" for fault in check(folder).faults)
    (folder / "sites/fra1/openstack/nova/values.mirror.yaml").write_text("a: [\n")
    assert any(fault.kind == "yaml" for fault in check(folder).faults)


def test_mirror_list_prints_json_and_names_what_is_not_known() -> None:
    words = [
        "mirror",
        "list",
        str(SITES / "ha.yaml"),
        "--set",
        f"mirrors.images={IMAGES}",
        "--output",
        "json",
    ]
    result = CliRunner().invoke(group, words)
    assert isinstance(result.exception, NotValidated)
    assert result.exception.exit_code == 7
    printed = json.loads(result.stdout)
    assert printed["unknown"]
    keystone = "quay.io/airshipit/keystone:2026.1-ubuntu_noble"
    (found,) = [image for image in printed["images"] if image["reference"] == keystone]
    assert found["mirror"] == f"{IMAGES}/{keystone}"
    assert {"component": "keystone", "key": "images.tags.keystone_api"} in found["used_by"]


def test_mirror_list_prints_each_thing_with_its_place_in_the_mirror() -> None:
    words = ["mirror", "list", str(SITES / "ha.yaml"), "--set", f"mirrors.git={GIT}"]
    lines = CliRunner().invoke(group, words).stdout.splitlines()
    source = f"git      {pins.GIT_URL} {pins.GIT_TAG} {pins.GIT_COMMIT}  ->  {GIT}/openstack/openstack-helm"
    assert source in lines
    assert "chart    metallb 0.16.1  https://metallb.github.io/metallb" in lines


def test_generate_refuses_an_edit_that_leads_past_the_mirror(tmp_path: Path) -> None:
    folder = written(tmp_path, "ha", "flux", HTTP)
    _edit(folder / "sites/fra1/openstack/nova/values.user.yaml", "{}", "images: {tags: {nova_api: a/nova:1}}")
    report = check(folder)
    assert [fault.kind for fault in report.faults] == ["mirror"]
    with pytest.raises(CheckFailed):
        CliRunner().invoke(group, ["check", str(folder)], catch_exceptions=False, standalone_mode=False)
