"""The sites of a repository: its own record of each, and what all of them share says of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml
from packaging.version import InvalidVersion, Version

from openinfra_tui import yamlio
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.repo.target import record, sites_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.site.model import Site

COLUMNS = ("region", "openstack.deployer", "openstack.series", "gitops.engine", "placement")


# What a user may have written into a record, as it comes into files of ours.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,250}")
_RECIPIENT = re.compile(r"age1[0-9a-z]{1,120}")


def answers(site: Site) -> dict[str, str]:
    """What the record of a site says of it, by the path of the answer."""
    return {path: str(site.get(path, "")) for path in COLUMNS}


def record_of(site: Site, recipients: Mapping[str, str]) -> dict[str, Any]:
    """What of a site stands in files that all sites share."""
    return {
        "answers": answers(site),
        "branch": site.get("gitops.branch"),
        "recipients": sorted(set(recipients.values())),
    }


def read_records(existing: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Our record of each site of a repository.

    Raises:
        UserError: one of them is not as we wrote it.
    """
    return {
        name: _record(name, existing[place])
        for name in sorted(sites_in(existing))
        for place in [record(name)]
    }


def written_by(found: Mapping[str, Any]) -> Version:
    """Which version of ours wrote a record of `read_records`; one that does not say is older than any."""
    return Version(str(found.get("version", "0")))


def _record(name: str, content: bytes) -> dict[str, Any]:
    try:
        found = yamlio.load(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        found = None
    parts = ("fixed", "answers", "components")
    if not isinstance(found, dict) or not all(isinstance(found.get(part, {}), dict) for part in parts):
        raise _broken(name)
    try:
        written_by(found)
    except InvalidVersion:
        raise _broken(name) from None
    recipients, follows = found.get("recipients", []), found.get("branch")
    if not isinstance(recipients, list) or not all(_RECIPIENT.fullmatch(str(one)) for one in recipients):
        raise _broken(name)
    if follows is not None and not _NAME.fullmatch(str(follows)):
        raise _broken(name)
    if any(isinstance(value, dict | list) for part in parts for value in found.get(part, {}).values()):
        raise _broken(name)
    return found


def _broken(name: str) -> UserError:
    place = record(name)
    return UserError(
        f"{place} is not as openinfra-tui wrote it",
        f"git restore --source=openinfra/{name} --staged --worktree {place}, and commit that",
    )


def require_engine(site: Site, existing: Mapping[str, bytes]) -> None:
    """One repository has one engine: what they share cannot speak two dialects.

    Raises:
        Refused: the other sites are reconciled by another engine.
    """
    mine = site.get("gitops.engine")
    for name, found in read_records(existing).items():
        theirs = found.get("fixed", {}).get("gitops.engine", mine)
        if name != site.name and theirs != mine:
            raise Refused(
                f"site {site.name} wants {mine}, and site {name} of this repository has {cell(theirs)}",
                "one repository has one engine: choose another repository, or set spec.gitops.engine",
            )


def shared(site: Site, recipients: Mapping[str, str], existing: Mapping[str, bytes]) -> dict[str, Any]:
    """What the files that all sites share say: a row, the recipients and the branch of each site.

    What a record lacks (an earlier version wrote less) is an empty cell.
    """
    records = {**read_records(existing), site.name: record_of(site, recipients)}
    rows = []
    for name, found in sorted(records.items()):
        told = {**found.get("fixed", {}), **found.get("answers", {})}
        cells = {column.rsplit(".", 1)[-1]: cell(told.get(column, "")) for column in COLUMNS}
        rows.append({"name": name, **cells, "recipients": found.get("recipients", [])})
    branches = sorted({str(found["branch"]) for found in records.values() if found.get("branch")})
    return {"sites": rows, "branches": branches}


def cell(value: object) -> str:
    """A value as the cell of a Markdown table, which ends at a bar or a line's end; no control character."""
    text = "".join(char if char.isprintable() else " " for char in str(value).replace("|", " "))
    return " ".join(text.split())
