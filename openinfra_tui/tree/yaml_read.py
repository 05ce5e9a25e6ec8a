"""Reads YAML into entries that own their lines (`yaml_lines`).

Nothing is lost: the text of what is read, put together again, is the text that was read, byte for byte.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.tree.yaml_lines import Block, Entry, Leaf

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SEPARATOR = re.compile(r"---(?:\s|$)")
# Breaks that some YAML readers count as line ends and others do not, and characters that move columns.
_ODD = re.compile("\r(?!\n)|[\t\x0b\x0c\x85\u2028\u2029\ufeff]")
_DEEPEST = 100


class NotStructured(Exception):
    """The text is not YAML, or uses what cannot be taken apart by lines (anchors, tags, complex keys)."""


def read(text: str) -> tuple[Entry, ...]:
    """The documents of a text, as entries without keys.

    Raises:
        NotStructured: see there.
    """
    if _ODD.search(text):
        raise NotStructured("line ends or tabs that YAML readers disagree about")
    _require_plain(text)
    lines = text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if _SEPARATOR.match(line)]
    if not starts or any(line.strip() and not line.startswith("#") for line in lines[: starts[0]]):
        starts.insert(0, 0)
    ends = [*starts[1:], len(lines)]
    starts[0] = 0
    return tuple(_document(lines[start:end], start) for start, end in zip(starts, ends, strict=True))


def meaning(node: yaml.Node) -> Hashable:
    """The value of a node, as something that compares without order of keys, comments and style.

    Raises:
        NotStructured: a mapping has a key twice.
    """
    if isinstance(node, yaml.MappingNode):
        pairs = [(meaning(key), meaning(value)) for key, value in node.value]
        if len({key for key, _ in pairs}) != len(pairs):
            raise NotStructured("a key stands twice")
        return ("map", frozenset(pairs))
    if isinstance(node, yaml.SequenceNode):
        return ("list", tuple(meaning(item) for item in node.value))
    return (node.tag, node.value)


def sound(content: bytes) -> bool:
    """Whether bytes are YAML with no key twice in a mapping; anchors and tags may be in it."""
    try:
        text = content.decode("utf-8")
        for _ in _events(text):
            pass
        nodes: list[yaml.Node] = list(yaml.compose_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError, NotStructured):
        return False
    seen: set[int] = set()  # an alias is its anchor's node again, and may even be inside it
    while nodes:
        node = nodes.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(names)) != len(names):
                return False
            nodes += [side for pair in node.value for side in pair]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
    return True


def _require_plain(text: str) -> None:
    for event in _events(text):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise NotStructured("anchors")
        if getattr(event, "tag", None) or getattr(event, "tags", None) or getattr(event, "version", None):
            raise NotStructured("tags or directives")


def _events(text: str) -> Iterator[yaml.Event]:
    """What a parser sees, stopped before the depth at which reading it into nodes would fail."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            yield event
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise NotStructured("nested too deep")
    except (yaml.YAMLError, ValueError) as error:
        raise NotStructured("not YAML") from error


def _compose(text: str) -> yaml.Node:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise NotStructured("not YAML") from error
    if node is None:
        raise NotStructured("an empty document")
    return node


def _document(lines: list[str], offset: int) -> Entry:
    node = _compose("".join(lines))
    begin = next((number + 1 for number, line in enumerate(lines) if _SEPARATOR.match(line)), 0)
    if begin and lines[begin - 1][3:].strip() and not lines[begin - 1][3:].strip().startswith("#"):
        raise NotStructured("a document on the line of its separator")
    if not _is_block(node):
        return Entry(None, offset + begin + 1, tuple(lines[:begin]), _whole(node, lines, begin))
    reader = _Reader(lines, offset)
    items, at = reader.items(node, begin)
    if any(line.strip() and not line.lstrip().startswith("#") for line in lines[at:]):
        raise NotStructured("content after the document")
    body = Block(_kind(node), node.start_mark.column, "", "", items, tuple(lines[at:]))
    return Entry(None, offset + begin + 1, tuple(lines[:begin]), body)


def _whole(node: yaml.Node, lines: list[str], begin: int) -> Leaf:
    """A document that is one scalar or flow collection."""
    start, end = node.start_mark, node.end_mark
    if isinstance(node, yaml.ScalarNode):
        raise NotStructured("a document without keys")
    before = "".join(lines[begin : start.line]) + lines[start.line][: start.column]
    after = lines[end.line][end.column :] + "".join(lines[end.line + 1 :])
    body = "".join(lines[begin:])
    return Leaf(before, body[len(before) : len(body) - len(after)], after, meaning(node))


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


class _Reader:
    """Takes one document apart; every method returns what it read and the first line after it."""

    def __init__(self, lines: list[str], offset: int) -> None:
        self.lines = lines
        self.offset = offset

    def items(self, node: yaml.Node, at: int) -> tuple[tuple[Entry, ...], int]:
        """The entries of a block whose comments may begin at a line."""
        column = node.start_mark.column
        out: list[Entry] = []
        for key, place, value in self._places(node):
            line = place if place is not None else self._next(at) if out else node.start_mark.line
            lead = tuple(self.lines[at:line])
            if any(text.strip() and not text.lstrip().startswith("#") for text in lead):
                raise NotStructured("content between two entries")
            body, at = self._body(value, line, column)
            out.append(Entry(key, self.offset + line + 1, lead, body))
        meaning(node)
        return tuple(out), at

    def _places(self, node: yaml.Node) -> Iterator[tuple[Hashable, int | None, yaml.Node]]:
        if isinstance(node, yaml.SequenceNode):
            yield from ((None, None, item) for item in node.value)
            return
        for key, value in node.value:
            simple = isinstance(key, yaml.ScalarNode) and key.start_mark.line == key.end_mark.line
            if not simple or key.start_mark.column != node.start_mark.column:
                raise NotStructured("a key that is no plain word")
            yield meaning(key), key.start_mark.line, value

    def _next(self, at: int) -> int:
        while not self.lines[at].strip() or self.lines[at].lstrip().startswith("#"):
            at += 1
        return at

    def _body(self, node: yaml.Node, line: int, column: int) -> tuple[Leaf | Block, int]:
        if not _is_block(node):
            return self._leaf(node, line, column)
        start = node.start_mark
        own = self._own(line, column)
        inline = start.line == line
        head, prefix = ("", own[: start.column]) if inline else (own, "")
        if inline and not prefix.strip():
            raise NotStructured("a block that belongs to nothing")
        items, at = self.items(node, line if inline else line + 1)
        end = self._tail_end(at, column)
        return Block(_kind(node), start.column, head, prefix, items, tuple(self.lines[at:end])), end

    def _leaf(self, node: yaml.Node, line: int, column: int) -> tuple[Leaf, int]:
        start, end = node.start_mark, node.end_mark
        own = self._own(line, column)
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            if start.line != line:
                raise NotStructured("a block scalar below its key")
            after = self._scalar_end(line, column, own[start.column :])
            raw = own[start.column :] + "".join(self.lines[line + 1 : after])
            return Leaf(own[: start.column], raw, "", meaning(node)), after
        rows = [own, *self.lines[line + 1 : end.line + 1]]
        above, row = "".join(rows[: start.line - line]), rows[start.line - line]
        last = rows[end.line - line]
        if start.line == end.line:
            raw = row[start.column : end.column]
        else:
            between = rows[start.line - line + 1 : end.line - line]
            raw = row[start.column :] + "".join(between) + last[: end.column]
        post = last[end.column :]
        if post.strip() and not post.lstrip().startswith("#"):
            raise NotStructured("two things on one line")
        return Leaf(above + row[: start.column], raw, post, meaning(node)), end.line + 1

    def _own(self, line: int, column: int) -> str:
        """A line from a column on; what stands before it belongs to the block around."""
        return " " * column + self.lines[line][column:]

    def _scalar_end(self, line: int, column: int, header: str) -> int:
        at = line + 1
        while at < len(self.lines) and (not self.lines[at].strip() or _indent(self.lines[at]) > column):
            at += 1
        while "+" not in header.split("#")[0] and not self.lines[at - 1].strip():
            at -= 1
        return at

    def _tail_end(self, at: int, column: int) -> int:
        end = at
        for number in range(at, len(self.lines)):
            line = self.lines[number]
            if line.strip():
                if not line.lstrip().startswith("#") or _indent(line) <= column:
                    break
                end = number + 1
        return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _kind(node: yaml.Node) -> str:
    return "map" if isinstance(node, yaml.MappingNode) else "list"
