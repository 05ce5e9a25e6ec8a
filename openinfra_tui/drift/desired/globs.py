"""The patterns of Argo CD: `*` and `**` match anything, `{a,b}` either, `?` one character, `[ab]` a or b."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of github.com/gobwas/glob without separators, as Argo CD compiles it.

    A brace or bracket that is not closed stands for itself.
    """
    return re.compile(_translated(pattern), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether a text is matched whole."""
    return compiled(pattern).fullmatch(text) is not None


def _translated(pattern: str) -> str:
    out = ""
    index = 0
    while index < len(pattern):
        sign = pattern[index]
        closing = {"{": "}", "[": "]"}.get(sign, "")
        end = _closing(pattern, index) if sign == "{" else pattern.find("]", index) if sign == "[" else -1
        if sign == "*":
            out += ".*"
        elif sign == "?":
            out += "."
        elif sign == "\\" and index + 1 < len(pattern):
            index += 1
            out += re.escape(pattern[index])
        elif closing and end > index:
            inner = pattern[index + 1 : end]
            if sign == "{":
                out += "(?:" + "|".join(_translated(part) for part in _alternatives(inner)) + ")"
            else:
                out += "[" + ("^" if inner[:1] == "!" else "") + _set(inner.removeprefix("!")) + "]"
            index = end
        else:
            out += re.escape(sign)
        index += 1
    return out


def _closing(pattern: str, start: int) -> int:
    depth = 0
    for index in range(start, len(pattern)):
        depth += {"{": 1, "}": -1}.get(pattern[index], 0)
        if depth == 0:
            return index
    return -1


def _alternatives(inner: str) -> list[str]:
    parts, depth = [""], 0
    for sign in inner:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _set(inner: str) -> str:
    return re.sub(r"([\\\]\[^])", r"\\\1", inner)
