"""Rules of where secrets are kept."""

from __future__ import annotations

from openinfra_tui.catalog.rules.registry import Facts, Found, rule

_ALWAYS = ("mariadb", "rabbitmq")


@rule(
    "K1",
    "error",
    when=lambda facts: facts.deployer == "openstack-helm" and facts.text("gitops.engine") == "argocd",
    because=(
        "Argo CD takes no values from a Secret, and these charts write passwords from values into objects "
        "of their own, also where they are told to make no Secret: services into NAME-etc, mariadb into a "
        "ConfigMap, rabbitmq into its StatefulSet. Keystone, mariadb and rabbitmq are in every site."
    ),
    source="https://argo-cd.readthedocs.io/en/stable/user-guide/helm/",
    paths=("secrets.backend", "gitops.engine"),
)
def made_secrets(facts: Facts) -> Found:
    """Argo CD with a store that makes Secrets in the cluster, for charts that take passwords as values."""
    store = facts.text("secrets.backend")
    if store in ("external-secrets", "sealed-secrets"):
        charts = ", ".join(sorted({*_ALWAYS, *facts.services}))
        yield f"Argo CD with {store}: the passwords of {charts} would stand in Git in clear"
