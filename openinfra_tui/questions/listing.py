"""The list of all questions, in the order in which they are asked.

To ask one more thing: give it a place in `schemas/site-v1alpha1.schema.json`, and one line here. What the
schema says about it is not said again.
"""

from __future__ import annotations

from functools import cache

from openinfra_tui.questions.model import Condition, Kind, Question, fits, kind_of, rules_at

_ROOK = Condition("storage.backend", ("rook",))
_EXTERNAL_CEPH = Condition("storage.backend", ("external-ceph",))
_KOLLA = Condition("openstack.deployer", ("kolla-ansible", "kayobe"))
_IRONIC = Condition("openstack.services", ("ironic",))
_MAGNUM = Condition("openstack.services", ("magnum",))
_EXTERNAL_STORE = Condition("secrets.backend", ("external-secrets",))
_RECIPIENTS = Condition("secrets.backend", ("sops", "external-secrets"))
_ACME = Condition("exposure.tls.issuer", ("acme",))

# Paths from the top of the file that nobody is asked for, with the reason.
NEVER = {
    "apiVersion": "the version of the format that we write",
    "kind": "a site file holds a Site, always",
    "spec.secrets.externalSecrets.ca": "certificates have many lines, and a prompt has one",
}


@cache
def questions() -> tuple[Question, ...]:
    """All questions; a `*` in a path stands for each key of the mapping there."""
    return (
        _ask("Site", "metadata.name", own=True),
        _ask("Site", "region"),
        _ask("Site", "domain", own=True),
        _ask("Placement", "placement"),
        _ask("Systems", "operatingSystem.default.distribution"),
        _ask("Systems", "operatingSystem.default.release"),
        _ask("Systems", "operatingSystem.default.architecture"),
        _ask("Systems", "operatingSystem.default.packages"),
        _ask("Systems", "operatingSystem"),
        _ask("Systems", "operatingSystem.*.distribution"),
        _ask("Systems", "operatingSystem.*.release"),
        _ask("Systems", "operatingSystem.*.architecture"),
        _ask("Systems", "operatingSystem.*.packages"),
        _ask("Deployer", "openstack.deployer"),
        # The schema lets any year pass; the catalog knows which series there are.
        _ask("Release", "openstack.series", kind="choice"),
        _ask("Release", "openstack.upgradeFrom", kind="choice"),
        _ask("Services", "openstack.services"),
        _ask("Services", "openstack.neutron.backend"),
        _ask("Services", "openstack.magnum.driver", _MAGNUM),
        _ask("Services", "openstack.magnum.osDistro", _MAGNUM),
        _ask("Services", "openstack.kolla.baseDistro", _KOLLA),
        _ask("Services", "openstack.kolla.extras", _KOLLA),
        _ask("Services", "openstack.kolla.containerEngine", _KOLLA),
        _ask("Services", "openstack.kolla.externalVip", _KOLLA, own=True),
        _ask("Services", "openstack.kolla.externalInterface", _KOLLA, own=True),
        _ask("Services", "openstack.kolla.virtualRouterId", _KOLLA),
        _ask("Services", "openstack.kolla.virtualization", _KOLLA),
        _ask("Services", "openstack.kolla.controlHost.python", _KOLLA),
        _ask("Services", "openstack.kolla.controlHost.ansibleCore", _KOLLA),
        _ask("Services", "openstack.runner.image", _KOLLA, own=True),
        _ask("Services", "openstack.runner.sshUser", _KOLLA),
        _ask("Services", "openstack.runner.driftSchedule", _KOLLA),
        _ask("Services", "monitoring.enabled"),
        _ask("Clusters", "clusters"),
        _ask("Clusters", "clusters.*.distribution"),
        _ask("Clusters", "clusters.*.version"),
        _ask("Clusters", "clusters.*.cni.name"),
        _ask("Clusters", "clusters.*.cni.managed"),
        _ask("Clusters", "clusters.*.cni.replaceKubeProxy", Condition("clusters.*.cni.managed", (True,))),
        _ask("Clusters", "clusters.*.podCidr"),
        _ask("Clusters", "clusters.*.serviceCidr"),
        _ask("Nodes", "nodes", own=True),
        *_network("management", "mtu", "vip"),
        *_network("tunnel", "mtu"),
        *_network("storage", "mtu"),
        _ask("Network", "networks.provider", own=True),
        _ask("Network", "openstack.ironic.interface", _IRONIC, own=True),
        _ask("Network", "openstack.ironic.network", _IRONIC, own=True),
        _ask("Network", "openstack.ironic.cidr", _IRONIC, own=True),
        _ask("Network", "openstack.ironic.gateway", _IRONIC, own=True),
        _ask("Network", "openstack.ironic.pool", _IRONIC, own=True),
        _ask("Network", "openstack.ironic.nameserver", _IRONIC, own=True),
        _ask("Storage", "storage.backend"),
        _ask("Storage", "storage.replicas", _ROOK),
        _ask("Storage", "storage.externalCeph.fsid", _EXTERNAL_CEPH, own=True),
        _ask("Storage", "storage.externalCeph.monitors", _EXTERNAL_CEPH, own=True),
        _ask("Storage", "storage.externalCeph.user", _EXTERNAL_CEPH),
        _ask("Storage", "storage.externalCeph.pool", _EXTERNAL_CEPH),
        _ask("Storage", "storage.storageClass", Condition("storage.backend", ("storage-class",)), own=True),
        _ask("Storage", "storage.volumeGroup", Condition("storage.backend", ("lvm",))),
        _ask("Storage", "storage.nfsShares", Condition("storage.backend", ("nfs",)), own=True),
        _ask("Exposure", "exposure.gateway"),
        _ask("Exposure", "exposure.loadBalancer.provider"),
        _ask(
            "Exposure",
            "exposure.loadBalancer.pools",
            Condition("exposure.loadBalancer.provider", ("metallb", "cilium", "kube-vip")),
            own=True,
        ),
        _ask("Exposure", "exposure.tls.issuer"),
        _ask("Exposure", "exposure.tls.email", _ACME, own=True),
        _ask("Exposure", "exposure.tls.server", _ACME),
        _ask("Secrets", "secrets.backend"),
        _ask("Secrets", "secrets.externalSecrets.server", _EXTERNAL_STORE, own=True),
        _ask("Secrets", "secrets.externalSecrets.mount", _EXTERNAL_STORE),
        _ask("Secrets", "secrets.externalSecrets.authMount", _EXTERNAL_STORE),
        _ask("Secrets", "secrets.externalSecrets.role", _EXTERNAL_STORE),
        _ask("Secrets", "secrets.recipients", _RECIPIENTS, own=True),
        _ask("GitOps", "gitops.engine"),
        _ask("GitOps", "gitops.url", own=True),
        _ask("GitOps", "gitops.branch"),
        _ask("GitOps", "mirrors.images"),
        _ask("GitOps", "mirrors.charts"),
        _ask("GitOps", "mirrors.git"),
    )


def listed(path: str) -> Question | None:
    """The question of the list that asks for a path; one that names it before one that has a `*`."""
    exact = next((q for q in questions() if q.path == path), None)
    return exact or next((q for q in questions() if fits(q.path, path)), None)


def asked_by_name(path: str) -> bool:
    """Whether the parts of a mapping have questions of their own, so that a `*` does not stand for it."""
    return any(question.path.startswith(f"{path}.") for question in questions())


def _ask(step: str, path: str, *when: Condition, kind: Kind | None = None, own: bool = False) -> Question:
    return Question(path, step, kind or kind_of(rules_at(_example(path))), when, own)


def _network(name: str, *more: str) -> tuple[Question, ...]:
    """A network is there when it has an address range."""
    there = Condition(f"networks.{name}.cidr")
    return (
        _ask("Network", f"networks.{name}.cidr", own=True),
        _ask("Network", f"networks.{name}.interface", there, own=True),
        *(_ask("Network", f"networks.{name}.{part}", there) for part in more),
    )


def _example(path: str) -> str:
    """A path that the schema knows, for one with a `*`."""
    return path.replace("operatingSystem.*", "operatingSystem.control").replace(
        "clusters.*", "clusters.undercloud"
    )
