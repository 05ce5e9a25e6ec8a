"""The diff job: a repository against a cluster or a dump, from desired objects to a report.

`run` yields `Progress` while it works and the `Report` as its last value; `follow` goes on with each
`Change`. Nothing is written to the cluster.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import Counter
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from openinfra_tui.cluster import kubeconfig
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.drift import claims, normalise, place, renames
from openinfra_tui.drift.desired import argo_marks, source
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.errors import UserError
from openinfra_tui.flow import argo_live, contents, entry, reporting
from openinfra_tui.flow.judging import Judge
from openinfra_tui.flow.proofs import Proofs
from openinfra_tui.flow.reading import Reader
from openinfra_tui.flow.revisions import Renderer, lookup

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence

    from openinfra_tui.drift.desired.flux import Rendered
    from openinfra_tui.drift.desired.source import Source
    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.model import Desired, EngineRef, Key, ObjectVerdict
    from openinfra_tui.drift.report import Report
    from openinfra_tui.drift.runs import DeployerRun
    from openinfra_tui.flow.before import Before
    from openinfra_tui.flow.following import Change, Lost
    from openinfra_tui.flow.judging import Asking

_MOVES = 0.1  # seconds between two words on how far it is


@dataclass(frozen=True)
class Request:
    """What is compared with what.

    Attributes:
        directory: the repository.
        context: of the kubeconfig.
        config: one kubeconfig file.
        site: whose entry point is meant.
        revision: a commit instead of the work tree.
        against: `head`, `applied`, or empty for both, which tells pending from drifted.
        dump: a dump instead of an API server.
        selector: labels of the desired objects that are looked at.
        namespace: the one that is looked at.
        age_key: opens SOPS values.
        kustomize: the program to use.
        today: for expected differences.
        offline: charts are not fetched.
        record: the cluster is written down as that of its entry points.
    """

    directory: Path
    context: str | None = None
    config: Path | None = None
    site: str = ""
    revision: str = ""
    against: str = ""
    dump: Path | None = None
    selector: str = ""
    namespace: str = ""
    age_key: Path | None = None
    kustomize: str | None = None
    today: date = field(default_factory=date.today)
    offline: bool = False
    record: bool = False


class Progress(NamedTuple):
    """A step that has begun or moved."""

    step: str
    done: int = 0
    total: int = 0


async def run(request: Request, held: list[object] | None = None) -> AsyncGenerator[Progress | Report, None]:
    """Compare, and yield what is being done, then the report.

    Args:
        request: what is compared with what.
        held: takes what was read, for who ends soon and would only wait until it is taken apart.

    Raises:
        UserError: the repository, the kubeconfig or the cluster is not usable at all.
        Refused: it is another cluster than the one recorded.
    """
    yield Progress("connect")
    async with opened(request) as job:
        if held is not None:
            held.append(job)
        async for event in job.work():
            yield event


async def follow(request: Request) -> AsyncGenerator[Progress | Report | Change | Lost, None]:
    """As `run`, and then every change of a verdict, until the caller has enough.

    Raises:
        UserError: as `run`; a dump does not change.
    """
    if request.dump is not None:
        raise UserError("a dump does not change: --watch needs a cluster")
    from openinfra_tui.flow import following

    yield Progress("connect")
    async with opened(request) as job:
        async for event in job.work():
            yield event
        async for change in following.changes(job):
            yield change


@asynccontextmanager
async def opened(request: Request) -> AsyncIterator[Job]:
    """A job with its cluster or dump, before it has done anything."""
    started = time.monotonic()
    with ExitStack() as stack:

        @cache
        def temporary() -> Path:
            import tempfile  # only another revision needs a folder

            return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="openinfra-diff-")))

        if request.dump is not None:
            from openinfra_tui.drift import dump

            live, salt = await asyncio.to_thread(dump.read, request.dump)
            yield Job(request, temporary, live, None, started, salt)
            return
        access = kubeconfig.load(request.context, request.config)
        async with Connection(access) as connection:
            reader = Reader(connection)
            await reader.start()
            yield Job(request, temporary, reader.live, reader, started)


class Job:
    """One run: its parts share the cluster, the renders and the clock."""

    target: Source
    head: Rendered
    before: Before
    judge: Judge
    argocd: argo_live.Settings
    roots: list[dict[str, Any]]
    renderer: Renderer

    def __init__(
        self,
        request: Request,
        temporary: Callable[[], Path],
        live: Live,
        reader: Reader | None,
        started: float,
        salt: str = "",
    ) -> None:
        self.request = request
        self.live = live
        self.reader = reader
        self.desired: list[Desired] = []
        self.fixed: list[ObjectVerdict] = []
        self._temporary = temporary
        self._salt = salt
        self._compared = 0
        self._timings: dict[str, float] = {}
        self._clock = started

    async def work(self) -> AsyncIterator[Progress | Report]:
        """Render, read, compare, report."""
        self._lap("connect")
        yield Progress("render")
        await self.render()
        self._lap("render")
        kinds = Counter(item.key.kind for item in self.desired)
        yield Progress(f"read {', '.join(sorted(kinds))}", 0, len(self.desired))
        if self.reader is not None:
            await self.reader.read([*self.desired, *self.before.objects.values()])
        self._lap("read")
        yield Progress("compare", 0, len(self.desired))
        types = self.live.schemas.digest
        directory = self.request.directory.resolve()  # a revision lies in another folder each time
        proofs = Proofs(directory, self.live.uid, types) if self.reader and types else None
        self.judge = Judge(self.live, self.reader, place.overlay(self.desired), proofs)
        comparing = asyncio.ensure_future(self.verdicts(self.desired))
        try:
            while not (await asyncio.wait({comparing}, timeout=_MOVES))[0]:
                yield Progress("compare", self._compared, len(self.desired))
        finally:
            comparing.cancel()
        found = comparing.result()
        if proofs is not None:
            part = self.request.selector or self.request.namespace or self.request.revision
            proofs.keep(whole=not part)
        self._lap("compare")
        found += await self.extras()
        self._lap("extra")
        found += self.fixed
        runs = await self._runs()
        yield reporting.report(
            self.shown(found),
            directory=self.request.directory,
            dump=self.request.dump,
            target=self.target,
            before=self.before,
            head=self.head,
            live=self.live,
            unread=self.argocd.doubts(found),
            reader=self.reader,
            desired=len(self.desired),
            runs=runs,
            dry_runs=self.judge.asker.asked if self.judge.asker else 0,
            timings=self._timings,
        )

    async def verdicts(self, items: Sequence[Desired]) -> list[ObjectVerdict]:
        """The verdict of each object, pending told from drifted unless one side only is compared."""
        begun = [self.judge.begun(item) for item in items]
        found = [verdict for verdict, _ in begun]
        # Most are settled at once, and a task for each of those would take longer than that.
        left = [index for index, (verdict, asking) in enumerate(begun) if asking or self._may_wait(verdict)]
        self._compared += len(items) - len(left)
        settled = await asyncio.gather(*(self._settled(items[index], *begun[index]) for index in left))
        for index, verdict in zip(left, settled, strict=True):
            found[index] = verdict
        return found

    async def _settled(self, desired: Desired, found: ObjectVerdict, asking: Asking | None) -> ObjectVerdict:
        if asking is not None:
            found = await asking()
        if self._may_wait(found):
            found = await self.before.split(self.judge, desired, found)
        self._compared += 1
        return found

    def _may_wait(self, found: ObjectVerdict) -> bool:
        return not self.request.against and found.verdict in ("missing", "drifted", "will-be-reverted")

    async def extras(self) -> list[ObjectVerdict]:
        """What is there and not in Git; none where only a part is looked at."""
        if self.request.selector:
            return []
        known = {item.key for item in self.desired}
        found = await contents.extras(self.live, self.reader, self.head, self.before, known)
        marks = self.argocd.marks
        found += await argo_live.extras(self.live, self.reader, self.head, self.before, known, marks)
        return [item for item in found if self._in_view(item.key)]

    def _sharing(self) -> set[EngineRef]:
        """The Applications that must not share an object and do."""
        return {
            item.application.ref
            for item in self.desired
            if item.application.refuses_shared
            and (there := self.live.of(item)) is not None
            and claims.shared(item, there)
        }

    def shown(self, found: Iterable[ObjectVerdict]) -> tuple[ObjectVerdict, ...]:
        """Verdicts as people may see them."""
        wanted = {item.key: item.object for item in self.desired}
        told = claims.refused(found, self._sharing())
        joined = renames.paired(told, wanted.get, lambda *place: self.live.objects.get(place))
        return reporting.shown(joined, self.target, self.desired, self.live, self.request.today)

    async def render(self) -> None:
        """What the repository holds now, at HEAD and as it was applied last."""
        request = self.request
        self.target = await asyncio.to_thread(self._files)
        roots = await asyncio.to_thread(entry.roots, self.target, self.live, request.site, request.directory)
        entry.check_cluster(self.target, self.live, roots)
        if request.record:
            entry.record_cluster(request.directory, self.live, roots)
        self.roots = roots
        self.renderer = renderer = Renderer(
            request.directory,
            self._temporary,
            self.live,
            lookup(self.live, self.reader, digests=bool(self._salt)),
            Opener(request.age_key),
            request.kustomize,
            request.offline,
            request.against,
            await self.reader.version() if self.reader else "",
            self.live.api_versions(),
        )
        self.head, self.before = await asyncio.to_thread(renderer.both, self.target, roots)
        self.argocd = await argo_live.settings(self.live, self.reader, self.head)
        if request.against == "head":
            releases = await asyncio.to_thread(renderer.releases, self.target, self.head)
            unread: list[ObjectVerdict] = []
        else:
            releases, unread = await contents.releases(self.live, self.reader, self.head)
        self.fixed = unread + reporting.unbuilt(self.head)
        chosen = [item for item in (*self.head.objects, *releases) if self._chosen(item.object)]
        self.desired = [self._placed(item) for item in chosen]
        old = [(ref, self._placed(item)) for (ref, _), item in self.before.objects.items()]
        self.before.objects = {(ref, item.key): item for ref, item in old}

    def _placed(self, desired: Desired) -> Desired:
        """An object in its namespace, with the engine's marks, its secrets in the digests of a dump."""
        placed = argo_marks.marked(place.scoped(desired, self.live), self.argocd.marks)
        placed = self.argocd.comparing.applied_to(placed)
        if not self._salt:
            return placed
        from openinfra_tui.drift import dump

        if not dump.is_core_secret(placed.object) or placed.sealed:
            return placed
        return dataclasses.replace(placed, object=dump.sealed(normalise.for_apply(placed.object), self._salt))

    def _files(self) -> Source:
        request = self.request
        if request.revision:
            return source.at_revision(request.directory, request.revision, self._temporary() / "revision")
        return source.work_tree(request.directory)

    def _chosen(self, manifest: Mapping[str, Any]) -> bool:
        metadata = manifest.get("metadata") or {}
        if self.request.namespace and metadata.get("namespace") != self.request.namespace:
            return False
        return normalise.selects(self.request.selector, metadata.get("labels") or {})

    def _in_view(self, key: Key) -> bool:
        return not self.request.namespace or key.namespace == self.request.namespace

    async def _runs(self) -> tuple[DeployerRun, ...]:
        """What a deployer's runs on hosts reported, unless only a part is looked at that they are not of."""
        if self.request.selector or not any(item.key.kind == "CronJob" for item in self.head.objects):
            return ()
        from openinfra_tui.flow import deployer_runs

        if self.request.namespace not in ("", deployer_runs.KEY.namespace):
            return ()
        return await deployer_runs.reported(self.head.objects, self.live, self.reader)

    def _lap(self, step: str) -> None:
        now = time.monotonic()
        self._timings[step] = now - self._clock
        self._clock = now
