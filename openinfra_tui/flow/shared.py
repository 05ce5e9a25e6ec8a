"""What all sites of a repository share, and how one site leaves the builds of the others alone.

`components/` (and `argocd/`) are read by every site. A new site takes them as they are; a site that no longer
needs a component leaves it to those that do; and when a new version of ours changes one, whoever generates is
told what that does to each of the other sites.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from openinfra_tui.repo.target import owner, sites_in
from openinfra_tui.tree.model import Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.repo.render import History
    from openinfra_tui.tree.model import File

BUILT = ("components/", "argocd/")
_REFERENCE = re.compile(rb"components/[A-Za-z0-9._/-]+")


def others(history: History, site: str) -> list[str]:
    """The other sites of the repository."""
    return sorted(sites_in(history.files) - {site})


def as_they_are(render: Tree, history: History) -> tuple[Tree, tuple[str, ...]]:
    """The render of a new site with the components as the repository has them, and the paths that differ.

    The render is to say what HEAD was made from, so that the next update merges: where a component is in
    HEAD, that is what the last render of another site wrote.
    """
    held = {_folder(path) for path in history.files if path.startswith(BUILT)}
    taken = {path for path in render.files if path.startswith(BUILT) and _folder(path) in held}
    files = {path: file for path, file in render.files.items() if path not in taken}
    for path in taken:
        base = history.shared.get(path) or history.files.get(path)
        if base is not None:
            files[path] = base
    differ = [
        path
        for path, file in render.files.items()
        if path.startswith(BUILT) and (path not in files or files[path].content != file.content)
    ]
    return Tree(files), tuple(sorted(differ))


def left_to_others(history: History, render: Mapping[str, File], site: str) -> History:
    """The history without what this site wrote once, writes no longer, and another site still needs.

    It is needed when the last render of another site holds it, or when a file of another site names the
    component: its branch may be missing here, or its user may have taken it up.
    """
    kept = {
        path
        for path in {*(history.base or {}), *history.listed} - render.keys()
        if owner(path) is None and path in history.others
    }
    named = references(history, others(history, site))
    rendered = {_folder(path) for path in render}
    kept |= {
        path
        for path in {*(history.base or {}), *history.listed} - render.keys()
        if path.startswith("components/") and _folder(path) not in rendered and _is_named(path, named)
    }
    base = None if history.base is None else {p: f for p, f in history.base.items() if p not in kept}
    return replace(history, base=base, listed=history.listed - kept)


def unused(history: History, site: str) -> frozenset[str]:
    """The files of components that only this site reads; none of any other site names them."""
    named = references(history, others(history, site))
    wrote = {*(history.base or {}), *history.listed, *history.shared}
    return frozenset(path for path in wrote if path.startswith("components/") and not _is_named(path, named))


def references(history: History, sites: Collection[str]) -> frozenset[str]:
    """The folders below `components/` that the files of some sites name."""
    wanted = frozenset(sites)
    return _named({path: file for path, file in history.files.items() if owner(path) in wanted})


def _named(files: Mapping[str, File]) -> frozenset[str]:
    return frozenset(
        found.decode().rstrip("/.")
        for path, file in files.items()
        if path.startswith(("sites/", "clusters/")) and b"components/" in file.content
        for found in _REFERENCE.findall(file.content)
    )


def of_site(files: Mapping[str, File], site: str) -> dict[str, File]:
    """The files that one site has for itself."""
    return {path: file for path, file in files.items() if owner(path) == site}


def by_owner(files: Mapping[str, File]) -> dict[str | None, dict[str, File]]:
    """The files by the site that has them for itself; under None those that all share."""
    found: dict[str | None, dict[str, File]] = {}
    for path, file in files.items():
        found.setdefault(owner(path), {})[path] = file
    return found


def names_any(file: File, folders: Collection[str]) -> bool:
    """Whether a file names one of some folders below `components/`."""
    found = {name.decode().rstrip("/.") for name in _REFERENCE.findall(file.content)}
    return any(name == folder or name.startswith(f"{folder}/") for name in found for folder in folders)


def scope(files: Mapping[str, File], sites: Collection[str]) -> dict[str, File]:
    """What of a repository concerns some of its sites: their own files, and shared ones that they read."""
    wanted = frozenset(sites)
    named = _named({path: file for path, file in files.items() if owner(path) in wanted})
    return {
        path: file
        for path, file in files.items()
        if owner(path) in wanted
        or (owner(path) is None and (not path.startswith("components/") or _is_named(path, named)))
    }


def _is_named(path: str, named: frozenset[str]) -> bool:
    folder = _folder(path)
    return any(
        folder == name or folder.startswith(f"{name}/") or name.startswith(f"{folder}/") for name in named
    )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
