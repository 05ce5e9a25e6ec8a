"""What ships: the wheel holds exactly the package, schemas/ and skeletons/ that Git tracks."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from openinfra_tui import __version__, errors

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "Makefile").exists(), reason="this is no checkout")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    out = tmp_path_factory.mktemp("dist")
    # Without hatchling here, `build` installs it into an environment of its own, from the network.
    isolation = [] if importlib.util.find_spec("hatchling") is None else ["--no-isolation"]
    argv = [sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", str(out), str(ROOT)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.whl")
    return zipfile.Path(path)


def tracked(*folders: str) -> set[str]:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--", *folders], capture_output=True, text=True, check=True
    )
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).exists()}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="Git knows what is tracked; this is no checkout")
def test_the_wheel_holds_every_tracked_file_and_no_other(wheel: zipfile.Path) -> None:
    data = tracked("schemas", "skeletons")
    assert data, "schemas/ and skeletons/ are tracked"
    wanted = {f"openinfra_tui/{name}" for name in data} | tracked("openinfra_tui")
    names = {name for name in wheel.root.namelist() if not name.endswith("/")}
    held = {name for name in names if name.startswith("openinfra_tui/")}
    assert wanted - held == set(), "tracked, but not in the wheel"
    assert held - wanted == set(), "in the wheel, but not tracked"
    assert all(
        name.startswith(("openinfra_tui/", f"openinfra_tui-{__version__}.dist-info/")) for name in names
    )


def test_the_wheel_carries_its_license_and_command(wheel: zipfile.Path) -> None:
    info = f"openinfra_tui-{__version__}.dist-info"
    assert "Apache License" in (wheel / info / "licenses" / "LICENSE").read_text()
    assert "openinfra-tui = openinfra_tui.cli.main:main" in (wheel / info / "entry_points.txt").read_text()
    assert "License-Expression: Apache-2.0" in (wheel / info / "METADATA").read_text()


def test_continuous_integration_and_the_readme_name_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("venv", "demo", "test", "test-fast", "test-slow", "check"):
        assert f"\n{target}: " in makefile
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_every_exit_code_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.UserError)
    ]
    assert len(kinds) >= 5
    for kind in kinds:
        assert f"\n| {kind.exit_code} |" in readme


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    for requirement in project["dependencies"]:
        name = re.split(r"[<>=!\[; ]", requirement)[0]
        assert f"\n| {name} |" in contributing
