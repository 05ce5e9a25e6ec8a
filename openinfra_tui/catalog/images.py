"""The images of each chart that is pinned, and the keys of its values that say where they come from.

`data/images/openstack_helm.json` is written by `scripts/images.py` from the charts' own values;
`data/images/charts.yaml` holds the other charts, each with its source.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from openinfra_tui import yamlio

if TYPE_CHECKING:
    from collections.abc import Mapping

# Name below images.tags → what must be true in the values, and what the charts have there.
# Sources: _job_image_repo_sync.tpl of helm-toolkit, daemonset-libvirt.yaml of libvirt.
_ONLY_WHEN = {
    "image_repo_sync": ("images.local_registry.active", False),
    "kubectl": ("conf.qemu.vnc_tls", False),
    "libvirt_exporter": ("pod.sidecars.libvirt_exporter.enabled", False),
}


@dataclass(frozen=True)
class Image:
    """An image that a chart runs; the fields but the first two are paths of its values, empty for none.

    Attributes:
        default: the reference that the chart runs as it is.
        when: a path and what the chart has there; the image is used while it is true.
        reference: has all of the reference.
        registry: has the host, and what stands before the rest.
        repository: has the reference without tag, and without host where `registry` has it.
        tag: has the tag.
        prefix: has a registry that ends in a slash.
    """

    default: str
    when: tuple[str, bool] | None = None
    reference: str = ""
    registry: str = ""
    repository: str = ""
    tag: str = ""
    prefix: str = ""

    @property
    def key(self) -> str:
        """The path that leads it elsewhere."""
        return self.reference or self.registry or self.repository or self.prefix

    def is_used(self, values: Mapping[str, Any]) -> bool:
        """Whether a release with these values runs it."""
        if self.when is None:
            return True
        path, default = self.when
        found = _at(values, path)
        return found not in (False, "", "0", "false") if found is not None else default

    def runs(self, values: Mapping[str, Any]) -> str:
        """The reference that a release with these values runs."""
        if self.reference:
            return str(_at(values, self.reference) or self.default)
        host, name, tag = self._parts()
        if self.prefix:
            return f"{_at(values, self.prefix) or f'{host}/'}{name}:{tag}"
        registry = str(_at(values, self.registry) or host) if self.registry else ""
        repository = _at(values, self.repository) or (name if self.registry else f"{host}/{name}")
        place = f"{registry.rstrip('/')}/{repository}" if registry else str(repository)
        return f"{place}:{_at(values, self.tag) or tag}"

    def values_for(self, reference: str) -> dict[str, str]:
        """The values, by path, with which a release runs a reference of the same name and tag."""
        if self.reference:
            return {self.reference: reference}
        _, name, _ = self._parts()
        place = reference.rpartition(":")[0]
        if self.prefix:
            return {self.prefix: place.removesuffix(name)}
        if self.registry:
            return {self.registry: place.removesuffix(f"/{name}")}
        return {self.repository: place}

    def _parts(self) -> tuple[str, str, str]:
        place, _, tag = self.default.rpartition(":")
        host, _, name = place.partition("/")
        return host, name, tag


def chart_images(chart: str, version: str, values: Mapping[str, Any]) -> tuple[Image, ...] | None:
    """The images that a release of a chart with these values runs; None when the chart is not known."""
    tags = _openstack_helm().get(chart, {}).get(version)
    if tags is None:
        known = _charts().get(chart, {}).get(version)
        return None if known is None else tuple(image for image in known if image.is_used(values))
    own = _at(values, "images.tags")
    names = {**tags, **(own if isinstance(own, dict) else {})}
    found = (
        Image(str(tags.get(name) or reference), _ONLY_WHEN.get(name), reference=f"images.tags.{name}")
        for name, reference in sorted(names.items())
        if reference
    )
    return tuple(image for image in found if image.is_used(values))


def merged(*layers: object) -> dict[str, Any]:
    """Values as Helm merges them: maps key by key, anything else by the last that has it."""
    out: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items() if isinstance(layer, dict) else ():
            held = out.get(key)
            out[key] = merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return out


@cache
def _openstack_helm() -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = json.loads(_data("openstack_helm.json"))
    return found


@cache
def _charts() -> dict[str, dict[str, tuple[Image, ...]]]:
    return {
        chart: {str(version): tuple(map(_image, entry["images"])) for version, entry in versions.items()}
        for chart, versions in yamlio.load(_data("charts.yaml")).items()
    }


def _image(entry: Mapping[str, Any]) -> Image:
    paths = {key: value for key, value in entry.items() if key not in ("image", "when")}
    when = entry.get("when")
    return Image(entry["image"], (when["key"], when["default"]) if when else None, **paths)


def _data(name: str) -> bytes:
    return resources.files("openinfra_tui.catalog").joinpath("data", "images", name).read_bytes()


def _at(values: object, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(values, dict):
            return None
        values = values.get(key)
    return values
