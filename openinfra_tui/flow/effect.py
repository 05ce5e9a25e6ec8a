"""What a change of shared components does to the build of each site."""

from __future__ import annotations

import difflib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openinfra_tui import yamlio
from openinfra_tui.build.kustomize import find
from openinfra_tui.build.many import build_all
from openinfra_tui.cache import Cache, default_folder
from openinfra_tui.errors import ToolError, printable
from openinfra_tui.flow.shared import BUILT, by_owner, names_any
from openinfra_tui.flow.writing import write_out

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.build.many import Objects
    from openinfra_tui.tree.model import File

_KUSTOMIZATION = "/kustomization.yaml"


@dataclass(frozen=True)
class Effect:
    """What a change of components does to one site.

    Attributes:
        site: its name.
        places: what is built or read anew: folders with a kustomization, files of Applications.
        diff: from the objects of the builds before to those after; encrypted values are in it encrypted.
    """

    site: str
    places: tuple[str, ...]
    diff: str


def changed_components(before: Mapping[str, File], after: Mapping[str, File]) -> frozenset[str]:
    """The paths of shared components that differ."""
    return frozenset(
        path
        for path in {*before, *after}
        if path.startswith(BUILT)
        and (path not in before or path not in after or before[path].content != after[path].content)
    )


def effects(
    before: Mapping[str, File],
    after: Mapping[str, File],
    sites: Collection[str],
    kustomize: str | None,
) -> tuple[Effect, ...]:
    """By site, what changes with the components that differ between two states of a repository.

    Raises:
        ToolError: there is no usable kustomize, or a build fails.
    """
    changed = {path.rpartition("/")[0] for path in changed_components(before, after)}
    if not changed:
        return ()
    states = [by_owner(files) for files in (before, after)]
    out = []
    for site in sorted(sites):
        own = states[1].get(site, {})
        touched = sorted(path for path, file in own.items() if names_any(file, changed))
        folders = [path.removesuffix(_KUSTOMIZATION) for path in touched if path.endswith(_KUSTOMIZATION)]
        one, other = (_builds(state, site, folders, kustomize) for state in states)
        built = [folder for folder in folders if one[folder] != other[folder]]
        read = [path for path in touched if not path.endswith(_KUSTOMIZATION)]
        if built or read:
            diff = "".join(_diff(folder, one[folder], other[folder]) for folder in built)
            out.append(Effect(site, (*built, *read), diff))
    return tuple(out)


def _builds(
    state: Mapping[str | None, Mapping[str, File]], site: str, folders: list[str], kustomize: str | None
) -> dict[str, list[str]]:
    """The lines of what each folder builds to."""
    if not folders:
        return {}
    with tempfile.TemporaryDirectory(prefix="openinfra-") as temporary:
        shared = {path: file for path, file in state[None].items() if path.startswith(BUILT)}
        write_out(Path(temporary), {**shared, **state.get(site, {})})
        built = build_all(find(kustomize), Path(temporary), folders, Cache(default_folder()))
    return {folder: _lines(objects) for folder, objects in built.items()}


def _lines(objects: Objects | ToolError) -> list[str]:
    if isinstance(objects, ToolError):
        raise objects
    return "---\n".join(yamlio.dump(item) for item in objects).splitlines()


def _diff(folder: str, before: list[str], after: list[str]) -> str:
    names = [f"{folder} as it is built", f"{folder} as it will be built"]
    rows = difflib.unified_diff(before, after, names[0], names[1], lineterm="")
    return "".join(f"{printable(row)}\n" for row in rows)
