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
    backend = site.get("secrets.backend", "sops")
    if backend not in BUILT_SECRET_BACKENDS:
        out.append(f"secrets.backend: the secrets backend {backend} is known and not built yet")
    for role, cluster in (site.get("clusters") or {}).items():
        made_by = cluster.get("distribution", "existing")
        if made_by not in BUILT_CLUSTER_DISTRIBUTIONS:
            out.append(f"clusters.{role}.distribution: the distribution {made_by} is known and not built yet")
    return out
