"""YAML of a site file as plain data, with the line of every path.

Built from parser events without recursion, so that depth and size are bounded before anything is built.
Scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): `yes`, `no` and
`on` are text. Tags, anchors, aliases, duplicate keys and further documents are refused: a site file is plain
data that two readers can never understand in two ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from openinfra_tui.site.problem import Problem
from openinfra_tui.site.problem import text as quote

# About three thousand nodes; what is larger cannot be judged within a second.
MAX_BYTES = 512 * 1024
TOO_LARGE = f"larger than {MAX_BYTES // 1024} KiB; a site file is some kilobytes"
MAX_DEPTH = 32
MAX_FAULTS = 500
Path = tuple[str | int, ...]

_DIGITS = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o([0-7]{1,18})")
_HEX = re.compile(r"0x([0-9a-fA-F]{1,15})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {"inf": "inf", "nan": "nan"}
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
# Controls, invisible line breaks, lone surrogates, and what turns the direction of a text.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


@dataclass
class Document:
    """What was read.

    Attributes:
        data: dicts with text keys, lists, and scalars; None if there is no document.
        lines: the line from 1 of each path; of an item of a mapping, the line of its key.
        problems: what was refused on the way. `data` is then only good for finding further faults.
        broken: paths whose value was refused; nothing more is to be said about them.
    """

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)


@dataclass
class _Frame:
    value: Any
    path: Path
    key: str | None = None


def dotted(path: Path) -> str:
    """A path as it is printed."""
    return ".".join(str(step) for step in path)


def read(text: str, source: str) -> Document:
    """Read one YAML document; faults are in its `problems`, nothing is raised.

    Args:
        text: the YAML.
        source: what to call it in the faults.
    """
    document = Document()
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        document.problems.append(Problem(source, 0, "", TOO_LARGE))
        return document
    document.problems += _controls(text, source)
    if document.problems:
        return document
    builder = _Builder(document, source)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if not builder.take(event) or len(document.problems) >= MAX_FAULTS:
                break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        # The scanner looks ahead and has a bound of its own, a thousand levels.
        message = _TOO_DEEP if "nesting depth" in what else f"not YAML: {what}"
        document.problems.append(Problem(source, mark.line + 1 if mark else 0, "", message))
    except yaml.YAMLError as error:
        document.problems.append(Problem(source, builder.line, "", f"not YAML: {str(error).splitlines()[0]}"))
    return document


def _controls(content: str, source: str) -> list[Problem]:
    """Characters that a reader of the file cannot see; the return of a Windows line end is none of them."""
    faults = []
    for number, line in enumerate(content.split("\n"), 1):
        if bad := _REFUSED.search(line.removesuffix("\r")):
            what = f"U+{ord(bad[0]):04X}"
            faults.append(Problem(source, number, "", f"control character {what}; only text is allowed"))
    return faults[:MAX_FAULTS]


class _Builder:
    """Builds the data of one document from parser events."""

    def __init__(self, document: Document, source: str) -> None:
        self.document = document
        self.source = source
        self.line = 1
        self.documents = 0
        self.stack: list[_Frame] = []
        self.skip = 0

    def take(self, event: Any) -> bool:
        """Take one event. False: stop reading."""
        self.line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._fault((), "a second document; a site file is one document")
                return False
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            if self.skip:
                self.skip -= 1
            else:
                self.stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            return self._node(event)
        return True

    def _node(self, event: Any) -> bool:
        collection = isinstance(event, yaml.CollectionStartEvent)
        if collection and len(self.stack) + self.skip >= MAX_DEPTH:
            self._fault((), _TOO_DEEP)
            return False
        if self.skip:
            self.skip += collection
            return True
        frame = self.stack[-1] if self.stack else None
        if frame and isinstance(frame.value, dict) and frame.key is None:
            self._key(frame, event)
            return True
        path = self._place(frame)
        refused = self._refuse(event, path)
        value = None if refused else _value(event)
        if refused:
            self.document.broken.add(path)
        if isinstance(value, str) and _REFUSED.search(value):
            self._fault(path, f"{quote(value)} holds a control character; only text is allowed")
            self.document.broken.add(path)
        self._put(frame, value)
        if collection and refused:
            self.skip += 1
        elif collection:
            self.stack.append(_Frame(value, path))
        return True

    def _key(self, frame: _Frame, event: Any) -> None:
        here = frame.path
        if not isinstance(event, yaml.ScalarEvent):
            self._fault(here, "a key that is not text")
            # The value that follows is dropped too: it is put under a name that is taken away again.
            frame.key = ""
            self.skip += isinstance(event, yaml.CollectionStartEvent)
            self.document.broken.update({here, (*here, "")})
            return
        name = event.value
        path = (*here, name)
        self._refuse(event, path)
        if _REFUSED.search(name) or "\n" in name or "\t" in name:
            self._fault(here, f"the key {quote(name)} holds a control character")
        if name in frame.value:
            first = self.document.lines.get(path, 0)
            self._fault(path, f"the key {quote(name)} is there twice, first in line {first}")
        else:
            self.document.lines[path] = self.line
        frame.key = name

    def _place(self, frame: _Frame | None) -> Path:
        if frame is None:
            path: Path = ()
        elif isinstance(frame.value, list):
            path = (*frame.path, len(frame.value))
        else:
            path = (*frame.path, frame.key or "")
        self.document.lines.setdefault(path, self.line)
        return path

    def _put(self, frame: _Frame | None, value: Any) -> None:
        if frame is None:
            self.document.data = value
        elif isinstance(frame.value, list):
            frame.value.append(value)
        else:
            frame.value[frame.key or ""] = value
            frame.key = None

    def _refuse(self, event: Any, path: Path) -> bool:
        if isinstance(event, yaml.AliasEvent):
            self._fault(path, f"the alias {quote(f'*{event.anchor}')}; write the value out")
            return True
        if event.anchor is not None:
            self._fault(path, f"the anchor {quote(f'&{event.anchor}')}; anchors are not allowed")
        if event.tag is not None:
            self._fault(path, f"the tag {quote(event.tag)}; tags are not allowed")
            return True
        return False

    def _fault(self, path: Path, message: str) -> None:
        self.document.problems.append(Problem(self.source, self.line, dotted(path), message))


def _value(event: Any) -> Any:
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    return scalar(event.value) if event.implicit[0] else event.value


def scalar(plain: str) -> str | int | float | bool | None:
    """A plain scalar in the core schema of YAML 1.2. Numbers beyond 18 digits stay text."""
    if plain in ("", "~", "null", "Null", "NULL"):
        return None
    if plain in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return plain.lower() == "true"
    if _DIGITS.fullmatch(plain):
        return int(plain) if len(plain) <= 18 else plain
    if match := _OCTAL.fullmatch(plain):
        return int(match[1], 8)
    if match := _HEX.fullmatch(plain):
        return int(match[1], 16)
    bare = plain.lstrip("+-").lower()
    if bare[:1] == "." and bare[1:] in _SPECIAL:
        return float(_SPECIAL[bare[1:]])
    return float(plain) if len(plain) <= 40 and _FLOAT.fullmatch(plain) else plain
