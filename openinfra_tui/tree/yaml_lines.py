"""YAML as its lines: every entry of a document with the text that it owns.

A merge can move, drop or replace one entry and leave every other line as its author wrote it. Comments
and blank lines belong to the entry below them; those indented deeper than it belong to the block above.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True)
class Leaf:
    """A scalar or flow collection: what stands before it, it, what follows on its line, and its value."""

    pre: str
    raw: str
    post: str
    value: Hashable

    @property
    def text(self) -> str:
        """All of it."""
        return self.pre + self.raw + self.post

    def shifted(self, by: int) -> Leaf:
        """The same, indented by so many columns more."""
        first, end, rest = self.raw.partition("\n")
        return replace(self, pre=shift(self.pre, by), raw=first + end + shift(rest, by))


@dataclass(frozen=True)
class Block:
    """A block mapping or list.

    Attributes:
        kind: `map` or `list`.
        column: where its entries begin.
        head: the line of the key above the entries, or empty.
        prefix: what stands before the first entry on its line (`- `), or empty.
        items: the entries.
        tail: comments below the last entry.
    """

    kind: str
    column: int
    head: str
    prefix: str
    items: tuple[Entry, ...]
    tail: tuple[str, ...] = ()

    @property
    def value(self) -> Hashable:
        """What it means, without order of keys, comments and style."""
        if self.kind == "map":
            return ("map", frozenset((item.key, item.body.value) for item in self.items))
        return ("list", tuple(item.body.value for item in self.items))

    @property
    def text(self) -> str:
        """All of it."""
        body = "".join(item.text for item in self.items)
        if self.prefix and (self.items[0].lead or body[: len(self.prefix)].strip()):
            return f"{self.prefix.rstrip()}\n{body}{''.join(self.tail)}"
        return self.head + self.prefix + body[len(self.prefix) :] + "".join(self.tail)

    def aligned(self, column: int) -> Block:
        """The same with its entries at another column; the line of the key above stays where it is."""
        by = column - self.column
        items = tuple(item.shifted(by) for item in self.items)
        return replace(self, column=column, items=items, tail=tuple(shift(line, by) for line in self.tail))

    def shifted(self, by: int) -> Block:
        """The same, indented by so many columns more."""
        inside = self.aligned(self.column + by)
        return replace(inside, head=shift(self.head, by), prefix=shift(self.prefix, by))


@dataclass(frozen=True)
class Entry:
    """One key of a mapping, item of a list, or document: comments above it, and it.

    Attributes:
        key: the key of a mapping's entry; for an item of a list, None.
        line: where it stands, from 1.
    """

    key: Hashable
    line: int
    lead: tuple[str, ...]
    body: Leaf | Block

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.lead) + self.body.text

    def shifted(self, by: int) -> Entry:
        """The same, indented by so many columns more."""
        if by == 0:
            return self
        return replace(self, lead=tuple(shift(line, by) for line in self.lead), body=self.body.shifted(by))


def shift(text: str, by: int) -> str:
    """Lines with so many spaces more before them, or fewer where there are any; blank lines stay."""
    return "".join(_shifted(line, by) for line in text.splitlines(keepends=True))


def _shifted(line: str, by: int) -> str:
    if not line.strip(" \r\n") and line.endswith("\n"):
        return line
    return " " * by + line if by >= 0 else line[min(-by, len(line) - len(line.lstrip(" "))) :]
