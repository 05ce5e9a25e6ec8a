"""Options of the suite, and how its tests are dealt to the processors."""

from __future__ import annotations

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


def scope(node: str) -> str:
    """Which tests one process has to run, because they share a cluster: its name, or the test's own."""
    if not node.startswith(CONTROL_PLANE):
        return node
    name = node.removeprefix(CONTROL_PLANE)
    return "a generated site" if name.startswith(SITES) else "a control plane"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: WorkerController) -> LoadScopeScheduling:
    """Deal the clusters first, a process each, and the rest to whoever is free."""
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class ByCluster(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    return ByCluster(config, log)
