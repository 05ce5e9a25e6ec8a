"""Argo CD's repository server and application controller as plain processes, with the redis they share."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.controlplane.binaries import binary
from tests.controlplane.client import Client, Object
from tests.controlplane.missing import tool
from tests.controlplane.plane import ControlPlane, answers
from tests.controlplane.processes import Program, free_port, listens

NAMESPACE = "argocd"
_CONFIG_MAPS = (
    "argocd-cm",
    "argocd-cmd-params-cm",
    "argocd-rbac-cm",
    "argocd-gpg-keys-cm",
    "argocd-ssh-known-hosts-cm",
    "argocd-tls-certs-cm",
)
# The repository server calls these even where signatures and passwords are off; its image has them.
_WRAPPERS = ("git-verify-wrapper.sh", "git-ask-pass.sh", "gpg-wrapper.sh")


@dataclass(frozen=True)
class Container:
    """What the container of the repository server has besides its image: variables, and programs that go first."""

    environment: Mapping[str, str] = field(default_factory=dict)
    programs: Path | None = None


class ArgoCD:
    """The processes that were started.

    Args:
        plane: where their objects are.
        repo_server: the container of the repository server; as its image brings it when left out.
    """

    def __init__(self, plane: ControlPlane, repo_server: Container | None = None) -> None:
        self._plane = plane
        self._repo_server = repo_server or Container()
        self._programs: list[Program] = []

    def start(self) -> None:
        """Start redis, repository server and application controller. Their CRDs must be there.

        Raises:
            Missing: a program is not here and cannot be built.
            NotReady: one ended; the message carries its log.
        """
        program, redis_server = binary("argocd"), tool("redis-server", "redis-server")
        tools = self._tools()
        self._objects(self._plane.client())
        run = self._plane.run
        redis, repository, metrics = free_port(), free_port(), free_port()
        words = ["--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        words += ["--dir", str(run.subfolder("redis"))]
        self._programs.append(run.start("redis", [redis_server, *words]))
        run.wait("redis", lambda: listens(redis))
        self._role(
            program,
            tools,
            "argocd-repo-server",
            words=[
                f"--port={repository}",
                "--address=127.0.0.1",
                f"--redis=localhost:{redis}",
                f"--metrics-port={free_port()}",
                "--metrics-address=127.0.0.1",
            ],
            container=self._repo_server,
        )
        run.wait("a repository server", lambda: listens(repository))
        self._role(
            program,
            tools,
            "argocd-application-controller",
            [
                f"--kubeconfig={self._plane.kubeconfig()}",
                f"--namespace={NAMESPACE}",
                f"--redis=localhost:{redis}",
                f"--repo-server=localhost:{repository}",
                f"--metrics-port={metrics}",
                "--app-resync=10",
                # A change that the cache of the cluster missed while it learnt new kinds waits for this.
                "--app-resync-jitter=0",
            ],
        )
        run.wait("an application controller", lambda: answers(f"http://127.0.0.1:{metrics}/healthz"))

    def stop(self) -> None:
        """Stop all three: what they made stays."""
        self._plane.run.stop(*self._programs)
        self._programs.clear()

    def refresh(self, name: str, namespace: str = NAMESPACE) -> None:
        """Ask for a fresh look at the repository and the cluster."""
        application = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": namespace},
        }
        change = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}}
        self._plane.client().patch(application, change)

    def _role(
        self, program: Path, tools: Path, role: str, words: list[str], container: Container | None = None
    ) -> None:
        run = self._plane.run
        folders = {
            variable: str(run.subfolder(f"argocd-{variable.lower().replace('_', '-')}"))
            for variable in (
                "ARGOCD_TLS_DATA_PATH",
                "ARGOCD_SSH_DATA_PATH",
                "ARGOCD_GPG_DATA_PATH",
                "ARGOCD_GNUPGHOME",
                "ARGOCD_PLUGINSOCKFILEPATH",
            )
        }
        environment = {
            **folders,
            "ARGOCD_BINARY_NAME": role,
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            # Each CRD makes it discover all kinds anew; nobody shares this API server with it.
            "ARGOCD_K8S_CLIENT_QPS": "500",
            "ARGOCD_K8S_CLIENT_BURST": "1000",
            "HOSTNAME": f"{role}-0",
            "KUBECONFIG": str(self._plane.kubeconfig()),
            "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
        }
        if container is not None:
            environment |= container.environment
        if container is not None and container.programs is not None:
            environment["PATH"] = f"{container.programs}:{environment['PATH']}"
        self._programs.append(run.start(role, [program, *words], environment))

    def _tools(self) -> Path:
        """A folder with the programs that the repository server looks for by name."""
        folder = self._plane.run.subfolder("argocd-tools")
        for name in ("helm", "kustomize"):
            (folder / name).symlink_to(binary(name))
        (folder / "git").symlink_to(tool("git", "git"))
        for name in _WRAPPERS:
            (folder / name).write_text("#!/bin/sh\nexit 0\n")
            (folder / name).chmod(0o755)
        return folder

    def _objects(self, client: Client) -> None:
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for name in _CONFIG_MAPS:
            client.apply(_part_of_argocd({"apiVersion": "v1", "kind": "ConfigMap"}, name))
        secret = _part_of_argocd({"apiVersion": "v1", "kind": "Secret"}, "argocd-secret")
        client.apply({**secret, "stringData": {"server.secretkey": secrets.token_hex(16)}})
        client.apply(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "AppProject",
                "metadata": {"name": "default", "namespace": NAMESPACE},
                "spec": {
                    "sourceRepos": ["*"],
                    "destinations": [{"namespace": "*", "server": "*"}],
                    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                },
            }
        )


def _part_of_argocd(obj: Object, name: str) -> Object:
    labels = {"app.kubernetes.io/part-of": "argocd", "app.kubernetes.io/name": name}
    return {**obj, "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}}
