"""The correctness cases of drift detection, each against a real API server.

Numbers are those of the case list that the engine is specified by. `got` is what the server and we make of it:
where the list and the server disagree, the server is right and the row says so.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from openinfra_tui.drift.desired import goyaml
from openinfra_tui.drift.model import Application, EngineRef, IgnoreRule
from tests.controlplane import users
from tests.controlplane.client import Client, Object
from tests.controlplane.judging import FLUX, LABELS, judge, labelled
from tests.controlplane.plane import ControlPlane

Edit = Callable[[Client, str], object]


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        number: of the list, with a letter where it has several sides.
        title: for people.
        git: the manifest; the namespace is filled in.
        verdict: expected.
        next: expected.
        applied: what Flux applied before, `git` itself when not given; None for nothing.
        edits: what happened then.
        application: how it is applied.
        why: must be part of the reason.
        change: the kind of the first difference.
        user: who asks.
    """

    number: str
    title: str
    git: Any
    verdict: str
    next: str
    applied: Any = "git"
    edits: tuple[Edit, ...] = ()
    application: Application = FLUX
    why: str = ""
    change: str = ""
    user: str = users.ADMIN
    before: tuple[Edit, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.number}-{self.title.replace(' ', '-')}"


# Manifests


def config_map(data: Any = None, **metadata: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "it", **metadata},
        "data": data or {"a": "1"},
    }


def secret(data: Any = None, **more: Any) -> Object:
    metadata = more.pop("metadata", {})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "it", **metadata},
        "data": data or {},
        **more,
    }


def container(name: str = "app", **more: Any) -> Object:
    return {"name": name, "image": "app:1", **more}


def deployment(*containers: Object, pod: Any = None, **spec: Any) -> Object:
    labels = {"app": "it"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "it"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": list(containers) or [container()], **(pod or {})},
            },
            **spec,
        },
    }


def service(**spec: Any) -> Object:
    ports = {"ports": [{"port": 80}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "it"},
        "spec": {**ports, "selector": {"a": "b"}, **spec},
    }


def thing(**spec: Any) -> Object:
    return {"apiVersion": "drift.test/v1", "kind": "Thing", "metadata": {"name": "it"}, "spec": spec}


def pvc(size: str, **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "it"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec},
    }


def job(image: str) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "it"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container(image=image)]}}},
    }


THING_CRD: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.drift.test"},
    "spec": {
        "group": "drift.test",
        "scope": "Namespaced",
        "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"x-kubernetes-int-or-string": True},
                                    "number": {"type": "number"},
                                    "when": {"type": "string", "format": "date-time"},
                                    "defaulted": {"type": "string", "default": "x"},
                                    "plain": {"type": "array", "items": {"type": "string"}},
                                    "empty": {"type": "object", "properties": {"a": {"type": "string"}}},
                                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    "keyed": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["name"],
                                        "items": {
                                            "type": "object",
                                            "required": ["name"],
                                            "properties": {
                                                "name": {"type": "string"},
                                                "value": {"type": "string"},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


# What happens in a cluster


def place(manifest: Object, namespace: str) -> Object:
    """A manifest in the namespace of its test; what is cluster-wide gets a name of its own."""
    out = copy.deepcopy(manifest)
    metadata = out.setdefault("metadata", {})
    if out.get("kind") in ("ClusterRole", "ValidatingWebhookConfiguration"):
        metadata["name"] = f"{metadata['name']}-{namespace}"
    else:
        metadata.setdefault("namespace", namespace)
    return out


def patch(
    change: Object, manager: str = "kubectl-edit", subresource: str = "", of: Object | None = None
) -> Edit:
    def edit(client: Client, namespace: str) -> object:
        return client.patch(place(of or EDITED[namespace], namespace), change, manager, subresource)

    return edit


def apply(manifest: Object, manager: str) -> Edit:
    return lambda client, namespace: client.apply(place(manifest, namespace), manager)


def create(manifest: Object, manager: str) -> Edit:
    def edit(client: Client, namespace: str) -> object:
        placed = place(manifest, namespace)
        path = client.path(placed["apiVersion"], placed["kind"], placed["metadata"].get("namespace"))
        return client.request("POST", f"{path}?fieldManager={manager}", placed)

    return edit


def delete(client: Client, namespace: str) -> object:
    return client.delete(place(EDITED[namespace], namespace))


EDITED: dict[str, Object] = {}
B64 = base64.b64encode(b"a secret value").decode()
ENV = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
TOLERATION = {"key": "a", "operator": "Exists"}
FORCED = Application(FLUX.ref, FLUX.manager, takes_over=True, force=True)
SUSPENDED = Application(FLUX.ref, FLUX.manager, takes_over=True, suspended=True)
HELM = Application(EngineRef("HelmRelease", "demo", "it"), "helm-controller", enforces=False)
ARGO = Application(EngineRef("Application", "argocd", "it"), "argocd-controller")
RELEASE = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "other"}
RULED = Application(FLUX.ref, FLUX.manager, takes_over=True, ignore=(IgnoreRule(("/data/a",)),))
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "it"},
    "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
}
AGGREGATED = {
    **ROLE,
    "rules": [],
    "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"none": "x"}}]},
}
HOOK = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "it"},
    "webhooks": [
        {
            "name": "hook.drift.test",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://127.0.0.1:1/none"},
            "namespaceSelector": {"matchLabels": {"none": "x"}},
            "rules": [
                {
                    "apiGroups": ["none"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["none"],
                }
            ],
        }
    ],
}


def with_bundle(bundle: str) -> Object:
    out = copy.deepcopy(HOOK)
    out["webhooks"][0]["clientConfig"]["caBundle"] = base64.b64encode(bundle.encode()).decode()
    return out


def without_rules() -> Object:
    return {key: value for key, value in AGGREGATED.items() if key != "rules"}


CASES = [
    Case(
        "1",
        "quantities of a built-in kind",
        deployment(container(resources={"requests": {"cpu": "1000m", "memory": "1024Mi"}})),
        "in-sync",
        "none",
    ),
    Case(
        "2",
        "quantity text in a custom resource",
        thing(size="1000m"),
        "drifted",
        "update",
        edits=(patch({"spec": {"size": "1"}}, "operator"),),
    ),
    Case(
        "3",
        "one port with two protocols",
        service(ports=[{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}]),
        "in-sync",
        "none",
    ),
    Case("4", "what the server sets", service(type="NodePort"), "in-sync", "none"),
    Case(
        "5",
        "port as text",
        service(ports=[{"port": 80, "targetPort": "80"}]),
        "blocked",
        "blocked",
        applied=service(ports=[{"port": 80, "targetPort": 80}]),
        why="invalid",
    ),
    Case(
        "5b",
        "port by name",
        service(ports=[{"port": 80, "targetPort": "http"}]),
        "drifted",
        "update",
        applied=service(ports=[{"port": 80, "targetPort": 80}]),
    ),
    Case(
        "6",
        "float and integer in a custom resource",
        thing(number=1.0),
        "in-sync",
        "none",
        applied=thing(number=1),
    ),
    Case(
        "7",
        "octal mode",
        deployment(
            pod={"volumes": goyaml.load_all("- {name: v, configMap: {name: c, defaultMode: 0644}}")[0]}
        ),
        "in-sync",
        "none",
        applied=deployment(pod={"volumes": [{"name": "v", "configMap": {"name": "c", "defaultMode": 420}}]}),
    ),
    Case(
        "8",
        "unquoted date",
        config_map(goyaml.load_all("a: 2026-01-01")[0]),
        "in-sync",
        "none",
        applied=config_map({"a": "2026-01-01"}),
    ),
    Case(
        "9",
        "base64 with line breaks",
        secret({"a": f"{B64[:8]}\n{B64[8:]}\n"}),
        "in-sync",
        "none",
        applied=secret({"a": B64}),
    ),
    Case(
        "10",
        "a time with offset in a built-in kind",
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "it"},
            "spec": {"renewTime": "2026-01-01T02:00:00.000000+02:00"},
        },
        "in-sync",
        "none",
        applied={
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "it"},
            "spec": {"renewTime": "2026-01-01T00:00:00.000000Z"},
        },
    ),
    Case(
        "10b",
        "a time with offset in a custom resource",
        thing(when="2026-01-01T02:00:00+02:00"),
        "drifted",
        "update",
        applied=thing(when="2026-01-01T00:00:00Z"),
    ),
    Case(
        "11",
        "explicit null where nothing is",
        deployment(paused=None),
        "in-sync",
        "none",
        applied=deployment(),
    ),
    Case(
        "11b",
        "explicit null on a default",
        deployment(revisionHistoryLimit=None),
        "in-sync",
        "none",
        applied=deployment(),
    ),
    Case(
        "11c",
        "explicit null on a foreign value, which Flux leaves out",
        deployment(minReadySeconds=None),
        "in-sync",
        "none",
        applied=deployment(),
        edits=(patch({"spec": {"minReadySeconds": 5}}, "other"),),
    ),
    Case(
        "11d",
        "explicit null on a foreign value, applied as it is",
        deployment(minReadySeconds=None),
        "drifted",
        "update",
        applied=deployment(),
        edits=(patch({"spec": {"minReadySeconds": 5}}, "other"),),
        application=ARGO,
    ),
    Case(
        "12",
        "empty text in a built-in kind",
        deployment(pod={"hostname": ""}),
        "in-sync",
        "none",
        applied=deployment(),
    ),
    Case(
        "12b", "empty map in a custom resource", thing(empty={}), "drifted", "update", applied=thing(number=1)
    ),
    Case(
        "12c",
        "empty map over content",
        thing(empty={}),
        "in-sync",
        "none",
        applied=thing(empty={}),
        edits=(patch({"spec": {"empty": {"a": "1"}}}, "other"),),
    ),
    Case(
        "13",
        "trailing newline",
        config_map({"a": "1\n"}),
        "drifted",
        "update",
        applied=config_map({"a": "1"}),
    ),
    Case(
        "14",
        "a number as label",
        config_map(labels={"a": 1}),
        "blocked",
        "blocked",
        applied=config_map(),
        why="schema",
    ),
    Case(
        "15",
        "an unknown field, which Flux leaves out",
        deployment(replicaz=2),
        "in-sync",
        "none",
        applied=deployment(),
        why="/spec/replicaz",
    ),
    Case(
        "15b",
        "an unknown field, applied as it is",
        deployment(replicaz=2),
        "blocked",
        "blocked",
        applied=deployment(),
        application=ARGO,
        why="schema",
    ),
    Case(
        "15c",
        "an unknown field of a custom resource",
        thing(numbr=2),
        "blocked",
        "blocked",
        applied=thing(number=1),
        why="schema",
    ),
    Case(
        "16",
        "reordered env",
        deployment(container(env=ENV[::-1])),
        "drifted",
        "update",
        applied=deployment(container(env=ENV)),
        change="order",
    ),
    Case(
        "17",
        "an env of somebody else",
        deployment(container(env=ENV[:1])),
        "in-sync",
        "none",
        edits=(apply(deployment(container(env=[ENV[1]])), "injector"),),
    ),
    Case(
        "18",
        "duplicate env",
        deployment(container(env=[ENV[0], ENV[0]])),
        "blocked",
        "blocked",
        applied=deployment(),
        why="schema",
    ),
    Case(
        "19",
        "an injected container",
        deployment(),
        "in-sync",
        "none",
        edits=(apply(deployment(container("side")), "injector"),),
    ),
    Case(
        "20",
        "our container removed from Git",
        deployment(container()),
        "drifted",
        "update",
        applied=deployment(container(), container("side")),
    ),
    Case(
        "21",
        "foreign toleration",
        deployment(pod={"tolerations": [TOLERATION]}),
        "drifted",
        "update",
        edits=(
            patch(
                {
                    "spec": {
                        "template": {
                            "spec": {"tolerations": [TOLERATION, {"key": "b", "operator": "Exists"}]}
                        }
                    }
                },
                "other",
            ),
        ),
    ),
    Case(
        "22",
        "more finalizers",
        config_map(finalizers=["drift.test/a"]),
        "in-sync",
        "none",
        edits=(patch({"metadata": {"finalizers": ["drift.test/a", "drift.test/b"]}}, "other"),),
    ),
    Case(
        "23",
        "a map key of somebody else",
        config_map(),
        "in-sync",
        "none",
        edits=(patch({"data": {"b": "2"}}, "other"),),
    ),
    Case(
        "24",
        "an atomic map with extras",
        service(),
        "drifted",
        "update",
        edits=(patch({"spec": {"selector": {"c": "d"}}}, "other"),),
    ),
    Case(
        "25",
        "an item without its key",
        deployment(pod={"hostAliases": [{"hostnames": ["a"]}]}),
        "blocked",
        "blocked",
        applied=deployment(),
        why="invalid",
    ),
    Case(
        "26",
        "a list without type in a custom resource",
        thing(plain=["a"]),
        "drifted",
        "update",
        edits=(patch({"spec": {"plain": ["a", "b"]}}, "other"),),
    ),
    Case(
        "28",
        "a field removed from Git",
        config_map({"a": "1"}),
        "drifted",
        "update",
        applied=config_map({"a": "1", "b": "2"}),
        change="added",
    ),
    Case(
        "29",
        "removed from Git and owned by another",
        config_map({"a": "1"}),
        "in-sync",
        "none",
        applied=config_map({"a": "1", "b": "2"}),
        edits=(apply(config_map({"b": "2"}), "other"),),
    ),
    Case(
        "30",
        "applied by kubectl, removed from Git",
        config_map({"a": "1"}),
        "will-be-reverted",
        "update",
        applied=None,
        before=(create(labelled(config_map({"a": "1", "b": "2"})), "kubectl-client-side-apply"),),
    ),
    Case(
        "31",
        "kubectl edit of a value",
        config_map(),
        "drifted",
        "update",
        edits=(patch({"data": {"a": "2"}}),),
    ),
    Case(
        "32",
        "kubectl edit adds a field",
        config_map(),
        "will-be-reverted",
        "update",
        edits=(patch({"data": {"b": "2"}}),),
    ),
    Case(
        "32b",
        "kubectl edit adds, and ssa is Merge",
        config_map(annotations={"kustomize.toolkit.fluxcd.io/ssa": "Merge"}),
        "in-sync",
        "none",
        edits=(patch({"data": {"b": "2"}}),),
    ),
    Case(
        "32c",
        "kubectl edit adds, under Argo CD",
        config_map(),
        "in-sync",
        "none",
        applied=None,
        before=(apply(labelled(config_map()), "argocd-controller"), patch({"data": {"b": "2"}})),
        application=ARGO,
    ),
    Case(
        "33",
        "kubectl scale with replicas in Git",
        deployment(replicas=2),
        "drifted",
        "update",
        edits=(patch({"spec": {"replicas": 5}}, "kubectl", "scale"),),
    ),
    Case(
        "33b",
        "kubectl scale without replicas in Git",
        deployment(),
        "in-sync",
        "none",
        edits=(patch({"spec": {"replicas": 5}}, "kubectl", "scale"),),
    ),
    Case(
        "34",
        "an autoscaler, and replicas in Git",
        deployment(replicas=2),
        "drifted",
        "update",
        edits=(patch({"spec": {"replicas": 5}}, "kube-controller-manager", "scale"),),
    ),
    Case(
        "34b",
        "an autoscaler without replicas in Git",
        deployment(),
        "in-sync",
        "none",
        edits=(patch({"spec": {"replicas": 5}}, "kube-controller-manager", "scale"),),
    ),
    Case(
        "35",
        "replicas dropped from Git",
        deployment(),
        "drifted",
        "update",
        applied=deployment(replicas=3),
        change="defaulted",
    ),
    Case(
        "37",
        "never applied by us, equal",
        config_map(),
        "in-sync",
        "none",
        applied=None,
        before=(create(labelled(config_map()), "other"),),
        why="never applied by",
    ),
    Case(
        "38",
        "managedFields wiped",
        config_map(),
        "in-sync",
        "none",
        edits=(patch({"metadata": {"managedFields": [{}]}}, "other"),),
        why="managedFields",
    ),
    Case(
        "39",
        "owned by another Kustomization",
        config_map(),
        "drifted",
        "update",
        edits=(
            apply(
                config_map(labels={**LABELS, "kustomize.toolkit.fluxcd.io/name": "b"}), "kustomize-controller"
            ),
        ),
        why="conflict: marked as applied by Kustomization flux-system/b",
    ),
    Case(
        "40",
        "resourceVersion in Git",
        config_map(resourceVersion="1"),
        "blocked",
        "blocked",
        applied=config_map(),
        why="conflict",
    ),
    Case(
        "41",
        "managedFields in Git",
        config_map(managedFields=[{"manager": "x"}]),
        "blocked",
        "blocked",
        applied=config_map(),
        why="managedFields",
    ),
    Case("42", "deleted", config_map(), "missing", "create", edits=(delete,)),
    Case("48", "a Job that is gone", job("a:1"), "missing", "create", applied=None),
    Case(
        "49",
        "a hook of Argo CD that is not there",
        config_map(annotations={"argocd.argoproj.io/hook": "PreSync"}),
        "ignored",
        "none",
        applied=None,
        application=ARGO,
    ),
    Case(
        "50",
        "the template of a Job changed",
        job("a:2"),
        "blocked",
        "blocked",
        applied=job("a:1"),
        why="immutable",
    ),
    Case(
        "50b",
        "the template of a Job changed, with force",
        job("a:2"),
        "drifted",
        "recreate",
        applied=job("a:1"),
        application=FORCED,
    ),
    Case(
        "51",
        "held by a finalizer",
        config_map(finalizers=["drift.test/a"]),
        "blocked",
        "blocked",
        edits=(delete,),
        why="terminating",
    ),
    Case(
        "52",
        "owned by a Helm release",
        config_map(labels={"app.kubernetes.io/managed-by": "flux"}),
        "drifted",
        "update",
        applied=None,
        before=(
            create(config_map(labels={"app.kubernetes.io/managed-by": "Helm"}, annotations=RELEASE), "helm"),
        ),
        why="conflict: marked as applied by Helm release other/web",
    ),
    Case(
        "53",
        "no namespace",
        {**config_map(), "metadata": {"name": "it", "namespace": "not-here"}},
        "blocked",
        "blocked",
        applied=None,
        why="namespace",
    ),
    Case(
        "55",
        "no such kind",
        {**config_map(), "apiVersion": "none.test/v1", "kind": "None"},
        "blocked",
        "blocked",
        applied=None,
        why="no-match",
    ),
    Case(
        "56",
        "a version no longer served",
        {
            "apiVersion": "autoscaling/v2beta2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "it"},
            "spec": {},
        },
        "blocked",
        "blocked",
        applied=None,
        why="autoscaling/v2",
    ),
    Case(
        "57",
        "generateName only",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "it-"}},
        "blocked",
        "blocked",
        applied=None,
        why="unsupported",
    ),
    Case(
        "60",
        "a cluster-wide kind with a namespace",
        {**ROLE, "metadata": {"name": "it", "namespace": "demo"}},
        "in-sync",
        "none",
        applied=ROLE,
    ),
    Case(
        "60b",
        "no namespace where one is needed",
        {**config_map(), "metadata": {"name": "it", "namespace": ""}},
        "blocked",
        "blocked",
        applied=None,
        why="namespace",
    ),
    Case(
        "61",
        "an immutable selector",
        deployment(selector={"matchLabels": {"app": "it", "b": "c"}}),
        "blocked",
        "blocked",
        applied=deployment(),
        why="",
    ),
    Case(
        "61b",
        "an immutable ConfigMap, with force",
        {**config_map({"a": "2"}), "immutable": True},
        "drifted",
        "recreate",
        applied={**config_map({"a": "1"}), "immutable": True},
        application=FORCED,
    ),
    Case(
        "61c",
        "an immutable ConfigMap",
        {**config_map({"a": "2"}), "immutable": True},
        "blocked",
        "blocked",
        applied={**config_map({"a": "1"}), "immutable": True},
        why="immutable",
    ),
    Case("62", "a smaller claim", pvc("1Gi"), "blocked", "blocked", applied=pvc("2Gi"), why="immutable"),
    Case(
        "63",
        "a stringData key removed",
        secret(stringData={"a": "1"}),
        "drifted",
        "update",
        applied=secret(stringData={"a": "1", "b": "2"}),
    ),
    Case(
        "66",
        "secrets of a ServiceAccount",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "it"}},
        "in-sync",
        "none",
        edits=(patch({"secrets": [{"name": "token"}]}, "kube-controller-manager"),),
    ),
    Case(
        "67",
        "a Secret filled from a stub",
        secret({"tls.crt": ""}),
        "drifted",
        "update",
        edits=(patch({"data": {"tls.crt": B64}}, "cert-manager"),),
    ),
    Case(
        "67b",
        "a stub that is only made once",
        secret(
            {"tls.crt": ""}, metadata={"annotations": {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}}
        ),
        "ignored",
        "none",
        edits=(patch({"data": {"tls.crt": B64}}, "cert-manager"),),
    ),
    Case(
        "68",
        "an aggregated role with rules in Git",
        AGGREGATED,
        "drifted",
        "update",
        edits=(patch({"rules": ROLE["rules"]}, "clusterrole-aggregation-controller"),),
    ),
    Case(
        "68b",
        "an aggregated role without rules in Git",
        without_rules(),
        "in-sync",
        "none",
        edits=(patch({"rules": ROLE["rules"]}, "clusterrole-aggregation-controller"),),
    ),
    Case(
        "69",
        "a caBundle injected",
        HOOK,
        "in-sync",
        "none",
        edits=(patch({"webhooks": with_bundle("x")["webhooks"]}, "cainjector"),),
    ),
    Case(
        "69b",
        "a caBundle placeholder in Git",
        with_bundle("placeholder"),
        "drifted",
        "update",
        edits=(patch({"webhooks": with_bundle("x")["webhooks"]}, "cainjector"),),
    ),
    Case(
        "71",
        "a change below preserve-unknown-fields",
        thing(free={"a": {"b": 1}}),
        "drifted",
        "update",
        edits=(patch({"spec": {"free": {"a": {"b": 2}}}}, "other"),),
    ),
    Case(
        "71b",
        "an addition below preserve-unknown-fields",
        thing(free={"a": {"b": 1}}),
        "in-sync",
        "none",
        edits=(patch({"spec": {"free": {"a": {"c": 2}}}}, "other"),),
    ),
    Case("74", "a large ConfigMap", config_map({"a": "x" * 300_000}), "in-sync", "none"),
    Case(
        "74b",
        "too large a ConfigMap",
        config_map({"a": "x" * 3_300_000}),
        "blocked",
        "blocked",
        applied=config_map(),
        why="size",
    ),
    Case(
        "75",
        "reconcile is disabled",
        config_map({"a": "2"}),
        "ignored",
        "none",
        applied=config_map(),
        edits=(
            patch(
                {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}},
                "kubectl-annotate",
            ),
        ),
    ),
    Case(
        "75b",
        "an ignore rule",
        config_map({"a": "2"}),
        "ignored",
        "none",
        applied=config_map(),
        application=RULED,
    ),
    Case(
        "75c",
        "an ignore rule and another difference",
        config_map({"a": "2", "b": "2"}),
        "drifted",
        "update",
        applied=config_map({"a": "1", "b": "1"}),
        application=RULED,
    ),
    Case(
        "76",
        "suspended",
        config_map(),
        "drifted",
        "update",
        edits=(patch({"data": {"a": "2"}}),),
        application=SUSPENDED,
        why="suspended",
    ),
    Case(
        "77",
        "inside a release whose drift nobody corrects",
        config_map(),
        "drifted",
        "none",
        edits=(patch({"data": {"a": "2"}}),),
        application=HELM,
        why="unenforced",
    ),
    Case("84", "a reader, proved", config_map(), "in-sync", "none", user=users.READER),
    Case(
        "84b",
        "a reader, not to be proved",
        deployment(paused=False),
        "unverified",
        "update",
        applied=deployment(),
        user=users.READER,
        why="read-only",
    ),
    Case(
        "84c",
        "a reader, another value",
        config_map(),
        "drifted",
        "update",
        edits=(patch({"data": {"a": "2"}}),),
        user=users.READER,
        why="predicted",
    ),
    Case("84d", "nobody", config_map(), "unverified", "none", user=users.NOBODY, why="read-only"),
    Case(
        "84e",
        "a Secret for who may read none",
        secret({"a": B64}),
        "unverified",
        "none",
        user=users.NO_SECRETS,
        why="read-only",
    ),
]


@pytest.fixture(scope="module")
def things(control_plane: ControlPlane) -> None:
    client = control_plane.client()
    client.apply(THING_CRD)
    client.wait_for(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "things.drift.test",
        until=lambda crd: any(
            item["type"] == "Established" and item["status"] == "True"
            for item in crd.get("status", {}).get("conditions") or []
        ),
    )


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("things")
def test_case(case: Case, control_plane: ControlPlane, namespace: str) -> None:
    client = control_plane.client()
    git = place(labelled(case.git), namespace)
    applied = git if case.applied == "git" else case.applied and place(labelled(case.applied), namespace)
    EDITED[namespace] = applied or case.git
    for edit in case.before:
        edit(client, namespace)
    if applied:
        stored = {k: v for k, v in applied.items() if k != "stringData"}
        if "stringData" in applied:
            plain = {k: base64.b64encode(v.encode()).decode() for k, v in applied["stringData"].items()}
            stored["data"] = {**stored.get("data", {}), **plain}
        EDITED[namespace] = case.applied if case.applied != "git" else case.git
        client.apply(stored, case.application.manager if case.application is not ARGO else FLUX.manager)
    for edit in case.edits:
        edit(client, namespace)
    (found,) = judge(control_plane.kubeconfig(case.user), [git], case.application)
    assert (found.verdict, found.next) == (case.verdict, case.next), found
    assert case.why in (found.reason or "")
    if case.change:
        assert found.differences[0].change == case.change
