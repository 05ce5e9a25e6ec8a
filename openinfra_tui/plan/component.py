"""A component: one folder of `skeletons/`, read from its `component.yaml`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from openinfra_tui import yamlio
from openinfra_tui.resources import schema_path, skeletons_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Secret:
    """A secret and its place in the values of the chart; equal names are equal values."""

    path: str
    name: str
    form: str
    when: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Release:
    """A Helm release: explicit name, chart at one version, how it is waited for."""

    name: str
    chart: str
    source: str
    version: str
    timeout: str
    disable_wait: bool
    crds: str | None


@dataclass(frozen=True)
class Manifests:
    """A folder of another repository at one commit, applied as it is."""

    url: str
    path: str
    tag: str
    commit: str


@dataclass(frozen=True)
class Objects:
    """Plain objects, applied with kustomize: the folders that become ConfigMaps, and the time for all."""

    config_maps: tuple[str, ...]
    timeout: str


@dataclass(frozen=True)
class Vault:
    """A file of generated secrets in the format of ansible-vault.

    Attributes:
        path: below the component's folder of a site.
        password: the name of the secret that opens it.
        keys: the fact that holds its keys, each with the form of its secret.
    """

    path: str
    password: str
    keys: str


@dataclass(frozen=True)
class Configs:
    """The second step of a component: custom resources, and what they wait for."""

    provides: tuple[str, ...]
    requires: tuple[str, ...]
    after: tuple[str, ...]
    health: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Reach:
    """What a chart makes outside of its own namespace: other namespaces, and kinds (`GROUP/KIND`) in none."""

    namespaces: tuple[str, ...]
    cluster_kinds: tuple[str, ...]


@dataclass(frozen=True)
class Component:
    """What `component.yaml` says; the fields are described in its schema.

    `secrets_vary` tells that it has secrets at some sites and none at others.
    """

    name: str
    title: str
    group: str | None
    when: tuple[Mapping[str, Any], ...]
    provides: tuple[str, ...]
    requires: tuple[str, ...]
    after: tuple[str, ...]
    alongside: tuple[str, ...]
    namespace: str | None
    namespaces: tuple[str, ...]
    chart_sources: Mapping[str, str]
    reaches: Reach
    holds_data: bool
    releases: tuple[Release, ...]
    secrets: tuple[Secret, ...]
    health: tuple[Mapping[str, str], ...]
    configs: Configs | None
    ignored_by_argocd: tuple[Mapping[str, Any], ...]
    folder: Path
    manifests: Manifests | None = None
    secrets_vary: bool = False
    objects: Objects | None = None
    part_of: str | None = None
    clusters: tuple[str, ...] = ("undercloud",)
    once: tuple[str, ...] = ()
    vaults: tuple[Vault, ...] = ()

    @property
    def is_common(self) -> bool:
        """Whether it holds what the releases of a group share: their chart sources and common values."""
        applied = (self.configs, self.manifests, self.objects, self.part_of)
        return not self.releases and all(one is None for one in applied)

    @property
    def place(self) -> str:
        """Its folder below `components/` and `sites/SITE/`."""
        if self.part_of:
            return self.part_of
        if self.is_common:
            return f"{self.name}/common"
        return f"{self.group}/{self.name}" if self.group else self.name


def load_components(root: Path | None = None) -> dict[str, Component]:
    """Every component of a folder, by name.

    Raises:
        ValueError: a `component.yaml` breaks its schema, or two folders claim one name.
    """
    folder = root or skeletons_path()
    validator = Draft202012Validator(json.loads(schema_path("component-v1alpha1").read_text("utf-8")))
    found: dict[str, Component] = {}
    for path in sorted(folder.glob("*/component.yaml")):
        document = yamlio.load(path.read_bytes())
        faults = [
            f"{path}: {'/'.join(map(str, e.path))}: {e.message}" for e in validator.iter_errors(document)
        ]
        if faults:
            raise ValueError("\n".join(faults))
        component = _component(document, path.parent)
        if component.name != path.parent.name:
            raise ValueError(f"{path}: metadata.name must be the folder's name")
        found[component.name] = component
    return found


def _component(document: Mapping[str, Any], folder: Path) -> Component:
    spec = document["spec"]
    source = spec.get("chartSource", [])
    configs = spec.get("configs")
    manifests = spec.get("manifests")
    return Component(
        name=document["metadata"]["name"],
        title=spec["title"],
        group=spec.get("group"),
        when=tuple(spec.get("when", ())),
        provides=tuple(spec["provides"]),
        requires=tuple(spec.get("requires", ())),
        after=tuple(spec.get("after", ())),
        alongside=tuple(spec.get("alongside", ())),
        namespace=spec.get("namespace"),
        namespaces=tuple(spec.get("namespaces", ())),
        chart_sources={s["name"]: s["url"] for s in (source if isinstance(source, list) else [source])},
        reaches=_reach(spec.get("reaches", {})),
        holds_data=spec.get("holdsData", False),
        releases=tuple(_release(release) for release in spec.get("releases", ())),
        manifests=None if manifests is None else Manifests(**manifests),
        secrets=tuple(_secret(secret) for secret in spec.get("secrets", ())),
        health=tuple(spec.get("health", ())),
        configs=None if configs is None else _configs(configs),
        ignored_by_argocd=tuple(spec.get("argocd", {}).get("ignoreDifferences", ())),
        folder=folder,
        secrets_vary=bool(spec.get("secrets")) and all(secret.get("when") for secret in spec["secrets"]),
        objects=_objects(spec.get("objects")),
        part_of=spec.get("partOf"),
        clusters=tuple(spec.get("clusters", ("undercloud",))),
        once=tuple(spec.get("once", ())),
        vaults=tuple(Vault(**vault) for vault in spec.get("vaults", ())),
    )


def _objects(objects: Mapping[str, Any] | None) -> Objects | None:
    return None if objects is None else Objects(tuple(objects.get("configMaps", ())), objects["timeout"])


def _reach(reach: Mapping[str, Any]) -> Reach:
    return Reach(tuple(reach.get("namespaces", ())), tuple(reach.get("clusterKinds", ())))


def _release(release: Mapping[str, Any]) -> Release:
    chart = release["chart"]
    return Release(
        name=release["name"],
        chart=chart["name"],
        source=chart["source"],
        version=str(chart["version"]),
        timeout=release.get("timeout", "15m"),
        disable_wait=release.get("disableWait", False),
        crds=release.get("crds"),
    )


def _secret(secret: Mapping[str, Any]) -> Secret:
    return Secret(secret["path"], secret["name"], secret["form"], tuple(secret.get("when", ())))


def _configs(configs: Mapping[str, Any]) -> Configs:
    return Configs(
        provides=tuple(configs.get("provides", ())),
        requires=tuple(configs.get("requires", ())),
        after=tuple(configs.get("after", ())),
        health=tuple(configs.get("health", ())),
    )
