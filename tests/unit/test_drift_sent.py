"""What Flux sends of a manifest of a built-in kind, as the types of the server's OpenAPI tell it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from openinfra_tui.drift import by_hand, sent
from openinfra_tui.drift.model import Application, Desired, EngineRef
from openinfra_tui.drift.schema import Schemas, Type

FLUX = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller", takes_over=True)
ARGO = Application(EngineRef("Application", "argocd", "apps"), "argocd-controller")


def _ref(name: str, **more: Any) -> dict[str, Any]:
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}], **more}


def _struct(name: str) -> dict[str, Any]:
    return _ref(name, default={})


def _list(item: dict[str, Any], *keys: str) -> dict[str, Any]:
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)} if keys else {}
    return {"type": "array", "items": item, **keyed}


TEXT = {"type": "string"}
MAP = {"type": "object", "additionalProperties": TEXT}
# As far as it is asked here, what a real API server says of these types.
DEFINITIONS: dict[str, dict[str, Any]] = {
    "Deployment": {"properties": {"apiVersion": TEXT, "kind": TEXT, "metadata": _struct("ObjectMeta"),
                                  "spec": _struct("DeploymentSpec"), "status": _struct("DeploymentStatus")}},
    "DeploymentStatus": {"properties": {"replicas": {"type": "integer"}}},
    "ObjectMeta": {"properties": {"name": TEXT, "namespace": TEXT, "labels": MAP, "annotations": MAP}},
    "DeploymentSpec": {"required": ["template"], "properties": {
        "replicas": {"type": "integer"}, "paused": {"type": "boolean"}, "strategy": _struct("DeploymentStrategy"),
        "template": _struct("PodTemplateSpec")}},
    "DeploymentStrategy": {"properties": {"type": TEXT, "rollingUpdate": _ref("RollingUpdateDeployment")}},
    "RollingUpdateDeployment": {"properties": {"maxSurge": _ref("IntOrString")}},
    "IntOrString": {"format": "int-or-string", "oneOf": [{"type": "integer"}, TEXT]},
    "PodTemplateSpec": {"properties": {"metadata": _struct("ObjectMeta"), "spec": _struct("PodSpec")}},
    "PodSpec": {"required": ["containers"], "properties": {
        "containers": _list(_struct("Container"), "name"), "initContainers": _list(_struct("Container"), "name"),
        "nodeSelector": MAP, "securityContext": _ref("PodSecurityContext"), "volumes": _list(_struct("Volume"), "name")}},
    "PodSecurityContext": {"properties": {"runAsUser": {"type": "integer"}}},
    "Volume": {"properties": {"name": TEXT, "emptyDir": _ref("EmptyDirVolumeSource")}},
    "EmptyDirVolumeSource": {"properties": {"medium": TEXT}},
    "Container": {"properties": {
        "name": TEXT, "image": TEXT, "args": _list(TEXT), "env": _list(_struct("EnvVar"), "name"),
        "ports": _list(_struct("ContainerPort"), "containerPort", "protocol"), "resources": _struct("Resources")}},
    "EnvVar": {"properties": {"name": TEXT, "value": TEXT}},
    "ContainerPort": {"properties": {"containerPort": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}}},
    "Resources": {"properties": {"requests": MAP}},
    "Service": {"properties": {"apiVersion": TEXT, "kind": TEXT, "metadata": _struct("ObjectMeta"),
                               "spec": _struct("ServiceSpec")}},
    "ServiceSpec": {"properties": {"selector": MAP, "ports": _list(_struct("ServicePort"), "port", "protocol")}},
    "ServicePort": {"properties": {"name": TEXT, "port": {"type": "integer"}, "protocol": TEXT,
                                   "targetPort": _ref("IntOrString")}},
    "StatefulSet": {"properties": {"apiVersion": TEXT, "kind": TEXT, "metadata": _struct("ObjectMeta"),
                                   "spec": _struct("StatefulSetSpec")}},
    "StatefulSetSpec": {"properties": {"serviceName": {"type": "string", "default": ""}}},
}  # fmt: skip
GROUPS = {"Deployment": "apps", "Service": "", "StatefulSet": "apps"}


def _type(kind: str, group: str | None = None) -> Type:
    group = GROUPS[kind] if group is None else group
    named = {"x-kubernetes-group-version-kind": [{"group": group, "version": "v1", "kind": kind}]}
    document = {"components": {"schemas": {**DEFINITIONS, kind: {**DEFINITIONS[kind], **named}}}}
    found = Schemas({f"{group}/v1".lstrip("/"): document}).find(f"{group}/v1".lstrip("/"), kind)
    assert found is not None
    return found


def _desired(kind: str, group: str | None = None, application: Application = FLUX, **more: Any) -> Desired:
    group = GROUPS[kind] if group is None else group
    item = {"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": {"name": "it"}, **more}
    return Desired(item, application)


def _deployment(container: dict[str, Any] | None = None, pod: Any = None, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "a", **(container or {})}], **(pod or {})}}
    return {"spec": {"template": template, **spec}}


def _sent(container: dict[str, Any] | None = None, pod: Any = None, **spec: Any) -> dict[str, Any]:
    made = _deployment({"resources": {}, **(container or {})}, pod, strategy={}, **spec)
    made["spec"]["template"]["metadata"] = {}
    return made


@pytest.mark.parametrize(
    ("written", "expected", "unknown"),
    [
        (_deployment(), _sent(), ()),
        (_deployment(replica=3), _sent(), ("/spec/replica",)),
        (
            _deployment({"imagePolicy": "x"}),
            _sent(),
            ("/spec/template/spec/containers[0]/imagePolicy",),
        ),
        (_deployment({"args": [], "env": []}, {"nodeSelector": {}}), _sent(), ()),
        (_deployment(paused=None), _sent(), ()),
        # Whether these are kept only the server can tell.
        (_deployment({"env": [{"name": "A", "value": ""}]}, paused=False), None, ()),
        # What is a pointer to a struct says something when it is empty.
        (_deployment(None, {"volumes": [{"name": "v", "emptyDir": {}}]}), None, ()),
        (_deployment(None, {"securityContext": {}}), None, ()),
        (_deployment({"ports": [{"containerPort": 80}]}), _sent({"ports": [{"protocol": "TCP", "containerPort": 80}]}), ()),
    ],
)  # fmt: skip
def test_a_deployment_is_sent_as_its_type_writes_it(
    written: Any, expected: Any, unknown: tuple[str, ...]
) -> None:
    found, left = sent.by_flux(_desired("Deployment", **written), _type("Deployment"))
    if expected is None:
        container = written["spec"]["template"]["spec"]["containers"][0]
        pod = {k: v for k, v in written["spec"]["template"]["spec"].items() if k != "containers"}
        spec = {k: v for k, v in written["spec"].items() if k != "template"}
        expected = _sent(container, pod, **spec)
    assert {"spec": found.object["spec"]} == expected
    assert left == unknown


def test_init_containers_have_no_protocol_put_in() -> None:
    """As kustomize-controller leaves them (fluxcd/pkg, ssa: normalizePodProtoDefault)."""
    pod = {"initContainers": [{"name": "i", "ports": [{"containerPort": 1}]}]}
    found, _ = sent.by_flux(_desired("Deployment", **_deployment(None, pod)), _type("Deployment"))
    assert found.object["spec"]["template"]["spec"]["initContainers"][0]["ports"] == [{"containerPort": 1}]


def test_a_service_has_its_ports_completed_and_no_empty_selector() -> None:
    spec = {"selector": {}, "ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "targetPort": "dns"}]}
    found, _ = sent.by_flux(_desired("Service", spec=spec), _type("Service"))
    assert found.object["spec"] == {
        "ports": [
            {"port": 80, "protocol": "TCP", "targetPort": 80},
            {"port": 53, "protocol": "UDP", "targetPort": "dns"},
        ]
    }


def test_a_stateful_set_without_a_service_name_is_sent_with_an_empty_one() -> None:
    found, _ = sent.by_flux(_desired("StatefulSet", spec={}), _type("StatefulSet"))
    assert found.object["spec"] == {"serviceName": ""}


def test_what_is_sent_as_it_is_stays_the_very_same() -> None:
    made = _sent()
    made["spec"]["template"]["metadata"] = {"labels": {"a": "b"}}
    desired = _desired("Deployment", **made)
    assert sent.by_flux(desired, _type("Deployment")) == (desired, ())


@pytest.mark.parametrize(
    ("group", "application", "typed"),
    [("apps", ARGO, True), ("example.com", FLUX, True), ("example.com", FLUX, False), ("apps", ARGO, False)],
)
def test_other_engines_and_other_kinds_change_nothing(
    group: str, application: Application, *, typed: bool
) -> None:
    desired = _desired("Deployment", group, application, **_deployment(replica=3))
    kind = _type("Deployment", group) if typed else None
    assert sent.by_flux(desired, kind) == (desired, ())


def test_roles_are_left_as_they_are() -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "r"},
        "rules": [],
    }
    assert not sent.through_types(Desired(role, FLUX))
    assert sent.through_types(Desired({**role, "kind": "RoleBinding"}, FLUX))


def test_what_the_server_does_not_keep_is_what_flux_never_sends() -> None:
    env = [{"name": "A", "value": ""}, {"name": "B", "value": "x"}]
    asked = _deployment({"env": env}, paused=False, replicas=0)
    answer = _sent({"env": [{"name": "B", "value": "x"}, {"name": "A"}], "image": ""}, replicas=0)
    assert sent.left_out(asked, answer, _type("Deployment")) == (
        "/spec/template/spec/containers/0/env/0/value",
        "/spec/paused",
    )


def test_flux_owns_the_metadata_of_the_templates_of_jobs_even_where_they_are_empty() -> None:
    # Seen on the real one: managedFields of its Job have f:template.f:metadata.
    job: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": {"spec": {}}},
    }
    assert by_hand.written(job)["spec"] == {"template": {"metadata": {}, "spec": {}}}
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "spec": {"jobTemplate": {"spec": {"template": {"spec": {}}}}},
    }
    template = {"metadata": {}, "spec": {"template": {"metadata": {}, "spec": {}}}}
    assert by_hand.written(cron)["spec"] == {"jobTemplate": template}
    labelled = {**job, "spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}
    assert by_hand.written(labelled) == labelled
    assert by_hand.written({**job, "spec": None}) == {**job, "spec": None}


def test_without_a_schema_workloads_and_services_are_completed_by_hand() -> None:
    pod = {"containers": [{"name": "a", "ports": [{"containerPort": 80}]}], "initContainers": [{"name": "i"}]}
    item = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}}
    found, _ = sent.by_flux(Desired({**item, "spec": {"template": {"spec": pod}}}, FLUX), None)
    assert found.object["spec"] == {
        "strategy": {},
        "template": {
            "metadata": {},
            "spec": {
                "containers": [
                    {"name": "a", "resources": {}, "ports": [{"protocol": "TCP", "containerPort": 80}]}
                ],
                "initContainers": [{"name": "i", "resources": {}}],
            },
        },
    }
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}}
    assert by_hand.written(service)["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert service["spec"] == {"ports": [{"port": 80}]}


@pytest.mark.parametrize(
    "spec", [None, "x", [], {"template": None}, {"template": {"spec": {"containers": "x"}}}, {"ports": [1]}]
)
@pytest.mark.parametrize("kind", ["Deployment", "Service", "Pod", "ConfigMap"])
def test_what_is_no_manifest_is_left_to_the_server(spec: Any, kind: str) -> None:
    version = "apps/v1" if kind == "Deployment" else "v1"
    manifest = {"apiVersion": version, "kind": kind, "spec": spec}
    before = deepcopy(manifest)
    assert by_hand.written(manifest)["kind"] == kind
    assert manifest == before
