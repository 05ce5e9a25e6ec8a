"""Rendering of skeleton folders by cookiecutter, in one child process, without secrets."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openinfra_tui.proc import run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EXTENSIONS = ["openinfra_tui.skeleton.filters.YamlFilter"]


def context_of(site: Mapping[str, Any], facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a template sees as `cookiecutter`; also what `cookiecutter --replay-file` takes."""
    return {"root": "root", "site": {"name": name, **site}, "facts": dict(facts), "_extensions": _EXTENSIONS}


def render(folders: Sequence[Path], context: Mapping[str, Any]) -> dict[str, dict[str, bytes]]:
    """Render skeleton folders.

    Args:
        folders: the skeletons; each holds `cookiecutter.json` and `{{cookiecutter.root}}/`.
        context: from `context_of`.

    Returns:
        By the folder's name, the path of each file in the repository and its bytes. A file that renders to
        nothing but blanks is left out: cookiecutter has no condition on files.

    Raises:
        ToolError: a template uses a name that the context does not hold.
    """
    with tempfile.TemporaryDirectory(prefix="openinfra-") as temporary:
        renders = [{"folder": str(folder), "name": folder.name, "context": context} for folder in folders]
        job = json.dumps({"output": temporary, "renders": renders}).encode()
        run([sys.executable, "-m", "openinfra_tui.skeleton.child"], stdin=job)
        return {folder.name: _read(Path(temporary) / folder.name / "root") for folder in folders}


def _read(root: Path) -> dict[str, bytes]:
    # pip compiles each Python file that it installs, those of a skeleton too.
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent.name != "__pycache__"
    }
    return {path: content for path, content in files.items() if content.strip()}
