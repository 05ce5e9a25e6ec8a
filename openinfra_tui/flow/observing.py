"""A repository and a cluster for as long as somebody looks: a picture, and a new one after each change.

Only what an event touches is judged again; the rest keeps its verdict. Nothing is written.
"""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster import identity
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift.mask import Masker
from openinfra_tui.drift.report import Report
from openinfra_tui.errors import UserError
from openinfra_tui.flow import deployer_runs, feeds
from openinfra_tui.flow.diff import Job, Progress, Request, opened
from openinfra_tui.flow.judged import Judged
from openinfra_tui.flow.picture import ENGINES, SOURCES, Picture, picture
from openinfra_tui.flow.revisions import applied
from openinfra_tui.flow.taking import Taken
from openinfra_tui.repo.standing import branch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openinfra_tui.cluster.discovery import Resource
    from openinfra_tui.drift.model import Key
    from openinfra_tui.flow.reading import Reader

_TOGETHER = 0.05  # a rollout touches an object many times a second
_AGAIN = 3.0
# What controllers make below the desired objects.
_CHILDREN = (("apps", "ReplicaSet"), ("", "Pod"), ("batch", "Job"))


@dataclass(frozen=True)
class About:
    """Whom we speak to, and about what: told when it changes."""

    context: str = ""
    server: str = ""
    version: str = ""
    user: str = ""
    may_patch: bool = False
    branch: str = ""


@dataclass(frozen=True)
class Link:
    """Whether the cluster answers.

    Attributes:
        trouble: what it says instead, empty while it answers.
        since: when that began.
    """

    trouble: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Failed:
    """Why there is no picture, and what to do about it."""

    message: str
    hint: str = ""


Seen = Progress | Picture | About | Link | Failed


class Observer:
    """Looks at one repository and one cluster, and tells what it sees.

    Args:
        request: which.
        tell: takes each sight, in the thread of the observer.
    """

    def __init__(self, request: Request, tell: Callable[[Seen], None]) -> None:
        self.request = request
        self.job: Job | None = None
        self._tell = tell
        self._judged = Judged()
        self._trouble: Link = Link()

    async def run(self) -> None:
        """Look until cancelled; a cluster that does not answer is tried again."""
        while True:
            try:
                await self._look()
            except ApiError as error:
                if self._trouble.since is None:
                    self._trouble = Link(error.message, datetime.now(tz=UTC))
                    self._tell(self._trouble)
            except UserError as error:
                self._tell(Failed(error.message, error.hint))
                return
            await asyncio.sleep(_AGAIN)

    def masked(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """An object as people may see it."""
        masker = Masker()
        if self.job is not None:
            for item in (*(one.object for one in self.job.desired), *self.job.live.objects.values()):
                masker.learn(item)
        return masker.manifest(manifest)

    async def _look(self) -> None:
        async with opened(self.request) as job:
            report = await self._first(job)
            self.job = job
            _settle()
            self._judged = Judged()
            queue: feeds.Queue = asyncio.Queue()
            async with asyncio.TaskGroup() as tasks:
                heard = feeds.Feeds(tasks, queue, job.reader.connection if job.reader else None)
                try:
                    heard.listen(self.request.directory)
                    await self._judged.anew(job)
                    heard.follow(_resources(job))
                    await self._follow(job, report, heard, queue)
                finally:
                    heard.stop()

    async def _first(self, job: Job) -> Report:
        if job.reader is not None:
            self._tell(await _about(job.reader, self.request))
        else:
            self._tell(About(branch=await asyncio.to_thread(branch_of, self.request.directory)))
        self._answered()
        found: Report | None = None
        async for event in job.work():
            if isinstance(event, Report):
                found = event
            else:
                self._tell(event)
        if found is None:
            raise AssertionError("the job ended without a report")
        self._tell(await asyncio.to_thread(picture, found, job.live))
        return found

    async def _follow(self, job: Job, report: Report, heard: feeds.Feeds, queue: feeds.Queue) -> None:
        listing: dict[Resource, set[Key]] = {item: set() for item in heard.followed}
        while True:
            words = [await queue.get()]
            await asyncio.sleep(_TOGETHER)
            while not queue.empty():
                words.append(queue.get_nowait())
            for word in words:
                if isinstance(word, feeds.Pulse) and self._pulse(word):
                    heard.anew()
                    listing = {item: set() for item in heard.followed}
            taken = Taken()
            for word in words:
                if isinstance(word, feeds.Moved):
                    taken.take(job, word, listing)
                elif isinstance(word, feeds.Lost):
                    job.live.failures[word.resource.api_version, word.resource.kind] = f"error: {word.reason}"
            files = any(isinstance(word, feeds.Files) for word in words)
            if files or taken.releases:
                await self._render(job, heard, listing)
            elif taken.judge:
                job.before.applied = applied(job.live)
                await self._judged.again(job, taken.judge)
            if files or deployer_runs.KEY in taken.judge:
                runs = await deployer_runs.reported(job.head.objects, job.live, job.reader)
                report = replace(report, runs=runs)
            if files or taken.any:
                report = await asyncio.to_thread(self._judged.report, job, report)
                self._tell(await asyncio.to_thread(picture, report, job.live))

    async def _render(self, job: Job, heard: feeds.Feeds, listing: dict[Resource, set[Key]]) -> None:
        """The repository anew; only what it brings is read."""
        try:
            await job.render()
        except UserError as error:
            self._tell(Failed(error.message, error.hint))
            return
        self._tell(Failed(""))
        if job.reader is not None:
            followed = {(item.api_version, item.kind) for item in heard.followed}
            places = [(str(item.object.get("apiVersion")), item.key) for item in job.desired]
            if any((version, key.kind) not in followed and key.kind != "Secret" for version, key in places):
                await job.reader.read([*job.desired, *job.before.objects.values()])
                fresh = [item for item in _resources(job) if item not in heard.followed]
                listing |= {item: set() for item in fresh}
                heard.follow(fresh)
            await _learn(job, job.reader, places)
        await self._judged.anew(job)
        _settle()
        if job.reader is not None:
            self._tell(await _about(job.reader, self.request))

    def _pulse(self, pulse: feeds.Pulse) -> bool:
        """Tell what has changed; whether the server is back."""
        if not pulse.trouble:
            back = bool(self._trouble.trouble)
            self._answered()
            return back
        if not self._trouble.trouble:
            self._trouble = Link(pulse.trouble, datetime.now(tz=UTC))
            self._tell(self._trouble)
        return False

    def _answered(self) -> None:
        self._trouble = Link()
        self._tell(self._trouble)


def _settle() -> None:
    """Have the collector leave alone what stays for as long as somebody looks.

    Of ten thousand objects each of its walks would hold the screen for a fifth of a second, and free nothing:
    manifests and verdicts are in no circle, so they go when nobody has them any more.
    """
    gc.freeze()


def _resources(job: Job) -> list[Resource]:
    """Every kind to watch: what is desired, engines, sources, and what controllers make; never Secrets."""
    if job.reader is None:
        return []
    served = job.reader.served
    wanted = {(str(item.object.get("apiVersion")), item.key.kind) for item in job.desired}
    for group, kind in (*sorted(ENGINES | SOURCES), *_CHILDREN):
        wanted |= {(version, kind) for version in served.versions(group, kind)[:1]}
    secret = served.find("v1", "Secret")
    found = (served.find(*kind) for kind in sorted(wanted))
    return [item for item in found if item is not None and item != secret and "watch" in item.verbs]


async def _learn(job: Job, reader: Reader, places: Iterable[tuple[str, Key]]) -> None:
    """Ask by name for what no watch tells of."""
    live = job.live
    for version, key in places:
        if (version, key) in live.objects or (version, key) in live.absent or not key.name:
            continue
        if key.kind != "Secret" or key.group:
            live.absent.add((version, key))  # its whole kind is watched
            continue
        metadata = {"namespace": key.namespace, "name": key.name}
        try:
            there = await reader.again({"apiVersion": version, "kind": key.kind, "metadata": metadata})
        except ApiError as error:
            live.failures[version, f"{key.kind}/{key.namespace}/{key.name}"] = f"error: {error.message}"
            continue
        if there is None:
            live.absent.add((version, key))


async def _about(reader: Reader, request: Request) -> About:
    access = reader.connection.access
    version, user, may, branch = await asyncio.gather(
        reader.version(),
        identity.user(reader.connection),
        identity.may(reader.connection, "patch", "kustomize.toolkit.fluxcd.io", "kustomizations"),
        asyncio.to_thread(branch_of, request.directory),
    )
    return About(access.context, access.server, version, user, may, branch)
