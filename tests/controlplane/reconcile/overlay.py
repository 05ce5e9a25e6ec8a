"""An overlay of a test: the sources of a site pointed at loopback, everything else as generated.

It is what an operator without internet would commit: patches in the entry's kustomization.yaml that give
Flux's Kustomizations patches for the sources that they apply.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import yaml

from openinfra_tui import proc
from tests.controlplane import crds
from tests.controlplane.charts.publish import ChartServers
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.reconcile.repository import Repository

GATEWAY = "gateway"
_CRDS = "charts/gateway-helm/charts/crds/crds"
_SOURCES = ("HelmRepository", "OCIRepository", "GitRepository")


def sources(repository: Repository) -> list[dict[str, Any]]:
    """The sources of the internet that the components bring."""
    found = []
    for path in sorted((repository.folder / "components").rglob("*.yaml")):
        documents = yaml.safe_load_all(path.read_text("utf-8"))
        found += [item for item in documents if item and item.get("kind") in _SOURCES]
    return found


def publish_gateway(
    server: GitServer, work: Path, tags: Iterable[str] = ("v1.9.0",), kinds: Container[str] | None = None
) -> str:
    """The repository from which the component gateway-api takes its CRDs, with the real ones, or some kinds."""
    url = server.create(GATEWAY)
    for group in ("gateway-api", "envoy-gateway"):
        for crd in crds.load(group):
            if kinds is not None and crd["spec"]["names"]["kind"] not in kinds:
                continue
            file = work / _CRDS / group / f"{crd['metadata']['name']}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(crd), "utf-8")
    author = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b.invalid",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b.invalid",
    }
    commands = (
        ["init", "--quiet", "--initial-branch=main"], ["add", "--all"], ["commit", "--quiet", "--message", "CRDs"],
        *(["tag", tag] for tag in tags), ["push", "--quiet", url, "main", "--tags"],
    )  # fmt: skip
    for words in commands:
        proc.run(["git", "-C", work, *words], env={**author, "GIT_CONFIG_GLOBAL": "/dev/null"})
    return url


def point_at_loopback(repository: Repository, charts: ChartServers, gateway: str) -> None:
    """Write the overlay into the clone; committing it is the caller's."""
    patches = [_patch(source, charts, gateway) for source in sources(repository)]
    to_kustomizations = [{"op": "add", "path": "/spec/patches", "value": patches}]
    target = {"group": "kustomize.toolkit.fluxcd.io", "kind": "Kustomization", "name": "[^f].*|f[^l].*"}

    def add(content: dict[str, Any]) -> None:
        content["patches"] = [{"target": target, "patch": yaml.safe_dump(to_kustomizations)}]

    repository.edit(str(repository.entry.relative_to(repository.folder) / "kustomization.yaml"), add)


def _patch(source: dict[str, Any], charts: ChartServers, gateway: str) -> dict[str, Any]:
    kind, name, url = source["kind"], source["metadata"]["name"], source["spec"]["url"]
    there = (
        gateway
        if name == "gateway-api"
        else charts.address(url.removesuffix(f"/{_last(url)}"))
        if kind == "OCIRepository"
        else charts.address(url)
    )
    if kind == "OCIRepository":
        there = f"{there}/{_last(url)}"
    operations = [{"op": "replace", "path": "/spec/url", "value": there}]
    if kind == "OCIRepository":
        operations.append({"op": "add", "path": "/spec/insecure", "value": True})
    if kind == "GitRepository":
        # A commit of loopback is another one; the tag is the same.
        operations.append({"op": "remove", "path": "/spec/ref/commit"})
    return {"target": {"kind": kind, "name": name}, "patch": yaml.safe_dump(operations)}


def _last(url: str) -> str:
    return url.rpartition("/")[2]
