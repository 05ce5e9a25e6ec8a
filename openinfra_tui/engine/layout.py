"""What is in the same place for every engine, and where charts come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.engine import pins
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.plan.component import Component
    from openinfra_tui.plan.model import Plan

_USER_VALUES = (
    b"# Yours: merged last, over every other values file of this release; never written again.\n{}\n"
)


def base(component: Component) -> str:
    """The folder of what holds at every site."""
    return f"components/{component.place}"


def overlay(plan: Plan, component: Component) -> str:
    """The folder of what holds at this site."""
    return f"sites/{plan.site.name}/{component.place}"


# By store, the file of a component.
_SECRETS = {
    "sops": "secrets.sops.yaml",
    "external-secrets": "external-secret.yaml",
    "sealed-secrets": "sealed-secret.yaml",
}


def secret_files(plan: Plan) -> dict[str, Component]:
    """By the file that keeps its secrets, each component that has some."""
    name = _SECRETS[plan.site.get("secrets.backend")]
    return {f"{overlay(plan, c)}/{name}": c for c in plan.components if c.secrets}


def secret_name(component: Component) -> str:
    """The name of the Secret that the releases of a component read, whatever store a site has."""
    return f"{component.name}-common-secrets" if component.is_common else f"{component.name}-secrets"


def stores_of(existing: Iterable[str], site: str) -> frozenset[str]:
    """The stores that keep secrets of a site in a repository, by the files that are there."""
    names = {name: store for store, name in _SECRETS.items()}
    found = (path for path in existing if path.startswith(f"sites/{site}/"))
    return frozenset(names[name] for path in found if (name := path.rsplit("/", 1)[-1]) in names)


def entry(plan: Plan) -> str:
    """The folder where the engine starts to read."""
    return f"clusters/{plan.site.name}/{plan.cluster}"


def commons(plan: Plan) -> dict[str, Component]:
    """By group, the component that holds what the releases of the group share."""
    return {component.name: component for component in plan.components if component.is_common}


def chart_sources(plan: Plan) -> dict[str, str]:
    """By name, the URL of every chart source but the one in Git."""
    own = {name: url for component in plan.components for name, url in component.chart_sources.items()}
    return {**pins.SOURCES, **own}


def user_values(plan: Plan, engine: str) -> Tree:
    """The values files that are the operator's own once they exist."""
    return Tree(
        {
            f"{overlay(plan, component)}/values.user.yaml": File(_USER_VALUES, engine, once=True)
            for component in plan.components
            if component.releases
        }
    )
