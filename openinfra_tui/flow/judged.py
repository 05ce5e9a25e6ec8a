"""Verdicts that are kept until what they rest on has changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openinfra_tui.drift.model import Desired, EngineRef, Key, ObjectVerdict
    from openinfra_tui.drift.report import Report
    from openinfra_tui.flow.diff import Job

Place = tuple["EngineRef", "Key"]


class Judged:
    """The verdict of each desired object, with what it was made from; and what is not in Git."""

    def __init__(self) -> None:
        self._found: dict[Place, ObjectVerdict] = {}
        self._from: dict[Place, tuple[Desired, str, Desired | None]] = {}
        self._extras: list[ObjectVerdict] = []

    async def anew(self, job: Job) -> None:
        """Judge what the repository has changed, and forget what it no longer holds."""
        wanted = {_place(item): item for item in job.desired}
        for place in self._found.keys() - wanted.keys():
            del self._found[place], self._from[place]
        changed = [item for place, item in wanted.items() if self._from.get(place) != _basis(job, item)]
        await self._judge(job, changed)
        self._extras = await job.extras()

    async def again(self, job: Job, touched: set[Key]) -> None:
        """Judge what the cluster has changed."""
        wanted = {_place(item): item for item in job.desired}
        changed = [
            item
            for place, item in wanted.items()
            if item.key in touched or self._from.get(place) != _basis(job, item)
        ]
        await self._judge(job, changed)
        # What is no object of Git can only be one that is not there any more, or one too many.
        if touched - {item.key for item in changed} or any(key.kind == "Kustomization" for key in touched):
            self._extras = await job.extras()

    def report(self, job: Job, before: Report) -> Report:
        """The report as it is now."""
        objects = job.shown([*self._found.values(), *self._extras, *job.fixed])
        compared = sum(item.verdict not in ("unverified", "blocked") for item in objects)
        requests = job.reader.connection.requests if job.reader else 0
        repository = {
            **before.repository,
            "revision": job.target.revision or None,
            "dirty": job.target.dirty,
            "applied": {
                f"{ref.kind} {ref.namespace}/{ref.name}": commit or None
                for ref, commit in sorted(job.before.applied.items())
            },
        }
        counts = {"desired": len(job.desired), "compared": compared, "requests": requests}
        return replace(before, objects=objects, repository=repository, coverage={**before.coverage, **counts})

    async def _judge(self, job: Job, items: list[Desired]) -> None:
        found = await job.verdicts(items)
        for item, verdict in zip(items, found, strict=True):
            self._found[_place(item)] = verdict
            self._from[_place(item)] = _basis(job, item)


def _place(item: Desired) -> Place:
    return item.application.ref, item.key


def _basis(job: Job, item: Desired) -> tuple[Desired, str, Desired | None]:
    ref = item.application.ref
    return item, job.before.applied.get(ref, ""), job.before.objects.get((ref, item.key))
