"""Random objects, and random things that people and controllers do to them.

Everything follows from the dice that are given: the same dice give the same objects and the same edits.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.controlplane.client import Client, Object
from tests.controlplane.waiting import eventually

GROUP_VERSION = "property.drift.test/v1"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ITEM = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "kind": {"type": "string", "default": "K"},
        "value": {"type": "string"},
        "list": {"type": "array", "items": {"type": "string"}},
    },
}
_SPEC: Object = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "number": {"type": "number"},
        "defaulted": {"type": "string", "default": "d"},
        "size": {"x-kubernetes-int-or-string": True},
        "atomic": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "x-kubernetes-map-type": "atomic",
        },
        "granular": {"type": "object", "additionalProperties": {"type": "string"}},
        "plain": {"type": "array", "items": {"type": "string"}},
        "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "keyed": {
            "type": "array",
            "items": _ITEM,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "kind"],
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
CRD: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.property.drift.test"},
    "spec": {
        "group": "property.drift.test",
        "scope": "Namespaced",
        "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _SPEC}}},
            }
        ],
    },
}


def install(client: Client) -> None:
    """The definition of the custom kind, until it is served, with its schema."""
    client.apply(CRD)
    client.wait_for(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        CRD["metadata"]["name"],
        until=lambda crd: (
            "True"
            in [c["status"] for c in crd["status"].get("conditions") or [] if c["type"] == "Established"]
        ),
    )

    def published() -> bool:
        index = json.loads(client.request("GET", "/openapi/v3"))  # it does not say that it is JSON
        found = index["paths"].get(f"apis/{GROUP_VERSION}")
        return found is not None and "list-map-keys" in str(client.request("GET", found["serverRelativeURL"]))

    eventually(published, timeout=60)


def _text_map(dice: random.Random) -> Object:
    return {key: dice.choice("xy") for key in dice.sample("abc", dice.randint(0, 2))}


def _keyed(dice: random.Random) -> list[Object]:
    found = []
    for name in dice.sample("abc", dice.randint(0, 3)):
        item: Object = {"name": name}
        if dice.random() < 0.3:
            item["kind"] = dice.choice("KL")
        if dice.random() < 0.6:
            item["value"] = dice.choice("xy")
        if dice.random() < 0.2:
            item["list"] = dice.sample("xyz", dice.randint(0, 2))
        found.append(item)
    return found


_FIELDS: dict[str, Callable[[random.Random], Any]] = {
    "text": lambda dice: dice.choice(["", "x", "y", None]),
    "number": lambda dice: dice.choice([1, 1.0, 2, 0]),
    "defaulted": lambda dice: dice.choice(["d", "e", None]),
    "size": lambda dice: dice.choice([1, "1", "1000m", "1Gi", "1024Mi"]),
    "atomic": _text_map,
    "granular": _text_map,
    "plain": lambda dice: dice.sample("xyz", dice.randint(0, 3)),
    "set": lambda dice: dice.sample("xyz", dice.randint(0, 3)),
    "keyed": _keyed,
    "free": lambda dice: dice.choice(
        [{}, {"a": 1}, {"a": 1, "l": [1]}, {"l": [{"name": "x"}], "n": {"m": True}}]
    ),
}


def _thing(dice: random.Random) -> Object:
    chosen = dice.sample(sorted(_FIELDS), dice.randint(1, 4))
    spec = {name: _FIELDS[name](dice) for name in chosen}
    return {"apiVersion": GROUP_VERSION, "kind": "Thing", "spec": spec}


def _deployment(dice: random.Random) -> Object:
    container: Object = {"name": "a", "image": dice.choice(["i:1", "i:2"])}
    if dice.random() < 0.5:
        names = dice.sample("ABC", dice.randint(0, 3))
        container["env"] = [{"name": name, "value": dice.choice(["x", "y", ""])} for name in names]
    if dice.random() < 0.5:
        container["ports"] = [{"containerPort": port} for port in dice.sample([80, 81], dice.randint(0, 2))]
    if dice.random() < 0.4:
        container["args"] = dice.sample("xyz", dice.randint(0, 2))
    if dice.random() < 0.4:
        container["resources"] = {"requests": {"cpu": dice.choice(["1", "1000m", "2", 1])}}
    spec: Object = {
        "selector": {"matchLabels": {"app": "it"}},
        "template": {"metadata": {"labels": {"app": "it"}}, "spec": {"containers": [container]}},
    }
    if dice.random() < 0.3:
        spec["template"]["spec"]["tolerations"] = [
            {"key": key, "operator": "Exists"} for key in dice.sample("ab", 1)
        ]
    if dice.random() < 0.3:
        spec["replicas"] = dice.choice([0, 1, 2])
    if dice.random() < 0.2:
        spec["template"]["spec"]["nodeSelector"] = _text_map(dice)
    if dice.random() < 0.2:
        spec["paused"] = dice.choice([True, False, None])
    if dice.random() < 0.1:
        spec["replica"] = 2  # a mistake, which some engines pass over
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


def _service(dice: random.Random) -> Object:
    ports = []
    for port in dice.sample([80, 81, 82], dice.randint(1, 3)):
        item: Object = {"name": f"p{port}", "port": port}
        if dice.random() < 0.3:
            item["protocol"] = dice.choice(["TCP", "UDP"])
        if dice.random() < 0.4:
            item["targetPort"] = dice.choice([80, "http"])
        ports.append(item)
    selector = _text_map(dice)
    return {"apiVersion": "v1", "kind": "Service", "spec": {"ports": ports, "selector": selector}}


def _config_map(dice: random.Random) -> Object:
    data = {key: dice.choice(["", "x", "y\n", "1"]) for key in dice.sample("abcd", dice.randint(1, 3))}
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": data}


_MADE: dict[str, Callable[[random.Random], Object]] = {
    "Thing": _thing,
    "Deployment": _deployment,
    "Service": _service,
    "ConfigMap": _config_map,
}


def manifest(dice: random.Random, name: str, namespace: str) -> Object:
    """A random object."""
    kind = dice.choices(sorted(_MADE), weights=[1, 3, 1, 5])[0]  # as sorted: most are of the custom kind
    made = _MADE[kind](dice)
    metadata: Object = {"name": name, "namespace": namespace}
    for what in ("labels", "annotations"):
        if dice.random() < 0.3 and (chosen := _text_map(dice)):
            metadata[what] = chosen
    return {**made, "metadata": metadata}


def as_flux_sends(item: Object) -> Object:
    """A manifest as kustomize-controller sends it, which reads built-in kinds into their Go types.

    By hand for the kinds here, as those types are written (k8s.io/api): what has `omitempty` goes when it is empty.
    """
    out = copy.deepcopy(item)
    metadata = out["metadata"]
    for name in [name for name in ("labels", "annotations") if not metadata.get(name, True)]:
        del metadata[name]
    if item["kind"] == "ConfigMap" and not out.get("data", True):
        del out["data"]
    if item["kind"] == "Service":
        _service_of_flux(out["spec"])
    if item["kind"] == "Deployment":
        _deployment_of_flux(out["spec"])
    return out


def _service_of_flux(spec: Object) -> None:
    if not spec.get("selector"):
        spec.pop("selector", None)
    for port in spec["ports"]:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", 0)


def _deployment_of_flux(spec: Object) -> None:
    for name in ("replica", *(["paused"] if not spec.get("paused") else [])):
        spec.pop(name, None)
    spec.setdefault("strategy", {})
    pod = spec["template"]["spec"]
    if not pod.get("nodeSelector", True):
        del pod["nodeSelector"]
    for container in pod["containers"]:
        container.setdefault("resources", {})
        for name in [name for name in ("args", "env", "ports") if not container.get(name, True)]:
            del container[name]
        for entry in container.get("env", ()):
            if not entry["value"]:
                del entry["value"]
        for port in container.get("ports", ()):
            port["protocol"] = "TCP"


def varied(dice: random.Random, item: Object) -> Object:
    """A manifest close to another one: most of it stays, so that nothing to do is frequent."""
    out = copy.deepcopy(item)
    if dice.random() < 0.6:
        return out
    fresh = _MADE[item["kind"]](dice)
    for what in ("labels", "annotations"):
        if dice.random() < 0.2:
            out["metadata"][what] = {
                **(out["metadata"].get(what) or {}),
                dice.choice("abc"): dice.choice("xy"),
            }
    content = "data" if item["kind"] == "ConfigMap" else "spec"
    if item["kind"] == "Deployment":
        return {**out, content: fresh[content]} if dice.random() < 0.4 else out
    for name in dice.sample(sorted(out[content]), len(out[content]) // 2):
        if (item["kind"], name) != ("Service", "ports"):
            del out[content][name]
    out[content] |= {name: value for name, value in fresh[content].items() if dice.random() < 0.4}
    return out


@dataclass(frozen=True)
class Edit:
    """One thing that is done to an object.

    Attributes:
        manager: in whose name.
        body: what is applied, or merged into it.
        applied: by server-side apply, else by a merge patch.
    """

    manager: str
    body: Object
    applied: bool


def edit(dice: random.Random, item: Object, managers: tuple[str, ...]) -> Edit:
    """Something that is done to an object: an apply or an edit by one of some managers.

    Now and then somebody wipes `managedFields`, or leaves the annotation of `kubectl apply`.
    """
    manager = dice.choice(managers)
    change = varied(dice, varied(dice, item))
    if dice.random() < 0.03:
        return Edit(manager, {"metadata": {"managedFields": [{}]}}, applied=False)
    if dice.random() < 0.5:
        return Edit(manager, change, applied=True)
    content = "data" if item["kind"] == "ConfigMap" else "spec"
    body: Object = {content: change[content]}
    told = {
        what: change["metadata"][what] for what in ("labels", "annotations") if what in change["metadata"]
    }
    if manager == "kubectl-client-side-apply":
        last = json.dumps({name: value for name, value in change.items() if name != "metadata"})
        told["annotations"] = {**(told.get("annotations") or {}), LAST_APPLIED: last}
    return Edit(manager, {**body, **({"metadata": told} if told else {})}, applied=False)
