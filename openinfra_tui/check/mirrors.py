"""Nothing is fetched past the mirrors of a site: chart sources, Git sources, and the images of every release.

What a release runs follows from its values, all of them as Helm merges them, and from the list of the images
of its chart (`catalog/images.py`). A chart that has no list there is named as not validated.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import yamlio
from openinfra_tui.catalog.images import chart_images, merged
from openinfra_tui.check.argocd import GROUP, is_own, sources, values_files
from openinfra_tui.check.report import (
    Fault,
    Repository,
    dig,
    is_kind,
    is_object,
    mapping,
    mappings,
    named,
)
from openinfra_tui.check.values import release_pin, source_pin
from openinfra_tui.plan.mirrors import Mirrors, mirrors_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SOURCES = "source.toolkit.fluxcd.io"
_HELM = "helm.toolkit.fluxcd.io"
_NO_PODS = ("ConfigMap", "Secret", "HelmRelease", "Application", "CustomResourceDefinition")
Place = tuple[str, dict[str, Any]]


def check_mirrors(repository: Repository) -> tuple[list[Fault], Counter[str]]:
    """Faults of kind `mirror`, and the charts whose images nobody has listed."""
    faults: set[Fault] = set()
    unknown: Counter[str] = Counter()
    for file, documents in repository.documents.items():
        parts = file.split("/")
        spec = dig(documents[0], "spec") if documents else None
        if len(parts) == 3 and parts[0] == "sites" and parts[2] == "site.yaml" and isinstance(spec, dict):
            mirrors, own = mirrors_of(spec), str(dig(spec, "gitops.url"))
            if mirrors:
                places = _objects(repository, parts[1])
                faults |= set(_fetched(places, mirrors, own))
                for place, what, chart, version, values in _releases(repository, places):
                    images = chart_images(chart, version, values) if mirrors.images else ()
                    if images is None:
                        unknown[f"images of chart {chart} {version}"] += 1
                    for image in images or ():
                        reference = image.runs(values)
                        if not mirrors.has_image(reference):
                            text = f"{what} runs {reference} ({image.key}), which is not in {mirrors.images}"
                            faults.add(Fault("mirror", place, text))
    return sorted(faults), unknown


def _objects(repository: Repository, site: str) -> list[Place]:
    """The objects of a site: what is built of its folders, and what stands in those of its clusters."""
    built = [
        (folder, item)
        for folder, items in repository.builds.items()
        if folder.startswith((f"sites/{site}/", f"clusters/{site}/"))
        for item in items
        if is_object(item)
    ]
    entries = repository.clusters().items()
    return [*built, *(place for folder, found in entries if folder.split("/")[1] == site for place in found)]


def _fetched(places: Iterable[Place], mirrors: Mirrors, own: str) -> Iterator[Fault]:
    """Sources past the mirrors, and images of objects that are no releases."""
    for file, item in places:
        for url, is_chart in _urls(item):
            known = mirrors.charts if is_chart else mirrors.git
            inside = mirrors.has_chart(url) if is_chart else url == own or mirrors.has_repository(url)
            if known and not inside:
                yield Fault("mirror", file, f"{named(item)} fetches {url}, which is not in {known}")
        if mirrors.images and item["kind"] not in _NO_PODS:
            for reference in _images(item):
                if not mirrors.reaches_image(reference):
                    text = f"{named(item)} runs {reference}, which is not in {mirrors.images}"
                    yield Fault("mirror", file, text)


def _urls(item: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """The URLs that an object fetches from, each with whether charts are there."""
    if str(item["apiVersion"]).startswith(f"{_SOURCES}/"):
        url = dig(item, "spec.url")
        if url and item["kind"] in ("HelmRepository", "OCIRepository", "GitRepository"):
            yield str(url), item["kind"] != "GitRepository"
    elif is_kind(item, "Application", GROUP):
        for source in sources(item):
            url = str(source.get("repoURL"))
            if not source.get("ref") and not is_own(item, source):
                yield url, bool(source.get("chart")) or url.startswith("oci://")


def _images(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "image" and isinstance(item, str):
                yield item
            else:
                yield from _images(item)
    elif isinstance(value, list):
        for item in value:
            yield from _images(item)


def _releases(
    repository: Repository, places: list[Place]
) -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
    """Place, name, chart, version and values of every release."""
    maps = {_key(item): item for _, item in places if item["kind"] == "ConfigMap"}
    for file, item in places:
        if is_kind(item, "HelmRelease", _HELM):
            pin = release_pin(repository, item) or _of_oci(item, places)
            if pin:
                layers = [_map_values(maps, item, source) for source in mappings(item, "spec.valuesFrom")]
                yield file, named(item), *pin, merged(*layers, dig(item, "spec.values"))
        elif is_kind(item, "Application", GROUP):
            layers = [one for name in values_files(item) for one in repository.documents.get(name, ())]
            for pin in filter(None, map(source_pin, sources(item))):
                yield file, named(item), *pin, merged(*layers)


def _of_oci(item: dict[str, Any], places: list[Place]) -> tuple[str, str] | None:
    """Chart and version of a release whose chart is an OCIRepository."""
    name = dig(item, "spec.chartRef.name")
    for _, other in places:
        same = _key(other) == (str(dig(item, "metadata.namespace")), str(name))
        if same and is_kind(other, "OCIRepository", _SOURCES):
            return str(dig(other, "spec.url")).rsplit("/", 1)[-1], str(dig(other, "spec.ref.tag"))
    return None


def _map_values(maps: dict[tuple[str, str], dict[str, Any]], item: dict[str, Any], source: Any) -> Any:
    """The values that a release takes from a ConfigMap; none from what is not one, or not YAML."""
    found = maps.get((str(dig(item, "metadata.namespace")), str(dig(source, "name"))), {})
    if dig(source, "kind") != "ConfigMap":
        return None
    try:
        text = mapping(found, "data").get(str(dig(source, "valuesKey") or "values.yaml"))
        return yamlio.load(str(text or ""))
    except yaml.YAMLError:
        return None


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return str(dig(item, "metadata.namespace")), str(dig(item, "metadata.name"))
