"""Rules of the OpenStack series and services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.catalog.rules.registry import Facts, Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_OSH = "https://github.com/openstack/openstack-helm/blob/master/README.rst"


@rule(
    "F15",
    "warning",
    because="Upstream tests each series on these hosts only; the image OS stays Ubuntu.",
    source=_OSH,
    paths=("openstack.deployer", "openstack.series", "operatingSystem"),
)
def tested_hosts(facts: Facts) -> Iterator[Problem]:
    """OpenStack-Helm on a host that upstream does not test."""
    deployer = facts.catalog.deployer("openstack-helm")
    if facts.deployer != "openstack-helm" or deployer is None or facts.series not in deployer.hosts:
        return
    tested = deployer.hosts[facts.series]
    for system in facts.systems:
        if system.host not in tested:
            text = f"OpenStack-Helm tests {facts.series} on {' and '.join(tested)}, not on {system.host}"
            yield Problem(text, paths=(system.path, "openstack.series"))


@rule(
    "F16",
    "error",
    because="OpenStack-Helm has values overrides and image tags for these series only.",
    source=_OSH,
    paths=("openstack.deployer", "openstack.series"),
)
def openstack_helm_series(facts: Facts) -> Iterator[Problem]:
    """A series that OpenStack-Helm has, and a warning for one in preview."""
    deployer = facts.catalog.deployer("openstack-helm")
    if facts.deployer != "openstack-helm" or deployer is None:
        return
    if facts.series not in deployer.series:
        yield Problem(f"OpenStack-Helm has {', '.join(deployer.series)}, not {facts.series}")
    elif facts.series in deployer.preview:
        yield Problem(f"{facts.series} is a preview in OpenStack-Helm: few charts have overrides", "warning")


@rule(
    "F35",
    "error",
    because="Magnum 23 (2026.2) contains no driver; 22 was the last with the Heat driver.",
    source="https://pypi.org/project/magnum/23.0.0/",
    paths=("openstack.services", "openstack.series"),
)
def magnum_driver(facts: Facts) -> Iterator[Problem]:
    """Magnum after its Heat driver; a Cluster API driver cannot be chosen in a site yet."""
    if "magnum" not in facts.services:
        return
    if facts.series >= "2026.2":
        yield Problem(f"Magnum {facts.series} has no Heat driver; a Cluster API driver must be added")
    elif facts.series == "2026.1":
        yield Problem("2026.1 is the last series whose Magnum has the Heat driver", "warning")


@rule(
    "F53",
    "warning",
    because="A series that is unmaintained gets no releases, and one that has ended gets nothing.",
    source="https://github.com/openstack/releases/blob/master/data/series_status.yaml",
    paths=("openstack.series",),
)
def series_state(facts: Facts) -> Iterator[Problem]:
    """A series that has ended is refused, one that is unmaintained is warned of."""
    series = facts.catalog.find_series(facts.series)
    if series is None:
        return
    if series.eol is not None and series.eol <= facts.today:
        yield Problem(f"OpenStack {series.id} ended on {series.eol}", "error")
    elif series.unmaintained is not None and series.unmaintained <= facts.today:
        yield Problem(f"OpenStack {series.id} is unmaintained since {series.unmaintained}")


@rule(
    "C1",
    "error",
    because="A deployer supports some series only; each has its own list, see the source of the deployer.",
    source="https://github.com/openstack/releases/blob/master/data/series_status.yaml",
    paths=("openstack.deployer", "openstack.series"),
)
def deployer_series(facts: Facts) -> Iterator[Problem]:
    """A series that the deployer has; F16 and F28 speak of OpenStack-Helm and of the operators."""
    deployer = facts.catalog.deployer(facts.deployer)
    if deployer is None or deployer.id in ("openstack-helm", "openstack-k8s-operators"):
        return
    if facts.series not in deployer.series:
        text = f"{deployer.title} has {', '.join(deployer.series)}, not {facts.series}"
        yield Problem(f"{text} ({deployer.source})")
