"""An entry in `.openinfra/expected.yaml`: a difference that somebody knows of, until a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from openinfra_tui import yamlio
from openinfra_tui.drift import expected
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.flow.actions import Action, Write
from openinfra_tui.repo.command import git_in

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from openinfra_tui.drift.model import ObjectVerdict


def expect(root: Path, found: ObjectVerdict, reason: str, until: date) -> Action:
    """The entry for every difference of an object, or for the object where it has none.

    Raises:
        UserError: the file is not as it must be, no reason is given, or Git does not know who you are.
        Refused: there is nothing to expect.
    """
    if found.verdict not in ("drifted", "will-be-reverted", "missing", "extra", "pending"):
        raise Refused(f"{found.key} is {found.verdict}: there is nothing to expect")
    if not reason.strip():
        raise UserError("give a reason: somebody will read it when the day has come")
    who = git_in(root, "config", "--get", "user.name", ok=(0, 1)).strip()
    if not who:
        raise UserError("Git does not know who you are", "git config user.name 'Your Name'")
    key = found.key
    name = "/".join(part for part in (key.kind, key.namespace, key.name) if part)
    paths = [difference.path for difference in found.differences] or [""]
    entries = [
        {
            "object": name,
            **({"path": path} if path else {}),
            "reason": reason.strip(),
            "who": who,
            "until": until.isoformat(),
        }
        for path in paths
    ]
    known = expected.read(root)
    place = root / expected.FILE
    before = place.read_text(encoding="utf-8") if place.exists() else ""
    head = before if not before or before.endswith("\n") else f"{before}\n"
    after = head + yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=1000)
    try:
        whole = yamlio.load(after.encode())
    except yaml.YAMLError:
        whole = None
    if not isinstance(whole, list) or len(whole) != len(known) + len(entries):
        raise Refused(f"{expected.FILE} is not a plain list with an item a line", "add the entry by hand")
    why = f"It is ignored until {until}. The file is written, not committed."
    return Action(f"Expect the differences of {key}", why, writes=(Write(expected.FILE, before, after),))
