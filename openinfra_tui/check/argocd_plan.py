"""Applications against what our own components say: the order that they need, and their passwords.

Argo CD knows no dependency: an order that is wrong deadlocks, and a chart without its passwords installs with
the word `password` (both-engines-seen.md 2, 7). A component that we do not know is the operator's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.check.argocd import applications, values_files, wave
from openinfra_tui.check.report import Fault, Repository, dig, named
from openinfra_tui.plan.component import load_components
from openinfra_tui.plan.model import provided, wants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openinfra_tui.check.report import Place
    from openinfra_tui.plan.component import Component

_CONFIGS = "-configs"


def check_argocd_plan(repository: Repository) -> list[Fault]:
    """Faults of waves and of missing passwords, cluster by cluster."""
    components = load_components()
    faults: list[Fault] = []
    for entries in repository.clusters().values():
        found = {str(dig(item, "metadata.name")): (file, item) for file, item in applications(entries)}
        providers = _providers(found, components)
        for name, (file, item) in found.items():
            faults += [
                Fault("reference", file, f"{named(item)}: {text}")
                for text in _order(name, item, found, providers, components)
            ]
            component = components.get(name)
            if component is not None:
                faults += [
                    Fault("secret", file, f"{named(item)}: {text}")
                    for text in _passwords(repository, item, component)
                ]
    return faults


def _providers(found: Mapping[str, Place], components: Mapping[str, Component]) -> dict[str, list[str]]:
    """By capability, the Applications that provide it."""
    out: dict[str, list[str]] = {}
    for name in found:
        component, configs = _component(name, components)
        for capability in provided(component, configs) if component else ():
            out.setdefault(capability, []).append(name)
    return out


def _order(
    name: str,
    item: dict[str, Any],
    found: Mapping[str, Place],
    providers: Mapping[str, list[str]],
    components: Mapping[str, Component],
) -> Iterator[str]:
    component, configs = _component(name, components)
    if component is None:
        return
    before = {
        other for group in wants(component, configs) for want in group for other in providers.get(want, ())
    }
    if configs and component.releases:
        before.add(component.name)
    for other in sorted((before & found.keys()) - {name, *component.alongside}):
        if wave(found[other][1]) >= wave(item):
            yield f"wave {wave(item)} does not come after wave {wave(found[other][1])} of {other}"
    for other in () if configs else component.alongside:
        if other in found and wave(found[other][1]) != wave(item):
            yield f"must be in the wave of {other}: their pods wait for one another"


def _component(name: str, components: Mapping[str, Component]) -> tuple[Component | None, bool]:
    """The component of an Application, and whether it applies its custom resources."""
    if name in components:
        return components[name], components[name].configs is not None and not components[name].releases
    return components.get(name.removesuffix(_CONFIGS)), True


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
