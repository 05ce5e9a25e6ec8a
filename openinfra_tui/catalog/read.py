"""The catalog: what exists, as data with sources and dates.

The files are in `catalog/data/`. Every entry names where its facts were read and on which day. A minor is
"1.35", a series "2026.1", a host "ubuntu 24.04" (distribution and release).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from openinfra_tui import yamlio

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Window:
    """The minor versions of Kubernetes or another program that are supported; an empty bound is open."""

    low: str = ""
    high: str = ""

    def holds(self, version: str) -> bool:
        """Whether a version such as 1.35 or 1.35.4 is inside."""
        minor = minor_of(version)
        return (not self.low or minor >= minor_of(self.low)) and (
            not self.high or minor <= minor_of(self.high)
        )

    def __str__(self) -> str:
        if not self.high:
            return f"{self.low} or newer"
        return f"{self.low} to {self.high}" if self.low else f"{self.high} or older"


@dataclass(frozen=True)
class Distribution:
    """One release of a Linux distribution. `cgroup` is 0 where no source says what it boots with."""

    id: str
    release: str
    family: str
    immutable: bool
    source: str
    date: datetime.date
    codename: str = ""
    python: str = ""
    cgroup: int = 0
    eol: datetime.date | None = None


@dataclass(frozen=True)
class Series:
    """One OpenStack series."""

    id: str
    name: str
    slurp: bool
    released: datetime.date
    source: str
    date: datetime.date
    unmaintained: datetime.date | None = None
    eol: datetime.date | None = None


@dataclass(frozen=True)
class Minor:
    """One Kubernetes minor."""

    id: str
    released: datetime.date
    source: str
    date: datetime.date
    eol: datetime.date | None = None


@dataclass(frozen=True)
class Component:
    """The Kubernetes window of one component at the version that we use, and its Cluster API contract."""

    id: str
    version: str
    window: Window
    source: str
    date: datetime.date
    contract: str = ""


@dataclass(frozen=True)
class ControlHost:
    """The versions that a series of Kolla-Ansible wants where Ansible is run."""

    python: Window
    ansible_core: Window


@dataclass(frozen=True)
class Deployer:
    """Who deploys OpenStack.

    Attributes:
        id: its name in a site.
        title: its name in a text.
        built: the series that this version writes for it.
        push: whether Ansible or Juju does the work, which Kubernetes cannot reconcile.
        series: the OpenStack series that it deploys.
        source: where that was read.
        date: the day on which it was read.
        upgrades: the steps from series to series that it takes: next, slurp, own.
        preview: the series that it deploys without support.
        kubernetes: the window that it supports.
        bundled_kubernetes: the minor that it brings along.
        hosts: the hosts that it accepts or tests, by series.
        images: the endings that the tags of its images have, by series.
        control_hosts: what it wants where Ansible is run, by series.
    """

    id: str
    title: str
    built: tuple[str, ...]
    push: bool
    series: tuple[str, ...]
    source: str
    date: datetime.date
    upgrades: tuple[str, ...]
    preview: tuple[str, ...] = ()
    kubernetes: Window | None = None
    bundled_kubernetes: str = ""
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    control_hosts: Mapping[str, ControlHost] = field(default_factory=dict)


@dataclass(frozen=True)
class PlacedCluster:
    """One cluster of a placement: its role, who may make it, what it carries in order.

    `optional`: the placement can do without, and does where a site does not name it.
    """

    role: str
    made_by: tuple[str, ...]
    carries: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True)
class Placement:
    """One placement form.

    Attributes:
        id: its name in a site.
        title: its name in a text.
        help: one sentence.
        built: whether this version writes it.
        engine_in: the role of the cluster that holds the engine, or empty.
        clusters: the clusters that it has.
        openstack_from: the deployers that put OpenStack where it stands.
        picture: rows from the top down, of roles of clusters, `cloud` and `hosts`; two are side by side.
        source: where that was read.
        date: the day on which it was read.
    """

    id: str
    title: str
    help: str
    built: bool
    engine_in: str
    clusters: tuple[PlacedCluster, ...]
    openstack_from: tuple[str, ...]
    picture: tuple[tuple[str, ...], ...]
    source: str
    date: datetime.date


@dataclass(frozen=True)
class Engine:
    """One GitOps engine at the version that we write for."""

    id: str
    title: str
    built: bool
    version: str
    kubernetes: Window
    source: str
    date: datetime.date


_Entry = TypeVar("_Entry", Series, Minor, Component, Deployer, Placement, Engine)


@dataclass(frozen=True)
class Catalog:
    """All entries, each kind in the order of its file."""

    distributions: tuple[Distribution, ...]
    series: tuple[Series, ...]
    minors: tuple[Minor, ...]
    components: tuple[Component, ...]
    deployers: tuple[Deployer, ...]
    placements: tuple[Placement, ...]
    engines: tuple[Engine, ...]

    def distribution(self, name: str, release: str) -> Distribution | None:
        """One release of a distribution, or None if it is not known."""
        return next((d for d in self.distributions if (d.id, d.release) == (name, release)), None)

    def find_series(self, name: str) -> Series | None:
        """A series by its number, or None."""
        return _find(self.series, name)

    def step(self, running: str, wanted: str) -> str:
        """What an upgrade is: `next`; `slurp`, from one SLURP series to the next; or empty, anything else."""
        ids = [series.id for series in self.series]
        slurps = [series.id for series in self.series if series.slurp]
        for kind, line in (("next", ids), ("slurp", slurps)):
            if (running, wanted) in pairwise(line):
                return kind
        return ""

    def minor(self, version: str) -> Minor | None:
        """The Kubernetes minor of a version such as 1.35.4, or None."""
        return _find(self.minors, ".".join(version.split(".")[:2]))

    def component(self, name: str) -> Component | None:
        """The window of a component, or None."""
        return _find(self.components, name)

    def deployer(self, name: str) -> Deployer | None:
        """A deployer by id, or None."""
        return _find(self.deployers, name)

    def placement(self, name: str) -> Placement | None:
        """A placement by id, or None."""
        return _find(self.placements, name)

    def engine(self, name: str) -> Engine | None:
        """An engine by id, or None."""
        return _find(self.engines, name)


def _find(entries: Iterable[_Entry], name: str) -> _Entry | None:
    return next((entry for entry in entries if entry.id == name), None)


def minor_of(version: str) -> tuple[int, int]:
    """(1, 35) for 1.35, v1.35 or 1.35.4, to compare.

    Raises:
        ValueError: the text does not begin with two numbers.
    """
    major, minor = version.removeprefix("v").split(".")[:2]
    return int(major), int(minor)


@cache
def load_catalog() -> Catalog:
    """Read the data that ships with the program, once.

    Raises:
        KeyError, TypeError: an entry lacks a field or has one too many; a fault of the data, not of the user.
    """
    kubernetes = _read("kubernetes")
    return Catalog(
        distributions=tuple(Distribution(**entry) for entry in _read("distributions")),
        series=tuple(Series(**entry) for entry in _read("series")),
        minors=tuple(Minor(**entry) for entry in kubernetes["minors"]),
        components=tuple(_component(entry) for entry in kubernetes["windows"]),
        deployers=tuple(_deployer(entry) for entry in _read("deployers")),
        placements=tuple(_placement(entry) for entry in _read("placements")),
        engines=tuple(_engine(entry) for entry in _read("engines")),
    )


def _read(name: str) -> Any:
    return yamlio.load(resources.files("openinfra_tui.catalog").joinpath("data", f"{name}.yaml").read_bytes())


def _window(data: Mapping[str, str]) -> Window:
    return Window(data.get("from", ""), data.get("to", ""))


def _component(entry: Mapping[str, Any]) -> Component:
    return Component(
        id=entry["id"],
        version=entry["version"],
        window=_window(entry),
        source=entry["source"],
        date=entry["date"],
        contract=entry.get("contract", ""),
    )


def _deployer(entry: Mapping[str, Any]) -> Deployer:
    return Deployer(
        id=entry["id"],
        title=entry["title"],
        built=tuple(entry["built"]),
        push=entry["push"],
        series=tuple(entry["series"]),
        source=entry["source"],
        date=entry["date"],
        upgrades=tuple(entry["upgrades"]),
        preview=tuple(entry.get("preview", ())),
        kubernetes=_window(entry["kubernetes"]) if "kubernetes" in entry else None,
        bundled_kubernetes=entry.get("bundledKubernetes", ""),
        hosts={series: tuple(hosts) for series, hosts in entry.get("hosts", {}).items()},
        images={series: tuple(endings) for series, endings in entry.get("images", {}).items()},
        control_hosts={
            series: ControlHost(_window(host.get("python", {})), _window(host["ansibleCore"]))
            for series, host in entry.get("controlHosts", {}).items()
        },
    )


def _placement(entry: Mapping[str, Any]) -> Placement:
    return Placement(
        id=entry["id"],
        title=entry["title"],
        help=entry["help"],
        built=entry["built"],
        engine_in=entry.get("engineIn", ""),
        clusters=tuple(
            PlacedCluster(c["role"], tuple(c["madeBy"]), tuple(c["carries"]), c.get("optional", False))
            for c in entry["clusters"]
        ),
        openstack_from=tuple(entry["openstackFrom"]),
        picture=tuple(tuple(row) for row in entry["picture"]),
        source=entry["source"],
        date=entry["date"],
    )


def _engine(entry: Mapping[str, Any]) -> Engine:
    return Engine(
        id=entry["id"],
        title=entry["title"],
        built=entry["built"],
        version=entry["version"],
        kubernetes=_window(entry["kubernetes"]),
        source=entry["source"],
        date=entry["date"],
    )
