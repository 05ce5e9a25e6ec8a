"""What the keys do: the line at the foot, and all of them."""

from __future__ import annotations

_MOVE = "/ find  ! faults  : kind  ⏎ open  S sources  t timeline  ? help"
_WIDE = "/ find  ! faults only  : kind  o sort  u side by side  S sources  t timeline  ? help"

HELP = (
    ("Look", "bold"),
    ("↑ ↓ j k pgup pgdn home end    move", ""),
    ("→ ←                           open, fold", ""),
    ("⏎ esc tab                     the object whole, back, other pane", ""),
    ("!                             faults only, or everything", ""),
    ("/                             find: a pattern, !pattern, -l labels", ""),
    (":                             a kind, and a namespace after it", ""),
    ("o                             the worst first, or by name", ""),
    ("u                             both sides next to each other", ""),
    ("S t                           sources, timeline", ""),
    ("space                         mark", ""),
    ("ctrl+p                        any object by its name", ""),
    ("ctrl+q ctrl+c q               leave", ""),
)


def keys(wide: bool, *, read_only: bool, opened: bool) -> str:  # noqa: ARG001 - actions join later
    """The line at the foot."""
    if opened and not wide:
        return "esc back  ↑↓ scroll  u side by side  S sources  t timeline  ? help"
    return _WIDE if wide else _MOVE
