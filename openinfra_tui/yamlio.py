"""Reading and writing YAML, one way for the whole program.

Reading what we or a cluster wrote uses the C loader without tags (fast, plain data). A site file, where
line numbers matter, is read in `site/load.py`. Writing quotes every string that Go's YAML 1.1 readers would
take for another type (kubectl refused `name: y`; Helm turned an annotation `y` into a boolean).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]
    """A safe loader, to which a bare `=` is text, as it is to Go's (AlertmanagerConfig has it as a value)."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))

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
        yaml.YAMLError: the text is not YAML, or holds a tag.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader


def load_all(text: str | bytes) -> list[Any]:
    """Every YAML document of a text, empty documents left out.

    Raises:
        yaml.YAMLError: the text is not YAML, or holds a tag.
    """
    return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
