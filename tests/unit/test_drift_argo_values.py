"""Values files and parameters that stand in a repository, found and merged as Argo CD does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openinfra_tui import yamlio
from openinfra_tui.drift.desired import argo_env, argo_overrides, argo_values
from openinfra_tui.drift.desired.argo_source import Tools
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.drift.desired.source import Source
from openinfra_tui.errors import UserError

URL = "https://git.example.com/site.git"
FILES = ("a.yaml", "a/x.yaml", "a/b/y.yaml", "b.yaml", ".h.yaml", "a/.h.yaml", "[z].yaml", "c-1.yaml", "c-2.yaml",
         "d/e/f/g.yaml")  # fmt: skip


def _read(root: Path, *names: str, below: str = "", **helm: Any) -> list[str]:
    source = {"repoURL": URL, "path": below or ".", "helm": {"valueFiles": list(names), **helm}}
    application = {
        "metadata": {"name": "app", "namespace": "argocd"},
        "spec": {
            "sources": [source, {"repoURL": URL, "ref": "site"}, {"repoURL": "https://far", "ref": "far"}]
        },
    }
    tools = Tools(Opener(None), own=frozenset({"git.example.com/site"}))
    environment = argo_env.of(source, application, "app", "")
    texts = argo_values.texts(Source(root), below, source, application, tools, environment)
    return [text.decode() for text in texts]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "r"
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


# What doublestar v4.10.0, the version of Argo CD 3.5.3, answers for these very files.
@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.yaml", ".h.yaml [z].yaml a.yaml b.yaml c-1.yaml c-2.yaml"),
        (
            "**/*.yaml",
            ".h.yaml [z].yaml a.yaml b.yaml c-1.yaml c-2.yaml a/.h.yaml a/x.yaml a/b/y.yaml d/e/f/g.yaml",
        ),
        ("*/x.yaml", "a/x.yaml"),
        ("c-[12].yaml", "c-1.yaml c-2.yaml"),
        ("c-[!1].yaml", "c-2.yaml"),
        ("c-[^1].yaml", "c-2.yaml"),
        ("{a,b}*.yaml", "a.yaml b.yaml"),
        ("c-?.yaml", "c-1.yaml c-2.yaml"),
        ("**/e/**/*.yaml", "d/e/f/g.yaml"),
        ("d/**/*.yaml", "d/e/f/g.yaml"),
        ("\\[z\\]*", "[z].yaml"),
        ("**.yaml", ".h.yaml [z].yaml a.yaml b.yaml c-1.yaml c-2.yaml"),
        ("a/**/**/*.yaml", "a/.h.yaml a/x.yaml a/b/y.yaml"),
    ],
)
def test_patterns_find_what_they_find_there_in_that_order(root: Path, pattern: str, found: str) -> None:
    assert _read(root, pattern) == found.split()


def test_a_file_that_is_named_too_stands_where_it_is_named_and_each_is_read_once(root: Path) -> None:
    assert _read(root, "c-*.yaml", "b.yaml", "c-1.yaml", "b.yaml") == ["c-2.yaml", "b.yaml", "c-1.yaml"]


def test_files_of_the_folder_of_the_top_and_of_another_source(root: Path) -> None:
    assert _read(root, "x.yaml", "/b.yaml", "$site/c-?.yaml", "../a.yaml", below="a") == [
        "a/x.yaml",
        "b.yaml",
        "c-1.yaml",
        "c-2.yaml",
        "a.yaml",
    ]
    with pytest.raises(argo_values.Elsewhere):
        _read(root, "$far/x.yaml")


@pytest.mark.parametrize("name", ["none.yaml", "none/*.yaml"])
def test_what_is_missing_may_be_missing_only_where_that_is_said(root: Path, name: str) -> None:
    assert _read(root, name, "b.yaml", ignoreMissingValueFiles=True) == ["b.yaml"]
    with pytest.raises(UserError, match="in the repository"):
        _read(root, name)


@pytest.mark.parametrize("name", ["../../*.yaml", "../../etc.yaml", "out/*", "out/secret"])
def test_nothing_is_read_outside_the_repository(root: Path, name: str) -> None:
    (root.parent / "outside").mkdir()
    (root.parent / "outside" / "secret").write_text("secret")
    (root.parent / "etc.yaml").write_text("secret")
    (root / "out").symlink_to(root.parent / "outside")
    with pytest.raises(UserError):
        _read(root, name, below="a" if name.startswith("..") else "")


def test_a_link_that_leads_back_is_told(root: Path) -> None:
    (root / "a" / "again").symlink_to(root)
    with pytest.raises(UserError, match="leads back"):
        _read(root, "**/*.yaml")


# What Argo CD 3.5.3 makes of it, its types and libraries asked.
@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        ({"helm": {}}, {}),
        ({"helm": None}, {}),
        ({"helm": {"releaseName": None}}, {}),
        ({"helm": {"releaseName": "s"}}, {"releaseName": "s"}),
        (
            {"helm": {"parameters": [{"name": "a", "value": "z"}]}},
            {"parameters": [{"name": "a", "value": "z", "forceString": True}]},
        ),
        ({"helm": {"valuesObject": {"one": None, "two": 2}}}, {"valuesObject": {"two": 2, "deep": {"k": 1}}}),
    ],
)
def test_parameters_in_the_folder_are_laid_over_those_of_the_application(
    tmp_path: Path, patch: dict[str, Any], changed: dict[str, Any]
) -> None:
    helm = {
        "releaseName": "r",
        "parameters": [{"name": "a", "value": "1", "forceString": True}, {"name": "b", "value": "2"}],
        "valuesObject": {"one": 1, "deep": {"k": 1}},
    }
    source = {"repoURL": URL, "path": "chart", "helm": helm}
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / ".argocd-source.yaml").write_text(
        yamlio.dump({**patch, "path": "elsewhere", "chart": "none"})
    )
    assert argo_overrides.applied(Source(tmp_path), source, "app") == {**source, "helm": {**helm, **changed}}


def test_the_file_of_one_application_is_laid_over_that_of_all(tmp_path: Path) -> None:
    for name, images in (
        (".argocd-source", "a:1"),
        (".argocd-source-ns_app", "a:2"),
        (".argocd-source-no", "a:3"),
    ):
        (tmp_path / f"{name}.yaml").write_text(yamlio.dump({"kustomize": {"images": [images]}}))
    found = argo_overrides.applied(Source(tmp_path), {"repoURL": URL, "path": "."}, "ns_app")
    assert found == {"repoURL": URL, "path": ".", "kustomize": {"images": ["a:2"]}}


@pytest.mark.parametrize("text", ["", "null", "[]", "text", "a: [", "helm: text"])
def test_what_argo_cd_cannot_read_is_no_build(tmp_path: Path, text: str) -> None:
    (tmp_path / ".argocd-source.yaml").write_text(text)
    with pytest.raises(UserError, match=r"argocd-source\.yaml"):
        argo_overrides.applied(Source(tmp_path), {"repoURL": URL, "path": "."}, "app")
