"""Options of the suite, and how its tests are dealt to the processors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.scheduler.loadscope import LoadScopeScheduling
    from xdist.workermanage import WorkerController

CONTROL_PLANE = "tests/controlplane/test_"
SITES = ("reconcile_", "engines_agree")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="Write snapshots/ anew instead of comparing."
    )


@pytest.fixture
def git_author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Git that knows one author and nothing else of this machine."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Op\nemail = op@cloud.example\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)


def scope(node: str) -> str:
    """Which tests one process has to run, because they share a cluster: its name, or the test's own."""
    if not node.startswith(CONTROL_PLANE):
        return node
    name = node.removeprefix(CONTROL_PLANE)
    return "a generated site" if name.startswith(SITES) else "a control plane"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: who tests a cluster mostly waits for it."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: WorkerController) -> LoadScopeScheduling:
    """Deal the clusters first, a process each, and the rest to whoever is free."""
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class ByCluster(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    return ByCluster(config, log)
