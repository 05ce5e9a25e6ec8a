"""One desired object against the API server, as `diff` judges it, without a repository around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from openinfra_tui.cluster import kubeconfig
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.drift import place
from openinfra_tui.drift.model import Application, Desired, EngineRef, ObjectVerdict
from openinfra_tui.flow.judging import Judge
from openinfra_tui.flow.reading import Reader
from tests.controlplane.client import Object

FLUX = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller", takes_over=True)
LABELS = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}


def labelled(manifest: Object) -> Object:
    """A manifest with the labels of the Kustomization that owns it."""
    metadata = manifest.get("metadata") or {}
    return {**manifest, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **LABELS}}}


def judge(
    config: Path,
    manifests: Sequence[Object | Desired],
    application: Application = FLUX,
    between: Callable[[], object] | None = None,
    timeout: float = 40.0,
) -> list[ObjectVerdict]:
    """The verdict of each manifest.

    Args:
        config: kubeconfig of the user who asks.
        manifests: as they stand in Git, or as they were rendered.
        application: how they are applied.
        between: what happens after the cluster was read and before anything is asked.
        timeout: seconds for one request.
    """
    desired = [
        item if isinstance(item, Desired) else Desired(labelled(item), application) for item in manifests
    ]

    async def run() -> list[ObjectVerdict]:
        async with Connection(kubeconfig.load(path=config), timeout=timeout) as connection:
            reader = Reader(connection)
            await reader.start()
            scoped = [place.scoped(item, reader.live) for item in desired]
            await reader.read(scoped)
            if between is not None:
                await asyncio.to_thread(between)
            judging = Judge(reader.live, reader, place.overlay(scoped))
            return [await judging.verdict(item) for item in scoped]

    return asyncio.run(run())
