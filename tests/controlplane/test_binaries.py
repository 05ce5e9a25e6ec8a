from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.controlplane import binaries
from tests.controlplane.binaries import Recipe
from tests.controlplane.missing import Missing

MAIN = 'package main\n\nfunc main() { println("%s") }\n'


@pytest.fixture
def hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of one program, `hello`, and an empty cache for it; the module's folder."""
    folder = tmp_path / "modules" / "hello"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module example.invalid/hello\n\ngo 1.26\n")
    (folder / "go.sum").write_text("")
    (folder / "main.go").write_text(MAIN % "first")
    monkeypatch.setattr(binaries, "MODULES", tmp_path / "modules")
    monkeypatch.setattr(binaries, "RECIPES", {"hello": Recipe("hello", ".")})
    monkeypatch.setenv("GOCACHE", _go_cache())
    monkeypatch.setattr(binaries, "CACHE", tmp_path / "cache")
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return folder


def _go_cache() -> str:
    words = [binaries.go(), "env", "GOCACHE"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def said_by(program: Path) -> str:
    """What it prints."""
    return subprocess.run([program], check=True, capture_output=True, text=True).stderr.strip()


def test_a_program_is_built_once_and_again_when_its_pins_change(hello: Path) -> None:
    first = binaries.binary("hello")
    assert said_by(first) == "first"
    (hello / "main.go").write_text(MAIN % "second")
    assert said_by(binaries.binary("hello")) == "first"
    (hello / "go.mod").write_text("module example.invalid/hello\n\ngo 1.26.0\n")
    second = binaries.binary("hello")
    assert said_by(second) == "second"
    assert first.parent != second.parent


def test_two_at_once_build_once(hello: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(binaries.binary("hello"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 3
    assert capfd.readouterr().err.count("building hello") == 1


def test_a_build_that_fails_says_why_and_leaves_no_program(hello: Path) -> None:
    (hello / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    with pytest.raises(Missing, match=r"hello does not build: .*undefined"):
        binaries.binary("hello")
    assert binaries.find("hello") is None
    (hello / "main.go").write_text(MAIN % "mended")
    assert said_by(binaries.binary("hello")) == "mended"


def test_a_folder_of_programs_goes_first(
    hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "hello").write_text("")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert binaries.binary("hello") == assets / "hello"


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_go_it_is_left_out_in_one_line(
    hello: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ci: str, code: int
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert binaries.main() == code
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "install Go 1.26" in said


@pytest.mark.parametrize(("ci", "outcome"), [("", "skipped=1"), ("true", "errors=1")])
def test_without_go_a_test_is_left_out_and_in_ci_it_fails(tmp_path: Path, ci: str, outcome: str) -> None:
    checkout = Path(__file__).parents[2]
    test = "tests/controlplane/test_plane.py::test_a_stranger_is_turned_away"
    report = tmp_path / "report.xml"
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        "0",
        f"--junitxml={report}",
    ]
    nowhere = tmp_path / "bin"
    nowhere.mkdir()
    environment = {**os.environ, "CI": ci, "PATH": str(nowhere), "XDG_CACHE_HOME": str(tmp_path)}
    for name in [name for name in environment if name.startswith(("KUBEBUILDER", "PYTEST"))]:
        environment.pop(name)
    done = subprocess.run([*words, test], cwd=checkout, env=environment, capture_output=True, text=True)
    assert "install Go 1.26" in done.stdout
    name, _, number = outcome.partition("=")
    assert f'{name}="{number}"' in report.read_text()
