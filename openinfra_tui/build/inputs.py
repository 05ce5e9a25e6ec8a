"""What a kustomization reads, followed without kustomize: the key of a cached build, and who may share one.

Only what is understood whole is followed. A kustomization with any other field, a remote base or a missing
file has no `Inputs`, and is then built by itself every time.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import yamlio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FIELDS = {
    "apiVersion",
    "kind",
    "metadata",
    "namespace",
    "resources",
    "patches",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "configurations",
}


@dataclass(frozen=True)
class Inputs:
    """Everything that one build depends on.

    Attributes:
        digest: of the path below the root and the content of every file.
        files: the paths of all of them.
        configurations: the digests of the files below `configurations`, sorted. Such a file holds for a
            whole build, also for bases of others in it.
    """

    digest: str
    files: frozenset[str]
    configurations: tuple[str, ...]


class _Unknown(Exception):
    """Something that is not followed here."""


def follow(root: Path, folder: str) -> Inputs | None:
    """The inputs of the kustomization in a folder below the root; None when they cannot be told."""
    files: dict[str, str] = {}
    configurations: set[str] = set()
    try:
        for path, configures in _files(root / folder, set()):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files[os.path.relpath(path, root)] = digest
            if configures:
                configurations.add(digest)
    except (_Unknown, OSError, yaml.YAMLError, UnicodeDecodeError):
        return None
    lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(files.items()))
    digest = hashlib.sha256(f"{folder}\n{lines}".encode()).hexdigest()
    return Inputs(digest, frozenset(files), tuple(sorted(configurations)))


def _files(folder: Path, above: set[Path]) -> Iterator[tuple[Path, bool]]:
    """Each file that is read, and whether it is one of `configurations`."""
    if folder.resolve() in above:
        raise _Unknown
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if len(found) != 1:
        raise _Unknown
    yield found[0], False
    document = yamlio.load(found[0].read_bytes())
    if not isinstance(document, dict) or document.keys() - _FIELDS:
        raise _Unknown
    for name in _texts(document, "resources"):
        if "://" in name or "?" in name:
            raise _Unknown
        place = folder / name
        if place.is_dir():
            yield from _files(place, above | {folder.resolve()})
        else:
            yield place, False
    for name in _texts(document, "configurations"):
        held = yamlio.load((folder / name).read_bytes())
        if not isinstance(held, dict) or held.keys() - {"nameReference"}:
            raise _Unknown
        yield folder / name, True
    for name in _other_files(document):
        yield folder / name, False


def _other_files(document: dict[str, Any]) -> Iterator[str]:
    for patch in _maps(document, "patches"):
        yield from [patch["path"]] if "path" in patch else []
    for field in ("configMapGenerator", "secretGenerator"):
        for generator in _maps(document, field):
            if "env" in generator:
                raise _Unknown
            for key in ("files", "envs"):
                yield from (name.rpartition("=")[2] for name in _texts(generator, key))


def _texts(document: dict[str, Any], key: str) -> list[str]:
    found = document.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise _Unknown
    return found


def _maps(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = document.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _Unknown
    return found
