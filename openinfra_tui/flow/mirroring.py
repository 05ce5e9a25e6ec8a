"""What a site needs from the internet: charts, Git sources and images, and where its mirrors keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from openinfra_tui.engine import layout, pins
from openinfra_tui.engine.mirror import images_of
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_parts
from openinfra_tui.plan.mirrors import Mirrors, mirrors_of

if TYPE_CHECKING:
    from datetime import date

    from openinfra_tui.plan.model import Plan
    from openinfra_tui.site.model import Site

_ENGINES = {
    "flux": "the images of Flux itself: `flux install --export` names them",
    "argocd": "the images of Argo CD itself and what its repo-server downloads: argocd/ names them",
}


@dataclass(frozen=True)
class Chart:
    """A chart at one version. `mirror` is where the site fetches it: at `source` where none is set."""

    name: str
    version: str
    source: str
    mirror: str


@dataclass(frozen=True)
class GitSource:
    """A Git repository at one commit, and what is read from it."""

    url: str
    tag: str
    commit: str
    paths: tuple[str, ...]
    mirror: str


@dataclass(frozen=True)
class ImageUse:
    """Who runs an image: the component, and the key of its chart's values that names it."""

    component: str
    key: str


@dataclass(frozen=True)
class Image:
    """An image; `digest` is None where only its tag is known."""

    reference: str
    digest: str | None
    used_by: tuple[ImageUse, ...]
    mirror: str


@dataclass(frozen=True)
class Needs:
    """All that a site needs from the internet; `unknown` says what nobody has listed."""

    site: str
    mirrors: Mirrors
    charts: tuple[Chart, ...]
    git: tuple[GitSource, ...]
    images: tuple[Image, ...]
    unknown: tuple[str, ...]


def needs(site: Site, today: date) -> Needs:
    """What a site needs from the internet, sorted; nothing is fetched to know it.

    Raises:
        UserError: a rule refuses the site.
        NotBuiltYet: the answers are valid, and this version cannot write them.
    """
    plan, _ = plan_site(site, today)
    mirrors = mirrors_of(site.spec)
    found = images_of(plan, render_parts(plan, dict(site.get("secrets.recipients", {})), None))
    users: dict[str, list[ImageUse]] = {}
    for one in found.used:
        users.setdefault(one.reference, []).append(ImageUse(one.component, one.key))
    images = tuple(
        Image(reference, reference.partition("@")[2] or None, tuple(by), mirrors.image(reference))
        for reference, by in sorted(users.items())
    )
    unknown = [f"the images of chart {chart} {version} ({name})" for name, chart, version in found.unknown]
    engine = _ENGINES[site.get("gitops.engine")]
    return Needs(site.name, mirrors, _charts(plan), _git(plan, mirrors), images, (*sorted(unknown), engine))


def _charts(plan: Plan) -> tuple[Chart, ...]:
    sources = layout.chart_sources(plan)
    found = {
        Chart(one.chart, one.version, sources[one.source], layout.chart_place(plan, one))
        for component in plan.components
        for one in component.releases
        if one.source != pins.GIT_SOURCE
    }
    return tuple(sorted(found, key=lambda chart: (chart.name, chart.version)))


def _git(plan: Plan, mirrors: Mirrors) -> tuple[GitSource, ...]:
    paths: dict[tuple[str, str, str], set[str]] = {}
    for component in plan.components:
        foreign = component.manifests
        if foreign is not None:
            paths.setdefault((foreign.url, foreign.tag, foreign.commit), set()).add(foreign.path)
        for one in component.releases:
            if one.source == pins.GIT_SOURCE:
                pin = (pins.GIT_URL, pins.GIT_TAG, pins.GIT_COMMIT)
                paths.setdefault(pin, set()).add(one.chart)
    return tuple(
        GitSource(*pin, tuple(sorted(read)), mirrors.repository(pin[0]))
        for pin, read in sorted(paths.items())
    )
