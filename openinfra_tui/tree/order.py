"""Orders of three lists: of keys that each stand once, and of items that nothing identifies."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

Item = TypeVar("Item")


def ordered(base: list[Hashable], ours: list[Hashable], theirs: list[Hashable]) -> list[Hashable]:
    """All keys in the user's order, or in the new one when the user did not change the order.

    A key that only the other side has comes after the key that it follows there.
    """
    both = set(base) & set(ours)
    moved = [key for key in base if key in both] != [key for key in ours if key in both]
    first, second = (ours, theirs) if moved else (theirs, ours)
    out = list(first)
    for side in (second, base):
        at = 0
        for key in side:
            if key in out:
                at = out.index(key) + 1
            else:
                out.insert(at, key)
                at += 1
    return out


def matched(
    base: Sequence[Item], ours: Sequence[Item], theirs: Sequence[Item], text: Callable[[Item], str]
) -> Iterator[tuple[Sequence[Item], Sequence[Item], Sequence[Item]]]:
    """The lists, divided where an item is the same in all three: unlike parts and like items in turn."""
    mine, new = _like(base, ours, text), _like(base, theirs, text)
    begin = (0, 0, 0)
    for number in range(len(base)):
        if number in mine and number in new:
            here = (number, mine[number], new[number])
            yield tuple(side[a:b] for side, a, b in zip((base, ours, theirs), begin, here, strict=True))  # type: ignore[misc]
            yield base[number : number + 1], ours[here[1] : here[1] + 1], theirs[here[2] : here[2] + 1]
            begin = (number + 1, here[1] + 1, here[2] + 1)
    yield base[begin[0] :], ours[begin[1] :], theirs[begin[2] :]


def _like(base: Sequence[Item], other: Sequence[Item], text: Callable[[Item], str]) -> dict[int, int]:
    pairs = SequenceMatcher(
        None, [text(item) for item in base], [text(item) for item in other], autojunk=False
    )
    return {
        block.a + step: block.b + step for block in pairs.get_matching_blocks() for step in range(block.size)
    }
