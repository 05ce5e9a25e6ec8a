"""Each thing that the generator does against a deadlock, taken out: the site that converged with it stands still.

The step is removed by hand as its runbook says, comes back with the fault and stands still; the commit that mends
it must be enough to go on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.controlplane.reconcile import states
from tests.controlplane.reconcile.cluster import ConvergedSite, FluxSite
from tests.controlplane.waiting import eventually

ENTRY = "clusters/fra1/undercloud"
# So long nothing may change before we call it a deadlock.
STILL = 12.0


@dataclass(frozen=True)
class Fault:
    """A fix that is taken out.

    Args:
        file: the file of the repository in which the fix is.
        change: takes it out.
        removed: the steps that are made anew with the fault.
        waits: by beginning of a Pod's name, for what it waits in vain.
        says: by step, a pattern of what its Kustomization says.
    """

    file: str
    change: Callable[[Any], Any]
    removed: tuple[str, ...]
    waits: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)


def _wait_for_pods(release: Any) -> None:
    # An installation that is interrupted goes on as an upgrade, which must not be the way out.
    for action in ("install", "upgrade"):
        del release["spec"][action]["disableWait"]


def _after_nova(kustomization: Any) -> None:
    kustomization["spec"]["dependsOn"].append({"name": "nova"})


def _with_configs(kustomization: Any) -> None:
    kustomization["resources"].append("configs")


FAULTS = {
    "keystone waits for its pods before its hooks": Fault(
        "components/openstack/keystone/release.yaml",
        _wait_for_pods,
        ("keystone",),
        waits={"keystone-api": "Job keystone-db-sync"},
        says={"glance": "dependency 'flux-system/keystone' is not ready"},
    ),
    "neutron after nova": Fault(
        f"{ENTRY}/neutron.yaml",
        _after_nova,
        ("neutron", "nova"),
        waits={"nova-compute": "Service openstack:neutron-server", "nova-cell-setup": "Pod application=nova"},
        says={"neutron": "dependency 'flux-system/nova' is not ready"},
    ),
    "libvirt after nova": Fault(
        f"{ENTRY}/libvirt.yaml",
        _after_nova,
        ("libvirt", "nova"),
        waits={"nova-compute": "Pod application=libvirt", "nova-cell-setup": "Pod application=nova"},
        says={"libvirt": "dependency 'flux-system/nova' is not ready"},
    ),
    "custom resources beside the release that brings their definitions": Fault(
        "sites/fra1/metallb/kustomization.yaml",
        _with_configs,
        ("metallb", "metallb-configs"),
        says={
            # On a new site; a controller that has known the kind asks the server for it.
            "metallb": 'no matches for kind "(IPAddressPool|L2Advertisement)"'
            "|metallb-system/.* the server could not find the requested resource",
            "metallb-configs": "dependency 'flux-system/metallb' is not ready",
        },
    ),
}


# Each takes minutes; the others are the slow suite's.
IN_EVERY_RUN = "neutron after nova"


@pytest.fixture(
    params=[
        pytest.param(name, marks=() if name == IN_EVERY_RUN else pytest.mark.slow, id=name.replace(" ", "-"))
        for name in FAULTS
    ]
)
def fault(request: pytest.FixtureRequest, converged: ConvergedSite) -> Iterator[Fault]:
    """A fault, and the site as it was before, after it."""
    site = converged.site
    good = site.repository.git("rev-parse", "HEAD")
    fault = FAULTS[request.param]
    suspended = [states.kustomizations(site.client)[name] for name in fault.removed]
    for step in suspended:
        site.client.patch(step, {"spec": {"suspend": True}})
    for step in reversed(fault.removed):
        if step in states.releases(site.client):
            site.remove(step)
    site.repository.edit(fault.file, fault.change)
    site.push_for_suspended("A fault")
    for step in suspended:
        site.client.patch(step, {"spec": {"suspend": None}})
    yield fault
    site.restore(good)


def _why(site: FluxSite, pod: str) -> list[str]:
    found = (why for name, why in site.kubelet.waiting().items() if name.split("/")[1].startswith(pod))
    return [reason for why in found for reason in why]


def _stands(site: FluxSite, fault: Fault) -> bool:
    said = {name: states.said(obj) for name, obj in states.kustomizations(site.client).items()}
    pods = all(
        any(reason.startswith(wanted) for reason in _why(site, pod)) for pod, wanted in fault.waits.items()
    )
    return pods and all(re.search(words, said[name]) for name, words in fault.says.items())


def test_without_the_fix_the_site_stands_still(converged: ConvergedSite, fault: Fault) -> None:
    site = converged.site
    site.wait(lambda: _stands(site, fault), 180, lambda: f"{states.kustomizations(site.client).keys()}")
    revision = f"main@sha1:{site.repository.server.head('clouds')}"

    def picture() -> tuple[set[str], dict[str, tuple[str, ...]]]:
        return set(states.unready(site.client, revision, site.steps)), site.kubelet.waiting()

    def still() -> bool:
        before = picture()
        time.sleep(STILL)
        return picture() == before

    # What does not depend on the fault may still be on its way.
    eventually(still, timeout=120, say=lambda: f"{picture()}")
    assert _stands(site, fault)
    assert set(fault.removed) <= picture()[0]
