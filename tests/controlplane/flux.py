"""Flux's controllers as plain processes against the test control plane."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.controlplane.binaries import binary
from tests.controlplane.client import Object, holds
from tests.controlplane.plane import ControlPlane, answers
from tests.controlplane.processes import Program, free_port

NAMESPACE = "flux-system"
RECONCILERS = ("source-controller", "kustomize-controller", "helm-controller")
NOTIFIER = "notification-controller"
# The controllers that a runbook gives more words.
_TUNED = ("kustomize-controller", "helm-controller")
# Port 9 refuses: whoever is not on loopback cannot be reached, and says so at once.
_NO_INTERNET = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}


def reconciled(obj: Object) -> bool:
    """For `wait_for`: Ready in its present generation, and the rest of the status written too.

    The controllers patch the conditions in a request of its own, before the rest (fluxcd/pkg, runtime/patch).
    """
    seen = obj.get("status", {}).get("observedGeneration")
    return seen == obj["metadata"]["generation"] and holds()(obj)


class Flux:
    """The controllers that were started, and how to reach them.

    Args:
        plane: where they work.
        words: more words for the command lines of kustomize-controller and helm-controller.
    """

    def __init__(self, plane: ControlPlane, words: Sequence[str] = ()) -> None:
        self._plane = plane
        self._words = tuple(words)
        self._programs: dict[str, Program] = {}

    def start(self, *names: str) -> None:
        """Start controllers, the reconcilers by default, and wait until each is ready. Their CRDs must be there.

        Raises:
            Missing: a controller is not here and cannot be built.
            NotReady: one ended; the message carries its log.
        """
        wanted = [name for name in names or RECONCILERS if name not in self._programs]
        programs = {name: binary(name) for name in wanted}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self._plane.client().apply(namespace)
        health = {name: self._start(name, program) for name, program in programs.items()}
        for name, port in health.items():
            url = f"http://127.0.0.1:{port}/readyz"
            self._plane.run.wait(f"a ready {name}", partial(answers, url))

    def stop(self, *names: str) -> None:
        """Stop controllers, all by default: what they made stays."""
        programs = [self._programs.pop(name) for name in names or tuple(self._programs)]
        self._plane.run.stop(*programs)

    def _start(self, name: str, program: Path) -> int:
        run, health = self._plane.run, free_port()
        words = [
            "--enable-leader-election=false",
            "--watch-all-namespaces=true",
            f"--metrics-addr=127.0.0.1:{free_port()}",
            f"--health-addr=127.0.0.1:{health}",
        ]
        if name == NOTIFIER:
            words += [f"--events-addr=127.0.0.1:{free_port()}", f"--receiverAddr=127.0.0.1:{free_port()}"]
        else:
            # What waits for a dependency is looked at again after this; 30 s by default.
            words += ["--events-addr=", "--requeue-dependency=1s"]
        if name == "source-controller":
            address = f"127.0.0.1:{free_port()}"
            storage = run.subfolder("source-controller-storage")
            words += [f"--storage-path={storage}", f"--storage-addr={address}"]
            words.append(f"--storage-adv-addr={address}")
        if name in _TUNED:
            words += self._words
        kubeconfig = {"RUNTIME_NAMESPACE": NAMESPACE, "KUBECONFIG": str(self._plane.kubeconfig())}
        environment = kubeconfig | _NO_INTERNET
        self._programs[name] = run.start(name, [program, *words], environment)
        return health
