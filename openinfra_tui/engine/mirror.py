"""The images of a plan, and the values by which each release fetches them from the site's mirror.

The values that a release has are read from what was rendered, so a template may choose any image; what this
writes is merged over them, and under what the operator writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui import yamlio
from openinfra_tui.catalog.images import chart_images, merged
from openinfra_tui.engine import layout
from openinfra_tui.plan.mirrors import mirrors_of, with_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.plan.component import Component
    from openinfra_tui.plan.model import Plan

FILE = "values.mirror.yaml"
_HEADER = "# spec.mirrors.images; `openinfra-tui mirror list` says what the mirror must hold.\n"


@dataclass(frozen=True)
class Used:
    """An image that a component runs.

    Attributes:
        reference: with its host, as it is in the internet.
        component: who runs it.
        key: the path in the values of the chart that names it.
    """

    reference: str
    component: str
    key: str


@dataclass(frozen=True)
class Images:
    """The images of a plan.

    Attributes:
        used: each image of each component.
        values: component → values by which it fetches them from the mirror; empty without a mirror.
        unknown: charts whose images nobody has listed, as (component, chart, version).
    """

    used: tuple[Used, ...]
    values: Mapping[str, Mapping[str, Any]]
    unknown: tuple[tuple[str, str, str], ...]


def images_of(plan: Plan, rendered: Mapping[str, Mapping[str, bytes]]) -> Images:
    """The images of a plan.

    Args:
        plan: the steps of one cluster.
        rendered: by component, the files of its skeleton.
    """
    mirrors, commons = mirrors_of(plan.site.spec), layout.commons(plan)
    known = {path: content for files in rendered.values() for path, content in files.items()}
    used: list[Used] = []
    unknown: list[tuple[str, str, str]] = []
    values: dict[str, dict[str, Any]] = {}
    for component in plan.components:
        common = commons.get(component.group or "")
        for release in component.releases:
            own = _values(plan, component, common, known)
            found = chart_images(release.chart, release.version, own)
            if found is None:
                unknown.append((component.name, release.chart, release.version))
            led: dict[str, str] = {}
            for image in found or ():
                reference = with_host(image.runs(own))
                used.append(Used(reference, component.name, image.key))
                led |= image.values_for(mirrors.image(reference))
            if mirrors.images and led:
                values[component.name] = _nested(led)
    return Images(tuple(used), values, tuple(unknown))


def values_files(plan: Plan, rendered: Mapping[str, Mapping[str, bytes]]) -> dict[str, str]:
    """Path → content of the values files that lead images through the mirror; none without one."""
    by_name = {component.name: component for component in plan.components}
    return {
        f"{layout.overlay(plan, by_name[name])}/{FILE}": _HEADER + yamlio.dump(values)
        for name, values in images_of(plan, rendered).values.items()
    }


def _values(
    plan: Plan, component: Component, common: Component | None, known: Mapping[str, bytes]
) -> dict[str, Any]:
    """What a release has for values before the operator's own."""
    here = layout.overlay(plan, component)
    order = [
        f"{layout.base(component)}/values.yaml",
        *([f"{layout.overlay(plan, common)}/values.yaml"] if common else []),
        f"{here}/values.yaml",
        f"{here}/values.argocd.yaml",
    ]
    return merged(*(yamlio.load(known[path]) for path in order if path in known))


def _nested(flat: Mapping[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for path, value in sorted(flat.items()):
        *parents, last = path.split(".")
        place = out
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = value
    return out
