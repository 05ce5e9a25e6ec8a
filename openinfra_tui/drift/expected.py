"""`.openinfra/expected.yaml`: differences that somebody knows of, until a day.

A list of entries: `object` (`Kind/namespace/name`, or `Kind/name`), `path` (of the report; without one the
whole object), `reason`, `who` and `until` (a date).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import yaml

from openinfra_tui import yamlio
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from openinfra_tui.drift.model import ObjectVerdict

FILE = ".openinfra/expected.yaml"


class Expected(NamedTuple):
    """One known difference."""

    object: str
    path: str
    reason: str
    who: str
    until: date


def read(root: Path) -> tuple[Expected, ...]:
    """The entries of a repository, none when it has no such file.

    Raises:
        UserError: the file is not as it must be.
    """
    path = root / FILE
    try:
        found = yamlio.load(path.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{FILE} cannot be read: {error}") from error
    if not isinstance(found, list):
        raise UserError(f"{FILE} must be a list")
    return tuple(_entry(index, item) for index, item in enumerate(found, 1))


def _entry(index: int, item: object) -> Expected:
    if not isinstance(item, dict):
        raise UserError(f"{FILE}: entry {index} is not a mapping")
    lacking = [name for name in ("object", "reason", "who", "until") if not item.get(name)]
    if lacking:
        raise UserError(f"{FILE}: entry {index} lacks {', '.join(lacking)}")
    try:
        until = item["until"] if isinstance(item["until"], date) else date.fromisoformat(str(item["until"]))
    except ValueError:
        raise UserError(f"{FILE}: entry {index}: until must be a date such as 2026-12-31") from None
    return Expected(
        str(item["object"]), str(item.get("path") or ""), str(item["reason"]), str(item["who"]), until
    )


def apply(verdict: ObjectVerdict, entries: Iterable[Expected], today: date) -> ObjectVerdict:
    """A verdict with its expected differences taken out; with none left the object is ignored."""
    if verdict.verdict not in ("drifted", "will-be-reverted", "missing", "extra", "pending"):
        return verdict
    key = verdict.key
    name = "/".join(part for part in (key.kind, key.namespace, key.name) if part)
    known = [entry for entry in entries if entry.object == name and today <= entry.until]
    if not known:
        return verdict
    left = tuple(
        item
        for item in verdict.differences
        if not any(
            item.path == entry.path or item.path.startswith((f"{entry.path}/", f"{entry.path}["))
            for entry in known
            if entry.path
        )
    )
    whole = any(not entry.path for entry in known)
    if not whole and (left or not verdict.differences):
        return verdict._replace(differences=left)
    why = "; ".join(f"{entry.reason} ({entry.who}, until {entry.until})" for entry in known)
    return verdict._replace(verdict="ignored", reason=f"expected: {why}")


CLUSTERS = ".openinfra/clusters.yaml"


def clusters(root: Path) -> dict[str, str]:
    """By path of an entry point, the UID of its cluster (of kube-system); empty without the file.

    Raises:
        UserError: the file is not a mapping.
    """
    try:
        found = yamlio.load((root / CLUSTERS).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{CLUSTERS} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{CLUSTERS} must be a mapping of entry points and cluster UIDs")
    return {str(path).strip("/"): str(uid) for path, uid in found.items()}


def write_clusters(root: Path, known: Mapping[str, str]) -> None:
    """Write the UID of the cluster of each entry point, sorted.

    Raises:
        UserError: the file cannot be written.
    """
    path = root / CLUSTERS
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(yamlio.dump(dict(sorted(known.items()))), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{CLUSTERS} cannot be written: {error.strerror}") from error
