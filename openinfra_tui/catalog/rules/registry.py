"""What a rule is, and the list of all rules.

A rule is a function of `Facts` that yields one `Problem` for each answer in the way. Its id is stable: it
is a letter and a number and is never given to another rule: F for constraints between two answers, A, C and
D for those of a release, of a window and of a size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import date

    from openinfra_tui.catalog.read import Catalog, Distribution
    from openinfra_tui.site.model import Site

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """What a rule found. An empty severity or empty paths take those of the rule."""

    message: str
    severity: Severity | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One problem with all that a face shows of it."""

    rule: str
    severity: Severity
    message: str
    because: str
    source: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class System:
    """The operating system of the nodes of one role; `default` is every other node."""

    role: str
    distribution: str
    release: str
    known: Distribution | None

    @property
    def path(self) -> str:
        """Where it is answered."""
        return f"operatingSystem.{self.role}"

    @property
    def host(self) -> str:
        """Distribution and release, such as "ubuntu 24.04"."""
        return f"{self.distribution} {self.release}"


@dataclass(frozen=True)
class Facts:
    """All that a rule may look at: the site, the catalog, and the day."""

    site: Site
    catalog: Catalog
    today: date

    @property
    def deployer(self) -> str:
        """Who deploys OpenStack, or an empty string."""
        return str(self.site.get("openstack.deployer") or "")

    @property
    def series(self) -> str:
        """The OpenStack series, or an empty string."""
        return str(self.site.get("openstack.series") or "")

    @property
    def services(self) -> tuple[str, ...]:
        """The OpenStack services that were chosen."""
        return tuple(self.site.get("openstack.services") or ())

    @property
    def nodes(self) -> tuple[Mapping[str, Any], ...]:
        """The nodes as they were answered."""
        return tuple(self.site.get("nodes") or ())

    @property
    def systems(self) -> tuple[System, ...]:
        """The operating system of each role that names one."""
        out = []
        for role, answer in (self.site.get("operatingSystem") or {}).items():
            name, release = str(answer.get("distribution", "")), str(answer.get("release", ""))
            out.append(System(role, name, release, self.catalog.distribution(name, release)))
        return tuple(out)

    def system_of(self, role: str) -> System | None:
        """The operating system of the nodes of a role: its own answer, or the default."""
        systems = {system.role: system for system in self.systems}
        return systems.get(role) or systems.get("default")

    @property
    def clusters(self) -> dict[str, Mapping[str, Any]]:
        """The clusters by role."""
        return dict(self.site.get("clusters") or {})

    @property
    def versions(self) -> dict[str, str]:
        """The Kubernetes version of each cluster that states one, by role."""
        return {role: str(c["version"]) for role, c in self.clusters.items() if c.get("version")}

    def with_role(self, role: str) -> int:
        """How many nodes have a role."""
        return sum(role in (node.get("roles") or ()) for node in self.nodes)


Check = Callable[[Facts], Iterator[Problem]]


@dataclass(frozen=True)
class Rule:
    """A constraint between answers.

    Attributes:
        id: stable name.
        severity: what its problems are unless one says otherwise.
        because: the reason, for the one who is refused.
        source: where the fact was read.
        paths: the answers that it reads, below spec.
        check: the function.
    """

    id: str
    severity: Severity
    because: str
    source: str
    paths: tuple[str, ...]
    check: Check


RULES: dict[str, Rule] = {}


def rule(
    name: str, severity: Severity, *, because: str, source: str, paths: tuple[str, ...]
) -> Callable[[Check], Check]:
    """Register a function as the rule of that id.

    Raises:
        ValueError: the id is taken.
    """

    def register(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"two rules are named {name}")
        RULES[name] = Rule(name, severity, because, source, paths, check)
        return check

    return register
