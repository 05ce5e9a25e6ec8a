from __future__ import annotations

import os
from pathlib import Path

import pytest

# Textual reads these once, when it is imported; screens are compared, so nobody's taste may reach them.
for _name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS", "COLORTERM"):
    os.environ.pop(_name, None)
os.environ["TEXTUAL_ANIMATIONS"] = "none"


@pytest.fixture(autouse=True)
def home(git_author: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and a Git that knows one author."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "SOPS_AGE_KEY_FILE", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    return folder
