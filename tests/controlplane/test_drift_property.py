"""Random objects, managers and edits: what we say that an engine will do, against the server's dry-run.

The server is asked each time, also where we need not: of an apply as it is, and of one after the engine has made
the fields of others its own, which is written for real as Flux and Argo CD do it (facts of both in
`drift.takeover`). `DRIFT_CASES` sets how many cases are judged, `DRIFT_SEED` which ones.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.cluster import dryrun, kubeconfig
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift import normalise, place
from openinfra_tui.drift.model import Application, Desired, EngineRef
from openinfra_tui.drift.values import same
from openinfra_tui.drift.verdict import assess
from openinfra_tui.flow.judging import Judge
from openinfra_tui.flow.reading import Reader
from tests.controlplane import generated
from tests.controlplane.client import Object
from tests.controlplane.plane import ControlPlane

CASES = int(os.environ.get("DRIFT_CASES", "2000"))
LONG = int(os.environ.get("DRIFT_LONG_CASES", "100000"))
SEED = int(os.environ.get("DRIFT_SEED", "20261125"))
STEPS = 12  # edits of one object
VARIANTS = 4  # manifests that each state is compared with
TOGETHER = 24  # objects at a time

# One that takes nothing over: the server's answer to its apply is the whole truth.
PLAIN = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller")
FLUX = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller", takes_over=True)
ARGO = Application(
    EngineRef("Application", "argocd", "apps"), "argocd-controller", migrates="kubectl-client-side-apply"
)
MANAGERS = (
    "kustomize-controller",
    "kustomize-controller",
    "argocd-controller",
    "kubectl",
    "kubectl-edit",
    "kubectl-client-side-apply",
    "other",
    "controller",
)
_UNKNOWN = "field not declared in schema"  # to an apply an internal error
_DROPPED_BY_FLUX = (generated.LAST_APPLIED,)


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Object:
    """Two sets of fieldsV1 together."""
    if not one or not other:  # an empty node is the node itself
        both = {**one, **other}
        return {".": {}, **both} if both else {}
    return {key: merged(one.get(key, other.get(key)), other.get(key, one.get(key))) for key in one | other}


def _kubectl_and_before(entry: Object) -> bool:
    """As kustomize-controller names them (fluxcd/pkg, ssa, managers of its cleanup)."""
    if entry["manager"].startswith("kubectl"):
        return True
    return entry["operation"] == "Update" and entry["manager"] in ("before-first-apply", FLUX.manager)


def _client_side(entry: Object) -> bool:
    """As client-go's csaupgrade, which Argo CD calls for one manager."""
    return entry["operation"] == "Update" and entry["manager"] == ARGO.migrates


def folded(fields: list[Object], manager: str, folds: Callable[[Object], bool]) -> list[Object]:
    """managedFields after the entries that `folds` names have become the manager's own."""
    mine = next((one for one in fields if (one["manager"], one["operation"]) == (manager, "Apply")), None)
    kept, taken = [], []
    for entry in fields:
        (taken if not entry.get("subresource") and entry is not mine and folds(entry) else kept).append(entry)
    if not taken:
        return fields
    if mine is None:
        mine = {**taken.pop(0), "manager": manager, "operation": "Apply"}
    else:
        kept.remove(mine)
    for entry in taken:
        mine = {**mine, "fieldsV1": merged(mine["fieldsV1"], entry["fieldsV1"])}
    return [*kept, mine]


@dataclass
class Run:
    """One run: what is judged, and what came of it."""

    connection: Connection
    reader: Reader
    judge: Judge
    namespace: str
    left: int
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[Any] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # by object, the server's last words

    async def life(self, index: int) -> None:
        """An object from its first apply on: after each edit it is judged."""
        dice = random.Random(f"{SEED}-{index}")
        manifest = generated.manifest(dice, f"it-{index}", self.namespace)
        first = generated.Edit(dice.choice(MANAGERS), generated.varied(dice, manifest), applied=True)
        live = await self.done(manifest, first)
        for _ in range(STEPS):
            if live is None or self.left <= 0:
                return  # its first apply was refused: there is no object
            live = await self.done(manifest, generated.edit(dice, manifest, MANAGERS)) or live
            variants = [generated.varied(dice, manifest) for _ in range(VARIANTS)]
            application = dice.choice((PLAIN, FLUX, ARGO))
            if application is PLAIN:
                await asyncio.gather(*(self.plain(live, item) for item in variants))
            else:
                live = await self.taken_over(live, variants, application)

    async def done(self, manifest: Object, edit: generated.Edit) -> Object | None:
        """The object after an edit; None where the server refused it."""
        metadata = manifest["metadata"]
        try:
            answer = await self.connection.send(
                "PATCH",
                self.reader.resource(manifest).path(metadata["namespace"], metadata["name"]),
                {"fieldManager": edit.manager, **({"force": "true"} if edit.applied else {})},
                body=json.dumps(edit.body).encode(),
                content_type=f"application/{'apply' if edit.applied else 'merge'}-patch+"
                + ("yaml" if edit.applied else "json"),
            )
        except ApiError as error:
            if error.status not in (400, 404, 422) and _UNKNOWN not in error.message:
                raise
            return None
        return dict(json.loads(answer.content))

    async def plain(self, live: Object, manifest: Object) -> None:
        """Whether what is proved is a no-op, with a schema, and without one as with a dump of kubectl."""
        desired = Desired(manifest, PLAIN)
        kind = self.reader.live.schemas.find(manifest["apiVersion"], manifest["kind"])
        found, bare = assess(desired, live, kind), assess(desired, live, None)
        happens = await self.asked(live, manifest, PLAIN.manager)
        self.left -= 1
        self.counts["plain"] += 1
        self.counts["proved"] += not found.ask
        self.counts["proved without a schema"] += not bare.ask
        self.counts[happens] += 1
        if happens != "none" and not (found.ask and bare.ask):
            self.wrong.append(["proved", happens, self._said(happens, manifest), manifest, live])

    async def taken_over(self, live: Object, variants: list[Object], application: Application) -> Object:
        """What we say of some manifests, against the server after a real takeover; the object as it is then."""
        self.reader.live.add([live])
        said = [await self.judge.verdict(Desired(item, application)) for item in variants]
        # Both engines try all of it before they take anything over: what is refused then stays as it is.
        flux = application is FLUX
        first = [await self.asked(live, item, application.manager, sent_by_flux=flux) for item in variants]
        then = await self._owned(live, application)
        for item, verdict, tried in zip(variants, said, first, strict=True):
            happens = tried
            if tried != "blocked":
                happens = await self.asked(then, item, application.manager, live, sent_by_flux=flux)
            self.left -= 1
            self.counts[application.ref.kind] += 1
            self.counts[verdict.verdict] += 1
            self.counts[happens] += 1
            if verdict.next != happens:
                said_there = self._said(happens, item)
                self.wrong.append(
                    [verdict.verdict, verdict.next, verdict.reason, happens, said_there, item, live]
                )
        return then

    def _said(self, happens: str, manifest: Object) -> str:
        return self.refused[manifest["metadata"]["name"]] if happens == "blocked" else ""

    async def _owned(self, live: Object, application: Application) -> Object:
        """The object after the engine has made the fields of others its own."""
        changed = copy.deepcopy(live)
        folds = _kubectl_and_before if application.takes_over else _client_side
        fields = live["metadata"].get("managedFields") or []
        changed["metadata"]["managedFields"] = folded(fields, application.manager, folds)
        if application.takes_over:
            for name in _DROPPED_BY_FLUX:
                (changed["metadata"].get("annotations") or {}).pop(name, None)
        if changed == live:
            return live
        metadata = live["metadata"]
        patch = [
            {"op": "replace", "path": f"/metadata/{name}", "value": changed["metadata"][name]}
            for name in ("annotations", "managedFields")
            if name in changed["metadata"]
        ]
        answer = await self.connection.send(
            "PATCH",
            self.reader.resource(live).path(metadata["namespace"], metadata["name"]),
            {"fieldManager": application.manager},
            body=json.dumps(patch).encode(),
            content_type="application/json-patch+json",
        )
        return dict(json.loads(answer.content))

    async def asked(
        self,
        there: Object,
        manifest: Object,
        manager: str,
        before: Object | None = None,
        *,
        sent_by_flux: bool = False,
    ) -> str:
        """What an apply does: `update`, `none`, or `blocked` where the server refuses it."""
        payload = normalise.for_apply(manifest)
        if sent_by_flux:
            payload = generated.as_flux_sends(payload)
        try:
            answer, _ = await dryrun.apply(self.connection, self.reader.resource(there), payload, manager)
        except ApiError as error:
            if error.status not in (400, 422) and _UNKNOWN not in error.message:
                raise
            self.refused[manifest["metadata"]["name"]] = error.message
            return "blocked"
        return "none" if same(normalise.compared(answer), normalise.compared(before or there)) else "update"


async def _run(plane: ControlPlane, namespace: str, cases: int) -> Run:
    async with Connection(kubeconfig.load(path=plane.kubeconfig()), concurrency=TOGETHER) as connection:
        reader = Reader(connection)
        await reader.start()
        dice = random.Random(SEED)
        # One of each kind, so that types and admission are read.
        kinds = [Desired(generated.manifest(dice, f"kind-{n}", namespace), PLAIN) for n in range(50)]
        await reader.read(kinds)
        run = Run(connection, reader, Judge(reader.live, reader, place.overlay(kinds)), namespace, cases)
        indices = iter(range(cases))

        async def worker() -> None:
            for index in indices:
                if run.left <= 0:
                    return
                await run.life(index)
                for known in [key for key in reader.live.objects if key[1].name == f"it-{index}"]:
                    del reader.live.objects[known]

        await asyncio.gather(*(worker() for _ in range(TOGETHER)))
    return run


@pytest.mark.parametrize("cases", [CASES, pytest.param(LONG, marks=pytest.mark.slow)])
def test_what_we_say_is_what_the_server_would_do(
    control_plane: ControlPlane, namespace: str, cases: int
) -> None:
    generated.install(control_plane.client())
    run = asyncio.run(_run(control_plane, namespace, cases))
    report = Path(__file__).parents[2] / "build" / "reports" / f"drift-property-{SEED}-{cases}.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps({"counts": run.counts, "wrong": run.wrong}))
    assert not run.wrong, f"seed {SEED}, one of {len(run.wrong)}: {json.dumps(run.wrong[0])}"
    assert run.left <= 0
    # Else the test proves nothing.
    for what in ("proved", "proved without a schema", "will-be-reverted", "in-sync", "blocked"):
        assert run.counts[what] > cases // 200, run.counts
