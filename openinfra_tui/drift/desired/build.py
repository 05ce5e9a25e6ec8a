"""What a folder of a repository builds to, as kustomize-controller builds it; cached by content.

A kustomization that only lists resources is read without a process. Everything else goes through kustomize:
the changes that a Flux Kustomization asks for stand in an overlay of their own beside the repository, which
is never written to.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import proc, yamlio
from openinfra_tui.cache import Cache, default_folder
from openinfra_tui.drift.desired import goyaml
from openinfra_tui.errors import ToolError, UserError

if TYPE_CHECKING:
    from openinfra_tui.drift.desired.source import Source

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_PLAIN = frozenset({"apiVersion", "kind", "resources"})
_FORM = "2"


class NotPlain(Exception):
    """A folder that only kustomize can build."""


def build(source: Source, below: str, changes: dict[str, Any], kustomize: str | None = None) -> list[Any]:
    """Every object of a folder.

    Args:
        source: the repository.
        below: the folder.
        changes: fields of a kustomization to lay over it, such as `namespace`, `patches` and `images`.
        kustomize: the program to use, as for `build.kustomize.find`.

    Raises:
        UserError: the folder is not there or does not build.
    """
    parts = json.dumps([_FORM, source.digest, below, changes], sort_keys=True)
    key = hashlib.sha256(parts.encode()).hexdigest()
    cache = Cache(default_folder())
    kept = cache.get(key)
    if kept is not None:
        return list(kept)
    folder = source.path(below)
    try:
        if changes:
            raise NotPlain
        objects = plain(source, folder)
    except NotPlain:
        objects, remote = _process(source, folder, changes, kustomize)
        if remote:
            return objects  # a base behind a URL may move without a change here
    cache.put({key: objects})
    return objects


def plain(source: Source, folder: Path) -> list[Any]:
    """The objects of a folder whose kustomizations only list files and folders.

    Raises:
        NotPlain: something in it is for kustomize to do, or to refuse.
    """
    objects: list[Any] = []
    _collect(source.root.resolve(), folder, objects, set())
    seen = set()
    for item in objects:
        metadata = item.get("metadata") or {}
        # To kustomize an object without a namespace is one in `default`.
        namespace = metadata.get("namespace") or "default"
        identity = (item.get("apiVersion"), item.get("kind"), namespace, metadata.get("name"))
        if identity in seen or not metadata.get("name") or not item.get("kind"):
            raise NotPlain
        if any(key.startswith("config.kubernetes.io/") for key in metadata.get("annotations") or ()):
            raise NotPlain
        seen.add(identity)
    return objects


def _collect(root: Path, place: Path, objects: list[Any], visited: set[Path]) -> None:
    if not place.is_relative_to(root) or place in visited:
        raise NotPlain
    visited.add(place)
    if place.is_file():
        objects += _documents(place)
        return
    names = [name for name in _NAMES if (place / name).is_file()]
    if not names:
        for name in _generated(place):
            _collect(root, (place / name).resolve(), objects, visited)
        return
    (content, *others) = _documents(place / names[0]) or [None]
    if others or len(names) > 1 or not isinstance(content, dict) or not content.keys() <= _PLAIN:
        raise NotPlain
    if content.get("kind", "Kustomization") != "Kustomization":
        raise NotPlain
    for name in content.get("resources") or ():
        path = (place / str(name)).resolve()
        if not path.exists():
            raise NotPlain  # a URL, or an error that kustomize words
        if path.is_dir() and not any((path / wanted).is_file() for wanted in _NAMES):
            raise NotPlain
        _collect(root, path, objects, visited)


def _documents(path: Path) -> list[Any]:
    try:
        found = goyaml.load_all(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        raise NotPlain from None
    flat: list[Any] = []
    for item in found:
        if not isinstance(item, dict):
            raise NotPlain
        flat += item["items"] if str(item.get("kind", "")).endswith("List") and "items" in item else [item]
    return flat


def _generated(folder: Path, below: str = "") -> list[str]:
    """What Flux lists in a folder without a kustomization: its YAML files, and overlays as a whole."""
    found: list[str] = []
    for entry in sorted((folder / below).iterdir()):
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir():
            if entry.name == ".git":
                continue
            overlay = any((entry / wanted).is_file() for wanted in _NAMES)
            found += [name] if overlay else _generated(folder, name)
        elif entry.suffix in (".yaml", ".yml"):
            found.append(name)
    return found


def _process(
    source: Source, folder: Path, changes: dict[str, Any], kustomize: str | None
) -> tuple[list[Any], bool]:
    # Not for those whose builds are all in the cache.
    import tempfile

    from openinfra_tui.build import kustomize as programs

    program = programs.find(kustomize)
    own = any((folder / name).is_file() for name in _NAMES)
    with tempfile.TemporaryDirectory(prefix="openinfra-build-") as temporary:
        target = folder
        if changes or not own:
            target = Path(temporary).resolve()
            up = os.path.relpath(folder, target)
            resources = [up] if own else [f"{up}/{name}" for name in _generated(folder)]
            parts = [f"{up}/{part}" for part in changes.get("components") or ()]
            overlay = {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": resources,
                **changes,
                **({"components": parts} if parts else {}),
            }
            (target / "kustomization.yaml").write_text(yamlio.dump(overlay), encoding="utf-8")
        # Flux lifts the load restrictions (kustomize-controller builds with LoadRestrictionsNone).
        words: list[str | Path] = [*program.argv, target, "--load-restrictor=LoadRestrictionsNone"]
        try:
            printed = proc.run(words).stdout
        except ToolError as error:
            message = error.message.replace(temporary, "").replace(f"{source.root}/", "")
            raise UserError(message, error.hint) from error
    try:
        objects = goyaml.load_all(printed)
    except yaml.YAMLError:
        raise UserError(f"kustomize built {folder} to what is not YAML") from None
    return [item for item in objects if isinstance(item, dict)], _has_remote(source)


def _has_remote(source: Source) -> bool:
    """Whether any kustomization of the repository names something behind a URL."""
    for name in source.files:
        if name.rpartition("/")[2] in _NAMES:
            text = (source.root / name).read_text(encoding="utf-8", errors="replace")
            if "://" in text or "github.com/" in text or "git@" in text:
                return True
    return False
