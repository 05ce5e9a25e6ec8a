"""Many kustomizations, built as if each by itself, in few processes and only when something changed.

A start of kustomize costs more than a build, so folders that cannot disturb one another are bases of one
build, and a label tells whose object is whose. What a common build could hide is taken back: it follows a
name into another folder, where a build alone would leave a reference that leads nowhere. A folder with an
object that names such a thing of another folder is built again by itself, and so is every folder of a
common build that fails.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openinfra_tui import yamlio
from openinfra_tui.build.inputs import Inputs, follow
from openinfra_tui.build.kustomize import Kustomize, build
from openinfra_tui.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from openinfra_tui.cache import Cache

Objects = list[dict[str, Any]]
_LABEL = "openinfra.dev/built-from"
# kustomize's suffix of a generated name: ten characters of a digest (api/hasher, encode).
_GENERATED = re.compile(r"-[2456789bcdfghkmt]{10}$")
_FORM = "1"
# Fewer starts against more work in a row; measured with the 32 folders of the large preset on two cores.
_TOGETHER = 12


def build_all(
    tool: Kustomize, root: Path, folders: Sequence[str], cache: Cache | None = None
) -> dict[str, Objects | ToolError]:
    """What each kustomization builds to, or why it does not; an empty `labels` is no labels.

    Args:
        tool: from `kustomize.find`.
        root: the repository.
        folders: folders below it.
        cache: where builds are kept; without it everything is built.
    """
    inputs = {folder: follow(root, folder) for folder in folders}
    keys = {folder: _key(tool, found) for folder, found in inputs.items() if found is not None}
    out: dict[str, Objects | ToolError] = {}
    if cache is not None:
        for folder, key in keys.items():
            kept = cache.get(key)
            if kept is not None:
                out[folder] = kept
    groups = _groups({folder: found for folder, found in inputs.items() if folder not in out})
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        # Each group is one task, and what it must build again is built in the task's own thread.
        for built in pool.map(lambda group: _build_group(tool, root, group), groups):
            fresh = {keys[f]: got for f, got in built.items() if f in keys and isinstance(got, list)}
            out.update(built)
            if cache is not None and fresh:
                cache.put(fresh)
    return {folder: out[folder] for folder in folders}


def _key(tool: Kustomize, inputs: Inputs) -> str:
    return hashlib.sha256(f"{_FORM}\n{tool.version}\n{inputs.digest}".encode()).hexdigest()


def _groups(inputs: Mapping[str, Inputs | None]) -> list[list[str]]:
    """Folders to build together, at most a few: of one site, with the same configurations, no file in common.

    Two that have a file in common would bring the same object twice. What is not understood is alone.
    """
    shared: dict[tuple[object, ...], list[tuple[list[str], set[str]]]] = {}
    alone = []
    for folder, found in inputs.items():
        if found is None:
            alone.append([folder])
            continue
        groups = shared.setdefault((*folder.split("/")[:2], found.configurations), [])
        fits = (pair for pair in groups if len(pair[0]) < _TOGETHER and not pair[1] & found.files)
        pair = next(fits, None)
        if pair is None:
            pair = ([], set())
            groups.append(pair)
        pair[0].append(folder)
        pair[1].update(found.files)
    return [*(folders for groups in shared.values() for folders, _ in groups), *alone]


def _build_group(tool: Kustomize, root: Path, folders: Sequence[str]) -> dict[str, Objects | ToolError]:
    if len(folders) > 1:
        try:
            together = _build_together(tool, root, folders)
        except ToolError:
            together = {}
        again = [folder for folder in folders if folder not in together or _reaches_out(folder, together)]
    else:
        together, again = {}, list(folders)
    if not again:
        return dict(together)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        return {**together, **dict(zip(again, pool.map(lambda f: _alone(tool, root, f), again), strict=True))}


def _alone(tool: Kustomize, root: Path, folder: str) -> Objects | ToolError:
    try:
        return build(tool, root / folder)
    except ToolError as error:
        return error


def _build_together(tool: Kustomize, root: Path, folders: Sequence[str]) -> dict[str, Objects]:
    """One build over all folders.

    Raises:
        ToolError: one of them is faulty, or two hold the same object.
    """
    with tempfile.TemporaryDirectory(prefix="openinfra-") as temporary:
        top = Path(temporary).resolve()
        for number, folder in enumerate(folders):
            place = top / str(number)
            base = os.path.relpath((root / folder).resolve(), place)
            _write(place, {"resources": [base], "labels": [{"pairs": {_LABEL: str(number)}}]})
        _write(top / "all", {"resources": [f"../{number}" for number in range(len(folders))]})
        objects = build(tool, top / "all")
    out: dict[str, Objects] = {folder: [] for folder in folders}
    for item in objects:
        labels = item["metadata"]["labels"]
        out[folders[int(labels.pop(_LABEL))]].append(item)
        if not labels:
            del item["metadata"]["labels"]
    return out


def _write(folder: Path, kustomization: dict[str, Any]) -> None:
    folder.mkdir()
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (folder / "kustomization.yaml").write_text(yamlio.dump({**head, **kustomization}), "utf-8")


def _reaches_out(folder: str, built: Mapping[str, Objects]) -> bool:
    """Whether an object names something of another folder that kustomize would have followed."""
    own = {name for item in built[folder] for name in _followed(item)}
    others = {name for other in built for item in built[other] for name in _followed(item)} - own
    return any(text in others for item in built[folder] for text in _texts(item))


def _followed(item: Mapping[str, Any]) -> Iterator[str]:
    """The name of an object, when a reference to it would be rewritten."""
    name = str(item["metadata"]["name"])
    if item["kind"] == "ServiceAccount" or _GENERATED.search(name):
        yield name


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
