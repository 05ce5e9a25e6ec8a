"""Which step of a cluster is which of our own components, and what must come before it.

A step that we do not know is the operator's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openinfra_tui.plan.model import provided, wants

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openinfra_tui.plan.component import Component

_CONFIGS = "-configs"


def component_of(name: str, components: Mapping[str, Component]) -> tuple[Component | None, bool]:
    """The component of a step, and whether the step applies its custom resources."""
    if name in components:
        return components[name], components[name].configs is not None and not components[name].releases
    return components.get(name.removesuffix(_CONFIGS)), True


def steps_before(names: Collection[str], components: Mapping[str, Component]) -> dict[str, set[str]]:
    """By step that we know, the steps among `names` that must come before it."""
    providers: dict[str, list[str]] = {}
    for name in names:
        component, configs = component_of(name, components)
        for capability in provided(component, configs) if component else ():
            providers.setdefault(capability, []).append(name)
    found: dict[str, set[str]] = {}
    for name in names:
        component, configs = component_of(name, components)
        if component is None:
            continue
        wanted = wants(component, configs)
        before = {other for group in wanted for want in group for other in providers.get(want, ())}
        if configs and component.releases:
            before.add(component.name)
        found[name] = (before & set(names)) - {name, *component.alongside}
    return found
