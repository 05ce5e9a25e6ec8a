"""The order of a plan as numbers, for an engine that has waves in place of a graph."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from openinfra_tui.plan.model import Plan


def waves(plan: Plan) -> dict[str, int]:
    """By step, its wave: one later than the latest that it waits for; the last where nothing waits for it.

    A wave waits for all of the one before: there, what nobody needs (monitoring, a dashboard, the dump)
    would hold up what everybody needs whenever it is not healthy.

    Steps whose pods wait for one another share the wave of the latest of them: Argo CD applies a wave when
    the one before is healthy, which half of such a circle never is (both-engines-seen.md 7). A step that
    the engine does not apply takes no wave of its own.

    Raises:
        UserError: a step waits for one of a circle and one of the circle waits for that step.
    """
    lead = _leaders(plan)
    weight = {lead[step.name]: 0 if step.component.is_common else 1 for step in plan.steps}
    edges: dict[str, set[str]] = {name: set() for name in lead.values()}
    for step in plan.steps:
        edges[lead[step.name]] |= {lead[name] for name in step.depends_on} - {lead[step.name]}
    try:
        order = list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        raise UserError(
            f"the waves are a circle: {' → '.join(error.args[1])}", "remove one of these edges"
        ) from error
    ready: dict[str, int] = {}  # the first wave in which a step's followers can be
    first: dict[str, int] = {}
    for name in order:
        first[name] = max((ready[need] for need in edges[name]), default=0)
        ready[name] = first[name] + weight[name]
    last = max(first.values(), default=0)
    needed = {need for needs in edges.values() for need in needs}
    # Custom resources serve others whom no edge names: a Gateway, a pool of addresses.
    needed |= {lead[step.name] for step in plan.steps if step.configs}
    return {step.name: first[lead[step.name]] if lead[step.name] in needed else last for step in plan.steps}


def _leaders(plan: Plan) -> dict[str, str]:
    """By step, the name that stands for it and for those that it is applied together with."""
    names = {step.name for step in plan.steps}
    lead = {}
    for step in plan.steps:
        beside = () if step.configs else step.component.alongside
        lead[step.name] = min({step.name, *beside} & names)
    return lead
