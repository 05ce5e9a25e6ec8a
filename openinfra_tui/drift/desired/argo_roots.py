"""Which Applications of a repository no other one of it applies, in time that grows with their number."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

# An Application by its index, or a folder that one applies.
Node = int | str


def roots(places: Sequence[tuple[str, Collection[str]]]) -> list[int]:
    """Indices from which all are reached: those below none, and of a circle the one nearest to the top.

    An Argo CD that manages itself is such a circle: the root applies it, and its folder holds the root.

    Args:
        places: the file of each Application and the folders that it applies, empty for the whole repository.
    """
    applied = {folder for _, folders in places for folder in folders}
    below: dict[Node, list[Node]] = {index: list(folders) for index, (_, folders) in enumerate(places)}
    below |= {folder: [] for folder in applied}
    paths: list[tuple[Node, str]] = [(index, file) for index, (file, _) in enumerate(places)]
    paths += [(folder, folder) for folder in applied]
    # What is in a folder is reached through the innermost folder around it, so there are few edges.
    for node, path in paths:
        around = _around(path, applied)
        if around is not None:
            below[around].append(node)
    above: dict[Node, list[Node]] = defaultdict(list)
    for node, inner in below.items():
        for other in inner:
            above[other].append(node)
    found = []
    for start in _leading(below):
        # Nothing leads into its circle, so what leads to it is that circle.
        circle = [node for node in _reached(start, above, set()) if isinstance(node, int)]
        found.append(min(circle, key=lambda index: (places[index][0].count("/"), index)))
    return sorted(found)


def _around(path: str, folders: Collection[str]) -> str | None:
    """The innermost of some folders that a path is below."""
    while path:
        path = path.rpartition("/")[0]
        if path in folders:
            return path
    return None


def _leading(below: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """One node of each circle, or single node, that nothing else leads into.

    A start of the first round that another start leads to came before that one, else it would have been seen;
    so the second round, from the last start to the first, begins only where nothing leads into.
    """
    starts: Iterable[Node] = below
    for _ in range(2):
        seen: set[Node] = set()
        begun = []
        for node in starts:
            if node not in seen:
                begun.append(node)
                _reached(node, below, seen)
        starts = reversed(begun)
    return begun


def _reached(start: Node, edges: Mapping[Node, Iterable[Node]], seen: set[Node]) -> set[Node]:
    """What was seen before and all that is reached from a node, which is added to it."""
    seen.add(start)
    waiting = [start]
    while waiting:
        for node in edges.get(waiting.pop(), ()):
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen
