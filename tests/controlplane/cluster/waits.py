"""What a Pod waits for: pure functions of the Pod and of what the API server holds.

Facts: the kubelet starts no container while a mounted or referenced Secret or ConfigMap is missing
(Kubernetes documentation, "Secrets", "ConfigMaps"); helm-toolkit's entrypoint container waits for what its
environment names in `DEPENDENCY_*` (airshipit/kubernetes-entrypoint, README).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.controlplane.client import Object
from tests.controlplane.cluster.mirror import State


def waits_for(pod: Object, state: State) -> tuple[str, ...]:
    """What is not there yet of all that the Pod needs, in words; empty when it can run."""
    namespace = pod["metadata"].get("namespace", "")
    return tuple(dict.fromkeys([*_missing_volumes(pod, namespace, state), *_unmet(pod, namespace, state)]))


def is_ready(pod: Object) -> bool:
    """Whether the Pod's condition Ready is true."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def is_done(job: Object) -> bool:
    """Whether the Job is complete."""
    return int(job.get("status", {}).get("succeeded", 0)) > 0


def owner(obj: Object, kind: str) -> str | None:
    """The name of the object's owner of a kind."""
    for reference in obj["metadata"].get("ownerReferences", []):
        if reference["kind"] == kind:
            return str(reference["name"])
    return None


def _containers(pod: Object) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def _missing_volumes(pod: Object, namespace: str, state: State) -> Iterator[str]:
    for kind, name in _references(pod):
        if (namespace, name) not in state[kind]:
            yield f"{kind} {name}"
    for volume in pod["spec"].get("volumes", []):
        if "persistentVolumeClaim" in volume:
            name = volume["persistentVolumeClaim"]["claimName"]
            claim = state["PersistentVolumeClaim"].get((namespace, name), {})
            if claim.get("status", {}).get("phase") != "Bound":
                yield f"PersistentVolumeClaim {name}"


def _references(pod: Object) -> Iterator[tuple[str, str]]:
    """Kinds and names of the Secrets and ConfigMaps that must be there."""
    for volume in pod["spec"].get("volumes", []):
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            yield from _named(source, "secret", "configMap")
    for container in _containers(pod):
        for source in container.get("envFrom", []):
            yield from _named(source, "secretRef", "configMapRef")
        for variable in container.get("env", []):
            yield from _named(variable.get("valueFrom", {}), "secretKeyRef", "configMapKeyRef")


def _named(source: dict[str, Any], secret: str, config_map: str) -> Iterator[tuple[str, str]]:
    for field, kind in ((secret, "Secret"), (config_map, "ConfigMap")):
        if field in source and not source[field].get("optional", False):
            # Volumes call it `secretName` where everything else says `name`.
            yield kind, source[field].get("secretName") or source[field]["name"]


def _unmet(pod: Object, namespace: str, state: State) -> Iterator[str]:
    for container in pod["spec"].get("initContainers", []):
        for variable in container.get("env", []):
            value = variable.get("value", "")
            if not value:
                continue
            match variable["name"]:
                case "DEPENDENCY_SERVICE":
                    yield from _services(_split(value), namespace, state)
                case "DEPENDENCY_JOBS":
                    yield from _jobs(((namespace, name) for name in _split(value)), state)
                case "DEPENDENCY_JOBS_JSON":
                    jobs = ((job.get("namespace") or namespace, job["name"]) for job in json.loads(value))
                    yield from _jobs(jobs, state)
                case "DEPENDENCY_DAEMONSET":
                    yield from _daemonsets(_split(value), pod, state)
                case "DEPENDENCY_POD_JSON":
                    yield from _pods(json.loads(value), pod, state)


def _split(value: str) -> list[str]:
    return [word for word in value.split(",") if word]


def _services(names: Iterable[str], namespace: str, state: State) -> Iterator[str]:
    for full in names:
        where, _, name = full.rpartition(":")
        if not _has_endpoint(where or namespace, name, state):
            yield f"Service {full}"


def _has_endpoint(namespace: str, service: str, state: State) -> bool:
    for (where, _), piece in state["EndpointSlice"].items():
        labels = piece["metadata"].get("labels", {})
        if where != namespace or labels.get("kubernetes.io/service-name") != service:
            continue
        if any(point.get("conditions", {}).get("ready") for point in piece.get("endpoints") or []):
            return True
    return False


def _jobs(names: Iterable[tuple[str, str]], state: State) -> Iterator[str]:
    for key in names:
        if key not in state["Job"] or not is_done(state["Job"][key]):
            yield f"Job {key[1]}"


def _daemonsets(names: Iterable[str], pod: Object, state: State) -> Iterator[str]:
    namespace, node = pod["metadata"].get("namespace", ""), pod["spec"].get("nodeName")
    for name in names:
        ready = (
            is_ready(other) and other["spec"].get("nodeName") == node and owner(other, "DaemonSet") == name
            for (where, _), other in state["Pod"].items()
            if where == namespace
        )
        if not any(ready):
            yield f"DaemonSet {name}"


def _pods(wanted: Iterable[dict[str, Any]], pod: Object, state: State) -> Iterator[str]:
    namespace, node = pod["metadata"].get("namespace", ""), pod["spec"].get("nodeName")
    for item in wanted:
        labels = item["labels"].items()
        met = (
            is_ready(other) and labels <= other["metadata"].get("labels", {}).items()
            for (where, _), other in state["Pod"].items()
            if where == (item.get("namespace") or namespace)
            and (not item.get("requireSameNode") or other["spec"].get("nodeName") == node)
        )
        if not any(met):
            yield "Pod " + ",".join(f"{name}={value}" for name, value in sorted(labels))
