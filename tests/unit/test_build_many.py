"""Built together or from the cache, each folder is exactly what kustomize makes of it alone."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openinfra_tui import proc
from openinfra_tui.build.inputs import follow
from openinfra_tui.build.kustomize import build, find
from openinfra_tui.build.many import build_all
from openinfra_tui.cache import Cache
from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.check.references import buildable
from openinfra_tui.check.report import read_documents
from openinfra_tui.errors import ToolError
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.yamlio import dump

TOOL = find()
NAMES = ("a", "b", "c")
REFERENCES = dump(
    {
        "nameReference": [
            {"kind": kind, "version": "v1", "fieldSpecs": [{"path": "spec/from/name", "kind": "Thing"}]}
            for kind in ("ConfigMap", "Secret")
        ]
    }
)


def plain(built: list[dict[str, Any]] | ToolError) -> object:
    """Failures alike, and an empty `labels` as none."""
    if isinstance(built, ToolError):
        return ToolError
    for item in built:
        if item["metadata"].get("labels") == {}:
            del item["metadata"]["labels"]
    return built


def alone(root: Path, folder: str) -> object:
    try:
        return plain(build(TOOL, root / folder))
    except ToolError:
        return ToolError


def together(root: Path, folders: list[str], cache: Cache | None = None) -> dict[str, object]:
    return {name: plain(got) for name, got in build_all(TOOL, root, folders, cache).items()}


@st.composite
def kustomizations(draw: st.DrawFn) -> dict[str, str]:
    """Up to three folders that may generate, reference one another's names, share a base, or be broken."""
    files = {"base/x.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: shared}\n"}
    files["base/kustomization.yaml"] = "resources: [x.yaml]\n"
    for name in NAMES[: draw(st.integers(2, 3))]:
        place = f"sites/s/{name}"
        names = st.sampled_from(["m", f"m-{name}", "m-a", "m-b"])
        things = [
            {
                "apiVersion": "x.example/v1",
                "kind": "Thing",
                "metadata": {"name": f"t-{name}"} | ({"labels": {}} if draw(st.booleans()) else {}),
                "spec": {"from": [{"name": draw(names)} for _ in range(draw(st.integers(1, 2)))]},
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": f"r-{name}"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
                "subjects": [{"kind": "ServiceAccount", "name": draw(st.sampled_from(["shared", "none"]))}],
            },
        ]
        document: dict[str, object] = {
            "resources": ["x.yaml", *(["../../../base"] if draw(st.booleans()) else [])]
        }
        if draw(st.booleans()):
            document["namespace"] = draw(st.sampled_from(["n", "o"]))
        if draw(st.booleans()):
            document["configurations"] = ["refs.yaml"]
        made = {"name": draw(names), "literals": [f"k={draw(st.sampled_from(['1', '2', 'true']))}"]}
        if draw(st.booleans()):
            made["options"] = {"disableNameSuffixHash": draw(st.booleans()), "labels": {"l": "1"}}
        document[draw(st.sampled_from(["configMapGenerator", "secretGenerator"]))] = [made]
        if draw(st.integers(0, 9)) == 0:
            document["patches"] = [{"path": "gone.yaml"}]
        files[f"{place}/x.yaml"] = "---\n".join(dump(thing) for thing in things)
        files[f"{place}/refs.yaml"] = REFERENCES
        files[f"{place}/kustomization.yaml"] = dump(document)
    return files


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def same_as_alone(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "r", files)
        folders = sorted({name.rpartition("/")[0] for name in files if name.startswith("sites/")})
        expected = {name: alone(root / "r", name) for name in folders}
        cache = Cache(root / "cache")
        assert together(root / "r", folders) == expected
        assert together(root / "r", folders, cache) == expected
        assert together(root / "r", folders, cache) == expected


@given(kustomizations())
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_together_is_as_alone(files: dict[str, str]) -> None:
    same_as_alone(files)


@pytest.mark.slow
@given(kustomizations())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_together_is_as_alone_many_times(files: dict[str, str]) -> None:
    same_as_alone(files)


@pytest.mark.usefixtures("git_author")
@pytest.mark.parametrize("preset", preset_names())
def test_every_folder_of_a_preset_is_as_alone(
    tmp_path: Path, preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site.yaml").write_text(preset_text(preset), "utf-8")
    request = Request(tmp_path / "site.yaml", tmp_path / "out", age_key=tmp_path / "key")
    generate(request, date(2026, 11, 25), lambda _: None)
    folders = buildable(read_documents(request.output)[0])
    expected = {folder: alone(request.output, folder) for folder in folders}
    started = []
    run = proc.run
    monkeypatch.setattr(proc, "run", lambda argv, **more: (started.append(argv), run(argv, **more))[1])
    assert together(request.output, folders) == expected
    # Few folders are hardly worth a common process.
    assert len(started) <= max(len(folders) / 2, 4)


def test_a_changed_file_is_built_anew_and_an_unchanged_folder_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {k: '1'}\n"
    files = {"components/x/m.yaml": base, "components/x/kustomization.yaml": "resources: [m.yaml]\n"}
    files["sites/s/x/kustomization.yaml"] = "resources: [../../../components/x]\n"
    root, cache, folder = tmp_path / "r", Cache(tmp_path / "cache"), "sites/s/x"
    write(root, files)
    assert together(root, [folder], cache)[folder] == build(TOOL, root / folder)
    with monkeypatch.context() as patch:
        patch.setattr(proc, "run", lambda *_, **__: pytest.fail("built again"))
        assert build_all(TOOL, root, [folder], cache)[folder]
    (root / "components/x/m.yaml").write_text(base.replace("'1'", "'2'"))
    (got,) = together(root, [folder], cache)[folder]
    assert got["data"] == {"k": "2"}


@pytest.mark.parametrize(
    "text",
    [
        "resources: [https://x.example/y]\n",
        "resources: [gone.yaml]\n",
        "resources: [.]\n",
        "resources: x\n",
        "components: [c]\n",
        "replacements: []\n",
        "- 1\n",
        "a: [\n",
    ],
)
def test_what_cannot_be_followed_has_no_inputs(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"sites/s/x/kustomization.yaml": text})
    assert follow(tmp_path, "sites/s/x") is None


def test_a_damaged_or_unwritable_cache_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "below")
    cache.put({"k": [{"a": 1}]})
    assert cache.get("k") is None
    cache = Cache(tmp_path / "cache")
    cache.put({"k": [{"a": 1}], "keys": [{1: 2}], "day": [{"a": date(2026, 1, 1)}]})
    assert cache.get("k") == [{"a": 1}]
    assert sorted(path.name for path in cache.folder.iterdir()) == ["k"]
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    (cache.folder / "k").write_text("[{")
    assert cache.get("k") is None
