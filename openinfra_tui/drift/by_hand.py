"""What the Go types of workloads add to a manifest, where no schema tells: a dump of kubectl has none.

What they leave out is not known then.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Steps = tuple[str, ...]


class Struct(dict[str, Any]):
    """A struct that a type adds: whoever owns it, it is merged field by field."""


_TEMPLATE: Steps = ("spec", "template")
_OF_CRON: Steps = ("spec", "jobTemplate", *_TEMPLATE)
# By apiVersion and kind, where the Pods are, and which structs are no pointers (k8s.io/api).
_WORKLOADS: dict[tuple[str, str], tuple[Steps, tuple[Steps, ...]]] = {
    ("v1", "Pod"): ((), ()),
    ("apps/v1", "Deployment"): (_TEMPLATE, (("spec", "strategy"), (*_TEMPLATE, "metadata"))),
    ("apps/v1", "StatefulSet"): (_TEMPLATE, (("spec", "updateStrategy"), (*_TEMPLATE, "metadata"))),
    ("apps/v1", "DaemonSet"): (_TEMPLATE, (("spec", "updateStrategy"), (*_TEMPLATE, "metadata"))),
    ("apps/v1", "ReplicaSet"): (_TEMPLATE, ((*_TEMPLATE, "metadata"),)),
    ("batch/v1", "Job"): (_TEMPLATE, ((*_TEMPLATE, "metadata"),)),
    ("batch/v1", "CronJob"): (_OF_CRON, (("spec", "jobTemplate", "metadata"), (*_OF_CRON, "metadata"))),
}
_OTHERS: dict[tuple[str, str], tuple[Steps, ...]] = {
    ("v1", "Namespace"): (("spec",),),
    ("v1", "PersistentVolumeClaim"): (("spec", "resources"),),
}
_TCP = {"protocol": "TCP"}


def written(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with what the types add."""
    place = str(manifest.get("apiVersion")), str(manifest.get("kind"))
    if place not in _WORKLOADS and place not in _OTHERS and place != ("v1", "Service"):
        return dict(manifest)
    out: dict[str, Any] = deepcopy(dict(manifest))
    pods, structs = _WORKLOADS.get(place, ((), _OTHERS.get(place, ())))
    for *above, last in structs:
        for node in _at(out, tuple(above)):
            if node.get(last) is None:
                node[last] = Struct()
    if place in _WORKLOADS:
        for pod in _at(out, (*pods, "spec")):
            for container in _maps(pod, "containers", "initContainers"):
                container.setdefault("resources", Struct())
            complete_containers(pod)
    elif place == ("v1", "Service"):
        for spec in _at(out, ("spec",)):
            for port in _maps(spec, "ports"):
                complete_port(port)
    return out


def complete_port(port: dict[str, Any]) -> None:
    """Add the protocol to a port of a Service, and the target: written as 0, the number of the port."""
    port.update({**_TCP, "targetPort": port.get("port"), **port})


def complete_containers(pod: dict[str, Any]) -> None:
    """Add the protocol to the ports of containers; init containers are left (fluxcd/pkg, ssa, normalize)."""
    for container in _maps(pod, "containers"):
        if isinstance(container.get("ports"), list):
            container["ports"] = [
                {**_TCP, **port} if isinstance(port, dict) else port for port in container["ports"]
            ]


def _at(node: Any, steps: Steps) -> Iterator[dict[str, Any]]:
    """The map that some steps lead to, if they do."""
    for step in steps:
        node = node.get(step) if isinstance(node, dict) else None
    if isinstance(node, dict):
        yield node


def _maps(node: Mapping[str, Any], *names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        items = node.get(name)
        yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, dict))
