"""Files become a Git tree, in an index of ours."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from openinfra_tui.errors import Refused
from openinfra_tui.repo.command import entries, git, private
from openinfra_tui.repo.lock import own_index
from openinfra_tui.repo.target import manifest
from openinfra_tui.tree.model import File

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from git import Repo

    from openinfra_tui.tree.model import Tree

_HEADER = (
    "# Files that openinfra-tui wrote and may replace or remove. Written by openinfra-tui; do not edit.\n"
)


def ours(tree: Tree, site: str | None) -> dict[str, File]:
    """The files of a tree that are ours to replace, and for a site the list of them."""
    mine = {path: file for path, file in tree.files.items() if not file.once}
    if site is None:
        return mine
    place = manifest(site)
    names = "".join(f"{path}\n" for path in sorted({*mine, place}))
    return {**mine, place: File((_HEADER + names).encode(), "repo")}


def listed(content: bytes) -> frozenset[str]:
    """The paths of such a list."""
    lines = content.decode("utf-8", "replace").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def stage(repo: Repo, start: str | None, files: Mapping[str, File], gone: Collection[str]) -> str:
    """Write the blobs and the tree of a commit to be; our index holds it afterwards.

    Args:
        repo: where.
        start: the commit that it begins from; None for an empty tree.
        files: what is added or replaced.
        gone: what is removed.

    Raises:
        Refused: a file is where a folder is needed.
    """
    folder = private(repo) / "blobs"
    folder.mkdir()
    names = []
    for number, file in enumerate(files.values()):
        place = folder / str(number)
        place.write_bytes(file.content)
        names.append(str(place.resolve()))
    shas = git(
        repo, "hash-object", "-w", "--no-filters", "--stdin-paths", stdin="\n".join(names).encode()
    ).split("\n")
    shutil.rmtree(folder)
    index = {"GIT_INDEX_FILE": str(own_index(repo))}
    git(repo, "read-tree", *(["--empty"] if start is None else [start]), env=index)
    lines = [f"0 {'0' * 40}\t{path}\0" for path in sorted(gone)]
    for (path, file), sha in zip(files.items(), shas, strict=True):
        lines.append(f"{'100755' if file.executable else '100644'} {sha}\t{path}\0")
    kept = entries(repo, start).keys() - set(gone)
    for path in files:
        for above in map(str, Path(path).parents):
            if above in kept:
                raise Refused(
                    f"{above} is a file in the repository and the tree needs a folder there",
                    f"git mv {above}",
                )
    git(
        repo,
        "update-index",
        "-z",
        "--index-info",
        stdin="".join(lines).encode("utf-8", "surrogateescape"),
        env=index,
    )
    return git(repo, "write-tree", env=index)
