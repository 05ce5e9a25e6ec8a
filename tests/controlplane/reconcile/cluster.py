"""A cluster for a generated site: control plane, nodes, operators, sources on loopback, and Flux."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane import charts as own_charts
from tests.controlplane import crds
from tests.controlplane.charts.publish import ChartServers, chart_servers, next_version
from tests.controlplane.client import Client, Object
from tests.controlplane.cluster.effects import job_effects
from tests.controlplane.cluster.kubelet import Kubelet, Machine
from tests.controlplane.cluster.operators import Operators
from tests.controlplane.flux import Flux
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.plane import ControlPlane, running
from tests.controlplane.reconcile import overlay, states
from tests.controlplane.reconcile.record import Record
from tests.controlplane.reconcile.repository import Repository, generated
from tests.controlplane.waiting import eventually

PRESET = "openstack-helm-ha"
ENGINE = "flux-system"


@dataclass(frozen=True)
class FluxSite:
    """A site that Flux reconciles.

    Args:
        plane: its control plane.
        repository: the clone of its operator.
        flux: the controllers.
        kubelet: its nodes; knows what each Pod waits for.
        record: when Flux began and ended each step.
        charts: what the internet has, on loopback.
        gateway: the repository of the Gateway API's CRDs, on loopback.
        started: the time of the bootstrap.
    """

    plane: ControlPlane
    repository: Repository
    flux: Flux
    kubelet: Kubelet
    record: Record
    charts: ChartServers
    gateway: str
    started: float

    @functools.cached_property
    def client(self) -> Client:
        """An administrator."""
        return self.plane.client()

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of the plan, in order."""
        return tuple(step.name for step in self.repository.plan.steps)

    def push(self, message: str) -> str:
        """Push what the clone holds, and have Flux look at once; the revision."""
        revision = self.repository.push(message)
        self.fetch()
        return revision

    def push_for_suspended(self, message: str) -> None:
        """Push, and wait until the steps themselves are as in the new revision: who resumes one then gets that."""
        revision = self.push(message)
        self.client.wait_for(
            *states.KUSTOMIZATION,
            ENGINE,
            ENGINE,
            until=lambda obj: states.ready_at(obj, revision),
            timeout=120,
        )

    def fetch(self) -> None:
        """Have Flux fetch the repository now instead of within its interval."""
        self.ask(self.client.get(states.SOURCE, "GitRepository", ENGINE, ENGINE))

    def ask(self, obj: Object) -> str:
        """What `flux reconcile` does: have a controller look at an object now; the token to wait for."""
        token = str(time.time_ns())
        self.client.patch(obj, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}})
        return token

    def pin_newer(self, *names: str) -> dict[str, str]:
        """Publish a newer version of charts and pin them in the clone, not pushed yet; the versions by name."""
        newer = {}
        for name in names:
            path = f"sites/{self.repository.plan.site.name}/openstack/{name}/pin.yaml"

            def pin(item: Any, name: str = name) -> None:
                spec = item["spec"]["chart"]["spec"]
                newer[name] = spec["version"] = next_version(spec["version"])

            self.repository.edit(path, pin)
            self.charts.helm.publish(own_charts.chart(name, newer[name]))
        for source in self.client.list(states.SOURCE, "HelmRepository"):
            token, meta = self.ask(source), source["metadata"]

            def fetched(obj: Object, token: str = token) -> bool:
                return bool(obj["status"].get("lastHandledReconcileAt") == token)

            self.client.wait_for(
                states.SOURCE, "HelmRepository", meta["name"], meta["namespace"], until=fetched, timeout=60
            )
        return newer

    def wait_converged(self, revision: str, timeout: float = 900.0) -> None:
        """Until every step is ready at a revision.

        Raises:
            TimeoutError: with what every step that is not says, and what each Pod waits for.
        """

        def left() -> dict[str, str]:
            return states.unready(self.client, revision, self.steps)

        self.wait(lambda: not left(), timeout, lambda: f"{left()}")

    def restore(self, commit: str, timeout: float = 900.0) -> None:
        """Push the content of an earlier commit, and wait until all of it is ready and every Pod runs."""
        revision = self.repository.reset(commit)
        self.fetch()
        self.wait_converged(revision, timeout)
        self.wait(lambda: not self.kubelet.waiting(), 120)

    def remove(self, name: str) -> None:
        """Remove a release for good, with the runbook's commands."""
        namespace = states.releases(self.client)[name]["metadata"]["namespace"]
        for command in self.repository.removal_commands():
            words = command.replace("NAMESPACE", namespace).replace("NAME", name)
            self.repository.run(words, self.plane.kubeconfig())
        labels = f"release_group={name}"

        def gone() -> bool:
            pods = self.client.list("v1", "Pod", namespace, labels)
            # Those of deleted jobs are done, and go when the garbage collector comes to them.
            return all(pod["status"]["phase"] == "Succeeded" for pod in pods)

        self.wait(gone, 120)

    def wait(self, holds: Callable[[], bool], timeout: float, say: Callable[[], str] = str) -> None:
        """Until it holds; who waits in vain reads what Helm says and what each Pod waits for, too."""

        def or_fault() -> bool:
            if self.kubelet.fault is not None:
                raise self.kubelet.fault
            return holds()

        def all_of_it() -> str:
            releases = {name: states.said(obj) for name, obj in states.releases(self.client).items()}
            return f"{say()}\nreleases: {releases}\npods: {self.kubelet.waiting()}"

        eventually(or_fault, timeout=timeout, say=all_of_it)


@dataclass(frozen=True)
class ConvergedSite:
    """A site that was ready at a revision for the first time, and the seconds from its bootstrap until then."""

    site: FluxSite
    revision: str
    seconds: float


def converge(site: FluxSite, timeout: float = 900.0) -> ConvergedSite:
    """Commit an overlay that points the sources of the site at loopback, and wait until all of it is ready.

    Raises:
        TimeoutError: with what is not, and why.
    """
    overlay.point_at_loopback(site.repository, site.charts, site.gateway)
    revision = site.push("The sources of this place")
    site.wait_converged(revision, timeout)
    return ConvergedSite(site, revision, time.monotonic() - site.started)


@contextmanager
def flux_site(
    folder: Path,
    servers: Callable[[], AbstractContextManager[ChartServers]] = chart_servers,
    preset: str | Path = PRESET,
    answers: Mapping[str, str] | None = None,
) -> Iterator[FluxSite]:
    """Generate a preset or the site of a file, push it, start everything, and bootstrap as the runbook says.

    Args:
        folder: an empty folder.
        servers: gives the charts.
        preset: its name, or the file.
        answers: what is answered otherwise in it, by path.

    Raises:
        Missing: a program or a CRD is not on this machine.
        ToolError: a command of the runbook failed.
    """
    with ExitStack() as stack:
        plane = stack.enter_context(running())
        plane.start_controller_manager()
        plane.start_scheduler()
        client = plane.client()
        crds.install(client, ["flux"])
        repository = generated(folder, stack.enter_context(GitServer(folder / "git")), preset, answers)
        nodes = repository.plan.site.get("nodes")
        machines = [Machine(node["name"], node["addresses"]["management"]) for node in nodes]
        kubelet = stack.enter_context(Kubelet(client, machines, job_effects()))
        stack.enter_context(Operators(client))
        record = stack.enter_context(Record(client))
        charts = stack.enter_context(servers())
        (folder / "gateway").mkdir()
        gateway = overlay.publish_gateway(charts.git, folder / "gateway")
        flux = Flux(plane, repository.engine_words())
        flux.start()
        started = time.monotonic()
        for command in repository.bootstrap_commands():
            repository.run(command, plane.kubeconfig())
        yield FluxSite(plane, repository, flux, kubelet, record, charts, gateway, started)
