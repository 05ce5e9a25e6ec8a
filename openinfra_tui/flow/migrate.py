"""Migrate: a site file of an older format is rewritten in the current one, with its comments and order."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openinfra_tui import yamlio
from openinfra_tui.errors import printable
from openinfra_tui.site.load import parse_site, read_text
from openinfra_tui.site.migrations import MIGRATIONS, moved
from openinfra_tui.site.read import read
from openinfra_tui.tree.merge_yaml import merge_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from openinfra_tui.site.migrations import Migration


@dataclass(frozen=True)
class Migrated:
    """What a migration came to: the new text, the diff (empty: nothing to do), whether comments stayed."""

    text: str
    diff: str
    comments_kept: bool = True


def migrate(path: Path, migrations: Sequence[Migration] = MIGRATIONS, *, write: bool) -> Migrated:
    """Bring a site file to the current format, in place.

    Args:
        path: the site file.
        migrations: the steps that are known.
        write: whether the file is replaced; else only the result is returned.

    Raises:
        SiteError: the file cannot be read, or is not a sound site in the current format afterwards.
        UserError: its format is not known.
    """
    source, text = str(path), read_text(path)
    renamed, data = moved(text, source, migrations)
    before = read(renamed, source).data
    if data == before:
        return Migrated(text, "")
    plain = yamlio.dump(data)
    merged = merge_yaml(yamlio.dump(before), renamed, plain, prefer="theirs")
    kept = isinstance(merged, str) and read(merged, source).data == data
    new = merged if isinstance(merged, str) and kept else plain
    parse_site(new, source)
    if write:
        _replace(path, new)
    rows = difflib.unified_diff(text.splitlines(), new.splitlines(), source, source, lineterm="")
    return Migrated(new, "".join(f"{printable(row)}\n" for row in rows), kept)


def _replace(path: Path, text: str) -> None:
    """Write the file anew; a kill leaves the old one or the new one."""
    place = path.resolve()
    beside = place.with_name(f".{place.name}.openinfra")
    beside.write_text(text, "utf-8")
    beside.chmod(place.stat().st_mode & 0o777)
    beside.replace(place)
