"""The patch of a client-side apply of a built-in kind, as kubectl makes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openinfra_tui.drift import client_side, strategic, takeover
from openinfra_tui.drift.model import Application, Desired, EngineRef
from openinfra_tui.drift.schema import Type
from openinfra_tui.drift.verdict import assess

ARGO = Application(EngineRef("Application", "argocd", "apps"), "argocd-controller", client_side=True)
MAP = {"type": "object", "additionalProperties": {"type": "string"}}
PORT = {
    "properties": {"name": {"type": "string"}, "port": {"type": "integer"}, "protocol": {"default": "TCP"}}
}
VOLUME = {
    "properties": {"name": {}, "emptyDir": {"properties": {}}, "hostPath": {"properties": {"path": {}}}}
}
SPEC = {
    "properties": {
        "selector": {**MAP, "x-kubernetes-map-type": "atomic"},
        "ports": {
            "type": "array",
            "items": PORT,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port", "protocol"],
            "x-kubernetes-patch-strategy": "merge",
            "x-kubernetes-patch-merge-key": "port",
        },
        "volumes": {
            "type": "array",
            "items": VOLUME,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "x-kubernetes-patch-strategy": "merge,retainKeys",
            "x-kubernetes-patch-merge-key": "name",
        },
        "strategy": {"properties": {"type": {}, "rollingUpdate": MAP}, "x-kubernetes-patch-strategy": "retainKeys"},
        "args": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "atomic"},
        "ends": {"type": "array", "items": {"type": "string"}, "x-kubernetes-patch-strategy": "merge"},
    }
}  # fmt: skip
KIND = Type({"properties": {"spec": SPEC, "metadata": {"properties": {"annotations": MAP}}}}, {})


def _object(spec: dict[str, Any], last: dict[str, Any] | None = None) -> dict[str, Any]:
    item = {"apiVersion": "v1", "kind": "It", "metadata": {"name": "it"}, "spec": spec}
    if last is not None:
        text = json.dumps({"spec": last})
        item["metadata"] = {
            "name": "it",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": text},
        }
    return item  # fmt: skip


def _patch(wanted: dict[str, Any], there: dict[str, Any], last: dict[str, Any] | None = None) -> Any:
    live = _object(there, last)
    gone = takeover.reverts(ARGO, (), _object(wanted), live, KIND)
    return strategic.patch(_object(wanted), live, KIND.strategic, gone)["spec"]


@pytest.mark.parametrize(
    ("wanted", "there", "last", "expected"),
    [
        # Maps are merged key by key, whatever the server's own apply makes of them.
        ({"selector": {"a": "1"}}, {"selector": {"a": "1", "b": "2"}}, {}, {"selector": {"a": "1"}}),
        (
            {"selector": {"a": "1"}},
            {"selector": {"a": "1", "b": "2"}},
            {"selector": {"b": "2"}},
            {"selector": {"a": "1", "b": None}},
        ),
        ({"args": ["x"]}, {"args": ["y"]}, {"args": ["z"]}, {"args": ["x"]}),
        ({}, {"args": ["y"]}, {"args": ["z"]}, {"args": None}),
        ({}, {"args": ["y"]}, {}, {}),
        # Ports are known by their number alone, and stand in the order of the manifest.
        (
            {"ports": [{"port": 80, "protocol": "UDP"}, {"port": 81}]},
            {"ports": [{"port": 80, "protocol": "TCP"}]},
            {},
            {
                "ports": [{"port": 80, "protocol": "UDP"}, {"port": 81}],
                "$setElementOrder/ports": [{"port": 80}, {"port": 81}],
            },
        ),
        (
            {"ports": [{"port": 80}]},
            {"ports": [{"port": 80, "name": "a"}, {"port": 81}]},
            {"ports": [{"port": 80, "name": "a"}, {"port": 81}]},
            {
                "ports": [{"port": 80, "name": None}, {"$patch": "delete", "port": 81}],
                "$setElementOrder/ports": [{"port": 80}],
            },
        ),
        (
            {"ends": ["b"]},
            {"ends": ["a", "b"]},
            {"ends": ["a", "b"]},
            {"ends": ["b"], "$setElementOrder/ends": ["b"], "$deleteFromPrimitiveList/ends": ["a"]},
        ),
        # What is not stated goes only where something that is stated changes.
        (
            {"strategy": {"type": "Recreate"}},
            {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}},
            {},
            {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}},
        ),
        (
            {"strategy": {"type": "RollingUpdate"}},
            {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "1"}}},
            {},
            {"strategy": {"type": "RollingUpdate"}},
        ),
        (
            {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w", "emptyDir": {}}]},
            {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]},
            {},
            {
                "volumes": [
                    {"name": "v", "hostPath": {"path": "/x"}, "$retainKeys": ["hostPath", "name"]},
                    {"name": "w", "emptyDir": {}},
                ],
                "$setElementOrder/volumes": [{"name": "v"}, {"name": "w"}],
            },
        ),
    ],
)
def test_the_patch_is_that_of_kubectl(wanted: Any, there: Any, last: Any, expected: Any) -> None:
    assert _patch(wanted, there, last) == expected


def test_what_is_wanted_stays_as_it_was() -> None:
    wanted = _object({"ports": [{"port": 80}]})
    strategic.patch(
        wanted, _object({}), KIND.strategic, [("f:spec", 'k:{"port":80}', "f:name"), ("f:spec", "f:x")]
    )
    assert wanted == _object({"ports": [{"port": 80}]})


@pytest.mark.parametrize(
    ("wanted", "there", "ask"),
    [
        ({"selector": {"a": "1"}}, {"selector": {"a": "1", "b": "2"}}, False),
        ({"selector": {"a": "1"}}, {"selector": {"a": "2"}}, True),
        # Two ports of one number are one to it: nothing is proved.
        (
            {"ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]},
            {"ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]},
            True,
        ),
        ({"ends": ["a"]}, {"ends": ["b", "a"]}, False),
        ({"args": ["a"]}, {"args": ["b", "a"]}, True),
    ],
)
def test_what_a_client_side_apply_leaves_is_proved_by_its_own_rules(
    wanted: Any, there: Any, *, ask: bool
) -> None:
    found = assess(Desired(_object(wanted), ARGO), _object(there, {}), KIND)
    assert found.ask == ask
    assert (found.merge is not None) == ask


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({"a": "1"}, {"spec": {"a": None, "b": 2}}),
        ({"a": None}, {"spec": {"b": 2}}),
        ({}, {"spec": {"b": 2}}),
    ],
)
def test_a_null_takes_from_a_custom_resource_only_what_was_applied(last: Any, expected: Any) -> None:
    wanted = {"spec": {"a": None, "b": 2}}
    assert client_side.merge_patch(wanted, _object({"a": "x"}, last), []) == expected
