"""Random objects, Git changes and edits: what the diff says that an engine will do, against what it then does.

One repository, many Kustomizations and Applications of a few objects each: every round changes some files and edits
some objects, asks the diff, has all of them reconciled, and compares each object before and after. An engine
refuses all objects of a reconcile when the server refuses one of them. `ENGINE_ROUNDS` sets how many rounds.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from openinfra_tui import proc
from openinfra_tui.cli.diff import command
from openinfra_tui.drift import normalise
from openinfra_tui.drift.values import same
from tests.controlplane import crds as definitions
from tests.controlplane import generated
from tests.controlplane import plane as planes
from tests.controlplane.argocd import NAMESPACE as ARGOCD
from tests.controlplane.argocd import ArgoCD
from tests.controlplane.binaries import binary
from tests.controlplane.client import APPLY, MERGE, ApiError, Client, Object, condition
from tests.controlplane.flux import Flux
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.plane import ControlPlane
from tests.controlplane.test_drift_argo import application
from tests.controlplane.test_drift_flux import KUSTOMIZATION, kustomization

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("ENGINE_ROUNDS", "13"))
PARTS = 20  # Kustomizations, and as many Applications: a round is that many reconciles of each engine
OBJECTS = 8  # of each
SPACE = "engines"
APPLICATION = ("argoproj.io/v1alpha1", "Application")
KINDS = (
    (generated.GROUP_VERSION, "Thing"),
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
)
FLUX_MANAGERS = ("kubectl", "kubectl-edit", "kubectl-client-side-apply", "kustomize-controller", "operator")
ARGO_MANAGERS = ("kubectl", "kubectl-edit", "operator", "argocd-controller")

Place = tuple[str, str]


@dataclass
class Site:
    """A repository with the parts of one engine, its clone, and what is in it."""

    plane: ControlPlane
    work: Path
    url: str
    dice: random.Random
    managers: tuple[str, ...]
    parts: dict[str, list[Object]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[Any] = field(default_factory=list)

    @property
    def client(self) -> Client:
        return self.plane.client()

    @property
    def head(self) -> str:
        return proc.run(["git", "-C", self.work, "rev-parse", "HEAD"]).stdout.decode().strip()

    def git(self, *words: str) -> None:
        who = ["-c", "user.name=O", "-c", "user.email=o@c.example"]
        proc.run(["git", "-C", self.work, *who, *words])

    def write(self, entries: list[Object]) -> None:
        """The entry point, and a folder for each part."""
        files = {
            "clusters/c/all.yaml": entries,
            **{f"{name}/all.yaml": it for name, it in self.parts.items()},
        }
        for path, items in files.items():
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            (self.work / path).write_text("---\n".join(json.dumps(item) + "\n" for item in items))

    def push(self, entries: list[Object]) -> None:
        """Commit all and push it."""
        self.write(entries)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=Change")
        self.git("push", "--quiet", self.url, "main")

    def accepted(self, name: str) -> Object:
        """A manifest that the server would make."""
        while True:
            item = generated.manifest(self.dice, name, SPACE)
            if self._makes(item):
                return item

    def _makes(self, item: Object) -> bool:
        trial = {**item, "metadata": {**item["metadata"], "name": f"trial-{item['metadata']['name']}"}}
        if next(iter(self.parts), "flux").startswith("flux"):
            trial = generated.as_flux_sends(trial)
        try:
            self.client.request("PATCH", f"{self.client._of(trial)}?fieldManager=x&dryRun=All", trial, APPLY)
        except ApiError:
            return False
        return True

    def change_git(self) -> None:
        """Some manifests become others that the server would make, some are dropped, some come back."""
        for part, items in self.parts.items():
            for index, item in enumerate(items):
                if self.dice.random() < 0.15:
                    other = generated.varied(self.dice, generated.varied(self.dice, item))
                    if self._makes(other):
                        items[index] = other
            if self.dice.random() < 0.2 and len(items) > 2:
                del items[self.dice.randrange(len(items))]
            elif len(items) < OBJECTS:
                items.append(self.accepted(f"{part}-{self.dice.randrange(1 << 30)}"))

    def edit_cluster(self) -> None:
        """Some objects are edited by somebody, some are deleted."""
        todo: list[tuple[Object, generated.Edit | None]] = []
        for item in (item for items in self.parts.values() for item in items):
            times = self.dice.choice([0, 0, 1, 1, 2])
            todo += [(item, generated.edit(self.dice, item, self.managers)) for _ in range(times)]
            if self.dice.random() < 0.03:
                todo.append((item, None))
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(self._edit, todo))

    def _edit(self, what: tuple[Object, generated.Edit | None]) -> None:
        item, edit = what
        path = self.client._of(item)
        if edit is None:
            if self.client.find(item["apiVersion"], item["kind"], item["metadata"]["name"], SPACE):
                self.client.delete(item)
            return
        query = f"?fieldManager={edit.manager}" + ("&force=true" if edit.applied else "")
        # What the server refuses did not happen; nor does an apply bring back what was deleted.
        if self.client.find(item["apiVersion"], item["kind"], item["metadata"]["name"], SPACE):
            try:
                self.client.request("PATCH", path + query, edit.body, APPLY if edit.applied else MERGE)
            except ApiError as error:
                # An unknown field is an internal error to an apply.
                unknown = "field not declared in schema" in str(error)
                if error.code not in (400, 404, 409, 422) and not unknown:
                    raise

    def there(self) -> dict[Place, Object]:
        """What the cluster holds of it, as the engines compare it."""
        return {
            (kind, item["metadata"]["name"]): item
            for version, kind in KINDS
            for item in self.client.list(version, kind, SPACE)
            if item["metadata"]["name"] != "kube-root-ca.crt"
        }

    def said(self) -> dict[Place, dict[str, Any]]:
        """What the diff says of each object."""
        words = [str(self.work), "--kubeconfig", str(self.plane.kubeconfig()), "--output", "json"]
        result = CliRunner().invoke(command, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        report = json.loads(result.stdout)
        return {
            (item["kind"], item["name"]): item for item in report["objects"] if item["namespace"] == SPACE
        }

    def judge(self, said: dict[Place, dict[str, Any]], before: dict[Place, Object], failed: set[str]) -> None:
        """Compare what was said with what has happened."""
        after = self.there()
        blocked = {item["engine"]["name"] for item in said.values() if item["next"] == "blocked"}
        self.counts["reconciles"] += len(self.parts)
        self.counts["refused"] += len(failed)
        for name in blocked ^ failed:
            self.wrong.append(
                ["blocked", name, [item for item in said.values() if item["engine"]["name"] == name]]
            )
        for place, item in said.items():
            if item["engine"]["name"] in failed:
                continue
            old, new = before.get(place), after.get(place)
            if old is None or new is None:
                happened = "none" if old is new else "create" if old is None else "delete"
            else:
                equal = same(_content(old), _content(new))
                happened = "none" if equal else "update"
            self.counts[f"{item['verdict']}, {happened}"] += 1
            # Nothing deletes from an Application that is synced by hand until somebody has it pruned, as here.
            by_hand = item["verdict"] == "extra" and "nothing deletes it now" in str(item.get("reason"))
            if ("delete" if by_hand else item["next"]) != happened:
                self.wrong.append([item, happened, old, new])


def _client_side(part: str) -> bool:
    """Half of the Applications are applied by a client-side merge."""
    return part.startswith("argo") and int(part.removeprefix("argo")) % 2 == 0


def _content(item: Object) -> Object:
    """What is compared; what a client-side apply notes about itself is no change."""
    compared = normalise.compared(item)
    if "argocd.argoproj.io/tracking-id" in (item["metadata"].get("annotations") or {}):
        return normalise.without(
            compared, [f"/metadata/annotations/{generated.LAST_APPLIED.replace('/', '~1')}"]
        )
    return compared


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own: no controller but the engines may change the objects."""
    with planes.running() as plane:
        client = plane.client()
        generated.install(client)
        definitions.install(client, ["flux", "argo-cd"])
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        yield plane


@pytest.fixture
def made(
    plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Site]]:
    """`made(PREFIX, MANAGERS)` is a site of parts with random objects, its repository served."""
    binary("kustomize")  # found in the cache that the next line leaves
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with GitServer(tmp_path / "git") as server:

        def make(prefix: str, managers: tuple[str, ...]) -> Site:
            work = tmp_path / prefix
            work.mkdir()
            dice = random.Random(f"{prefix}-{os.environ.get('DRIFT_SEED', '20261125')}")
            site = Site(plane, work, server.create(prefix), dice, managers)
            for part in range(PARTS):
                name = f"{prefix}{part}"
                site.parts[name] = [site.accepted(f"{name}-{index}") for index in range(OBJECTS)]
            site.git("init", "--quiet", "--initial-branch=main")
            return site

        yield make


def _finish(site: Site) -> None:
    report = Path(__file__).parents[2] / "build" / "reports" / f"drift-{next(iter(site.parts))[:-1]}.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps({"counts": site.counts, "wrong": site.wrong}, indent=1))
    assert not site.wrong, f"one of {len(site.wrong)}: {json.dumps(site.wrong[0])}"
    assert site.counts["reconciles"] == ROUNDS * PARTS
    assert sum(site.counts.values()) > 3 * site.counts["reconciles"]


def test_flux_does_what_the_diff_says(plane: ControlPlane, made: Callable[..., Site]) -> None:
    site = made("flux", FLUX_MANAGERS)
    Flux(plane).start("source-controller", "kustomize-controller")
    entries = [
        kustomization("flux-system", "root", "./clusters/c"),
        *(kustomization("flux-system", name, f"./{name}") for name in site.parts),
    ]
    site.push(entries)
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "site", "namespace": "flux-system"},
        "spec": {"interval": "1h", "url": site.url, "ref": {"branch": "main"}},
    }
    site.client.apply(source)
    site.client.apply(entries[0], "kustomize-controller")
    handled = _reconciled(site, "first")
    assert not handled
    for number in range(ROUNDS):
        site.edit_cluster()
        if number % 2:
            site.change_git()
            site.push(entries)
        said, before = site.said(), site.there()
        _fetched(site, source)
        site.judge(said, before, _reconciled(site, f"round-{number}"))
    _finish(site)


def _ask(client: Client, item: Object, stamp: str) -> None:
    change = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": stamp}}}
    client.patch(item, change, "flux-client-side-apply")


def _fetched(site: Site, source: Object) -> None:
    _ask(site.client, source, f"{time.time_ns()}")
    site.client.wait_for(
        source["apiVersion"],
        source["kind"],
        "site",
        "flux-system",
        until=lambda item: site.head in str((item.get("status", {}).get("artifact") or {}).get("revision")),
    )


def _reconciled(site: Site, stamp: str) -> set[str]:
    """Have every part reconciled; those that Flux could not apply."""
    client, failed = site.client, set()

    def one(name: str) -> None:
        client.wait_for(*KUSTOMIZATION, name, "flux-system", until=bool, timeout=120)
        _ask(client, kustomization("flux-system", name, "."), stamp)

        def done(item: Object) -> bool:
            status = item.get("status", {})
            ready = condition(item).get("status")
            return status.get("lastHandledReconcileAt") == stamp and ready in ("True", "False")

        found = client.wait_for(*KUSTOMIZATION, name, "flux-system", until=done, timeout=120)
        if condition(found)["status"] == "False":
            failed.add(name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, site.parts))
    return failed


def test_argo_cd_does_what_the_diff_says(plane: ControlPlane, made: Callable[..., Site]) -> None:
    site = made("argo", ARGO_MANAGERS)
    engine = ArgoCD(plane)
    engine.start()
    entries = []
    for name in site.parts:
        options = () if _client_side(name) else ("ServerSideApply=true",)
        source = {"repoURL": site.url, "path": name, "targetRevision": "main"}
        entry = application(name, SPACE, options, source=source)
        entry["spec"]["syncPolicy"] = {"syncOptions": list(options)}  # synced when it is asked to
        entries.append(entry)
    site.push(entries)
    for entry in entries:
        site.client.apply(entry)
    assert not _synced(site, engine, entries)
    for number in range(ROUNDS):
        site.edit_cluster()
        if number % 2:
            site.change_git()
            site.push(entries)
        said, before = site.said(), site.there()
        site.judge(said, before, _synced(site, engine, entries))
    _finish(site)


def _synced(site: Site, engine: ArgoCD, entries: list[Object]) -> set[str]:
    """Have every Application synced; those that Argo CD could not apply."""
    client, failed = site.client, set()

    def one(entry: Object) -> None:
        name = entry["metadata"]["name"]
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        time.sleep(1)  # times of Argo CD are in whole seconds
        engine.refresh(name)
        # In the foreground a deletion waits for the garbage collector, which does not run here.
        options = [*entry["spec"]["syncPolicy"]["syncOptions"], "PrunePropagationPolicy=background"]
        # Of a branch the repository server remembers for minutes which commit it was.
        operation = {"sync": {"revision": site.head, "prune": True, "syncOptions": options}}
        client.patch(entry, {"operation": operation})

        def done(item: Object) -> bool:
            state = item.get("status", {}).get("operationState", {})
            ended = state.get("phase") in ("Succeeded", "Failed", "Error")
            return "operation" not in item and ended and state["startedAt"] > started

        found = client.wait_for(*APPLICATION, name, ARGOCD, until=done, timeout=180)
        if found["status"]["operationState"]["phase"] != "Succeeded":
            failed.add(name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, entries))
    return failed
