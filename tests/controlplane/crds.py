"""CustomResourceDefinitions for tests, by group: from the Go modules of their projects, else from a folder.

Modules are pinned in `modules/crds/go.mod`. What no module ships comes from a folder of plain files, one
folder a group: `OPENINFRA_CRDS`, else `shared/crds` beside the checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.controlplane import users
from tests.controlplane.binaries import MODULES, cache_root, go, go_environment, module_digest
from tests.controlplane.client import ApiError, Client, Object, holds
from tests.controlplane.missing import Missing, NotShipped

KIND = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


@dataclass(frozen=True)
class InModule:
    """Where a Go module has CRDs."""

    module: str
    folders: tuple[str, ...]


def _kubebuilder(module: str, *more: str) -> tuple[InModule, ...]:
    return (InModule(module, ("config/crd/bases", *more)),)


_FLUX = ("source", "kustomize", "helm", "notification")

# External Secrets: the newest version that is a valid Go module; its v2 tags have no /v2 in their path.
FROM_MODULES: dict[str, tuple[InModule, ...]] = {
    "argo-cd": (InModule("github.com/argoproj/argo-cd/v3", ("manifests/crds",)),),
    "cert-manager": (InModule("github.com/cert-manager/cert-manager", ("deploy/crds",)),),
    "cluster-api": _kubebuilder(
        "sigs.k8s.io/cluster-api",
        "bootstrap/kubeadm/config/crd/bases",
        "controlplane/kubeadm/config/crd/bases",
    ),
    "cluster-api-operator": _kubebuilder("sigs.k8s.io/cluster-api-operator"),
    "cluster-api-provider-openstack": _kubebuilder("sigs.k8s.io/cluster-api-provider-openstack"),
    "envoy-gateway": (
        InModule("github.com/envoyproxy/gateway", ("charts/gateway-helm/charts/crds/crds/generated",)),
    ),
    "external-secrets": (InModule("github.com/external-secrets/external-secrets", ("config/crds/bases",)),),
    "flux": tuple(
        location for name in _FLUX for location in _kubebuilder(f"github.com/fluxcd/{name}-controller")
    ),
    "gateway-api": (InModule("sigs.k8s.io/gateway-api", ("config/crd/standard",)),),
    "metallb": _kubebuilder("go.universe.tf/metallb"),
    "openstack-resource-controller": _kubebuilder("github.com/k-orc/openstack-resource-controller/v2"),
    "prometheus-operator": (
        InModule("github.com/prometheus-operator/prometheus-operator", ("example/prometheus-operator-crd",)),
    ),
    "sealed-secrets": (InModule("github.com/bitnami-labs/sealed-secrets", ("helm/sealed-secrets/crds",)),),
    "tofu-controller": (InModule("github.com/flux-iac/tofu-controller", ("charts/tofu-controller/crds",)),),
}


def load(group: str) -> list[Object]:
    """The CRDs of a group.

    Raises:
        Missing: the module that ships them cannot be had.
        NotShipped: neither a module nor the folder has them.
    """
    if group in FROM_MODULES:
        return _of_modules(group)
    folder = folder_of_files()
    if folder is None or not (folder / group).is_dir():
        raise NotShipped(f"no CRDs of {group}: no Go module ships them; name their folder in OPENINFRA_CRDS")
    return _read([folder / group])


def folder_of_files() -> Path | None:
    """The folder of plain CRD files, or None on a machine without one."""
    if given := os.environ.get("OPENINFRA_CRDS"):
        return Path(given)
    checkout = Path(__file__).resolve().parents[2]
    for beside in (checkout.parent, checkout.parent.parent):
        if (beside / "shared" / "crds").is_dir():
            return beside / "shared" / "crds"
    return None


def install(client: Client, groups: Iterable[str]) -> None:
    """Apply the CRDs of groups, wait until all their kinds are served, and let the readers see them.

    Raises:
        Missing: the CRDs of a group are not here.
        TimeoutError: the API server does not establish one; the message has its conditions.
        ApiError: it does not serve one, or refuses it.
    """
    wanted = [crd for group in groups for crd in load(group)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(client.apply, wanted))
    settle(client, wanted)


def settle(client: Client, wanted: Iterable[Object]) -> None:
    """Wait until all kinds of CRDs that were applied are served, and let the readers see them.

    Raises:
        TimeoutError: the API server does not establish one; the message has its conditions.
        ApiError: it does not serve one.
    """
    for crd in wanted:
        client.wait_for(*KIND, crd["metadata"]["name"], until=holds("Established"))
        _wait_until_served(client, crd)
    users.grant(client)


def _wait_until_served(client: Client, crd: Object, timeout: float = 30.0) -> None:
    """An Established kind still answers 404 or 429 while discovery and storage catch up."""
    deadline = time.monotonic() + timeout
    for version in (version["name"] for version in crd["spec"]["versions"] if version["served"]):
        path = f"/apis/{crd['spec']['group']}/{version}/{crd['spec']['names']['plural']}?limit=1"
        while True:
            try:
                client.request("GET", path)
                break
            except ApiError as error:
                if error.code not in {404, 429} or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)


def _of_modules(group: str) -> list[Object]:
    """Parsed once: reading megabytes of YAML takes longer than installing them."""
    here = Path(__file__).read_text()
    cached = cache_root() / f"crds-{module_digest(MODULES / 'crds', here)}" / f"{group}.json"
    if not cached.is_file():
        found = [crd for location in FROM_MODULES[group] for crd in _of_module(location)]
        cached.parent.mkdir(parents=True, exist_ok=True)
        part = cached.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(found))
        part.replace(cached)
    return list(json.loads(cached.read_text()))


def module_folder(module: str) -> Path:
    """The folder of a module that `modules/crds/go.mod` pins.

    Raises:
        Missing: it cannot be had.
    """
    words = [go(), "mod", "download", "-json", module]
    done = subprocess.run(
        words, cwd=MODULES / "crds", env=go_environment(), capture_output=True, text=True, check=False
    )
    answer = json.loads(done.stdout or "{}")
    if "Dir" not in answer:
        raise Missing(f"no files of {module}: {answer.get('Error') or done.stderr.strip()}")
    return Path(answer["Dir"])


def _of_module(location: InModule) -> list[Object]:
    root = module_folder(location.module)
    return _read([root / folder for folder in location.folders])


class _Loader(yaml.CSafeLoader):
    """Takes the plain scalar `=`, one of prometheus-operator's enum values, for the text that Go reads."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))


def _read(folders: list[Path]) -> list[Object]:
    found = []
    for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
        documents = yaml.load_all(path.read_text(), _Loader)
        found += [_terse(item) for item in documents if item and item.get("kind") == KIND[1]]
    return found


def _terse(node: Any) -> Any:
    """A schema without its descriptions: a third of the size, and of the time and memory to apply it."""
    if isinstance(node, list):
        return [_terse(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value if key == "default" else _terse(value)
        for key, value in node.items()
        if not (key == "description" and isinstance(value, str))
    }
