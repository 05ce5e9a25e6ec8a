"""Make `examples/drift`: a small repository of Flux, and a dump of a cluster that has left it.

    python -m scripts.drift_example

Needs the control plane of the tests: the objects are applied and edited there, and `openinfra-tui dump`
writes them down.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from openinfra_tui import yamlio
from openinfra_tui.drift import normalise
from openinfra_tui.drift.desired import flux, source
from tests.controlplane import crds as definitions
from tests.controlplane import plane as planes

TARGET = Path(__file__).parents[1] / "examples" / "drift"
KINDS = frozenset({"Namespace", "ConfigMap", "Secret", "Service", "Deployment", "Kustomization"})
SPACES = frozenset({"", "shop", "flux-system"})


def kustomization(name: str, path: str) -> dict[str, Any]:
    """A Kustomization of Flux."""
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {
            "interval": "10m",
            "path": path,
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        },
    }


def objects() -> list[dict[str, Any]]:
    """What the repository holds."""
    meta = {"namespace": "shop"}
    labels = {"app": "web"}
    container = {
        "name": "web",
        "image": "registry.example/web:1.4.2",
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "ports": [{"containerPort": 8080}],
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", **meta},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", **meta},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "web", **meta},
            "data": {"currency": "EUR", "banner": "off"},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "limits", **meta},
            "data": {"carts": "100"},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "web", **meta},
            "stringData": {"token": "an-example-and-no-secret"},
        },
    ]


def write() -> Path:
    """The repository."""
    root = TARGET / "site"
    shutil.rmtree(TARGET, ignore_errors=True)
    files = {
        "clusters/demo/flux-system.yaml": [kustomization("flux-system", "./clusters/demo")],
        "clusters/demo/shop.yaml": [kustomization("shop", "./shop")],
        "shop/shop.yaml": objects(),
    }
    for path, manifests in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("---\n".join(yamlio.dump(item) for item in manifests), encoding="utf-8")
    return root


def main() -> None:
    """Write the repository, make the cluster and let it drift, write the dump."""
    root = write()
    with planes.running() as plane:
        client = plane.client()
        definitions.install(client, ["flux"])
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}})
        found = source.work_tree(root)
        for item in flux.render(found, flux.entry_points(found), lambda *_: None).objects:
            client.apply(normalise.for_apply(item.object), "kustomize-controller")
        old = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"theme": "dark"}}
        labels = {
            "kustomize.toolkit.fluxcd.io/name": "shop",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        }
        metadata = {"name": "old", "namespace": "shop", "labels": labels}
        client.apply({**old, "metadata": metadata}, "kustomize-controller")
        applied = [*objects(), {**old, "metadata": metadata}]
        entries = [{"id": identity(item), "v": "v1"} for item in applied]
        status = {"status": {"inventory": {"entries": entries}}}
        client.patch(kustomization("shop", "."), status, "kustomize-controller", "status")
        by_name = {(item["kind"], item["metadata"]["name"]): item for item in objects()}
        client.patch(by_name["Deployment", "web"], {"spec": {"replicas": 5}}, "kubectl-edit")
        client.patch(by_name["ConfigMap", "web"], {"data": {"banner": "on", "sale": "yes"}}, "kubectl-edit")
        client.patch(by_name["Secret", "web"], {"stringData": {"token": "changed-by-hand"}}, "kubectl-edit")
        client.patch(by_name["Service", "web"], {"metadata": {"labels": {"by": "hand"}}}, "kubectl-label")
        client.delete(by_name["ConfigMap", "limits"])
        dump = TARGET / "cluster.json"
        words = [sys.executable, "-m", "openinfra_tui", "dump", str(dump)]
        subprocess.run(words, env={**os.environ, "KUBECONFIG": str(plane.kubeconfig())}, check=True)
    content = json.loads(dump.read_text())
    kept = [item for item in content["items"] if item["kind"] in KINDS and space(item) in SPACES]
    content["items"] = [item for item in kept if item["metadata"]["name"] != "kube-root-ca.crt"]
    schemas = content["openinfra"]["schemas"]
    content["openinfra"]["schemas"] = {version: used(schemas[version]) for version in ("v1", "apps/v1")}
    dump.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    dump.chmod(0o644)


def used(document: dict[str, Any]) -> dict[str, Any]:
    """A document with the types of the example's kinds only: the others are megabytes."""
    types = document["components"]["schemas"]
    wanted = [
        name
        for name, node in types.items()
        if any(gvk["kind"] in KINDS for gvk in node.get("x-kubernetes-group-version-kind") or ())
    ]
    kept: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = types[name]
            wanted += re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(types[name]))
    return {"components": {"schemas": kept}}


def identity(item: dict[str, Any]) -> str:
    """An object as Flux's inventory names it."""
    group = item["apiVersion"].rpartition("/")[0]
    return f"{space(item)}_{item['metadata']['name']}_{group}_{item['kind']}"


def space(item: dict[str, Any]) -> str:
    """The namespace of an object."""
    return str(item["metadata"].get("namespace") or "")


if __name__ == "__main__":
    main()
