"""A picture of a placement: which clusters there are, who makes each, which holds the engine.

Plain text for README, RUNBOOK, `plan` and screens alike. The rows are data of the placement, from the top
down: what stands on what, and what stands side by side on the same.
"""

from __future__ import annotations

from collections import Counter
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.catalog.read import Catalog, PlacedCluster, Placement
    from openinfra_tui.site.model import Site

WIDTH = 72
_ASCII = str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++")
# What stands between two rows, by whether the upper and the lower one have two columns.
_MIDDLE = {(False, False): "─", (True, False): "┴", (False, True): "┬", (True, True): "┼"}


def picture(site: Site, catalog: Catalog, *, unicode: bool = True) -> str:
    """The picture of the placement of a site, or an empty text where the catalog has no such placement.

    Args:
        site: the answers.
        catalog: the titles of deployer and engine, and the rows of the placement.
        unicode: whether lines are drawn with box characters, or with `+`, `-` and `|`.
    """
    placement = catalog.placement(str(site.get("placement")))
    if placement is None:
        return ""
    without = {c.role for c in placement.clusters if c.optional} - set(site.get("clusters", {}))
    rows = [
        [_cell(name, site, placement, catalog) for name in row if name not in without]
        for row in placement.picture
    ]
    halves = [False, *(len(row) == 2 for row in rows), False]
    ends = [("┌", "┐"), *[("├", "┤")] * (len(rows) - 1), ("└", "┘")]
    out = []
    for number, (left, right) in enumerate(ends):
        out.append(_rule(left, _MIDDLE[halves[number], halves[number + 1]], right))
        out += _row(rows[number]) if number < len(rows) else []
    text = "\n".join(out)
    return text if unicode else text.translate(_ASCII)


def _rule(left: str, middle: str, right: str) -> str:
    half = (WIDTH - 3) // 2
    return f"{left}{'─' * half}{middle}{'─' * (WIDTH - 3 - half)}{right}"


def _row(cells: list[tuple[str, str]]) -> list[str]:
    half = (WIDTH - 3) // 2
    widths = [half, WIDTH - 3 - half] if len(cells) == 2 else [WIDTH - 2]
    columns = [
        [line for text in cell for line in wrap(text, width - 2, break_on_hyphens=False)]
        for cell, width in zip(cells, widths, strict=True)
    ]
    height = max(len(column) for column in columns)
    lines = []
    for number in range(height):
        parts = [
            f" {column[number] if number < len(column) else '':{width - 1}}"
            for column, width in zip(columns, widths, strict=True)
        ]
        lines.append(f"│{'│'.join(parts)}│")
    return lines


def _cell(name: str, site: Site, placement: Placement, catalog: Catalog) -> tuple[str, str]:
    """Head and notes of one cell: the cloud, the hosts, or a cluster by its role."""
    if name == "cloud":
        return _cloud(site, catalog)
    if name == "hosts":
        return _hosts(site)
    placed = next(cluster for cluster in placement.clusters if cluster.role == name)
    engine = catalog.engine(str(site.get("gitops.engine"))) if name == placement.engine_in else None
    return _cluster(placed, site.get("clusters", {}), f", {engine.title} lives here" if engine else "")


def _cloud(site: Site, catalog: Catalog) -> tuple[str, str]:
    deployer = catalog.deployer(str(site.get("openstack.deployer")))
    made = "exists already"
    if deployer is not None and deployer.id != "existing":
        made = f"made by {deployer.title}"
    count = len(site.get("openstack.services", ()))
    return f"cloud: OpenStack {site.get('openstack.series')}", f"{made}, {count} services"


def _hosts(site: Site) -> tuple[str, str]:
    nodes = site.get("nodes", ())
    if not nodes:
        return "hosts", "none of ours"
    systems = {
        f"{system['distribution']} {system['release']}" for system in site.get("operatingSystem", {}).values()
    }
    roles = Counter(role for node in nodes for role in node["roles"])
    counted = ", ".join(f"{count} {role}" for role, count in roles.items())
    many = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    return f"hosts: {', '.join(sorted(systems))}", f"{many}: {counted}"


def _cluster(placed: PlacedCluster, clusters: Mapping[str, Any], engine: str) -> tuple[str, str]:
    """One cluster, or all that share a role (workload-NAME); without answers, what the placement says."""
    mine = {
        role: answer
        for role, answer in clusters.items()
        if role == placed.role or role.startswith(f"{placed.role}-")
    }
    names = ", ".join(mine) or placed.role
    versions = ", ".join(sorted({str(one["version"]) for one in mine.values()}))
    makers = sorted({str(one["distribution"]) for one in mine.values()}) or list(placed.made_by)
    made = "exists already" if makers == ["existing"] else f"made by {' or '.join(makers)}"
    return f"{names}: Kubernetes {versions}".rstrip(), f"{made}{engine}"
