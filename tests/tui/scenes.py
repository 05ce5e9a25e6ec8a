"""Every screen of the wizard, each reached by keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from openinfra_tui.cluster.survey import Installed, Node, StorageClass, Survey
from openinfra_tui.flow.draft import Draft, blank, from_preset
from openinfra_tui.flow.generate import Generated
from openinfra_tui.questions.answers import set_answer
from openinfra_tui.tree.merge import Conflict
from openinfra_tui.tui.wizard.conflict import ConflictPage
from openinfra_tui.tui.wizard.table import TablePage
from openinfra_tui.tui.wizard.writing import WritingPage
from tests.tui.driving import Driver

Scene = Callable[[Driver], Awaitable[None]]


def preset(**answers: Any) -> Draft:
    draft = from_preset(blank({}, Path.cwd()), "openstack-helm-ha")
    said = draft.answers
    for path, value in answers.items():
        said = set_answer(said, path.replace("__", "."), value)
    return replace(draft, answers=said)


def every_question() -> Draft:
    return replace(preset(), everything=True)


async def step(wizard: Driver, name: str) -> None:
    """Go to a step by the list of steps."""
    await wizard.press("f2", "home")
    steps = [one for one, _ in wizard.screen.view.marks]  # type: ignore[union-attr]
    await wizard.press(*["down"] * steps.index(name), "enter")


def at(name: str, *keys: str) -> Scene:
    async def scene(wizard: Driver) -> None:
        await step(wizard, name)
        await wizard.press(*keys)

    return scene


async def nothing(wizard: Driver) -> None:
    """The screen as it begins."""


async def form_error(wizard: Driver) -> None:
    await wizard.clear()
    await wizard.type("Not A Name")
    await wizard.press("tab")


async def problems(wizard: Driver) -> None:
    await wizard.press("f10")


async def conflict(wizard: Driver) -> None:
    view = wizard.screen.view
    assert view is not None
    path = "sites/fra1/openstack/keystone/values.yaml"
    texts = (
        ("pod.replicas.api", 14, "3\n", "5\n", "2\n"),
        ("conf.token", 31, None, "provider: jws\n", "provider: fernet\n"),
    )
    await wizard.screen._put(ConflictPage(view, tuple(Conflict(path, *one) for one in texts)))
    await wizard.press("o", "down")


async def written(wizard: Driver) -> None:
    view = wizard.screen.view
    assert view is not None
    page = WritingPage(view, wizard.screen.draft)
    await wizard.screen._put(page)
    for line in (
        "wrote site.yaml",
        "plan: 37 steps, 27 components",
        "rendered 259 files",
        "checked: no faults",
    ):
        page.progress(line)
    page.done(Generated(274, "3f2c1e9a5b6d7c8e9f0a1b2c3d4e5f6071829304", ()))
    await wizard.settle()


async def failed(wizard: Driver) -> None:
    view = wizard.screen.view
    assert view is not None
    from openinfra_tui.errors import Refused

    page = WritingPage(view, wizard.screen.draft)
    await wizard.screen._put(page)
    page.progress("wrote site.yaml")
    page.failed(Refused("clouds has files in it and is not a Git repository", "choose an empty folder"))
    await wizard.settle()


async def cluster(wizard: Driver) -> None:
    await step(wizard, "Nodes")
    nodes = tuple(
        Node(
            f"ctl{n}.cloud.example",
            {"openstack-control-plane": "enabled"},
            f"10.20.0.1{n}",
            "Ubuntu 24.04",
            "amd64",
            True,
        )
        for n in range(3)
    )
    installed = (
        Installed("rook-ceph", "rook-ceph", "Flux", "rook-ceph v1.18.2"),
        Installed("cilium", "kube-system", "Helm"),
        Installed("monitoring", "monitoring", "Argo CD"),
    )
    classes = (StorageClass("general", "rook-ceph.rbd.csi.ceph.com", default=True),)
    found = Survey("admin@fra1", "https://10.20.0.5:6443", "v1.35.4", nodes, ("cilium",), classes, installed)
    wizard.screen.query_one(TablePage)._surveyed(found)
    await wizard.settle()


SCENES: dict[str, tuple[Callable[[], Draft] | None, Scene]] = {
    "start": (None, nothing),
    "form": (preset, nothing),
    "form-error": (preset, form_error),
    "choice": (every_question, at("Placement")),
    "choice-refused": (every_question, at("Deployer", "home", "down", "down")),
    "release": (every_question, at("Release")),
    "services": (every_question, at("Services", "down", "down")),
    "clusters": (every_question, at("Clusters")),
    "nodes": (preset, at("Nodes")),
    "nodes-edit": (preset, at("Nodes", "down", "down", "down", "e")),
    "nodes-error": (
        lambda: preset(
            nodes=[{"name": f"ctl{n}.cloud.example", "roles": ["control", "compute"]} for n in (1, 2)]
        ),
        at("Nodes"),
    ),
    "cluster": (preset, cluster),
    "network": (preset, at("Network")),
    "secrets": (preset, at("Secrets")),
    "preview-site": (preset, at("Exposure", "f3")),
    "preview-tree": (preset, at("Exposure", "f3", "right")),
    "preview-changes": (preset, at("Exposure", "f3", "left")),
    "steps": (preset, at("Network", "f2")),
    "help": (preset, at("Nodes", "f1")),
    "leave": (preset, at("Nodes", "ctrl+q")),
    "review": (preset, problems),
    "review-problems": (lambda: preset(nodes=[], domain=None), problems),
    "conflict": (preset, conflict),
    "written": (preset, written),
    "failed": (preset, failed),
}
