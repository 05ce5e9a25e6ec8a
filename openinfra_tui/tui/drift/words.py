"""How a verdict is written: a glyph and a word, never colour alone."""

from __future__ import annotations

import json
from typing import Any

from openinfra_tui.drift.pointer import unescaped

# `$text-muted` has no colour of its own, so a line that we draw ourselves cannot have it.
FAINT = "$foreground-muted"
GLYPHS = {
    "in-sync": "✓",
    "drifted": "~",
    "will-be-reverted": "↺",
    "pending": "»",
    "missing": "+",
    "extra": "-",
    "blocked": "!",
    "unverified": "?",
    "ignored": "○",
    "": "·",
}
WORDS = {
    "in-sync": "in sync",
    "drifted": "drifted",
    "will-be-reverted": "will be reverted",
    "pending": "pending",
    "missing": "missing",
    "extra": "extra",
    "blocked": "blocked",
    "unverified": "unverified",
    "ignored": "ignored",
}
STYLES = {
    "in-sync": "$text-success",
    "drifted": "$text-error",
    "will-be-reverted": "$text-warning",
    "pending": "$text-primary",
    "missing": "$text-error",
    "extra": "$text-secondary",
    "blocked": "$text-error bold",
    "unverified": "$text-warning",
    "ignored": FAINT,
    "": FAINT,
}
# The order of the header: what one wants to know first.
SHOWN = (
    "in-sync",
    "drifted",
    "will-be-reverted",
    "pending",
    "missing",
    "extra",
    "blocked",
    "unverified",
    "ignored",
)
NEXT = {
    "create": "the engine will create it",
    "update": "the engine will undo this",
    "recreate": "the engine will delete and create it anew",
    "delete": "the engine will delete it",
}
PROOFS = {
    "local": "proved by its managed fields",
    "dry-run": "proved by a dry run of the server",
    "predicted": "predicted; the server was not asked",
}
_LONGEST = 2000
NOTHING = "\N{EN DASH}"


def value(one: Any) -> str:
    """A value of a manifest on one line: texts that are plain as they are, the rest as JSON."""
    if one is None:
        return NOTHING
    if isinstance(one, str) and one and one.isprintable() and one.strip() == one:
        # What YAML would read as another type is quoted, or nobody could tell "3" from 3.
        return one if not _is_other(one) else json.dumps(one, ensure_ascii=False)
    text = json.dumps(one, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def _is_other(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return (
            text.lower() in ("true", "false", "null", "yes", "no", "on", "off", "~")
            or text[0] in f"{{[\"'{NOTHING}"
        )
    return True


def path(pointer: str) -> str:
    """A JSON pointer of a report as people write paths."""
    words = ""
    for part in pointer.lstrip("/").split("/"):
        name = unescaped(part)
        # A dot inside a name would read as two names.
        quoted = "." in name and "[" not in name
        words += f"[{name}]" if quoted else f".{name}" if words else name
    return words
