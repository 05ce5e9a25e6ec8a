"""Site files: the example, every hostile file, overrides, and random text."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openinfra_tui.errors import UserError
from openinfra_tui.site.load import load_site, parse_site
from openinfra_tui.site.problem import SiteError
from openinfra_tui.site.read import MAX_BYTES, scalar

TESTS = Path(__file__).parent.parent
HA = TESTS / "sites" / "ha.yaml"
HOSTILE = sorted((TESTS / "hostile").glob("*.yaml"))
MINIMAL = """apiVersion: openinfra.dev/v1alpha1
kind: Site
metadata: {name: a}
spec: {domain: a.example, gitops: {url: "ssh://git@git.example/a.git"}}
"""

TEXTS = st.one_of(
    st.text(),
    st.text(alphabet="abc:-?[]{}#&*!|>'\"%@`, \n0.1\\"),
    st.text().map(MINIMAL.__add__),
)


def test_the_example_loads_with_lines_and_defaults() -> None:
    site = load_site(HA)
    assert site.name == "fra1"
    assert site.get("openstack.series") == "2026.1"
    assert site.get("nodes.1.name") == "ctl2.fra1.cloud.example"
    assert site.get("nodes.99.name", "none") == "none"
    assert site.get("networks.management.mtu") == 1500
    assert "ctl2" in HA.read_text().splitlines()[site.lines["spec.nodes.1.name"] - 1]
    assert "spec.networks.management.mtu" not in site.lines


def test_defaults_fill_a_minimal_site_and_are_valid_themselves() -> None:
    site = parse_site(MINIMAL, "a.yaml")
    assert site.get("placement") == "openstack-on-k8s"
    assert site.get("operatingSystem.default.release") == "24.04"
    assert site.get("exposure.tls.issuer") == "self-signed"
    assert site.get("mirrors") == {}


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_file(path: Path) -> None:
    expected = path.read_bytes().split(b"\n", 1)[0].decode().removeprefix("# expect: ")
    with pytest.raises(SiteError) as caught:
        load_site(path)
    assert expected in caught.value.message
    assert "hunter2" not in caught.value.message.lower()
    assert len(HOSTILE) >= 20


def test_all_faults_at_once_each_with_its_line() -> None:
    text = MINIMAL.replace("name: a", "name: A") + "extra: 1\n"
    with pytest.raises(SiteError) as caught:
        parse_site(text, "a.yaml")
    found = [(problem.line, problem.path) for problem in caught.value.problems]
    assert found == [(3, "metadata.name"), (5, "extra")]
    assert str(caught.value).startswith("a.yaml:3: metadata.name: ")


def test_overrides_are_below_spec_and_yaml() -> None:
    sets = [
        "gitops.engine=argocd", "openstack.series=2025.1", "openstack.services=[keystone]",
        "storage.replicas=1",
        "nodes.0.name=x1", "nodes.0.roles=[control]",
    ]  # fmt: skip
    site = parse_site(MINIMAL, "a.yaml", sets)
    assert site.get("gitops.engine") == "argocd"
    assert site.get("openstack.series") == "2025.1"
    assert site.get("openstack.services") == ["keystone"]
    assert site.get("storage.replicas") == 1
    assert site.get("nodes.0.roles") == ["control"]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("gitops.engin=flux", 'spec.gitops.engin: unknown key "engin"; did you mean "engine"?'),
        ("gitops.engine=fluxx", 'found "fluxx"; did you mean "flux"?'),
        ("gitops.engine", "wants PATH=VALUE"),
        ("=1", "wants PATH=VALUE"),
        ("region.x=1", "there is no 'x' here"),
        ("nodes.7.name=x", "there is no '7' here"),
        ("nodes=[*a]", "the alias"),
        ("region=[", "not YAML"),
    ],
)
def test_bad_override(override: str, expected: str) -> None:
    with pytest.raises(SiteError) as caught:
        parse_site(MINIMAL.replace("{domain", "{region: R, domain"), "a.yaml", [override])
    assert expected in caught.value.message


def test_unreadable_files(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_text("a" * (512 * 1024 + 1))
    for path, expected in (
        (tmp_path / "no.yaml", "no such file"),
        (tmp_path, "not a file"),
        (big, "512 KiB"),
    ):
        with pytest.raises(SiteError, match=expected):
            load_site(path)


@pytest.mark.parametrize(
    ("plain", "value"),
    [("yes", "yes"), ("on", "on"), ("0o17", 15), ("017", 17), ("1:30", "1:30"),
     ("true", True), ("~", None), ("1e3", 1000.0),
     ("2026-01-01", "2026-01-01"), ("9" * 30, "9" * 30)],
)  # fmt: skip
def test_scalars_of_yaml_1_2(plain: str, value: object) -> None:
    assert scalar(plain) == value


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.text())
def test_random_text_raises_nothing_but_user_errors(text: str, override: str) -> None:
    for overrides in ((), (override,)):
        try:
            assert parse_site(text, "a.yaml", overrides).name
        except UserError:
            continue


def test_a_hostile_list_is_refused_without_comparing_all_with_all() -> None:
    services = ", ".join(f"{{a: {number}}}, s{number}" for number in range(6000))
    text = MINIMAL.replace("domain:", f"openstack: {{services: [{services}]}}, domain:")
    before = time.process_time()
    with pytest.raises(SiteError) as caught:
        parse_site(text, "a.yaml")
    assert caught.value.message.splitlines()[-1].startswith("and ")
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    "unit", ["[", "{", "- ", "a,", "a: 1\n", "? ", "- &x 1\n", "\\x41"], ids=["list", "map", "dash", "item", "twice", "key", "anchor", "escape"]
)  # fmt: skip
def test_a_hostile_file_costs_less_than_a_second(unit: str) -> None:
    text = {"a,": "[", "\\x41": 'a: "'}.get(unit, "")
    text += unit * ((MAX_BYTES - 8) // len(unit))
    before = time.process_time()
    with pytest.raises(SiteError):
        parse_site(text, "a.yaml")
    assert time.process_time() - before < 1
