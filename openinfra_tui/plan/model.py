"""The Plan: which components a cluster carries, with what facts, in what order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from openinfra_tui.errors import UserError
from openinfra_tui.plan.facts import facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.plan.component import Component
    from openinfra_tui.site.model import Site


@dataclass(frozen=True)
class Step:
    """One thing that is applied and waited for: a component, or its custom resources."""

    component: Component
    configs: bool
    depends_on: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the step, and of the object with which the engine applies it."""
        return _name(self.component, self.configs)


@dataclass(frozen=True)
class Plan:
    """The steps of one cluster in an order that can be applied.

    Attributes:
        site: the answers.
        cluster: the role of the cluster; empty where the site has none.
        facts: what follows from the answers.
        steps: in order; every dependency stands before what depends on it.
        parts: the components without a step: their files belong to another, or nothing applies them.
    """

    site: Site
    cluster: str
    facts: Mapping[str, Any]
    steps: tuple[Step, ...]
    parts: tuple[Component, ...] = ()

    @property
    def components(self) -> tuple[Component, ...]:
        """The components, each once: those with steps, in order, then the parts."""
        return (*{step.component.name: step.component for step in self.steps}.values(), *self.parts)


def make_plan(site: Site, components: Mapping[str, Component], cluster: str) -> Plan:
    """Choose the components of a cluster and order them.

    Where the site has no cluster (an empty role) nothing is applied: there are parts, and what they are of.

    Raises:
        UserError: a requirement has no provider, or the order is a circle.
    """
    derived = facts(site)
    fitting = [
        replace(c, secrets=tuple(s for s in c.secrets if all(_holds(p, site, derived) for p in s.when)))
        for c in components.values()
        if all(_holds(p, site, derived) for p in c.when)
    ]
    parts = tuple(c for c in fitting if c.part_of)
    if not cluster:
        whole = tuple(c for c in fitting if any(part.part_of == c.name for part in parts))
        return Plan(site, cluster, derived, (), (*whole, *parts))
    chosen = [c for c in fitting if cluster.partition("-")[0] in c.clusters and not c.part_of]
    parts = tuple(part for part in parts if any(part.part_of == c.name for c in chosen))
    phases = [(c, False) for c in chosen if c.releases or c.configs is None]
    phases += [(c, True) for c in chosen if c.configs is not None]
    providers: dict[str, list[str]] = {}
    for component, configs in phases:
        name = _name(component, configs)
        for capability in provided(component, configs):
            providers.setdefault(capability, []).append(name)
    edges: dict[str, set[str]] = {}
    missing: list[str] = []
    for component, configs in phases:
        name = _name(component, configs)
        needs, wishes = wants(component, configs)
        if component.secrets and not configs:  # also those that only some sites have
            wishes = (*wishes, "secret-store")
        edges[name] = {provider for want in (*needs, *wishes) for provider in providers.get(want, ())} - {
            name
        }
        missing += [
            f"{name} requires {want}, which nothing in this plan provides"
            for want in needs
            if want not in providers
        ]
        if configs and component.releases:
            edges[name].add(component.name)
    if missing:
        raise UserError("\n".join(missing), "choose what provides it, or leave out what requires it")
    by_name = {_name(c, configs): (c, configs) for c, configs in phases}
    steps = tuple(Step(*by_name[name], tuple(sorted(edges[name]))) for name in _order(edges))
    return Plan(site, cluster, derived, steps, parts)


def _name(component: Component, configs: bool) -> str:
    return f"{component.name}-configs" if configs and component.releases else component.name


def provided(component: Component, configs: bool) -> tuple[str, ...]:
    """The capabilities that a step of a component provides."""
    own = component.configs.provides if configs and component.configs else ()
    return (*own, *(() if configs and component.releases else component.provides))


def wants(component: Component, configs: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a step requires, and what it follows where that exists.

    Namespaces are always followed, and so is what makes the Secrets of a component that has some everywhere.
    """
    if not configs or component.configs is None:
        made = ("namespaces", *(("secret-store",) if any(not s.when for s in component.secrets) else ()))
        return component.requires, (*component.after, *made)
    if component.releases:
        return component.configs.requires, component.configs.after
    return (*component.requires, *component.configs.requires), (
        *component.after,
        *component.configs.after,
        "namespaces",
    )


def _order(edges: Mapping[str, Iterable[str]]) -> list[str]:
    sorter = TopologicalSorter(edges)
    try:
        sorter.prepare()
    except CycleError as error:
        raise UserError(
            f"the order is a circle: {' → '.join(error.args[1])}", "remove one of these edges"
        ) from error
    out: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        out += ready
        sorter.done(*ready)
    return out


def _holds(predicate: Mapping[str, Any], site: Site, derived: Mapping[str, Any]) -> bool:
    path: str = predicate["path"]
    value: Any = derived if path.startswith("facts.") else site.get(path)
    if path.startswith("facts."):
        for part in path.removeprefix("facts.").split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if "is" in predicate:
        return bool(value == predicate["is"])
    if "in" in predicate:
        return value in predicate["in"]
    if "contains" in predicate:
        return value is not None and predicate["contains"] in value
    return (value not in (None, "", [], {})) is predicate["present"]
