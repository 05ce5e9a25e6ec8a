"""The diff job: a repository against a cluster or a dump, from desired objects to a report.

`run` yields `Progress` while it works and the `Report` as its last value. Nothing is written to the cluster.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster import kubeconfig
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift import dump, expected, normalise, place
from openinfra_tui.drift.desired import flux, source
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.drift.live import Live
from openinfra_tui.drift.mask import Masker
from openinfra_tui.drift.model import Desired, EngineRef, Key, ObjectVerdict
from openinfra_tui.drift.report import Report
from openinfra_tui.flow import contents, entry
from openinfra_tui.flow.before import Before
from openinfra_tui.flow.judging import Judge
from openinfra_tui.flow.reading import ENGINES, Reader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from openinfra_tui.drift.desired.flux import Rendered
    from openinfra_tui.drift.desired.source import Source

_COMMIT = re.compile(r"(?:^|[:/@])([0-9a-f]{40}|[0-9a-f]{64})$")
_MOST_REVISIONS = 4


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


@dataclass(frozen=True)
class Progress:
    """A step that has begun or moved."""

    step: str
    done: int = 0
    total: int = 0


async def run(request: Request) -> AsyncGenerator[Progress | Report, None]:
    """Compare, and yield what is being done, then the report.

    Raises:
        UserError: the repository, the kubeconfig or the cluster is not usable at all.
        Refused: it is another cluster than the one recorded.
    """
    with tempfile.TemporaryDirectory(prefix="openinfra-diff-") as temporary:
        job = _Job(request, Path(temporary))
        yield Progress("connect")
        if request.dump is not None:
            job.live, job.salt = await asyncio.to_thread(dump.read, request.dump)
            async for event in job.work(None):
                yield event
            return
        access = kubeconfig.load(request.context, request.config)
        async with Connection(access) as connection:
            reader = Reader(connection, job.live)
            await reader.start()
            async for event in job.work(reader):
                yield event


class _Job:
    """One run: its parts share the cluster, the renders and the clock."""

    def __init__(self, request: Request, temporary: Path) -> None:
        self.request = request
        self.temporary = temporary
        self.live = Live()
        self.salt = ""
        self.timings: dict[str, float] = {}
        self._clock = time.monotonic()

    async def work(self, reader: Reader | None) -> AsyncIterator[Progress | Report]:
        self._lap("connect")
        target = await asyncio.to_thread(self._target)
        roots = await asyncio.to_thread(entry.roots, target, self.live, self.request.site)
        entry.check_cluster(target, self.live, roots)
        yield Progress("render")
        lookup = self._lookup(reader, asyncio.get_running_loop())
        head, before = await asyncio.to_thread(self._render, target, roots, lookup)
        self._lap("render")
        releases, unread = await contents.releases(self.live, reader, head)
        desired = [place.scoped(item, self.live) for item in (*head.objects, *releases)]
        desired = [self._as_dumped(item) for item in desired if self._chosen(item.object)]
        before.objects = {
            key: self._as_dumped(place.scoped(item, self.live)) for key, item in before.objects.items()
        }
        kinds = Counter(item.key.kind for item in desired)
        yield Progress(f"read {', '.join(sorted(kinds))}", 0, len(desired))
        if reader is not None:
            await reader.read([*desired, *before.objects.values()])
        self._lap("read")
        yield Progress("compare", 0, len(desired))
        judge = Judge(self.live, reader, place.overlay(desired))
        found = list(await asyncio.gather(*(self._one(judge, item, before) for item in desired)))
        self._lap("compare")
        if not self.request.selector:
            known = {item.key for item in desired}
            extras = await contents.extras(self.live, reader, head, before, known)
            found += [item for item in extras if self._in_view(item.key)]
        found += unread + self._unbuilt(head)
        self._lap("extra")
        report = self._report(found, target, before, desired, reader, judge)
        yield dataclasses.replace(report, problems=self._problems(head))

    def _lap(self, step: str) -> None:
        now = time.monotonic()
        self.timings[step] = now - self._clock
        self._clock = now

    def _target(self) -> Source:
        request = self.request
        if request.revision:
            folder = self.temporary / "revision"
            return source.at_revision(request.directory, request.revision, folder)
        return source.work_tree(request.directory)

    def _lookup(self, reader: Reader | None, loop: asyncio.AbstractEventLoop) -> flux.Lookup:
        """What `substituteFrom` names, read from the threads that render."""

        def find(kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
            manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"namespace": namespace, "name": name}}
            known = self.live.find(manifest)
            if known is not None or reader is None or kind not in ("ConfigMap", "Secret"):
                return known if reader is not None or kind != "Secret" or not self.salt else None
            try:
                return asyncio.run_coroutine_threadsafe(reader.again(manifest), loop).result()
            except ApiError:
                return None

        return find

    def _render(
        self, target: Source, roots: list[dict[str, Any]], lookup: flux.Lookup
    ) -> tuple[Rendered, Before]:
        opener = Opener(self.request.age_key)

        def render(files: Source) -> Rendered:
            return flux.render(files, roots, lookup, opener=opener, kustomize=self.request.kustomize)

        head = render(target)
        before = Before(applied=self._applied())
        if self.request.against == "head":
            return head, before
        # Other repositories have Kustomizations in the same cluster.
        ours = Counter(commit for ref, commit in before.applied.items() if commit and ref in head.engines)
        wanted = [c for c, _ in ours.most_common() if c != target.revision or target.dirty]
        here = [commit for commit in wanted if source.has_commit(self.request.directory, commit)]
        for commit in here[:_MOST_REVISIONS]:
            folder = self.temporary / commit
            files = source.at_revision(self.request.directory, commit, folder)
            before.renders[commit] = flux.render(
                files, roots, lookup, opener=opener, kustomize=self.request.kustomize
            )
        if not target.dirty:
            before.renders[target.revision] = head
        before.collect()
        if self.request.against == "applied":
            held = [item for item in head.objects if before.known(item.application.ref)]
            left = [item for item in head.objects if not before.known(item.application.ref)]
            head.objects = [*before.objects.values(), *left] if held else head.objects
        return head, before

    def _applied(self) -> dict[EngineRef, str]:
        """The commit that each Kustomization applied last, empty when it names none."""
        found = {}
        for item in entry.kustomizations(self.live):
            revision = str((item.get("status") or {}).get("lastAppliedRevision") or "")
            match = _COMMIT.search(revision)
            if revision:
                found[flux.ref_of(item)] = match[1] if match else ""
        return found

    def _chosen(self, manifest: Mapping[str, Any]) -> bool:
        metadata = manifest.get("metadata") or {}
        if self.request.namespace and metadata.get("namespace") != self.request.namespace:
            return False
        return normalise.selects(self.request.selector, metadata.get("labels") or {})

    def _as_dumped(self, desired: Desired) -> Desired:
        """A desired Secret in the digests of the dump, so that equal stays equal."""
        if not self.salt or not dump.is_core_secret(desired.object) or desired.sealed:
            return desired
        return dataclasses.replace(
            desired, object=dump.sealed(normalise.for_apply(desired.object), self.salt)
        )

    async def _one(self, judge: Judge, desired: Desired, before: Before) -> ObjectVerdict:
        found = await judge.verdict(desired)
        return found if self.request.against else await before.split(judge, desired, found)

    def _in_view(self, key: Key) -> bool:
        return not self.request.namespace or key.namespace == self.request.namespace

    def _problems(self, head: Rendered) -> tuple[str, ...]:
        """What the report cannot speak of: contents elsewhere, engine objects that cannot be read."""
        elsewhere = [
            f"{ref.kind} {ref.namespace}/{ref.name}: {problem}"
            for ref, problem in head.problems.items()
            if problem.startswith("source:")
        ]
        engines = {kind for _, kind in ENGINES}
        unread = [f"{kind}: {why}" for (_, kind), why in self.live.failures.items() if kind in engines]
        return tuple(sorted({*elsewhere, *unread}))

    def _unbuilt(self, head: Rendered) -> list[ObjectVerdict]:
        """One verdict for each engine object whose content could not be built."""
        out = []
        for ref, problem in head.problems.items():
            engine = head.engines.get(ref)
            if engine is None or not problem.startswith("build:"):
                continue
            key = Key("kustomize.toolkit.fluxcd.io", ref.kind, ref.namespace, ref.name)
            version = str(engine.get("apiVersion"))
            out.append(ObjectVerdict(version, key, "blocked", "blocked", None, ref, reason=problem))
        return out

    def _report(
        self,
        found: list[ObjectVerdict],
        target: Source,
        before: Before,
        desired: list[Desired],
        reader: Reader | None,
        judge: Judge,
    ) -> Report:
        known = expected.read(target.root)
        masker = Masker()
        for manifest in (*(item.object for item in desired), *self.live.objects.values()):
            masker.learn(manifest)
        verdicts = [expected.apply(item, known, self.request.today) for item in found]
        built = {(item.engine, item.key) for item in verdicts if item.verdict == "blocked"}
        shown = [
            masker.verdict(item)
            for item in verdicts
            if item.verdict == "blocked" or (item.engine, item.key) not in built
        ]
        shown.sort(key=lambda item: (item.key, item.engine or EngineRef("", "", "")))
        compared = sum(item.verdict not in ("unverified", "blocked") for item in shown)
        access = reader.connection.access if reader else None
        return Report(
            tuple(shown),
            cluster={
                "context": access.context if access else None,
                "server": access.server if access else None,
                "dump": str(self.request.dump) if self.request.dump else None,
                "uid": self.live.uid or None,
            },
            repository={
                "path": str(self.request.directory),
                "revision": target.revision or None,
                "dirty": target.dirty,
                "applied": {
                    f"{ref.kind} {ref.namespace}/{ref.name}": commit or None
                    for ref, commit in sorted(before.applied.items())
                },
            },
            coverage={
                "desired": len(desired),
                "compared": compared,
                "requests": reader.connection.requests if reader else 0,
                "dryRuns": judge.asker.asked if judge.asker else 0,
                "admission": "read" if self.live.admission is not None else "unknown",
            },
            timings=self.timings,
        )
