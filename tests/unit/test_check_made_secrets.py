"""What check knows of objects that make Secrets: the Secret that comes of them, and what is in clear."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.check.made_secrets import chart_values, check_made_secrets, made_secret
from openinfra_tui.check.references import check_references
from openinfra_tui.check.report import Repository

SEALED = base64.b64encode(b"\x01\x00" + bytes(256) + bytes(40)).decode()
PASSWORD = 'a: {{ index . "admin" | toJson }}\n'


def external(template: str | None = PASSWORD, **spec: Any) -> dict[str, Any]:
    target = (
        {"name": "made", "template": {"data": {"values.yaml": template}}} if template else {"name": "made"}
    )
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "e", "namespace": "openstack"},
        "spec": {
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": "openinfra"},
            "target": target,
            "data": [{"secretKey": "admin", "remoteRef": {"key": "fra1/admin", "property": "value"}}],
            **spec,
        },
    }


def sealed(values: dict[str, Any] | None = None, template: str = PASSWORD, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "made", "namespace": "openstack"},
        "spec": {
            "encryptedData": {"admin": SEALED} if values is None else values,
            "template": {"data": {"values.yaml": template}},
            **spec,
        },
    }


def messages(item: dict[str, Any]) -> list[str]:
    return [fault.message for fault in check_made_secrets(Repository(Path(), {"x.yaml": (item,)}))]


def test_the_secret_that_comes_of_an_object() -> None:
    for item, keys in (
        (external(), {"values.yaml"}),
        (external(None), {"admin"}),
        (sealed(), {"values.yaml", "admin"}),
    ):
        made = made_secret(item)
        assert made is not None
        assert (made["kind"], made["metadata"]["name"]) == ("Secret", "made")
        assert made["metadata"]["namespace"] == "openstack"
        assert set(made["data"]) == keys
    assert made_secret({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "made"}}) is None


def test_the_values_of_a_template_have_their_keys() -> None:
    assert set(chart_values(external())) == {"a"}
    assert chart_values(external("a: [{{ .x }}")) is None
    assert chart_values(external(None)) is None


@pytest.mark.parametrize("item", [external(), external(None), sealed(), external("a: {{ .admin }}\n")])
def test_what_is_in_order(item: dict[str, Any]) -> None:
    assert messages(item) == []


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (sealed({"admin": "hunter2"}), "admin is not sealed"),
        (sealed({"admin": base64.b64encode(b"hunter2" * 40).decode()}), "admin is not sealed"),
        (sealed({"admin": ["hunter2"]}), "admin is not sealed"),
        (sealed(template="a: hunter2\n"), "the template of values.yaml has a in clear"),
        (sealed(template="a:\n  b: [hunter2]\n"), "the template of values.yaml has a.b[0] in clear"),
        (sealed(template='a: {{ index . "gone" | toJson }}\n'), "the template of values.yaml names gone"),
        (sealed(data="AAAA"), "spec.data is a form that the controller no longer opens"),
        (external("a: hunter2\n"), "the template of values.yaml has a in clear"),
        (external("a: {{ .gone }}\n"), "the template of values.yaml names gone"),
    ],
)
def test_what_is_not(item: dict[str, Any], words: str) -> None:
    (message,) = messages(item)
    assert words in message
    assert "hunter2" not in message


@pytest.mark.parametrize("spec", [None, [], {"encryptedData": 1, "template": 3}, {"data": 5, "target": "x"}])
@pytest.mark.parametrize("base", [external(), sealed()])
def test_nonsense_is_no_traceback(base: dict[str, Any], spec: object) -> None:
    item = {**base, "spec": spec}
    messages(item)
    made_secret(item)
    chart_values(item)


def test_keys_of_a_whole_secret_are_not_known_here() -> None:
    assert messages(external("a: {{ .other }}\n", dataFrom=[{"extract": {"key": "fra1"}}])) == []


def release(name: str, key: str = "values.yaml") -> dict[str, Any]:
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "r", "namespace": "openstack"},
        "spec": {"valuesFrom": [{"kind": "Secret", "name": name, "valuesKey": key}]},
    }


@pytest.mark.parametrize("maker", [external(), sealed()])
def test_values_come_from_the_secret_that_is_made(maker: dict[str, Any]) -> None:
    def faults(*items: dict[str, Any]) -> list[str]:
        return [fault.message for fault in check_references(Repository(Path(), {}, {"sites/a/b": items}))]

    assert faults(maker, release("made")) == []
    assert "valuesFrom Secret made has no key other" in faults(maker, release("made", "other"))[0]
    assert "valuesFrom Secret e is not in the same build" in faults(maker, release("e"))[0]
    elsewhere = {**maker, "metadata": {**maker["metadata"], "namespace": "other"}}
    assert "valuesFrom Secret made is not in the same build" in faults(elsewhere, release("made"))[0]


def test_the_store_must_be_in_the_cluster() -> None:
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": "openinfra"},
    }

    def faults(*items: dict[str, Any]) -> list[str]:
        documents = {"clusters/fra1/undercloud/x.yaml": items}
        found = check_references(Repository(Path(), documents))
        return [fault.message for fault in found if "Store" in fault.message]

    assert faults(external(), store) == []
    assert "ClusterSecretStore openinfra does not exist in this cluster" in faults(external())[0]
    local = external(secretStoreRef={"name": "openinfra"})
    assert "SecretStore openinfra does not exist in this cluster" in faults(local, store)[0]
