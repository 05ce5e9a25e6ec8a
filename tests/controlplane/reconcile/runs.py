"""What a Pod of the runner does, done in its place: its own script, with what it mounts and its own account.

The script is the one that the Pod mounts, run with this machine's Python below a folder of its own. It speaks to
the API server as the service account of the Pod, so what that may do is seen. `kolla-ansible` is a program that
writes down how it was called.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane.client import Object
from tests.controlplane.plane import ControlPlane

_DIGEST = re.compile(r"^runner: (\w+) of configuration ([0-9a-f]{64})$", re.MULTILINE)
_PROGRAM = """#!/bin/sh
echo "kolla-ansible $*" >> "$CALLS"
case "$FAILS" in *"$1"*) exit 2;; esac
case "$1" in genconfig) cat "$PRINTS";; esac
"""
NOTHING_CHANGED: Object = {
    "plays": [],
    "stats": {"ctl1": {"changed": 0, "failures": 0, "unreachable": 0}},
}


@dataclass(frozen=True)
class Run:
    """A run that ended.

    Attributes:
        job: the UID of its Job.
        action: what was asked for.
        configuration: the digest that it printed.
        mounted: the name of the ConfigMap of its configuration.
        commands: what it called, in order.
        code: how it ended.
        printed: all that it said.
        root: what it staged.
    """

    job: str
    action: str
    configuration: str
    mounted: str
    commands: tuple[str, ...]
    code: int
    printed: str
    root: Path


class Runs:
    """All runs so far, oldest first; called with a Pod, it does what its container does.

    Attributes:
        fails: commands of `kolla-ansible` that fail from here on.
        prints: what its comparison prints.
    """

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._plane, self._folder = plane, folder
        self.ended: list[Run] = []
        self.fails: tuple[str, ...] = ()
        self.prints: Object = NOTHING_CHANGED
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "kolla-ansible").write_text(_PROGRAM, "utf-8")
        (folder / "bin" / "kolla-ansible").chmod(0o755)

    def __call__(self, pod: Object) -> int:
        (container,) = pod["spec"]["containers"]
        if container["args"][:2] != ["python3", "/scripts/run.py"]:
            return 0
        root = self._folder / pod["metadata"]["name"]
        places = self._mount(pod, root)
        (calls := root / "calls").touch()
        (root / "prints").write_text(f"a warning\n{json.dumps(self.prints, indent=1)}\n", "utf-8")
        environment = {
            **_environment(container, pod),
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "PRINTS": str(root / "prints"),
            "FAILS": " ".join(self.fails),
            "RUNNER_ROOT": str(root / "root"),
            "RUNNER_CONFIG": str(places["/config"]),
            "RUNNER_SECRETS": str(places["/secrets"]),
            "RUNNER_CERTIFICATES": str(places["/certificates"]),
            "RUNNER_ACCOUNT": str(self._account(pod, root / "account")),
            "RUNNER_LOG": str(root / "log"),
            "RUNNER_API": self._plane.url,
        }
        action = container["args"][2]
        words = [sys.executable, str(places["/scripts"] / "run.py"), action]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
        printed = done.stdout + done.stderr
        digest = _DIGEST.search(printed)
        self.ended.append(
            Run(
                job=next(owner["uid"] for owner in pod["metadata"]["ownerReferences"]),
                action=action,
                configuration=digest[2] if digest else "",
                mounted=next(v["configMap"]["name"] for v in pod["spec"]["volumes"] if v["name"] == "config"),
                commands=tuple(line.split()[1] for line in calls.read_text("utf-8").splitlines()),
                code=done.returncode,
                printed=printed,
                root=root / "root",
            )
        )
        return done.returncode

    def of(self, action: str) -> list[Run]:
        """The runs of one action."""
        return [run for run in self.ended if run.action == action]

    def _mount(self, pod: Object, root: Path) -> dict[str, Path]:
        """Folders in place of the volumes, by the path at which the container has them."""
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        places = {}
        for mount in pod["spec"]["containers"][0]["volumeMounts"]:
            place = places[mount["mountPath"]] = root / "volumes" / mount["name"]
            place.mkdir(parents=True)
            for name, content in self._content(volumes[mount["name"]], pod["metadata"]["namespace"]).items():
                (place / name).write_bytes(content)
        return places

    def _content(self, volume: Object, namespace: str) -> dict[str, bytes]:
        client = self._plane.client()
        if "configMap" in volume:
            found = client.get("v1", "ConfigMap", volume["configMap"]["name"], namespace)
            return {name: text.encode() for name, text in found["data"].items()}
        if "secret" in volume:
            secret = client.find("v1", "Secret", volume["secret"]["secretName"], namespace) or {}
            return {name: base64.b64decode(text) for name, text in secret.get("data", {}).items()}
        return {}

    def _account(self, pod: Object, folder: Path) -> Path:
        """The token of the Pod's service account, as the kubelet asks for it."""
        namespace, name = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = self._plane.client().request("POST", path, request)
        folder.mkdir()
        (folder / "token").touch(mode=0o600)
        (folder / "token").write_text(answer["status"]["token"], "utf-8")
        (folder / "ca.crt").write_text(self._plane.ca, "utf-8")
        return folder


def _environment(container: Object, pod: Object) -> dict[str, str]:
    out = {}
    for variable in container["env"]:
        value: Any = variable.get("value")
        if value is None:
            value = pod
            for key in variable["valueFrom"]["fieldRef"]["fieldPath"].split("."):
                value = value[key]
        out[variable["name"]] = str(value)
    return out
