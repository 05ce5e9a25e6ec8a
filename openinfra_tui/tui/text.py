"""Text from outside, as a screen may show it: never markup, and nothing that a terminal would obey."""

from __future__ import annotations

import unicodedata

from textual.content import Content

_LONGEST = 500


def literal(text: object, style: str = "", *, limit: int = _LONGEST) -> Content:
    """Any text as content: control and direction characters are spelled out, and what is too long is cut."""
    return (
        Content.styled(clean(str(text), limit=limit), style)
        if style
        else Content(clean(str(text), limit=limit))
    )


def clean(text: str, *, limit: int = _LONGEST) -> str:
    """The text of `literal`; line ends stay."""
    short = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(char if char == "\n" or _is_plain(char) else ascii(char)[1:-1] for char in short)


def _is_plain(char: str) -> bool:
    # Cf holds the characters that turn the direction of a line, and zero-width ones.
    return char.isprintable() and unicodedata.category(char) != "Cf"
