"""The rules: constraints between answers, with reason and source.

`check_rules` is all that others need. One module a theme; importing a module registers its rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.catalog.rules import (
    deployer,
    distribution,
    kolla,
    kubernetes,
    network,
    openstack,
    placement,
    run,
    secrets,
)
from openinfra_tui.catalog.rules.registry import RULES, Facts, Finding, Rule

if TYPE_CHECKING:
    from datetime import date

    from openinfra_tui.site.model import Site

__all__ = ["RULES", "THEMES", "Finding", "Rule", "check_rules"]

THEMES = (deployer, distribution, kolla, kubernetes, network, openstack, placement, run, secrets)


def check_rules(site: Site, today: date) -> list[Finding]:
    """All problems of a site on a given day: errors first, then by the number of the rule.

    Args:
        site: a validated site.
        today: the day for which ends of life are judged.
    """
    facts = Facts(site, load_catalog(), today)
    found = [finding for rule in RULES.values() for finding in rule.findings(facts)]
    return sorted(found, key=lambda f: (f.severity != "error", f.rule[0], int(f.rule[1:]), f.message))
