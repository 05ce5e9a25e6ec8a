"""Screens of the drift view: pictures made of plain values, then keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from textual.pilot import Pilot

from openinfra_tui.drift.live import Live
from openinfra_tui.drift.model import Blame, Difference, EngineRef, Key, ObjectVerdict, Origin, group_of
from openinfra_tui.drift.report import Report
from openinfra_tui.drift.runs import DeployerRun
from openinfra_tui.engine.run_report import ChangedFile, RunReport
from openinfra_tui.flow.observing import About, Failed, Link
from openinfra_tui.flow.picture import Picture, picture
from openinfra_tui.tui.drift.app import DriftApp
from openinfra_tui.tui.drift.tree import ObjectTree

NOW = datetime(2026, 8, 22, 11, 47, 3, tzinfo=UTC)
ABOUT = About("admin@fra1", "https://10.20.0.5:6443", "v1.35.4", "admin", may_patch=True, branch="main")
COMMIT = "3f2c1e9a5b6d7c8e9f0a1b2c3d4e5f6071829304"
NOWHERE = Origin()
Scene = Callable[["View"], Awaitable[None]]


def engine(
    kind: str, namespace: str, name: str, *conditions: tuple[str, str, str], **spec: Any
) -> dict[str, Any]:
    version = {
        "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
        "HelmRelease": "helm.toolkit.fluxcd.io/v2",
        "GitRepository": "source.toolkit.fluxcd.io/v1",
    }[kind]
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "uid": f"{kind}-{name}"},
        "spec": {"interval": "10m", **spec},
        "status": {
            "conditions": [{"type": t, "status": s, "message": m} for t, s, m in conditions],
            "lastAppliedRevision": f"main@sha1:{COMMIT}",
            "history": [
                {"lastReconciled": "2026-08-22T11:44:10Z", "lastReconciledStatus": "ReconciliationSucceeded"}
            ],
        },
    }


def of(
    api_version: str,
    kind: str,
    place: str,
    verdict: str,
    ref: EngineRef,
    *differences: Difference,
    following: str = "none",
    proof: str | None = "local",
    reason: str | None = None,
    origin: Origin = NOWHERE,
) -> ObjectVerdict:
    namespace, _, name = place.rpartition("/")
    key = Key(group_of(api_version), kind, namespace, name)
    return ObjectVerdict(api_version, key, verdict, following, proof, ref, origin, differences, reason)


EDIT = (Blame("kubectl-edit", "Update", "2026-08-22T11:42:09Z"),)
NOVA = EngineRef("Kustomization", "flux-system", "openstack-nova")
KEYSTONE = EngineRef("Kustomization", "flux-system", "openstack-keystone")
GLANCE = EngineRef("HelmRelease", "openstack", "glance")
VALUES = Origin("sites/fra1/openstack/nova/nova-api.yaml", 14)


def verdicts() -> list[ObjectVerdict]:
    return [
        of(
            "apps/v1",
            "Deployment",
            "openstack/nova-api-osapi",
            "drifted",
            NOVA,
            Difference("/spec/replicas", "value", 3, 5, EDIT),
            Difference(
                "/spec/template/spec/containers[name=api]/env[name=OS_DEBUG]/value",
                "added",
                None,
                "true",
                EDIT,
            ),
            following="update",
            proof="dry-run",
            origin=VALUES,
        ),
        of(
            "v1",
            "ConfigMap",
            "openstack/nova-etc",
            "pending",
            NOVA,
            Difference(
                "/data/nova.conf", "value", "[DEFAULT]\ndebug = true\n", "[DEFAULT]\ndebug = false\n", ()
            ),
            following="update",
            reason="not applied yet",
            origin=Origin("sites/fra1/openstack/nova/etc.yaml", 3),
        ),
        of(
            "v1",
            "Service",
            "openstack/nova-api",
            "will-be-reverted",
            NOVA,
            Difference("/metadata/labels/debug", "added", None, "yes", EDIT),
            following="update",
            proof="predicted",
            origin=Origin("sites/fra1/openstack/nova/service.yaml", 1),
        ),
        *(of("v1", "ConfigMap", f"openstack/keystone-{n}", "in-sync", KEYSTONE) for n in range(9)),
        of(
            "v1",
            "Secret",
            "openstack/keystone-db",
            "ignored",
            KEYSTONE,
            reason="expected: rotated by hand (Op, until 2026-12-31)",
        ),
        of("batch/v1", "Job", "openstack/glance-bootstrap", "missing", GLANCE, following="create"),
        of(
            "v1",
            "ConfigMap",
            "openstack/glance-old",
            "extra",
            GLANCE,
            following="delete",
        ),
        of(
            "monitoring.coreos.com/v1",
            "ServiceMonitor",
            "openstack/glance",
            "blocked",
            GLANCE,
            following="blocked",
            proof=None,
            reason="no-match: the cluster does not know this kind",
        ),
        of(
            "v1",
            "Secret",
            "openstack/glance-keystone",
            "unverified",
            GLANCE,
            proof=None,
            reason="the values are encrypted and no key opens them; only the names of the keys were compared",
        ),
    ]


def cluster(*, stalled: bool = True) -> Live:
    live = Live()
    ready = ("Ready", "True", f"Applied revision: main@sha1:{COMMIT}")
    live.add(
        [
            engine(
                "Kustomization", "flux-system", "openstack-nova", ready, path="./sites/fra1/openstack/nova"
            ),
            engine("Kustomization", "flux-system", "openstack-keystone", ready, suspend=True),
            engine(
                "HelmRelease",
                "openstack",
                "glance",
                ("Stalled", str(stalled), ""),
                ("Ready", str(not stalled), "Helm install failed: timed out waiting for the condition"),
            ),
            engine("GitRepository", "flux-system", "clouds", ready, url="ssh://git@git.cloud.example/clouds"),
        ]
    )
    status = {"replicas": 5, "updatedReplicas": 5, "availableReplicas": 5, "readyReplicas": 5}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "nova-api-osapi",
            "namespace": "openstack",
            "uid": "d1",
            "labels": {"app": "nova"},
        },
        "spec": {"replicas": 5},
        "status": {**status, "conditions": [{"type": "Available", "status": "True"}]},
    }
    replica_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": "nova-api-osapi-5c9f7d", "namespace": "openstack", "uid": "r1",
            "ownerReferences": [{"uid": "d1"}],
        },
        "spec": {"replicas": 5},
        "status": {**status, "fullyLabeledReplicas": 5},
    }  # fmt: skip
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"nova-api-osapi-5c9f7d-x{n}k", "namespace": "openstack", "uid": f"p{n}",
                "ownerReferences": [{"uid": "r1"}],
            },
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if n else "False"}]},
        }
        for n in range(2)
    ]  # fmt: skip
    live.add([deployment, replica_set, *pods])
    live.add(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"keystone-{n}", "namespace": "openstack"},
        }
        for n in range(9)
    )
    live.add(
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "openstack"}}
        for kind, name in (
            ("Service", "nova-api"),
            ("ConfigMap", "nova-etc"),
            ("ConfigMap", "glance-old"),
            ("Secret", "glance-keystone"),
            ("Secret", "keystone-db"),
        )
    )
    return live


def report(objects: list[ObjectVerdict], **more: Any) -> Report:
    compared = sum(item.verdict not in ("unverified", "blocked") for item in objects)
    return Report(
        tuple(objects),
        cluster={"context": ABOUT.context, "server": ABOUT.server, "dump": None, "uid": "u"},
        repository={"path": ".", "revision": COMMIT, "dirty": False, "applied": {"Kustomization a": COMMIT}},
        coverage={"desired": len(objects), "compared": compared},
        **more,
    )


def seen() -> Picture:
    return picture(report(verdicts()), cluster())


def at_peace() -> Picture:
    calm = [
        item if item.verdict == "ignored" else item._replace(verdict="in-sync", differences=(), next="none")
        for item in verdicts()
    ]
    return picture(report(calm), cluster(stalled=False))


HERE = "9c1f04e7d2aa" + "0" * 52
REPORT = RunReport(
    "fra1",
    HERE,
    datetime(2026, 8, 22, 8, 35, tzinfo=UTC),
    {"ctl1": 2, "ctl2": 0, "cmp1": 0},
    ("cmp2",),
    (ChangedFile("ctl1", "/etc/kolla/nova-api/nova.conf", "nova : Copying over nova.conf"),),
    (),
    {"kolla-ansible check": False},
)


def with_hosts(report: RunReport | None, problem: str = "") -> Picture:
    """Nothing wrong in the cluster, and what a run reported of the hosts."""
    calm = at_peace()
    run = DeployerRun("fra1", HERE, report, problem=problem)
    return replace(calm, report=replace(calm.report, runs=(run,)))


class View:
    """The view, driven by keys."""

    def __init__(self, app: DriftApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def see(self, *sights: Any) -> None:
        for sight in sights:
            self.app.see(sight)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(3):
            await self.pilot.pause()

    @property
    def tree(self) -> ObjectTree:
        return self.app.view.query_one(ObjectTree)

    @property
    def text(self) -> str:
        width, _ = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text[:width].rstrip() for strip in strips)


@asynccontextmanager
async def viewing(size: tuple[int, int] = (80, 24), *, read_only: bool = False) -> AsyncIterator[View]:
    app = DriftApp(None, read_only=read_only, clock=lambda: NOW)
    async with app.run_test(size=size, notifications=True) as pilot:
        view = View(app, pilot)
        await view.settle()
        yield view


def after(*keys: str) -> Scene:
    async def scene(view: View) -> None:
        await view.see(ABOUT, Link(), seen())
        await view.press(*keys)

    return scene


async def connecting(view: View) -> None:
    """Nothing is known yet."""


async def peace(view: View) -> None:
    await view.see(ABOUT, Link(), at_peace())


async def hosts(view: View) -> None:
    await view.see(ABOUT, Link(), with_hosts(REPORT))


async def hosts_whole(view: View) -> None:
    await hosts(view)
    await view.press("S")


async def lost(view: View) -> None:
    await view.see(ABOUT, Link(), seen(), Link("https://10.20.0.5:6443: All connection attempts failed", NOW))


async def never(view: View) -> None:
    await view.see(Link("https://10.20.0.5:6443: All connection attempts failed", NOW))


async def failed(view: View) -> None:
    await view.see(
        Failed("/srv/clouds has no entry point of Flux", "a Kustomization that builds a folder of it")
    )


async def moved(view: View) -> None:
    await view.see(ABOUT, Link(), at_peace(), seen(), at_peace())
    await view.press("t")


DRIFT_SCENES: dict[str, Scene] = {
    "overview": after(),
    "object": after("down", "enter"),
    "beside": after("down", "u", "enter"),
    "children": after("down", "right", "down", "right", "down", "down"),
    "everything": after("exclamation_mark"),
    "find": after("slash", *"nova"),
    "nothing-found": after("slash", *"zzz", "enter"),
    "wrong-pattern": after("slash", "left_parenthesis"),
    "sources": after("S"),
    "timeline": moved,
    "help": after("question_mark"),
    "connecting": connecting,
    "peace": peace,
    "hosts": hosts,
    "hosts-whole": hosts_whole,
    "lost": lost,
    "never": never,
    "failed": failed,
}
