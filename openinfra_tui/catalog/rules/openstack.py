"""Rules of the OpenStack series and services."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import pairwise

from openinfra_tui.catalog.rules.registry import (
    Facts,
    Found,
    Problem,
    System,
    by,
    each_system,
    rule,
    runs,
)

_OSH = "https://github.com/openstack/openstack-helm/blob/master/README.rst"
_CAPI_HELM = ("ubuntu", "flatcar")
_STEPS = {"next": "the next series", "slurp": "the next SLURP series", "own": "the next series that it has"}
_STATUS = "https://github.com/openstack/releases/blob/master/data/series_status.yaml"


@rule(
    "F15",
    "warning",
    when=by("openstack-helm"),
    because="Upstream tests each series on these hosts only; the image OS stays Ubuntu.",
    source=_OSH,
    paths=("openstack.deployer", "openstack.series", "operatingSystem"),
)
@each_system("openstack.series")
def tested_hosts(facts: Facts, system: System) -> Found:
    """OpenStack-Helm on a host that upstream does not test."""
    deployer = facts.catalog.deployer("openstack-helm")
    tested = deployer.hosts.get(facts.series, ()) if deployer else ()
    if tested and system.host not in tested:
        yield f"OpenStack-Helm tests {facts.series} on {' and '.join(tested)}, not on {system.host}"


@rule(
    "F16",
    "error",
    when=by("openstack-helm"),
    because="OpenStack-Helm has values overrides and image tags for these series only.",
    source=_OSH,
    paths=("openstack.deployer", "openstack.series"),
)
def openstack_helm_series(facts: Facts) -> Found:
    """A series that OpenStack-Helm has, and a warning for one in preview."""
    deployer = facts.catalog.deployer("openstack-helm")
    if deployer is not None and facts.series not in deployer.series:
        yield f"OpenStack-Helm has {', '.join(deployer.series)}, not {facts.series}"
    elif deployer is not None and facts.series in deployer.preview:
        text = f"{facts.series} is a preview in OpenStack-Helm: few charts have overrides"
        yield Problem(text, "warning")


@rule(
    "F35",
    "error",
    when=runs("magnum"),
    because="Magnum 23 (2026.2) contains no driver; 22 was the last with the Heat driver.",
    source="https://pypi.org/project/magnum/23.0.0/",
    paths=("openstack.magnum.driver", "openstack.series"),
)
def magnum_driver(facts: Facts) -> Found:
    """Magnum after its Heat driver."""
    if facts.text("openstack.magnum.driver") != "heat":
        return
    if facts.series >= "2026.2":
        yield f"Magnum {facts.series} has no Heat driver; choose cluster-api or capi-helm"
    elif facts.series == "2026.1":
        yield Problem("2026.1 is the last series whose Magnum has the Heat driver", "warning")


@rule(
    "F36",
    "error",
    when=runs("magnum"),
    because="The driver magnum-capi-helm registers itself for these values of os_distro alone.",
    source="https://pypi.org/project/magnum-capi-helm/1.4.0/",
    paths=("openstack.magnum.driver", "openstack.magnum.osDistro"),
)
def magnum_images(facts: Facts) -> Found:
    """What the clusters of Magnum boot with its Helm driver."""
    images = facts.text("openstack.magnum.osDistro")
    if facts.text("openstack.magnum.driver") == "capi-helm" and images not in ("", *_CAPI_HELM):
        yield f"the driver capi-helm makes clusters of {' or '.join(_CAPI_HELM)} images, not {images}"


@rule(
    "F51",
    "error",
    because="OpenStack is upgraded to the next series, or from one SLURP series to the next SLURP series.",
    source="https://governance.openstack.org/tc/resolutions/20220210-release-cadence-adjustment.html",
    paths=("openstack.upgradeFrom", "openstack.series"),
)
def upgrade_path(facts: Facts) -> Found:
    """One step from what runs; Yaook goes along its own list, Sunbeam does not upgrade across series."""
    running, deployer = facts.text("openstack.upgradeFrom"), facts.catalog.deployer(facts.deployer)
    if deployer is None or running in ("", facts.series):
        return
    steps = {facts.catalog.step(running, facts.series)}
    if (running, facts.series) in pairwise(deployer.series):
        steps.add("own")
    if not steps & set(deployer.upgrades):
        allowed = " or ".join(_STEPS[step] for step in deployer.upgrades) or "no upgrade"
        yield f"{running} to {facts.series} is no step of {deployer.title}; it takes {allowed}"


@rule(
    "S1",
    "error",
    when=runs("ironic"),
    because="Machines boot over a provider network, and their addresses and their router are in its range.",
    source="https://opendev.org/openstack/openstack-helm/src/tag/2026.1.0/ironic/values.yaml",
    paths=("openstack.ironic", "networks.provider"),
)
def ironic_network(facts: Facts) -> Found:
    """A network of Ironic that does not fit together."""
    answers = facts.site.get("openstack.ironic", {})
    known = [net["name"] for net in facts.site.get("networks.provider", [])]
    if answers.get("network", known) not in (known, *known):
        yield Problem(
            f"no provider network is called {answers['network']}", paths=("openstack.ironic.network",)
        )
    if "cidr" not in answers:
        return
    within = ip_network(answers["cidr"])
    for name in ("gateway", "pool"):
        for address in filter(None, answers.get(name, "").split("-")):
            if ip_address(address) not in within:
                yield Problem(f"{address} is not within {within}", paths=(f"openstack.ironic.{name}",))


@rule(
    "S2",
    "error",
    when=runs("ceilometer"),
    because="Without Gnocchi, Ceilometer's meters go to Prometheus and its events to aodh; else to nobody.",
    source="https://opendev.org/openstack/ceilometer/src/branch/stable/2026.1/ceilometer/polling/manager.py",
    paths=("openstack.services", "monitoring.enabled"),
)
def ceilometer_outlet(facts: Facts) -> Found:
    """Ceilometer with nobody who takes what it measures."""
    if (
        facts.deployer == "openstack-helm"
        and not facts.site.get("monitoring.enabled")
        and "aodh" not in facts.services
    ):
        yield "Ceilometer needs monitoring.enabled, or aodh among the services"


@rule(
    "S3",
    "warning",
    when=runs("aodh"),
    because="The builds of openstack-helm-images have none of aodh; the charts name these tags all the same.",
    source="https://opendev.org/openstack/openstack-helm-images/src/branch/master/zuul.d",
    paths=("openstack.services", "openstack.series"),
)
def aodh_image(facts: Facts) -> Found:
    """An image that upstream names and does not visibly build."""
    if facts.deployer == "openstack-helm":
        image = f"quay.io/airshipit/aodh:{facts.series}-ubuntu_noble"
        yield f"look whether {image} exists before you rely on aodh"


@rule(
    "F53",
    "warning",
    because="A series that is unmaintained gets no releases, and one that has ended gets nothing.",
    source=_STATUS,
    paths=("openstack.series",),
)
def series_state(facts: Facts) -> Found:
    """A series that has ended is refused, one that is unmaintained is warned of."""
    series = facts.catalog.find_series(facts.series)
    if series is not None and series.eol is not None and series.eol <= facts.today:
        yield Problem(f"OpenStack {series.id} ended on {series.eol}", "error")
    elif series is not None and series.unmaintained is not None and series.unmaintained <= facts.today:
        yield f"OpenStack {series.id} is unmaintained since {series.unmaintained}"


@rule(
    "C1",
    "error",
    because="A deployer supports some series only; each has its own list, see the source of the deployer.",
    source=_STATUS,
    paths=("openstack.deployer", "openstack.series"),
)
def deployer_series(facts: Facts) -> Found:
    """A series that the deployer has; F16 and F28 speak of OpenStack-Helm and of the operators."""
    deployer = facts.catalog.deployer(facts.deployer)
    if deployer is None or deployer.id in ("openstack-helm", "openstack-k8s-operators"):
        return
    if facts.series not in deployer.series:
        text = f"{deployer.title} has {', '.join(deployer.series)}, not {facts.series}"
        yield f"{text} ({deployer.source})"
