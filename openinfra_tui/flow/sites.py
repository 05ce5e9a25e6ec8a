"""The sites of a repository: its own record of each, and the table that its README shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui import yamlio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.site.model import Site

FOLDER = ".openinfra/sites/"
_COLUMNS = ("region", "openstack.deployer", "openstack.series", "gitops.engine", "placement")


def answers(site: Site) -> dict[str, str]:
    """What the record of a site says of it, by the path of the answer."""
    return {path: str(site.get(path, "")) for path in _COLUMNS}


def table(site: Site, existing: Mapping[str, bytes]) -> list[dict[str, str]]:
    """One row a site, sorted by name: those of the records, and this one as it is now.

    What a record lacks (an earlier version wrote less) is an empty cell.
    """
    rows = {site.name: answers(site)}
    for path, content in existing.items():
        name = path.removeprefix(FOLDER).removesuffix(".yaml")
        if path.startswith(FOLDER) and name != site.name:
            record: dict[str, Any] = yamlio.load(content)
            found = {**record.get("fixed", {}), **record.get("answers", {})}
            rows[name] = {column: _cell(found.get(column, "")) for column in _COLUMNS}
    return [
        {"name": name, **{column.rsplit(".", 1)[-1]: row[column] for column in _COLUMNS}}
        for name, row in sorted(rows.items())
    ]


def _cell(value: object) -> str:
    """A value as the cell of a Markdown table, which ends at a bar or a line's end."""
    return " ".join(str(value).replace("|", " ").split())
