from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def git_author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Git that knows one author and nothing else of this machine."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Op\nemail = op@cloud.example\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the cache of the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
