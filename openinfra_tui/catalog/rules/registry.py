"""What a rule is, and the list of all rules.

A rule reads as condition, message, because. The condition is `when`, so that the function below speaks of the
fault alone: it yields one message for each answer in the way, or a `Problem` where severity or paths differ
from those of the rule. `each_system` and `each_cluster` call it once for each of them.

The id of a rule is stable: a letter and a number, never given to another rule. F is for constraints between
two answers, A, C and D for those of a release, of a window, and of a placement or size, R for those of
a deployer that is run on hosts of its own, S for what a service needs from the rest of the site, K for keys
and secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import date

    from openinfra_tui.catalog.read import Catalog, Distribution, Engine, Placement
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
    """The operating system of the nodes of one role; `default` is every other node.

    Attributes:
        role: the role, or `default`.
        distribution: its id.
        release: its release.
        known: its entry in the catalog, if there is one.
        architecture: aarch64, or the x86-64 level that all hosts have; the default's where the role has none.
        packages: what is installed on the hosts first; the default's where the role has none.
    """

    role: str
    distribution: str
    release: str
    known: Distribution | None
    architecture: str
    packages: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where it is answered."""
        return f"operatingSystem.{self.role}"

    @property
    def host(self) -> str:
        """Distribution and release, such as "ubuntu 24.04"."""
        return f"{self.distribution} {self.release}"


@dataclass(frozen=True)
class Cluster:
    """One cluster as it was answered; empty where nothing was."""

    role: str
    distribution: str
    version: str
    cni: str

    @property
    def path(self) -> str:
        """Where it is answered."""
        return f"clusters.{self.role}"


@dataclass(frozen=True)
class Facts:
    """All that a rule may look at: the site, the catalog, and the day."""

    site: Site
    catalog: Catalog
    today: date

    def text(self, path: str) -> str:
        """An answer that is text, or an empty string."""
        return str(self.site.get(path) or "")

    @property
    def deployer(self) -> str:
        """Who deploys OpenStack, or an empty string."""
        return self.text("openstack.deployer")

    @property
    def series(self) -> str:
        """The OpenStack series, or an empty string."""
        return self.text("openstack.series")

    @property
    def services(self) -> tuple[str, ...]:
        """The OpenStack services that were chosen."""
        return tuple(self.site.get("openstack.services") or ())

    @property
    def placement(self) -> Placement | None:
        """The placement, if the catalog has it."""
        return self.catalog.placement(self.text("placement"))

    @property
    def engine(self) -> Engine | None:
        """The GitOps engine, if the catalog has it."""
        return self.catalog.engine(self.text("gitops.engine"))

    @property
    def nodes(self) -> tuple[Mapping[str, Any], ...]:
        """The nodes as they were answered."""
        return tuple(self.site.get("nodes") or ())

    @property
    def systems(self) -> tuple[System, ...]:
        """The operating system of each role that names one."""
        answers = self.site.get("operatingSystem") or {}
        default = answers.get("default", {})
        out = []
        for role, answer in answers.items():
            name, release = str(answer.get("distribution", "")), str(answer.get("release", ""))
            architecture, packages = (
                answer.get(key, default.get(key)) or () for key in ("architecture", "packages")
            )
            known = self.catalog.distribution(name, release)
            out.append(System(role, name, release, known, str(architecture or ""), tuple(packages)))
        return tuple(out)

    def system_of(self, role: str) -> System | None:
        """The operating system of the nodes of a role: its own answer, or the default."""
        systems = {system.role: system for system in self.systems}
        return systems.get(role) or systems.get("default")

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """The clusters that were answered."""
        return tuple(
            Cluster(
                role,
                str(answer.get("distribution") or ""),
                str(answer.get("version") or ""),
                str((answer.get("cni") or {}).get("name") or ""),
            )
            for role, answer in (self.site.get("clusters") or {}).items()
        )

    @property
    def versions(self) -> dict[str, str]:
        """The Kubernetes version of each cluster that states one, by role."""
        return {cluster.role: cluster.version for cluster in self.clusters if cluster.version}

    def with_role(self, role: str) -> int:
        """How many nodes have a role."""
        return sum(role in (node.get("roles") or ()) for node in self.nodes)


Found = Iterator[str | Problem]
Check = Callable[[Facts], Found]
Condition = Callable[[Facts], bool]


@dataclass(frozen=True)
class Rule:
    """A constraint between answers.

    Attributes:
        id: stable name.
        severity: what its problems are unless one says otherwise.
        when: whether the rule has anything to say about a site.
        because: the reason, for the one who is refused.
        source: where the fact was read.
        paths: the answers that it reads, below spec.
        check: what finds the faults of a site that the condition holds for.
    """

    id: str
    severity: Severity
    when: Condition
    because: str
    source: str
    paths: tuple[str, ...]
    check: Check

    def findings(self, facts: Facts) -> Iterator[Finding]:
        """All that the rule has against a site."""
        for found in self.check(facts) if self.when(facts) else ():
            problem = Problem(found) if isinstance(found, str) else found
            yield Finding(
                rule=self.id,
                severity=problem.severity or self.severity,
                message=problem.message,
                because=self.because,
                source=self.source,
                paths=problem.paths or self.paths,
            )


RULES: dict[str, Rule] = {}


def always(_: Facts) -> bool:
    """The condition of a rule that looks at every site."""
    return True


def by(*deployers: str, since: str = "", until: str = "") -> Condition:
    """The condition that one of these deploys OpenStack, of a series between these two, both included."""

    def holds(facts: Facts) -> bool:
        return facts.deployer in deployers and facts.series >= since and (not until or facts.series <= until)

    return holds


def runs(service: str) -> Condition:
    """The condition that an OpenStack service was chosen."""
    return lambda facts: service in facts.services


def rule(
    name: str,
    severity: Severity,
    *,
    when: Condition = always,
    because: str,
    source: str,
    paths: tuple[str, ...],
) -> Callable[[Check], Check]:
    """Register a function as the rule of that id.

    Raises:
        ValueError: the id is taken.
    """

    def register(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"two rules are named {name}")
        RULES[name] = Rule(name, severity, when, because, source, paths, check)
        return check

    return register


def each_system(*also: str) -> Callable[[Callable[[Facts, System], Found]], Check]:
    """Make a check of a function of one operating system; its answer is in the way, and `also` these."""

    def decorate(check: Callable[[Facts, System], Found]) -> Check:
        @wraps(check)
        def all_systems(facts: Facts) -> Found:
            for system in facts.systems:
                yield from _located(check(facts, system), (system.path, *also))

        return all_systems

    return decorate


def each_cluster(part: str, *also: str) -> Callable[[Callable[[Facts, Cluster], Found]], Check]:
    """The same for clusters; this part of the answer is in the way."""

    def decorate(check: Callable[[Facts, Cluster], Found]) -> Check:
        @wraps(check)
        def all_clusters(facts: Facts) -> Found:
            for cluster in facts.clusters:
                yield from _located(check(facts, cluster), (f"{cluster.path}.{part}", *also))

        return all_clusters

    return decorate


def _located(found: Found, paths: tuple[str, ...]) -> Iterator[Problem]:
    for one in found:
        problem = Problem(one) if isinstance(one, str) else one
        yield replace(problem, paths=problem.paths or paths)
