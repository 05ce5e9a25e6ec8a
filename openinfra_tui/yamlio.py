"""Reading and writing YAML, one way for the whole program.

Reading what we or a cluster wrote uses the C loader without tags (fast, plain data). A site file, where
line numbers matter, is read in `site/load.py`. Writing quotes every string that Go's YAML 1.1 readers would
take for another type (kubectl refused `name: y`; Helm turned an annotation `y` into a boolean).
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.constructor import ConstructorError

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BoundedLoader(_Safe):  # type: ignore[misc]
    """A safe loader that refuses a document whose aliases stand for far more than it holds.

    With a few lines such a document would hold whoever walks through it for years.
    """

    def __init__(self, stream: str | bytes) -> None:
        super().__init__(stream)
        star, mark = (b"*", b"&") if isinstance(stream, bytes) else ("*", "&")
        self._may_alias = star in stream and mark in stream  # type: ignore[operator] # both of one type

    def construct_document(self, node: yaml.Node) -> Any:
        """Plain data.

        Raises:
            yaml.YAMLError: there is too much of it, a tag, or what is no YAML.
        """
        if self._may_alias:
            _require_bounded(node)
        return super().construct_document(node)


class _Loader(BoundedLoader):
    """To which a bare `=` is text, as it is to Go's (AlertmanagerConfig has it as a value)."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))

_FEW, _MANY = 400_000, 4_000_000  # nodes


def _require_bounded(root: yaml.Node) -> None:
    """Refuse what Go's readers refuse: goyaml, decode.go, `allowedAliasRatio`."""
    sizes: dict[int, int] = {}
    begun: set[int] = set()
    path = [root]
    while path:
        node = path[-1]
        below = _below(node)
        waiting = [item for item in below if id(item) not in sizes]
        if id(node) in sizes or not waiting:
            # Cut off, as the numbers of a document can be as long as itself.
            sizes.setdefault(id(node), min(1 + sum(sizes[id(item)] for item in below), 2 * _MANY))
            path.pop()
            continue
        begun.add(id(node))
        if any(id(item) in begun for item in waiting):
            raise ConstructorError(None, None, "an anchor is inside itself", node.start_mark)
        path += waiting
    read = sizes[id(root)]
    again = read - len(sizes)
    share = 0.99 - 0.89 * min(max((read - _FEW) / (_MANY - _FEW), 0), 1)
    if again > 100 and read > 1000 and again / read > share:
        raise ConstructorError(None, None, "its aliases stand for far more than it holds", root.start_mark)


def _below(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [item for pair in node.value for item in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


# What YAML 1.1 (kubectl, Helm, kustomize) reads as a bool, null, number, sexagesimal, timestamp or merge key.
_AMBIGUOUS = re.compile(
    r"""^(?:
    y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF
    |~|null|Null|NULL|<<|=|\.|-
    |[-+]?[0-9][0-9_,.:eExXoOa-fA-F+\-]*
    |[-+]?\.[0-9][0-9_eE+\-]*
    |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*
    )\Z""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"^[A-Za-z0-9_./$(-][A-Za-z0-9_./$()@=+,;~^ :{}\[\]<>!?*&|'\"-]*\Z")


def scalar(value: object) -> str:
    """One value as a YAML flow scalar that YAML 1.1 and 1.2 readers agree on.

    Strings stay bare where no reader can misread them, else they are double-quoted. Only str, int, float,
    bool and None are scalars.

    Raises:
        TypeError: the value is not a scalar.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if not isinstance(value, str):
        raise TypeError(f"not a scalar: {type(value).__name__}")
    bare = (
        _PLAIN.match(value)
        and not _AMBIGUOUS.match(value)
        and not value.startswith(("- ", "--"))
        and not value.endswith((":", " "))
        and ": " not in value
        and " #" not in value
        and not re.search(r"[\[\]{},]", value)
    )
    return value if bare else quoted(value)


def quoted(value: str) -> str:
    """A string in double quotes, with every control and non-ASCII line separator escaped."""
    out = ['"']
    for char in value:
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        elif ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in "\u2028\u2029\ufeff":
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(char)
    return "".join([*out, '"'])


def dump(value: object, indent: int = 0) -> str:
    """Plain data as block YAML: two spaces, lists flush with their key, mappings in the given order.

    Args:
        value: dicts, lists and scalars.
        indent: spaces before each line.
    """
    return "\n".join(_lines(value, indent)) + "\n"


def _lines(value: object, indent: int) -> list[str]:
    pad = " " * indent
    if isinstance(value, dict) and value:
        out: list[str] = []
        for key, item in value.items():
            head = f"{pad}{scalar(key)}:"
            if isinstance(item, dict) and item:
                out += [head, *_lines(item, indent + 2)]
            elif isinstance(item, list) and item:
                out += [head, *_lines(item, indent)]
            elif isinstance(item, str) and "\n" in item and _blockable(item):
                out += [f"{head} |{'' if item.endswith(chr(10)) else '-'}", *_block(item, indent + 2)]
            else:
                out.append(f"{head} {_inline(item)}")
        return out
    if isinstance(value, list) and value:
        out = []
        for item in value:
            if isinstance(item, dict | list) and item:
                first, *rest = _lines(item, indent + 2)
                out += [f"{pad}- {first.lstrip(' ')}", *rest]
            elif isinstance(item, str) and "\n" in item and _blockable(item):
                out += [f"{pad}- |{'' if item.endswith(chr(10)) else '-'}", *_block(item, indent + 2)]
            else:
                out.append(f"{pad}- {_inline(item)}")
        return out
    return [pad + _inline(value)]


def _blockable(text: str) -> bool:
    return (
        not text.startswith((" ", "\n"))
        and not text.endswith("\n\n")
        and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]| \n", text)
    )


def _block(text: str, indent: int) -> list[str]:
    pad = " " * indent
    return [pad + line if line else "" for line in text.removesuffix("\n").split("\n")]


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return (
            "{}"
            if not value
            else "{" + ", ".join(f"{scalar(k)}: {_inline(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list | tuple):
        return "[]" if not value else "[" + ", ".join(_inline(item) for item in value) + "]"
    return scalar(value)


def load(text: str | bytes) -> Any:
    """One YAML document as plain data. No tags, no Python objects.

    Raises:
        yaml.YAMLError: the text is not YAML, holds a tag, or aliases that stand for far more than it holds.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader


def load_all(text: str | bytes) -> list[Any]:
    """Every YAML document of a text, empty documents left out.

    Raises:
        yaml.YAMLError: as `load`.
    """
    return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
