"""A small repository that the real Flux has applied, and the drift view over it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from openinfra_tui import proc
from openinfra_tui.flow.diff import Request
from openinfra_tui.flow.picture import Row
from openinfra_tui.tui.drift.app import DriftApp
from openinfra_tui.tui.drift.filters import Filter
from openinfra_tui.tui.drift.tree import ObjectTree
from tests.controlplane.client import Client, Object
from tests.controlplane.flux import reconciled
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.plane import ControlPlane

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization")
CONFIG_MAPS = ("first", "second", "third")


def kustomization(namespace: str, name: str, path: str, **spec: Any) -> Object:
    source = {"kind": "GitRepository", "name": "site"}
    return {
        "apiVersion": KUSTOMIZATION[0],
        "kind": KUSTOMIZATION[1],
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": "1h", "path": path, "prune": True, "sourceRef": source, **spec},
    }


def config_map(namespace: str, name: str, **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"a": "1"}}


def deployment(namespace: str) -> Object:
    labels = {"app": "web"}
    container = {"name": "app", "image": "app:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@dataclass
class Site:
    """The repository, where Flux reads it, and the cluster."""

    work: Path
    url: str
    client: Client
    namespace: str
    config: Path

    def write(self, path: str, *manifests: Object) -> None:
        place = self.work / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("---\n".join(json.dumps(item, indent=1) + "\n" for item in manifests))

    def git(self, *words: str) -> str:
        return proc.run(["git", "-C", self.work, *words]).stdout.decode()

    def push(self, message: str) -> str:
        self.git("add", ".")
        self.git("commit", "--quiet", f"--message={message}")
        self.git("push", "--quiet", self.url, "main")
        return self.git("rev-parse", "HEAD").strip()

    def reconcile(self, kind: str, name: str) -> None:
        """Ask and wait, as the flux command does."""
        stamp = str(time.time())
        version = "source.toolkit.fluxcd.io/v1" if kind == "GitRepository" else KUSTOMIZATION[0]
        obj = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}}
        annotation = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": stamp}}}
        self.client.patch(obj, annotation, "flux-client-side-apply")
        self.client.wait_for(
            version,
            kind,
            name,
            self.namespace,
            until=lambda it: reconciled(it) and it["status"].get("lastHandledReconcileAt") == stamp,
        )

    def live(self, name: str, kind: tuple[str, str] = ("v1", "ConfigMap")) -> Object:
        return self.client.get(*kind, name, self.namespace)


def make_site(plane: ControlPlane, namespace: str, git: GitServer, work: Path) -> Site:
    site = Site(work, git.create("site"), plane.client(), namespace, plane.kubeconfig())
    maps = [config_map(namespace, name) for name in CONFIG_MAPS]
    site.write("clusters/c/root.yaml", kustomization(namespace, "root", "./clusters/c"))
    site.write("clusters/c/apps.yaml", kustomization(namespace, "apps", "./apps"))
    site.write("apps/all.yaml", *maps, deployment(namespace))
    (work / "apps/kustomization.yaml").write_text("# kept\nresources:\n  - all.yaml\n")
    proc.run(["git", "-C", work, "init", "--quiet", "--initial-branch=main"])
    site.git("config", "user.name", "Op")
    site.git("config", "user.email", "op@cloud.example")
    site.push("First")
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "site", "namespace": namespace},
        "spec": {"interval": "1h", "url": site.url, "ref": {"branch": "main"}},
    }
    site.client.apply(source)
    site.client.apply(kustomization(namespace, "root", "./clusters/c"), "kustomize-controller")
    site.client.wait_for(*KUSTOMIZATION, "apps", namespace, until=reconciled)
    return site


@dataclass
class Watched:
    """The view, and what stands in it."""

    app: DriftApp
    pilot: Pilot[None]

    @property
    def tree(self) -> ObjectTree:
        return self.app.view.query_one(ObjectTree)

    def row(self, name: str) -> Row | None:
        return next((row for row in self.tree.rows if row.key.name == name and row.depth == 1), None)

    def verdict(self, name: str) -> str:
        row = self.row(name)
        return row.verdict.verdict if row is not None and row.verdict is not None else ""

    async def until(self, what: Callable[[], bool], timeout: float = 30.0) -> float:
        """Seconds until it holds."""
        begun = time.monotonic()
        while not what():
            if time.monotonic() - begun > timeout:
                seen = {row.key.name: self.verdict(row.key.name) for row in self.tree.rows}
                raise AssertionError(f"not within {timeout:g} s: {seen}\n{self.text}")
            await asyncio.sleep(0.005)
        return time.monotonic() - begun

    async def choose(self, name: str) -> None:
        row = self.row(name)
        assert row is not None
        self.app.view.jump(row.id)
        await self.pilot.pause()

    @property
    def told(self) -> str:
        """What is notified now; on the screen its lines break where the width says."""
        return "\n".join(one.message for one in self.app._notifications)

    @property
    def text(self) -> str:
        width, _ = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text[:width].rstrip() for strip in strips)


@asynccontextmanager
async def watching(site: Site, *, read_only: bool = False) -> AsyncIterator[Watched]:
    app = DriftApp(Request(site.work, config=site.config), read_only=read_only)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        seen = Watched(app, pilot)
        await seen.until(lambda: app.view.picture is not None)
        seen.tree.narrow(Filter(faults=False))
        yield seen


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]
