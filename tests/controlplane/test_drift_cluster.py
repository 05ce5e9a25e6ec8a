"""Cases of drift detection that need something of the whole cluster: policies, dead servers, moving objects."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest
from pyrage import x25519

from openinfra_tui.drift import normalise
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.drift.model import Application, Desired, EngineRef
from openinfra_tui.secret import age, sops
from tests.controlplane import users
from tests.controlplane.client import ApiError, Client, Object
from tests.controlplane.judging import FLUX, judge, labelled
from tests.controlplane.plane import ControlPlane

ADMISSION = "admissionregistration.k8s.io"


def config_map(namespace: str, data: Any = None, **metadata: Any) -> Object:
    return labelled(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "it", "namespace": namespace, **metadata},
            "data": data or {"a": "1"},
        }
    )


def for_namespace(namespace: str) -> Object:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "resourceRules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["configmaps"],
            }
        ],
    }


def wait_until(client: Client, check: Any) -> None:
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def mutate(client: Client, namespace: str, annotation: str, conditions: list[Object]) -> None:
    """A policy that sets an annotation on every ConfigMap of a namespace."""
    expression = f'Object{{metadata: Object.metadata{{annotations: {{"drift.test/set": {annotation}}}}}}}'
    client.apply(
        {
            "apiVersion": f"{ADMISSION}/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": namespace},
            "spec": {
                "matchConstraints": for_namespace(namespace),
                "matchConditions": conditions,
                "failurePolicy": "Fail",
                "reinvocationPolicy": "Never",
                "mutations": [
                    {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
                ],
            },
        }
    )
    client.apply(
        {
            "apiVersion": f"{ADMISSION}/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": namespace},
            "spec": {"policyName": namespace},
        }
    )
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": namespace}}

    def works() -> bool:
        client.apply({**probe, "data": {"n": str(works.calls)}})  # type: ignore[attr-defined]
        works.calls += 1  # type: ignore[attr-defined]
        found = client.get("v1", "ConfigMap", "probe", namespace)
        return "drift.test/set" in (found["metadata"].get("annotations") or {})

    works.calls = 0  # type: ignore[attr-defined]
    wait_until(client, works)


def test_36_what_admission_sets_is_no_drift_and_is_asked(control_plane: ControlPlane, namespace: str) -> None:
    client = control_plane.client()
    mutate(client, namespace, '"yes"', [])
    client.apply(config_map(namespace), "kustomize-controller")
    (found,) = judge(control_plane.kubeconfig(), [config_map(namespace)])
    assert (found.verdict, found.proof) == ("in-sync", "dry-run")
    (found,) = judge(control_plane.kubeconfig(users.READER), [config_map(namespace)])
    assert found.verdict == "unverified"
    assert "webhook" in (found.reason or "")


def test_36_a_value_that_admission_overrules_is_no_drift(control_plane: ControlPlane, namespace: str) -> None:
    client = control_plane.client()
    mutate(client, namespace, '"yes"', [])
    wanted = config_map(namespace, annotations={"drift.test/set": "no"})
    client.apply(wanted, "kustomize-controller")
    (found,) = judge(control_plane.kubeconfig(), [wanted])
    assert (found.verdict, found.proof) == ("in-sync", "dry-run")


def test_98_what_is_set_only_on_real_writes_is_no_drift(control_plane: ControlPlane, namespace: str) -> None:
    client = control_plane.client()
    condition = {"name": "real", "expression": "!has(request.dryRun) || request.dryRun == false"}
    mutate(client, namespace, '"yes"', [condition])
    client.apply(config_map(namespace), "kustomize-controller")
    (found,) = judge(control_plane.kubeconfig(), [config_map(namespace)])
    assert found.verdict == "in-sync"


def validate(client: Client, namespace: str, action: str) -> None:
    client.apply(
        {
            "apiVersion": f"{ADMISSION}/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": namespace},
            "spec": {
                "matchConstraints": for_namespace(namespace),
                "validations": [{"expression": "object.data.a != 'bad'", "message": "this value is bad"}],
            },
        }
    )
    client.apply(
        {
            "apiVersion": f"{ADMISSION}/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": namespace},
            "spec": {"policyName": namespace, "validationActions": [action]},
        }
    )


@pytest.mark.parametrize(("action", "verdict"), [("Deny", "blocked"), ("Warn", "drifted")])
def test_90_and_95_a_policy_denies_or_warns(
    control_plane: ControlPlane, namespace: str, action: str, verdict: str
) -> None:
    client = control_plane.client()
    client.apply(config_map(namespace), "kustomize-controller")
    validate(client, namespace, action)
    bad = config_map(namespace, {"a": "bad"})

    def judged() -> Any:
        (found,) = judge(control_plane.kubeconfig(), [bad])
        return found

    wait_until(client, lambda: "this value is bad" in (judged().reason or ""))
    assert judged().verdict == verdict


def test_54_a_namespace_that_is_being_deleted(control_plane: ControlPlane, namespace: str) -> None:
    client = control_plane.client()
    client.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    (found,) = judge(control_plane.kubeconfig(), [config_map(namespace)])
    assert found.verdict == "blocked"
    assert (found.reason or "").startswith("namespace-terminating")


def test_53_and_55_what_the_set_itself_brings(control_plane: ControlPlane) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "drift-new"}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "its.new.drift.test"},
        "spec": {
            "group": "new.drift.test",
            "scope": "Namespaced",
            "names": {"kind": "It", "plural": "its", "singular": "it"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    custom = {
        "apiVersion": "new.drift.test/v1",
        "kind": "It",
        "metadata": {"name": "it", "namespace": "drift-new"},
    }
    found = judge(control_plane.kubeconfig(), [space, crd, custom, config_map("drift-new")])
    assert [(item.verdict, item.next) for item in found] == [("missing", "create")] * 4


def test_64_a_sealed_secret_is_compared_by_the_names_of_its_keys(
    control_plane: ControlPlane, namespace: str
) -> None:
    client = control_plane.client()
    stored = labelled(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "it", "namespace": namespace},
            "data": {"password": base64.b64encode(b"x").decode()},
        }
    )
    client.apply(stored, "kustomize-controller")

    def sealed(*keys: str) -> Desired:
        manifest = {**stored, "data": dict.fromkeys(keys, "ENC[AES256_GCM,data:x]")}
        return Desired(manifest, FLUX, sealed=tuple(f"/data/{key}" for key in keys))

    same, more = judge(control_plane.kubeconfig(), [sealed("password"), sealed("password", "token")])
    assert same.verdict == "unverified"
    assert (more.verdict, more.differences[0].path) == ("drifted", "/data/token")


def test_97_an_object_that_moves_between_list_and_dry_run(
    control_plane: ControlPlane, namespace: str
) -> None:
    client = control_plane.client()
    wanted = config_map(namespace)
    client.apply(wanted, "kustomize-controller")
    client.patch(wanted, {"data": {"a": "2"}}, "kubectl-edit")
    (found,) = judge(
        control_plane.kubeconfig(), [wanted], between=lambda: client.apply(wanted, "kustomize-controller")
    )
    assert found.verdict == "in-sync"
    client.patch(wanted, {"data": {"a": "2"}}, "kubectl-edit")
    (found,) = judge(
        control_plane.kubeconfig(), [wanted], between=lambda: client.patch(wanted, {"data": {"a": "3"}}, "x")
    )
    assert (found.verdict, found.differences[0].live) == ("drifted", "3")


def test_93_an_api_service_that_is_down_blinds_its_group_only(
    control_plane: ControlPlane, namespace: str
) -> None:
    client = control_plane.client()
    client.apply(config_map(namespace), "kustomize-controller")
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.dead.drift.test"},
        "spec": {
            "group": "dead.drift.test",
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"namespace": namespace, "name": "none"},
            "insecureSkipTLSVerify": True,
        },
    }
    client.apply(service)
    dead = {
        "apiVersion": "dead.drift.test/v1",
        "kind": "It",
        "metadata": {"name": "it", "namespace": namespace},
    }
    try:
        broken, fine = judge(control_plane.kubeconfig(), [dead, config_map(namespace)])
        assert broken.verdict == "blocked"
        assert fine.verdict == "in-sync"
    finally:
        client.delete(service)


def test_94_a_dead_conversion_webhook_blinds_its_kind_only(
    control_plane: ControlPlane, namespace: str
) -> None:
    client = control_plane.client()
    client.apply(config_map(namespace), "kustomize-controller")
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    crd: Object = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "its.conversion.drift.test"},
        "spec": {
            "group": "conversion.drift.test",
            "scope": "Namespaced",
            "names": {"kind": "It", "plural": "its", "singular": "it"},
            "conversion": {
                "strategy": "Webhook",
                "webhook": {
                    "conversionReviewVersions": ["v1"],
                    "clientConfig": {"url": "https://127.0.0.1:1/convert"},
                },
            },
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": schema},
                {"name": "v2", "served": True, "storage": False, "schema": schema},
            ],
        },
    }
    client.apply(crd)
    it = {
        "apiVersion": "conversion.drift.test/v1",
        "kind": "It",
        "metadata": {"name": "it", "namespace": namespace},
    }

    def served() -> bool:
        return any(g["name"] == "conversion.drift.test" for g in client.request("GET", "/apis")["groups"])

    wait_until(client, served)
    wait_until(client, lambda: _created(client, it))
    other = {**it, "apiVersion": "conversion.drift.test/v2"}
    try:
        broken, fine = judge(control_plane.kubeconfig(), [other, config_map(namespace)])
        assert broken.verdict == "blocked"
        assert "conversion" in (broken.reason or "")
        assert fine.verdict == "in-sync"
    finally:
        client.delete(crd)


def _created(client: Client, it: Object) -> bool:
    try:
        client.apply(labelled(it), "kustomize-controller")
    except ApiError:
        return False
    return True


def test_85_without_list_each_object_is_read_by_name(control_plane: ControlPlane, namespace: str) -> None:
    client = control_plane.client()
    client.apply(config_map(namespace), "kustomize-controller")
    name = f"drift:{namespace}"
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
        {"apiGroups": [ADMISSION], "resources": ["*"], "verbs": ["get", "list"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": users.NOBODY}],
    }
    client.apply(role)
    client.apply(binding)
    nobody = control_plane.client(users.NOBODY)
    hooks = f"/apis/{ADMISSION}/v1/mutatingwebhookconfigurations"
    map_path = f"/api/v1/namespaces/{namespace}/configmaps/it"
    wait_until(client, lambda: _allowed(nobody, hooks) and _allowed(nobody, map_path))
    try:
        (found,) = judge(control_plane.kubeconfig(users.NOBODY), [config_map(namespace)])
        assert (found.verdict, found.proof) == ("in-sync", "local"), found
    finally:
        client.delete(binding)


def _allowed(client: Client, path: str) -> bool:
    try:
        client.request("GET", path)
    except ApiError:
        return False
    return True


def test_73_fields_that_another_version_owns_are_asked_about(
    control_plane: ControlPlane, namespace: str
) -> None:
    client = control_plane.client()
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "it", "namespace": namespace},
        "spec": {
            "maxReplicas": 3,
            "minReplicas": 1,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "it"},
        },
    }
    client.apply(labelled({"apiVersion": "autoscaling/v1", **scaler}), "kustomize-controller")
    (found,) = judge(control_plane.kubeconfig(), [{"apiVersion": "autoscaling/v2", **scaler}])
    assert (found.verdict, found.proof) == ("in-sync", "dry-run")


def definition(group: str, kind: str, spec: Object, **more: Any) -> Object:
    """A definition of one kind whose `spec` has a type."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", **more},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def test_27_a_definition_that_makes_an_atomic_map_granular(
    control_plane: ControlPlane, namespace: str
) -> None:
    client = control_plane.client()

    def typed(sort: str) -> Object:
        field = {"type": "object", "additionalProperties": {"type": "string"}}
        return definition("turned.test", "Turned", {"map": {**field, "x-kubernetes-map-type": sort}})

    item = {
        "apiVersion": "turned.test/v1",
        "kind": "Turned",
        "metadata": {"name": "it", "namespace": namespace},
        "spec": {"map": {"a": "1"}},
    }
    client.apply(typed("atomic"))
    wait_until(client, lambda: _applies(client, labelled(item)))
    client.apply(typed("granular"))
    time.sleep(2)  # the server reads a definition anew in its own time
    client.patch(item, {"spec": {"map": {"b": "2"}}}, "operator")
    same, less = judge(
        control_plane.kubeconfig(), [item, {**item, "spec": {"map": {"a": "1", "b": "2", "c": "3"}}}]
    )
    assert (same.verdict, same.next) == ("in-sync", "none")
    assert (less.verdict, [item.path for item in less.differences]) == ("drifted", ["/spec/map/c"])


def _applies(client: Client, item: Object) -> bool:
    try:
        client.apply(item, "kustomize-controller")
    except ApiError:
        return False
    return True


def test_70_what_only_the_server_writes_into_a_definition_is_no_drift(control_plane: ControlPlane) -> None:
    crd = definition("kept.test", "Kept", {}, creationTimestamp=None)
    crd["status"] = {"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": []}
    control_plane.client().apply(labelled(crd), "kustomize-controller")
    (found,) = judge(control_plane.kubeconfig(), [crd])
    assert (found.verdict, found.next) == ("in-sync", "none")


def test_65_a_value_that_is_only_encrypted_anew_is_no_drift(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    identity = str(x25519.Identity.generate())
    (tmp_path / "key.txt").write_text(f"{identity}\n")

    def encrypted() -> Desired:
        text = sops.encrypt({"password": "one-word"}, [age.public_recipient(identity)])
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "it", "namespace": namespace},
            "data": {"values.yaml": base64.b64encode(text.encode()).decode()},
        }
        opened, closed = Opener(tmp_path / "key.txt").open(manifest)
        assert opened != manifest
        return Desired(labelled(opened), FLUX, sealed=closed)

    first, second = encrypted(), encrypted()
    control_plane.client().apply(normalise.for_apply(first.object), "kustomize-controller")
    (found,) = judge(control_plane.kubeconfig(), [second])
    assert (found.verdict, found.proof) == ("in-sync", "local")


def test_a_helm_release_does_not_undo_added_labels(control_plane: ControlPlane, namespace: str) -> None:
    helm = Application(EngineRef("HelmRelease", "demo", "it"), "helm-controller")
    client = control_plane.client()
    client.apply(config_map(namespace), "helm-controller")
    client.patch(config_map(namespace), {"metadata": {"labels": {"by": "hand"}}}, "kubectl-label")
    (found,) = judge(control_plane.kubeconfig(), [config_map(namespace)], helm)
    assert found.verdict == "in-sync"
