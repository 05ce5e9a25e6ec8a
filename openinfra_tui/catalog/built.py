"""What the catalog knows and the generator cannot write yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.catalog.read import load_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openinfra_tui.site.model import Site

BUILT_CLUSTER_DISTRIBUTIONS = ("existing",)
BUILT_PLUGINS = ("cilium", "calico")
_CORE = ("barbican", "cinder", "glance", "heat", "horizon", "keystone", "neutron", "nova", "placement")
BUILT_SERVICES = {
    "openstack-helm": (
        *_CORE,
        *("aodh", "ceilometer", "designate", "ironic", "magnum", "manila", "masakari", "octavia", "skyline"),
        "tempest",
    ),
    "kolla-ansible": (
        *_CORE,
        *("aodh", "blazar", "ceilometer", "cloudkitty", "designate", "gnocchi", "magnum", "masakari"),
        *("mistral", "octavia", "skyline", "tacker", "watcher"),
    ),
}
# Why, where that is not up to us (openstack-helm, gnocchi/values.yaml: its images, and its WSGI paths).
_WHY = {
    ("openstack-helm", "gnocchi"): "its chart has images of Gnocchi 3.0.3 on Python 2.7 only; "
    "meters go to Prometheus, and aodh alarms on events",
}
# path, what it is, the value where nothing is written, what is built
_CHOICES = (("openstack.magnum.driver", "driver of Magnum", "heat", ("heat",)),)
# The same, of what only some deployers read.
_CHOICES_OF = {
    "openstack-helm": (
        ("secrets.backend", "secrets backend", "sops", ("sops", "external-secrets", "sealed-secrets")),
        ("storage.backend", "storage backend", "rook", ("rook", "external-ceph", "storage-class")),
        ("exposure.gateway", "gateway", "envoy-gateway", ("envoy-gateway",)),
        ("exposure.loadBalancer.provider", "load balancer", "metallb", ("metallb", "existing")),
    ),
    "kolla-ansible": (
        ("secrets.backend", "secrets backend", "sops", ("sops",)),
        ("exposure.tls.issuer", "issuer", "self-signed", ("self-signed", "ca")),
        ("storage.backend", "storage backend", "", ("external-ceph", "lvm", "nfs")),
    ),
}
# What is written nowhere yet, so that any answer is refused; the Kolla ones but for Kolla-Ansible.
_UNUSED = (
    ("openstack.magnum.osDistro", "os_distro of Magnum"),
    ("openstack.kolla.baseDistro", "base of the Kolla images"),
    ("openstack.kolla.extras", "list of Kolla extras"),
)
# The mirrors that a deployer is told of.
_MIRRORS = {"openstack-helm": ("charts", "git", "images"), "kolla-ansible": ("images",)}


def not_built(site: Site) -> list[str]:
    """The answers of a site that are known but not built, one sentence each; empty if all are built.

    The schema refuses an unknown word, but lets any series pass: one that the catalog lacks is listed too.
    """
    catalog = load_catalog()
    deployer, series = str(site.get("openstack.deployer") or ""), str(site.get("openstack.series") or "")
    placement, engine = str(site.get("placement") or ""), str(site.get("gitops.engine") or "")
    asked = (
        ("openstack.deployer", "deployer", deployer, catalog.deployer(deployer)),
        ("placement", "placement", placement, catalog.placement(placement)),
        ("gitops.engine", "engine", engine, catalog.engine(engine)),
    )
    out = []
    for path, kind, answer, entry in asked:
        if entry is None:
            out.append(f"{path}: the {kind} {answer or '(none)'} is not in the catalog")
        elif not entry.built:
            out.append(f"{path}: the {kind} {answer} is known and not built yet")
    made_by = catalog.deployer(deployer)
    if catalog.find_series(series) is None:
        out.append(f"openstack.series: the series {series or '(none)'} is not in the catalog")
    elif made_by and made_by.built and series not in made_by.built:
        out.append(f"openstack.series: {made_by.title} {series} is known and not built yet")
    return [*out, *_parts(site), *_clusters(site)]


def _parts(site: Site) -> Iterator[str]:
    deployer = str(site.get("openstack.deployer"))
    for path, kind, default, built in (*_CHOICES, *_CHOICES_OF.get(deployer, ())):
        value = site.get(path, default)
        if value not in built:
            yield f"{path}: the {kind} {value} is known and not built yet"
    for path, kind in _UNUSED:
        if site.get(path) and not (deployer == "kolla-ansible" and path.startswith("openstack.kolla.")):
            yield f"{path}: the {kind} is known and not built yet"
    for service in site.get("openstack.services", ()):
        if service not in BUILT_SERVICES.get(deployer, (service,)):
            why = _WHY.get((deployer, service))
            text = f"openstack.services: the service {service} is known and not built yet"
            yield f"{text}: {why}" if why else text
    if str(site.get("mirrors.git") or "").startswith("ssh://"):
        yield "mirrors.git: a Git mirror by SSH is known and not built yet: name its https:// URL"
    amphorae = site.get("openstack.neutron.backend") != "ovn"
    if deployer == "kolla-ansible" and amphorae and "octavia" in site.get("openstack.services", ()):
        yield "openstack.services: octavia with amphorae is known and not built yet; with OVN it is"
    for key, value in (site.get("mirrors") or {}).items():
        if value and key not in _MIRRORS.get(deployer, ()):
            yield f"mirrors.{key}: this mirror is known and not built yet for {deployer}"


def _clusters(site: Site) -> Iterator[str]:
    for role, cluster in (site.get("clusters") or {}).items():
        made_by = cluster.get("distribution", "existing")
        if made_by not in BUILT_CLUSTER_DISTRIBUTIONS:
            yield f"clusters.{role}.distribution: the distribution {made_by} is known and not built yet"
        cni = cluster.get("cni") or {}
        if cni.get("managed"):
            yield from _pod_network(site, role, str(cni.get("name")), cluster)


def _pod_network(site: Site, role: str, plugin: str, cluster: Mapping[str, Any]) -> Iterator[str]:
    path = f"clusters.{role}"
    if plugin not in BUILT_PLUGINS:
        yield f"{path}.cni.name: installing {plugin} is known and not built yet"
    if ":" in str(cluster.get("podCidr")):
        yield f"{path}.podCidr: a pod network of IPv6 addresses is known and not built yet"
    if cluster["cni"].get("replaceKubeProxy"):
        if plugin != "cilium":
            yield f"{path}.cni.replaceKubeProxy: replacing kube-proxy by {plugin} is known and not built yet"
        elif not site.get("networks.management.vip"):
            yield f"{path}.cni.replaceKubeProxy: without networks.management.vip it is not built yet"
