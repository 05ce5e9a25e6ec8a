"""What the catalog knows and the generator cannot write yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.catalog.read import load_catalog

if TYPE_CHECKING:
    from openinfra_tui.site.model import Site

BUILT_SECRET_BACKENDS = ("sops",)
BUILT_CLUSTER_DISTRIBUTIONS = ("existing", "kubeadm")


def not_built(site: Site) -> list[str]:
    """The answers of a site that are known but not built, one sentence each; empty if all are built.

    An answer that the catalog does not know is the schema's business and is not listed.
    """
    catalog = load_catalog()
    asked = (
        ("openstack.deployer", "deployer", catalog.deployer(site.get("openstack.deployer", ""))),
        ("openstack.series", "series", catalog.find_series(site.get("openstack.series", ""))),
        ("placement", "placement", catalog.placement(site.get("placement", ""))),
        ("gitops.engine", "engine", catalog.engine(site.get("gitops.engine", ""))),
    )
    out = [
        f"{path}: the {kind} {entry.id} is known and not built yet"
        for path, kind, entry in asked
        if entry is not None and not entry.built
    ]
    backend = site.get("secrets.backend", "sops")
    if backend not in BUILT_SECRET_BACKENDS:
        out.append(f"secrets.backend: the secrets backend {backend} is known and not built yet")
    for role, cluster in (site.get("clusters") or {}).items():
        made_by = cluster.get("distribution", "existing")
        if made_by not in BUILT_CLUSTER_DISTRIBUTIONS:
            out.append(f"clusters.{role}.distribution: the distribution {made_by} is known and not built yet")
    return out
