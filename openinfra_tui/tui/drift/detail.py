"""What is known of one object: each difference with both sides, who wrote it, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from openinfra_tui.drift.model import EngineRef
from openinfra_tui.tui.drift.words import FAINT, GLYPHS, NEXT, PROOFS, STYLES, WORDS, path, value
from openinfra_tui.tui.text import clean, literal

if TYPE_CHECKING:
    from openinfra_tui.drift.model import Difference, ObjectVerdict
    from openinfra_tui.flow.picture import Row

_CHANGES = {
    "order": "the same items in another order",
    "quantity-equal": "the same quantity, written otherwise",
    "defaulted": "a default of the server",
    "removed": "not there",
    "added": "added by hand",
}
_MOST = 200
_VALUE = 600


def detail(row: Row | None, width: int, *, beside: bool) -> Content:
    """The whole text for one row.

    Args:
        row: under the cursor.
        width: of the pane.
        beside: both sides next to each other, else below each other.
    """
    if row is None:
        return literal("nothing to show", FAINT)
    lines = [_title(row)]
    if row.depth == 0:
        lines += _engine(row)
    if row.verdict is not None:
        lines += _verdict(row.verdict, width)
        for difference in row.verdict.differences[:_MOST]:
            lines.append(Content(""))
            lines += _beside(difference, width) if beside else _below(difference, row.verdict, width)
        more = len(row.verdict.differences) - _MOST
        if more > 0:
            lines += [Content(""), literal(f"and {more} more", FAINT)]
    elif row.depth:
        lines += [Content(""), literal("not in Git: its owner makes it", FAINT)]
    return Content("\n").join(lines)


def _title(row: Row) -> Content:
    key = row.key
    place = f"{key.namespace}/{key.name}" if key.namespace else key.name
    words: list[Content] = [literal(f"{key.kind} {place}".strip(), "bold")]
    if row.verdict is not None:
        words.append(_word(row.verdict.verdict))
    if row.health:
        words.append(literal(row.health, FAINT))
    return Content("  ").join(words)


def _word(verdict: str) -> Content:
    return literal(f"{GLYPHS[verdict]} {WORDS[verdict]}", STYLES[verdict])


def _engine(row: Row) -> list[Content]:
    if not row.total:
        return []
    return [
        literal(
            f"applies {row.total} objects, {row.faulty} of them not in sync" if row.faulty else
            f"applies {row.total} objects, all in sync",
            FAINT,
        )
    ]  # fmt: skip


def _verdict(verdict: ObjectVerdict, width: int) -> list[Content]:
    said = [PROOFS[verdict.proof]] if verdict.proof in PROOFS else []
    if verdict.verdict == "pending" and verdict.next == "update":
        said.append("the engine will bring it")
    elif verdict.next in NEXT:
        said.append(NEXT[verdict.next])
    lines = [literal(" · ".join(said), FAINT)] if said else []
    if verdict.reason:
        lines.append(literal(verdict.reason, "$text-warning", limit=1500))
    return [*lines, *_source(verdict, width)]


def _source(verdict: ObjectVerdict, width: int) -> list[Content]:
    engine = verdict.engine or EngineRef("", "", "")
    by = f"by {engine.kind} {engine.namespace}/{engine.name}" if engine.kind else "by no engine object"
    where = _where(verdict)
    together = [f"{where}  {by}"] if where and cell_len(where) + cell_len(by) + 2 <= width else [where, by]
    return [literal(text, FAINT) for text in together if text]


def _where(verdict: ObjectVerdict) -> str:
    return verdict.origin.file + (f":{verdict.origin.line}" if verdict.origin.line else "")


def _path(difference: Difference, width: int) -> list[Content]:
    """The path, and after it or below it what kind of difference it is."""
    parts = _wrapped(path(difference.path), width - 2)
    lines = [literal(f"  {part}", "bold") for part in parts]
    note = _note(difference)
    if cell_len(parts[-1]) + 2 + note.cell_length <= width:
        return [*lines[:-1], lines[-1] + note]
    return [*lines, note]


def _note(difference: Difference) -> Content:
    if difference.change == "value":
        return Content("")
    style = "$text-warning" if difference.change in ("added", "removed") else FAINT
    return literal(f"  {_CHANGES.get(difference.change, difference.change)}", style)


def _blame(difference: Difference) -> str:
    if not difference.blame:
        return ""
    newest = difference.blame[0]
    return " · ".join(part for part in (newest.manager, newest.operation, newest.time) if part)


def _below(difference: Difference, verdict: ObjectVerdict, width: int) -> list[Content]:
    room = max(width - 11, 20)
    git = _wrapped(value(difference.desired), room)
    live = _wrapped(value(difference.live), room)
    lines = _path(difference, width)
    where = _where(verdict) if difference.desired is not None else ""
    lines += _side("Git ", git, "$text-success", where, room)
    lines += _side("live", live, "$text-error", _blame(difference), room)
    return lines


def _side(name: str, parts: list[str], style: str, who: str, room: int) -> list[Content]:
    lines = [
        literal(f"    {name if number == 0 else '    '}  ", FAINT) + literal(part, style, limit=5000)
        for number, part in enumerate(parts)
    ]
    if who and cell_len(parts[-1]) + 3 + cell_len(who) <= room:
        lines[-1] += literal(f"   {who}", FAINT)
    elif who:
        lines.append(literal(f"          {who}", FAINT))
    return lines


def _beside(difference: Difference, width: int) -> list[Content]:
    half = max((width - 5) // 2, 10)
    git, live = _wrapped(value(difference.desired), half), _wrapped(value(difference.live), half)
    lines = _path(difference, width)
    for number in range(max(len(git), len(live))):
        left = git[number] if number < len(git) else ""
        right = live[number] if number < len(live) else ""
        lines.append(
            literal(f"  {set_cell_size(left, half)}", "$text-success", limit=5000)
            + literal(" │ ", FAINT)
            + literal(right, "$text-error", limit=5000)
        )
    blame = _wrapped(_blame(difference), half) if difference.blame else []
    return [*lines, *(literal(f"  {' ' * half} │ {part}", FAINT) for part in blame)]


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most a width in cells, broken after a blank, a dot or a slash; a very long value is cut."""
    text = clean(text, limit=_VALUE)
    parts: list[str] = []
    while cell_len(text) > width:
        cut = min(width, len(text))
        while cell_len(text[:cut]) > width:
            cut -= 1
        seam = max(text.rfind(mark, cut // 2, cut) for mark in " ./")
        cut = seam + 1 if seam > 0 else cut
        parts.append(text[:cut])
        text = text[cut:]
    return [*parts, text]
