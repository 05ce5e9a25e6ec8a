"""etcd, kube-apiserver and, on demand, kube-controller-manager and kube-scheduler, on free loopback ports."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

from tests.controlplane import pki, users
from tests.controlplane.binaries import binary, cache_root
from tests.controlplane.client import ApiError, Client
from tests.controlplane.processes import Program, Run, free_port


@dataclass(frozen=True)
class ControlPlane:
    """A running API server and what clients need to speak to it."""

    run: Run
    url: str
    ca: str
    tokens: dict[str, str]
    words: tuple[str | Path, ...] = ()
    _serving: list[Program] = field(default_factory=list)

    def start_api_server(self) -> None:
        """Start kube-apiserver on its port, also again after a stop, and wait until it is ready.

        Raises:
            NotReady: it ended; the message carries its log.
        """
        self._serving.append(self.run.start("kube-apiserver", self.words))
        self.run.wait("a ready API server", lambda: _ready(self.client()))

    def stop_api_server(self) -> None:
        """Stop kube-apiserver; etcd keeps what there is."""
        self.run.stop(*self._serving)
        self._serving.clear()

    def client(self, user: str = users.ADMIN) -> Client:
        """A client that acts as a user of `users.USERS`."""
        return Client(self.url, self.ca, self.tokens[user])

    def kubeconfig(
        self, user: str = users.ADMIN, *, context: str = "tests", server: str = "", ca: str = ""
    ) -> Path:
        """A kubeconfig file of a user.

        Args:
            user: one of `users.USERS`.
            context: name of its only context.
            server: another URL, for instance of a proxy in front.
            ca: file of the authority of that URL.
        """
        cluster = {
            "server": server or self.url,
            "certificate-authority": ca or str(self.run.folder / "pki" / "ca.crt"),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
            "current-context": context,
        }
        port = cluster["server"].rpartition(":")[2]
        path = self.run.subfolder("kubeconfigs") / f"{user}-{context}-{port}.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))
        return path

    def start_controller_manager(self) -> Program:
        """Start kube-controller-manager; nodes that nobody renews stay Ready."""
        keys = self.run.folder / "pki"
        return self.run.start(
            "kube-controller-manager",
            [
                binary("kube-controller-manager"),
                f"--kubeconfig={self.kubeconfig()}",
                "--leader-elect=false",
                "--secure-port=0",
                f"--service-account-private-key-file={keys / 'sa.key'}",
                f"--root-ca-file={keys / 'ca.crt'}",
                "--controllers=*,-node-lifecycle-controller",
            ],
        )

    def start_scheduler(self) -> Program:
        """Start kube-scheduler."""
        words = [f"--kubeconfig={self.kubeconfig()}", "--leader-elect=false", "--secure-port=0"]
        return self.run.start("kube-scheduler", [binary("kube-scheduler"), *words])


@contextmanager
def running() -> Iterator[ControlPlane]:
    """A control plane of one's own; everything started from it ends with the block.

    Raises:
        Missing: a program is not here and cannot be built.
        NotReady: one of them ended; the message carries its log.
    """
    run = Run(cache_root() / "runs")
    try:
        yield start(run)
    finally:
        run.close()


def start(run: Run) -> ControlPlane:
    """Start etcd and kube-apiserver and wait until the API server is ready.

    Raises:
        Missing: a program is not here and cannot be built.
        NotReady: one of them ended; the message carries its log.
    """
    etcd, apiserver = binary("etcd"), binary("kube-apiserver")
    keys = run.subfolder("pki")
    pki.write(keys)
    tokens = users.write_tokens(run.folder / "tokens.csv")
    etcd_url = _start_etcd(run, etcd)
    port = free_port()
    plane = ControlPlane(
        run,
        f"https://127.0.0.1:{port}",
        (keys / "ca.crt").read_text(),
        tokens,
        (
            apiserver,
            f"--etcd-servers={etcd_url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={run.subfolder('apiserver-certs')}",
            f"--tls-cert-file={keys / 'server.crt'}",
            f"--tls-private-key-file={keys / 'server.key'}",
            f"--service-account-key-file={keys / 'sa.pub'}",
            f"--service-account-signing-key-file={keys / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--token-auth-file={run.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--allow-privileged=true",
            "--disable-admission-plugins=ServiceAccount",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
        ),
    )
    plane.start_api_server()
    users.grant(plane.client())
    return plane


def _start_etcd(run: Run, program: Path) -> str:
    clients, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    run.start(
        "etcd",
        [
            program,
            "--unsafe-no-fsync",
            f"--data-dir={run.subfolder('etcd-data')}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
        ],
    )
    run.wait("a healthy etcd", lambda: answers(f"{clients}/health"))
    return clients


def answers(url: str) -> bool:
    """Whether a plain HTTP address of loopback answers with success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _ready(client: Client) -> bool:
    try:
        client.request("GET", "/readyz")
    except (ApiError, ssl.SSLError, OSError):
        return False
    return True
