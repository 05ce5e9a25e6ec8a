"""Applications against what our own components say: the order that they need, and their passwords.

Argo CD knows no dependency: an order that is wrong deadlocks, and a chart without its passwords installs with
the word `password` (both-engines-seen.md 2, 7). A component that we do not know is the operator's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.check.argocd import applications, values_files, wave
from openinfra_tui.check.report import (
    Fault,
    Repository,
    dig,
    named,
)
from openinfra_tui.check.steps import component_of, steps_before
from openinfra_tui.plan.component import load_components

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from openinfra_tui.check.report import Place
    from openinfra_tui.plan.component import Component


def check_argocd_plan(repository: Repository) -> list[Fault]:
    """Faults of waves and of missing passwords, cluster by cluster."""
    components = load_components()
    faults: list[Fault] = []
    for entries in repository.clusters().values():
        found = {str(dig(item, "metadata.name")): (file, item) for file, item in applications(entries)}
        before = steps_before(found, components)
        for name, (file, item) in found.items():
            faults += [
                Fault("reference", file, f"{named(item)}: {text}")
                for text in _order(name, item, found, before.get(name, ()), components)
            ]
            component = components.get(name)
            if component is not None:
                faults += [
                    Fault("secret", file, f"{named(item)}: {text}")
                    for text in _passwords(repository, item, component)
                ]
    return faults


def _order(
    name: str,
    item: dict[str, Any],
    found: Mapping[str, Place],
    before: Collection[str],
    components: Mapping[str, Component],
) -> Iterator[str]:
    for other in sorted(before):
        if wave(found[other][1]) >= wave(item):
            yield f"wave {wave(item)} does not come after wave {wave(found[other][1])} of {other}"
    component, configs = component_of(name, components)
    for other in () if component is None or configs else component.alongside:
        if other in found and wave(found[other][1]) != wave(item):
            yield f"must be in the wave of {other}: their pods wait for one another"


def _passwords(repository: Repository, item: dict[str, Any], component: Component) -> Iterator[str]:
    files = [file for file in values_files(item) if file.endswith(".sops.yaml")]
    documents = [document for file in files for document in repository.documents.get(file, ())]
    missing = [
        secret.path
        for secret in component.secrets
        # What is wanted only by some sites cannot be missed here: the answers are not known.
        if not secret.when and not any(dig(document, secret.path) for document in documents)
    ]
    if missing:
        yield (
            "no encrypted values file that it reads has "
            + ", ".join(missing[:5])
            + ": the chart would install with a password that everyone knows"
        )
