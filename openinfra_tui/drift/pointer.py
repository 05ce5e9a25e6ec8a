"""JSON pointers (RFC 6901)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def escaped(name: object) -> str:
    """One name as a part of a pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")


def unescaped(part: str) -> str:
    """The name that a part of a pointer stands for."""
    return part.replace("~1", "/").replace("~0", "~")


def parts_of(pointer: str) -> list[str]:
    """The names on the way of a pointer, positions of items among them; none for the whole."""
    return [unescaped(part) for part in pointer.split("/")[1:]]


def for_removal(pointers: Iterable[str]) -> list[str]:
    """Pointers in the order of removal: later items of a list first, so that earlier positions stay."""
    return sorted(pointers, key=_position, reverse=True)


def _position(pointer: str) -> list[tuple[int, int, str]]:
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in pointer.split("/")]
