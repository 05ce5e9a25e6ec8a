"""The local proof against the server: what is called a no-op must be one, for random objects and histories.

`DRIFT_CASES` sets how many; the seed is printed with a failure.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import random
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from openinfra_tui.cluster import dryrun, kubeconfig, openapi
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.cluster.discovery import discover
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift import normalise
from openinfra_tui.drift.model import Application, Desired, EngineRef
from openinfra_tui.drift.schema import Schemas
from openinfra_tui.drift.values import same
from openinfra_tui.drift.verdict import assess
from tests.controlplane.client import ApiError as Refusal
from tests.controlplane.client import Client, Object
from tests.controlplane.plane import ControlPlane

CASES = int(os.environ.get("DRIFT_CASES", "400"))
VERSION = "property.drift.test/v1"
# A manager that Flux does not take over, so that the server's answer is the whole truth.
OURS = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller")
MANAGERS = ("kustomize-controller", "other", "controller")

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


def text_map(dice: random.Random) -> Object:
    return {key: dice.choice("xy") for key in dice.sample("abc", dice.randint(0, 2))}


def custom(dice: random.Random) -> Object:
    def keyed() -> list[Object]:
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

    fields = {
        "text": lambda: dice.choice(["", "x", "y", None]),
        "number": lambda: dice.choice([1, 1.0, 2, 0]),
        "defaulted": lambda: dice.choice(["d", "e", None]),
        "size": lambda: dice.choice([1, "1", "1000m", "1Gi", "1024Mi"]),
        "atomic": lambda: text_map(dice),
        "granular": lambda: text_map(dice),
        "plain": lambda: dice.sample("xyz", dice.randint(0, 3)),
        "set": lambda: dice.sample("xyz", dice.randint(0, 3)),
        "keyed": keyed,
        "free": lambda: dice.choice(
            [{}, {"a": 1}, {"a": 1, "l": [1]}, {"l": [{"name": "x"}], "n": {"m": True}}]
        ),
    }
    chosen = dice.sample(sorted(fields), dice.randint(1, 4))
    return {"apiVersion": VERSION, "kind": "Thing", "spec": {name: fields[name]() for name in chosen}}


def workload(dice: random.Random) -> Object:
    container: Object = {"name": "a", "image": dice.choice(["i:1", "i:2"])}
    if dice.random() < 0.5:
        names = dice.sample("ABC", dice.randint(0, 3))
        container["env"] = [{"name": name, "value": dice.choice("xy")} for name in names]
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
        spec["template"]["spec"]["nodeSelector"] = text_map(dice)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


def varied(dice: random.Random, manifest: Object) -> Object:
    """A manifest close to another one: most of it stays, so that no-ops are frequent."""
    out = copy.deepcopy(manifest)
    if dice.random() < 0.6:
        return out
    fresh = (custom if manifest["kind"] == "Thing" else workload)(dice)
    if manifest["kind"] == "Thing":
        for name in dice.sample(sorted(out["spec"]), len(out["spec"]) // 2):
            del out["spec"][name]
        for name, value in fresh["spec"].items():
            if dice.random() < 0.4:
                out["spec"][name] = value
        return out
    return {**fresh, "metadata": out["metadata"]} if dice.random() < 0.3 else out


def history(dice: random.Random, client: Client, manifest: Object) -> None:
    """Some applies and edits by several managers; what the server refuses did not happen."""
    client.apply(varied(dice, manifest), dice.choice(MANAGERS))
    for _ in range(dice.randint(1, 3)):
        change = varied(dice, manifest)
        with suppress(Refusal):
            if dice.random() < 0.7:
                client.apply(change, dice.choice(MANAGERS))
            else:
                client.patch(manifest, {"spec": change["spec"]}, dice.choice(MANAGERS))
    if dice.random() < 0.7:
        with suppress(Refusal):
            client.apply(manifest, OURS.manager)
    if dice.random() < 0.3:
        with suppress(Refusal):
            client.patch(manifest, {"spec": varied(dice, manifest)["spec"]}, "controller")


@pytest.mark.parametrize("part", range(2))
def test_what_is_proved_is_a_no_op(control_plane: ControlPlane, namespace: str, part: int) -> None:
    client = control_plane.client()
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
    seed = int(os.environ.get("DRIFT_SEED", "0")) or random.randrange(1 << 30)
    dice = random.Random(f"{seed}-{part}")
    wanted: list[Object] = []
    for index in range(CASES // 2):
        manifest = (custom if dice.random() < 0.6 else workload)(dice)
        manifest["metadata"] = {"name": f"it-{index}", "namespace": namespace}
        try:
            history(dice, client, manifest)
        except Refusal:
            continue  # the first apply was refused: there is no object
        desired = varied(dice, manifest)
        desired["metadata"] = manifest["metadata"]
        wanted.append(desired)
    counts, wrong = asyncio.run(_compare(control_plane, wanted))
    assert not wrong, f"seed {seed}: {json.dumps(wrong[0])}"
    assert counts["proved"] > len(wanted) // 10, counts  # else the test proves nothing


async def _compare(plane: ControlPlane, wanted: list[Object]) -> tuple[Counter[str], list[Any]]:
    counts: Counter[str] = Counter()
    wrong: list[Any] = []
    async with Connection(kubeconfig.load(path=plane.kubeconfig())) as connection:
        served = await discover(connection)
        schemas = Schemas(await openapi.documents(connection, {VERSION, "apps/v1"}))

        async def one(manifest: Object) -> None:
            resource = served.resources[manifest["apiVersion"], manifest["kind"]]
            metadata = manifest["metadata"]
            try:
                live = await connection.get(resource.path(metadata["namespace"], metadata["name"]))
            except ApiError:
                return
            desired = Desired(manifest, OURS)
            found = assess(desired, live, schemas.find(manifest["apiVersion"], manifest["kind"]))
            # Also without a schema, as with a dump of kubectl.
            bare = assess(desired, live, None)
            counts["proved"] += not found.ask
            counts["proved without a schema"] += not bare.ask
            try:
                answer, _ = await dryrun.apply(
                    connection, resource, normalise.for_apply(manifest), OURS.manager
                )
            except ApiError as error:
                if not found.ask or not bare.ask:
                    wrong.append([manifest, live, error.message])
                return
            changed = not same(normalise.compared(answer), normalise.compared(live))
            counts["changed"] += changed
            if changed and not (found.ask and bare.ask):
                wrong.append([manifest, live, answer])

        await asyncio.gather(*(one(manifest) for manifest in wanted))
    return counts, wrong
