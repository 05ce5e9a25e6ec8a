"""What a merge of one document found that both sides changed differently."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clash:
    """Path in the document, line in the user's file (0: none), and the three texts, None where absent."""

    where: str
    line: int
    base: str | None
    ours: str | None
    theirs: str | None
