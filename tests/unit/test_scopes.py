"""One process runs what shares a cluster: nothing would fail otherwise, it would take twice as long."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import scope

FOLDER = Path(__file__).parents[1] / "controlplane"


def test_what_shares_a_reconciled_site_is_run_by_one_process() -> None:
    uses = {
        path.name: re.search(r"^def .*\b(flux_site|converged): ", path.read_text("utf-8"), re.MULTILINE)
        for path in FOLDER.glob("test_*.py")
    }
    scopes = {name: scope(f"tests/controlplane/{name}::test_it") for name in uses}
    shared = {name for name, uses_it in uses.items() if uses_it}
    assert len(shared) == 4
    assert {scopes[name] for name in shared} == {"a generated site"}
    assert scopes["test_plane.py"] == "a control plane"
    assert scope("tests/unit/test_cli.py::test_it") == "tests/unit/test_cli.py::test_it"
