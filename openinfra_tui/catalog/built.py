"""What the catalog knows and the generator cannot write yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.catalog.read import load_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openinfra_tui.site.model import Site

BUILT_CLUSTER_DISTRIBUTIONS = ("existing",)
BUILT_PLUGINS = ("cilium", "calico")
BUILT_SERVICES = (
    *("aodh", "barbican", "ceilometer", "cinder", "designate", "glance", "heat", "horizon", "ironic"),
    *("keystone", "magnum", "manila", "masakari", "neutron", "nova", "octavia", "placement", "skyline"),
    "tempest",
)
# path, what it is, the value where nothing is written, what is built
_CHOICES = (
    ("secrets.backend", "secrets backend", "sops", ("sops", "external-secrets", "sealed-secrets")),
    ("storage.backend", "storage backend", "rook", ("rook", "external-ceph", "storage-class")),
    ("exposure.gateway", "gateway", "envoy-gateway", ("envoy-gateway",)),
    ("exposure.loadBalancer.provider", "load balancer", "metallb", ("metallb", "existing")),
    ("openstack.magnum.driver", "driver of Magnum", "heat", ("heat",)),
)
# What is written nowhere yet, so that any answer is refused.
_UNUSED = (
    ("openstack.magnum.osDistro", "os_distro of Magnum"),
    ("openstack.kolla.baseDistro", "base of the Kolla images"),
    ("openstack.kolla.extras", "list of Kolla extras"),
)


def not_built(site: Site) -> list[str]:
    """The answers of a site that are known but not built, one sentence each; empty if all are built.

    The schema refuses an unknown word, but lets any series pass: one that the catalog lacks is listed too.
    """
    catalog = load_catalog()
    deployer, series = str(site.get("openstack.deployer") or ""), str(site.get("openstack.series") or "")
    placement, engine = str(site.get("placement") or ""), str(site.get("gitops.engine") or "")
    asked = (
        ("openstack.deployer", "deployer", deployer, catalog.deployer(deployer)),
        ("openstack.series", "series", series, catalog.find_series(series)),
        ("placement", "placement", placement, catalog.placement(placement)),
        ("gitops.engine", "engine", engine, catalog.engine(engine)),
    )
    out = []
    for path, kind, answer, entry in asked:
        if entry is None:
            out.append(f"{path}: the {kind} {answer or '(none)'} is not in the catalog")
        elif not entry.built:
            out.append(f"{path}: the {kind} {answer} is known and not built yet")
    return [*out, *_parts(site), *_clusters(site)]


def _parts(site: Site) -> Iterator[str]:
    for path, kind, default, built in _CHOICES:
        value = site.get(path, default)
        if value not in built:
            yield f"{path}: the {kind} {value} is known and not built yet"
    for path, kind in _UNUSED:
        if site.get(path):
            yield f"{path}: the {kind} is known and not built yet"
    for service in site.get("openstack.services", ()):
        if service not in BUILT_SERVICES:
            yield f"openstack.services: the service {service} is known and not built yet"
    if str(site.get("mirrors.git") or "").startswith("ssh://"):
        yield "mirrors.git: a Git mirror by SSH is known and not built yet: name its https:// URL"


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
