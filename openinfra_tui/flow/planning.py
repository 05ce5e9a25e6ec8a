"""From a site file to a plan that `generate` can build: the rules, and what the first commit fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from openinfra_tui import __version__
from openinfra_tui.catalog.built import not_built
from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.catalog.rules import check_rules
from openinfra_tui.errors import NotBuiltYet, Refused, UserError
from openinfra_tui.flow import sites
from openinfra_tui.plan.component import load_components
from openinfra_tui.plan.model import make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from openinfra_tui.plan.model import Plan
    from openinfra_tui.site.model import Site

# What uninstalls releases when it changes (osh-atmosphere.md A9); fixed by the first commit.
FIXED = ("gitops.engine", "openstack.deployer", "placement")


def check_answers(site: Site, today: date) -> tuple[str, ...]:
    """Hold the site against every rule, and return the warnings.

    Raises:
        UserError: a rule refuses the site.
    """
    findings = check_rules(site, today)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        lines = [f"{site.source}: {f.rule}: {f.message}\n  because {f.because} ({f.source})" for f in errors]
        raise UserError("\n".join(lines), f"change {' or '.join(errors[0].paths)}")
    return tuple(f"{f.rule}: {f.message}" for f in findings)


def plan_site(site: Site, today: date) -> tuple[Plan, tuple[str, ...]]:
    """The plan of a site that `generate` can build, and the warnings of the rules.

    Raises:
        UserError: a rule refuses the site, or a requirement has no provider.
        NotBuiltYet: the answers are valid, and this version cannot write them.
    """
    warnings = check_answers(site, today)
    missing = not_built(site)
    if missing:
        raise NotBuiltYet(
            "not built yet: " + "; ".join(missing), "`openinfra-tui catalog` shows what is built"
        )
    return make_plan(site, load_components(), home(site)), warnings


def home(site: Site) -> str:
    """The role of the cluster that holds the engine; empty where the placement can do without and does."""
    placement = load_catalog().placement(str(site.get("placement")))
    if placement is None or not placement.engine_in:
        return ""
    (cluster,) = (cluster for cluster in placement.clusters if cluster.role == placement.engine_in)
    return "" if cluster.optional and cluster.role not in site.get("clusters", {}) else cluster.role


def require_same(site: Site, existing: Mapping[str, bytes]) -> None:
    """Refuse what would uninstall the cloud.

    Raises:
        Refused: an answer that is fixed by the first commit differs, or a newer version wrote a site there:
            what it knows and this one does not would be taken away.
        UserError: a record of a site is not as we wrote it.
    """
    records = sites.read_records(existing)
    newest = max(map(sites.written_by, records.values()), default=None)
    if newest is not None and newest > Version(__version__):
        raise Refused(
            f"openinfra-tui {newest} wrote this repository, and this is the older {__version__}",
            f"install {newest} or newer",
        )
    before = records.get(site.name)
    if before is None:
        return
    fixed = before.get("fixed", {})
    changed = [
        f"spec.{path} was {sites.cell(fixed[path])} and is {site.get(path)}"
        for path in FIXED
        if path in fixed and fixed[path] != site.get(path)
    ]
    if changed:
        raise Refused(
            "; ".join(changed) + ": the engine would uninstall what runs",
            "generate into a new repository, stop the engine at the old one (suspended Kustomizations, or "
            "Applications without automated sync), apply the new entry, then delete the old one",
        )
