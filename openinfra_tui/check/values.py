"""Keys of values files against the charts that are pinned.

OpenStack-Helm's charts ship no schema, and Helm ignores a key that no template reads: a misspelt key is a
setting that is not there. The key trees of the charts travel in `shapes/` (written by `scripts/shapes.py`).
Open: what the chart has as null, list or empty map; everything below `conf`, `endpoints.identity.auth`,
`extraObjects`, `annotations` and `overrides`, where operators add keys of their own.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache, reduce
from importlib import resources
from typing import TYPE_CHECKING, Any

from openinfra_tui.check.argocd import sources, values_files
from openinfra_tui.check.made_secrets import chart_values, made_secret
from openinfra_tui.check.report import (
    Fault,
    Repository,
    dig,
    mapping,
    named,
)
from openinfra_tui.engine import pins

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_OPEN_PATHS = ("conf", "endpoints.identity.auth", "extraObjects")
_OPEN_KEYS = ("annotations", "overrides")
# helm-toolkit looks an endpoint up by its type and falls back to `default`, so the type is no key of the
# charts' values (helm-toolkit/templates/endpoints/_keystone_endpoint_uri_lookup.tpl).
_BY_TYPE = re.compile(
    r"endpoints\.[^.]+\.(?:hosts|host_fqdn_override|scheme|path|port\.[^.]+)\.(?:public|internal|admin|service)"
)
_FILES = (
    *("values.yaml", "values.user.yaml", "values.argocd.yaml", "values.mirror.yaml", "secrets.sops.yaml"),
    *("external-secret.yaml", "sealed-secret.yaml"),
)
_GROUP = "openstack"
Pin = tuple[str, str]


@cache
def shapes(chart: str) -> dict[str, Any]:
    """Version → key tree of a chart; empty when the chart is not known."""
    file = resources.files("openinfra_tui.check") / "shapes" / "openstack_helm" / f"{chart}.json"
    if not chart.replace("-", "").isalnum() or not file.is_file():
        return {}
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def unknown_keys(values: object, shape: object, path: str = "") -> Iterator[str]:
    """What is wrong with values by the key tree of a chart, one text a key."""
    if path in _OPEN_PATHS or path.rsplit(".", 1)[-1] in _OPEN_KEYS:
        return
    if isinstance(shape, dict):
        if not shape or values is None:
            return
        if not isinstance(values, dict):
            yield f"{path or 'the file'} must be a map: the chart has one there"
            return
        for key, value in values.items():
            where = f"{path}.{key}" if path else str(key)
            if key in shape:
                yield from unknown_keys(value, shape[key], where)
            elif where in _OPEN_PATHS or where in _OPEN_KEYS or _BY_TYPE.fullmatch(where):
                continue
            elif key != "global" or path:
                yield f"{where} is no key of the chart: Helm would ignore it"
    elif shape in ("str", "int", "bool", "float") and isinstance(values, dict):
        yield f"{path} is a map: the chart has a {shape} there"


def union(one: Any, other: Any) -> Any:
    """The key tree that knows what either of two knows; where one is open, so is the union."""
    if isinstance(one, dict) and isinstance(other, dict) and one and other:
        return {
            key: union(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
            for key in {**one, **other}
        }
    return {} if isinstance(one, dict) or isinstance(other, dict) else one


def _common(repository: Repository, pins: Collection[Pin]) -> Iterator[Fault]:
    """Faults of the values that every chart of a site reads: each key must be known to one of the charts."""
    known = [shape for chart, version in pins if (shape := shapes(chart).get(version)) is not None]
    if not known:
        return
    shape = reduce(union, known)
    for file, documents in repository.documents.items():
        parts = file.split("/")
        if parts[0] in ("sites", "components") and parts[-3:-1] == [_GROUP, "common"] and parts[-1] in _FILES:
            for document in documents:
                for text in unknown_keys(_values_of(document), shape):
                    yield Fault("value", file, f"{text} (no {_GROUP} chart of the site has it)")


def check_values(repository: Repository) -> tuple[list[Fault], Counter[str]]:
    """Faults of kind `value`, and the charts without a key tree."""
    faults: set[Fault] = set()
    missing: Counter[str] = Counter()
    pins = _pins(repository)
    faults |= set(_common(repository, pins.keys()))
    for (chart, version), files in sorted(pins.items()):
        shape = shapes(chart).get(version)
        if shape is None:
            missing[f"chart {chart} {version}"] += 1
            continue
        for file in sorted(files):
            for document in repository.documents.get(file, ()):
                body = _values_of(document)
                faults |= {
                    Fault("value", file, f"{text} ({chart} {version})") for text in unknown_keys(body, shape)
                }
    for folder, items in repository.builds.items():
        for item in items:
            pin = release_pin(repository, item)
            shape = shapes(pin[0]).get(pin[1]) if pin else None
            if pin and shape is not None:
                inline = mapping(item, "spec.values")
                faults |= {
                    Fault("value", folder, f"{named(item)}: {text}") for text in unknown_keys(inline, shape)
                }
    return sorted(faults), missing


def _values_of(document: Any) -> Any:
    """The values that a file holds: itself without the metadata of its encryption, or those of a template."""
    if not isinstance(document, dict):
        return document
    if made_secret(document) is not None:
        return chart_values(document)
    return {key: item for key, item in document.items() if key != "sops"}


def _pins(repository: Repository) -> dict[Pin, set[str]]:
    """(chart, version) → the values files that reach that chart."""
    out: dict[Pin, set[str]] = {}
    for folder, items in repository.builds.items():
        parts = folder.split("/")
        releases = [pin for item in items if (pin := release_pin(repository, item)) and len(parts) == 4]
        if len(releases) == 1 and parts[2] == _GROUP:
            component = f"components/{_GROUP}/{parts[3]}"
            files = {f"{place}/{name}" for place in (folder, component) for name in _FILES}
            out.setdefault(releases[0], set()).update(files & repository.documents.keys())
    for entries in repository.clusters().values():
        for _, item in entries:
            if item["kind"] == "Application":
                own = {
                    name
                    for name in values_files(item)
                    if f"/{_GROUP}/" in name and f"/{_GROUP}/common/" not in name
                }
                for pin in map(source_pin, sources(item)) if own else ():
                    if pin:
                        out.setdefault(pin, set()).update(own)
    return out


def source_pin(source: dict[str, Any]) -> Pin | None:
    """Chart and version of a source of an Application; the commit that we pin has its tag's version."""
    revision = str(source.get("targetRevision"))
    if source.get("chart"):
        return str(source["chart"]), revision
    url = str(source.get("repoURL"))
    if url.startswith("oci://"):
        return url.rsplit("/", 1)[-1], revision.replace("_", "+")
    # By way of a mirror the commit is what tells.
    if source.get("path") and (url == pins.GIT_URL or revision == pins.GIT_COMMIT):
        version = pins.GIT_TAG if revision == pins.GIT_COMMIT else revision
        return str(source["path"]).strip("/").rsplit("/", 1)[-1], version
    return None


def release_pin(repository: Repository, item: dict[str, Any]) -> Pin | None:
    """Chart and version of a HelmRelease; a chart from Git has the version of the tag."""
    chart = mapping(item, "spec.chart.spec")
    if item.get("kind") != "HelmRelease" or not chart:
        return None
    name = str(chart.get("chart", "")).rstrip("/").rsplit("/", 1)[-1]
    if dig(chart, "sourceRef.kind") != "GitRepository":
        return name, str(chart.get("version"))
    for items in [*repository.builds.values(), *repository.documents.values()]:
        for other in items:
            same = isinstance(other, dict) and dig(other, "metadata.name") == dig(chart, "sourceRef.name")
            if same and other.get("kind") == "GitRepository":
                return name, str(dig(other, "spec.ref.tag") or chart.get("version"))
    return name, str(chart.get("version"))
