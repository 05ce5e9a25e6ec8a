"""A stand-in for the kubelets and the volume provisioner of a cluster.

kube-scheduler and kube-controller-manager are real; no container ever runs. What it does and why that is
enough for whole releases to converge or deadlock as in life: facts of a run with 15 charts of OpenStack-Helm.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.controlplane.client import ApiError, Client, Object
from tests.controlplane.cluster.mirror import Kind, Reconciler, State, key_of
from tests.controlplane.cluster.waits import is_ready, owner, waits_for

_RESOURCES = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "500Gi"}


@dataclass(frozen=True)
class Machine:
    """A node to be: its name, labels and address."""

    name: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Effect:
    """What a Job's script would have done, for scripts whose result others wait for.

    Args:
        makes: the objects, given the Job's namespace.
        needs: kind, namespace and name of what the script reads: without it, it does not end.
    """

    makes: Callable[[str], Sequence[Object]]
    needs: tuple[tuple[str, str, str], ...] = ()


class Kubelet(Reconciler):
    """Nodes, volumes and Pods.

    Args:
        client: an administrator.
        machines: the nodes to make.
        effects: by name of Job.
        execute: does what the container of a Job's Pod would have done, and says with which code it ended.
    """

    kinds = (
        Kind("v1", "Node"),
        Kind("v1", "Pod"),
        Kind("v1", "PersistentVolumeClaim"),
        Kind("v1", "PersistentVolume"),
        Kind("v1", "ConfigMap"),
        Kind("v1", "Secret"),
        Kind("batch/v1", "Job"),
        Kind("discovery.k8s.io/v1", "EndpointSlice"),
        Kind("storage.k8s.io/v1", "StorageClass"),
    )

    def __init__(
        self,
        client: Client,
        machines: Sequence[Machine],
        effects: Mapping[str, Effect] | None = None,
        execute: Callable[[Object], int] = lambda _: 0,
    ) -> None:
        super().__init__(client)
        self._execute = execute
        self._ended: dict[str, int] = {}
        self.machines = {machine.name: machine for machine in machines}
        self.effects = dict(effects or {})
        self._addresses = itertools.count(2)

    def waiting(self) -> dict[str, tuple[str, ...]]:
        """By Pod, `namespace/name`, what it waits for: what a report of a deadlock needs."""
        state = self.state()
        return {
            "/".join(key): self._reasons(pod, state) or ("a node",)
            for key, pod in sorted(state["Pod"].items())
            if pod.get("status", {}).get("phase", "Pending") == "Pending"
        }

    def __enter__(self) -> Kubelet:
        for machine in self.machines.values():
            self._make_node(machine)
        return super().__enter__()

    def reconcile(self, state: State) -> None:
        # Nothing counts as missing before everything was seen once.
        if not all(mirror.listed.is_set() for mirror in self._mirrors.values()):
            return
        for claim in state["PersistentVolumeClaim"].values():
            if (volume := volume_for(claim, state)) is not None:
                self.apply(volume)
        for pod in state["Pod"].values():
            if pod["spec"].get("nodeName") in self.machines:
                self._tend(pod, state)

    def _tend(self, pod: Object, state: State) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            self.remove(pod)
            return
        phase = pod.get("status", {}).get("phase", "Pending")
        if phase in {"Succeeded", "Failed"} or (phase == "Running" and is_ready(pod)):
            return
        reasons = self._reasons(pod, state)
        job = owner(pod, "Job")
        if not reasons and job in self.effects:
            for made in self.effects[job].makes(pod["metadata"]["namespace"]):
                self.apply(made)
        code = self._end(pod) if job and not reasons else 0
        address = pod.get("status", {}).get("podIP") or self._address(pod)
        status = status_of(pod, reasons, address, self.machines[pod["spec"]["nodeName"]].address, code)
        if not _contains(pod.get("status", {}), status):
            self.patch_status(pod, {**status, "startTime": _now()})

    def _reasons(self, pod: Object, state: State) -> tuple[str, ...]:
        effect = self.effects.get(owner(pod, "Job") or "")
        needs = effect.needs if effect else ()
        missing = [
            f"{kind} {where}/{name}" for kind, where, name in needs if (where, name) not in state[kind]
        ]
        return (*waits_for(pod, state), *missing)

    def _end(self, pod: Object) -> int:
        """The code with which a Job's Pod ended, which it does once."""
        uid = pod["metadata"]["uid"]
        if uid not in self._ended:
            self._ended[uid] = self._execute(pod)
        return self._ended[uid]

    def _address(self, pod: Object) -> str:
        if pod["spec"].get("hostNetwork"):
            return self.machines[pod["spec"]["nodeName"]].address
        number = next(self._addresses)
        return f"10.233.{64 + number // 250}.{number % 250 + 1}"

    def _make_node(self, machine: Machine) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": machine.name,
                "labels": {
                    "kubernetes.io/hostname": machine.name,
                    "kubernetes.io/os": "linux",
                    **machine.labels,
                },
            },
        }
        try:
            self.client.request("POST", self.client.path("v1", "Node"), node)
        except ApiError as error:
            if error.code != 409:
                raise
        # Admission taints a new node until someone has seen it ready.
        self.client.patch(node, {"spec": {"taints": None}})
        self.client.patch(node, {"status": node_status(machine)}, subresource="status")


def node_status(machine: Machine) -> Object:
    """The status of a node in good health."""
    return {
        "capacity": _RESOURCES,
        "allocatable": _RESOURCES,
        "addresses": [
            {"type": "InternalIP", "address": machine.address},
            {"type": "Hostname", "address": machine.name},
        ],
        "conditions": [_condition("Ready", True, "KubeletReady")],
        "nodeInfo": {
            "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "none://0", "kernelVersion": "",
            "kubeProxyVersion": "", "kubeletVersion": "v1.36.3", "machineID": "", "operatingSystem": "linux",
            "osImage": "", "systemUUID": "",
        },
    }  # fmt: skip


def volume_for(claim: Object, state: State) -> Object | None:
    """The volume that a provisioner makes for a claim; None while there is none to make.

    A claim whose class is not there stays Pending, as it would with any provisioner.
    """
    namespace, name = key_of(claim)
    uid, spec = claim["metadata"]["uid"], claim["spec"]
    volume = f"pvc-{uid}"
    waiting = claim.get("status", {}).get("phase", "Pending") == "Pending"
    has_class = ("", spec.get("storageClassName", "")) in state["StorageClass"]
    if not waiting or not has_class or ("", volume) in state["PersistentVolume"]:
        return None
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": namespace, "name": name, "uid": uid,
            },
            "hostPath": {"path": f"/var/lib/{volume}"},
            # Nobody here could delete the data that the default policy speaks of.
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": spec["storageClassName"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
    }  # fmt: skip


def status_of(pod: Object, reasons: Sequence[str], address: str, host: str, code: int = 0) -> Object:
    """The status that the kubelet reports: waiting with its reasons, running, or for a Job's Pod done or failed."""
    conditions = [
        item for item in pod.get("status", {}).get("conditions", []) if item["type"] == "PodScheduled"
    ]
    conditions = conditions or [_condition("PodScheduled", True)]
    if reasons:
        text = f"waiting for {', '.join(reasons)}"
        conditions += [
            _condition("Initialized", False, "ContainersNotInitialized", text),
            _condition("ContainersReady", False, "ContainersNotReady", text),
            _condition("Ready", False, "ContainersNotReady", text),
        ]
        return {"phase": "Pending", "hostIP": host, "conditions": conditions}
    done = owner(pod, "Job") is not None
    reason = ("PodFailed" if code else "PodCompleted") if done else ""
    conditions += [
        _condition("Initialized", True, reason),
        _condition("ContainersReady", not done, reason),
        _condition("Ready", not done, reason),
    ]
    ended = {"exitCode": code, "reason": "Error" if code else "Completed"}
    running = {"terminated": ended} if done else {"running": {}}
    return {
        "phase": ("Failed" if code else "Succeeded") if done else "Running",
        "hostIP": host,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": conditions,
        "initContainerStatuses": [
            _container(item, {"terminated": {"exitCode": 0, "reason": "Completed"}}, ready=True)
            for item in pod["spec"].get("initContainers", [])
        ],
        "containerStatuses": [
            _container(item, running, ready=not done) for item in pod["spec"]["containers"]
        ],
    }


def _container(container: Object, state: Object, *, ready: bool) -> Object:
    return {
        "name": container["name"], "image": container["image"], "imageID": container["image"],
        "ready": ready, "started": ready, "restartCount": 0, "state": state,
    }  # fmt: skip


def _condition(kind: str, holds: bool, reason: str = "", message: str = "") -> Object:
    condition = {"type": kind, "status": str(holds)}
    return condition | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def _contains(have: object, want: object) -> bool:
    """Whether all that is wanted is there already; what the API server adds does not count."""
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        return all(_contains(have.get(name), value) for name, value in want.items())
    if isinstance(want, list) and isinstance(have, list):
        return len(want) == len(have) and all(map(_contains, have, want))
    return have == want


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
