"""What the keys do: the line at the foot, and all of them."""

from __future__ import annotations

_MOVE = "/ find  ! faults  : kind  ⏎ open  S sources  t timeline  ? help"
_WIDE = "/ find  ! faults only  : kind  o sort  u side by side  y yaml  e edit  S sources  t timeline  ? help"
_WRITES = "a adopt  x expect  v revert  r reconcile  s suspend  ? help"

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
    ("y e                           the live object, its file in your editor", ""),
    ("space                         mark", ""),
    ("ctrl+s                        what is shown, as Markdown in a file", ""),
    ("ctrl+p                        any object by its name", ""),
    ("ctrl+q ctrl+c q               leave", ""),
)


WRITES = (
    ("", ""),
    ("Act; each is shown whole and confirmed first", "bold"),
    ("r                             the engine looks now (Argo CD: refresh)", ""),
    ("s                             suspend or resume (Argo CD: sync)", ""),
    ("v                             revert to what Git holds", ""),
    ("a                             adopt what is live into Git", ""),
    ("x                             expect the difference until a day", ""),
)


def keys(wide: bool, *, read_only: bool, opened: bool) -> str:
    """The line at the foot."""
    if opened and not wide:
        return (
            f"esc  ↑↓  u beside  {_WRITES}"
            if not read_only
            else "esc back  ↑↓ scroll  u side by side  ? help"
        )
    if wide:
        return _WIDE if read_only else f"/ find  ! faults  : kind  y yaml  S sources  t timeline  {_WRITES}"
    return _MOVE
