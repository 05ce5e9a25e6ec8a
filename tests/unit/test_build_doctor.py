"""What `doctor` finds: real git and kubectl, and fake programs in every bad state."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from openinfra_tui.build import doctor, kustomize

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["git", "helm", "sops", "age", "flux", "argocd", "kubectl", "kustomize"]


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(kustomize.ENVIRONMENT, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none" / "python"))
    return tmp_path / "bin"


def by_name() -> dict[str, doctor.ToolStatus]:
    return {status.name: status for status in doctor.inspect_tools()}


def test_every_tool_is_listed_in_order(bin_folder: Path) -> None:
    statuses = doctor.inspect_tools()
    assert [status.name for status in statuses] == NAMES
    assert not any(status.usable for status in statuses)
    assert all(status.problem for status in statuses)
    assert {status.name for status in statuses if status.required} == {"git", "kustomize"}


@pytest.mark.parametrize(
    ("name", "printed", "version"),
    [
        ("helm", "v3.18.4+gd80839c", "3.18.4"),
        ("sops", "sops 3.11.0 (latest)", "3.11.0"),
        ("age", "v1.2.1", "1.2.1"),
        ("flux", "flux version 2.7.3", "2.7.3"),
        ("argocd", "argocd: v3.1.0+03c4ad8", "3.1.0"),
        ("git", "git version 2.43.0", "2.43.0"),
    ],
)
def test_versions_are_read_from_what_each_program_prints(
    bin_folder: Path, name: str, printed: str, version: str
) -> None:
    script(bin_folder, name, f"#!/bin/sh\necho '{printed}'\n")
    status = by_name()[name]
    assert (status.path, status.version, status.usable) == (str(bin_folder / name), version, True)


@pytest.mark.parametrize("text", ["#!/bin/sh\necho broken >&2; exit 3\n", "not a program at all"])
def test_a_program_that_does_not_run_is_named_with_its_problem(bin_folder: Path, text: str) -> None:
    script(bin_folder, "helm", text)
    status = by_name()["helm"]
    assert status.path == str(bin_folder / "helm")
    assert status.problem
    assert not status.usable


def test_sops_is_kept_from_asking_the_network(bin_folder: Path) -> None:
    script(bin_folder, "sops", '#!/bin/sh\necho "sops 1.0.0 $SOPS_DISABLE_VERSION_CHECK" | /bin/grep true\n')
    assert by_name()["sops"].usable


def test_the_real_programs_are_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kustomize.ENVIRONMENT, raising=False)
    found = by_name()
    assert found["git"].path == shutil.which("git")
    for name in ("git", "kubectl", "kustomize"):
        assert found[name].usable, found[name]
        assert found[name].version.count(".") == 2
