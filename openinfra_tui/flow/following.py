"""After the report: each change of a verdict while the cluster changes.

Watched is what was listed, so Secrets are not: their values are read once, by name.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.cluster.watching import Event, watch
from openinfra_tui.drift.model import EngineRef, Key, ObjectVerdict, key_of
from openinfra_tui.flow.revisions import applied

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from openinfra_tui.cluster.discovery import Resource
    from openinfra_tui.flow.diff import Job
    from openinfra_tui.flow.reading import Reader

# A rollout touches an object many times a second.
_TOGETHER = 0.3
_ENGINES = frozenset({"Kustomization", "HelmRelease", "Application"})
Place = tuple[Key, EngineRef | None]


@dataclass(frozen=True)
class Change:
    """An object whose verdict, or whose differences, are not what they were; None where there was nothing."""

    before: ObjectVerdict | None
    after: ObjectVerdict | None


@dataclass(frozen=True)
class Lost:
    """A kind that can no longer be watched, and why."""

    kind: str
    reason: str


async def changes(job: Job) -> AsyncGenerator[Change | Lost, None]:
    """Every change from now on; never ends by itself."""
    reader = job.reader
    if reader is None:
        raise AssertionError("a dump is not watched")
    first = await job.verdicts(job.desired)
    verdicts = {id(item): verdict for item, verdict in zip(job.desired, first, strict=True)}
    known = await _shown(job, verdicts)
    queue: asyncio.Queue[tuple[Resource, Event | ApiError]] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        watching = [tasks.create_task(_watch(reader, item, queue)) for item in _resources(job, reader)]
        try:
            while True:
                batch = [await queue.get()]
                await asyncio.sleep(_TOGETHER)
                while not queue.empty():
                    batch.append(queue.get_nowait())
                for resource, event in batch:
                    if isinstance(event, ApiError):
                        yield Lost(resource.kind, event.message)
                touched = _taken(job, batch)
                if not touched:
                    continue
                refs = {EngineRef(key.kind, key.namespace, key.name) for key in touched}
                anew = [i for i in job.desired if i.key in touched or i.application.ref in refs]
                found = await job.verdicts(anew)
                verdicts |= {id(item): verdict for item, verdict in zip(anew, found, strict=True)}
                now = await _shown(job, verdicts)
                for place in sorted({*known, *now}, key=str):
                    if known.get(place) != now.get(place):
                        yield Change(known.get(place), now.get(place))
                known = now
        finally:
            for task in watching:
                task.cancel()


async def _shown(job: Job, verdicts: Mapping[int, ObjectVerdict]) -> dict[Place, ObjectVerdict]:
    everything = [*verdicts.values(), *await job.extras(), *job.fixed]
    return {(item.key, item.engine): item for item in job.shown(everything)}


def _resources(job: Job, reader: Reader) -> Iterable[Resource]:
    wanted = {(str(item.object.get("apiVersion")), item.key.kind) for item in job.desired}
    wanted |= {(version, key.kind) for version, key in job.live.objects if key.kind in _ENGINES}
    secret = reader.served.find("v1", "Secret")
    found = (reader.served.find(*kind) for kind in sorted(wanted))
    return [item for item in found if item is not None and item != secret and "watch" in item.verbs]


async def _watch(
    reader: Reader, resource: Resource, queue: asyncio.Queue[tuple[Resource, Event | ApiError]]
) -> None:
    try:
        async for event in watch(reader.connection, resource):
            await queue.put((resource, event))
    except ApiError as error:
        await queue.put((resource, error))


def _taken(job: Job, batch: Iterable[tuple[Resource, Event | ApiError]]) -> set[Key]:
    """Take events into what is known; the identities of what is new."""
    touched: set[Key] = set()
    for resource, event in batch:
        if isinstance(event, ApiError) or event.object is None:
            continue
        item: dict[str, Any] = event.object
        place = (
            resource.api_version,
            key_of({"apiVersion": resource.api_version, "kind": resource.kind, **item}),
        )
        if event.sort == "DELETED":
            if job.live.objects.pop(place, None) is not None:
                touched.add(place[1])
            job.live.absent.add(place)
        elif _version(job.live.objects.get(place)) != _version(item):
            touched.add(place[1])
            job.live.objects[place] = item
            job.live.absent.discard(place)
    if touched:
        job.before.applied = applied(job.live)
    return touched


def _version(item: dict[str, Any] | None) -> str:
    return str(item["metadata"].get("resourceVersion") or "") if item is not None else ""
