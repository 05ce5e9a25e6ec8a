"""Actions on what the drift view shows: worked out on the observer's loop, done after a confirmation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster import identity, writing
from openinfra_tui.drift.model import EngineRef
from openinfra_tui.errors import Refused
from openinfra_tui.flow import actions
from openinfra_tui.flow.adopting import adopt
from openinfra_tui.flow.expecting import expect
from openinfra_tui.flow.picture import engine_objects, ref_of
from openinfra_tui.repo.commit import commit_tree
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from openinfra_tui.flow.actions import Action
    from openinfra_tui.flow.diff import Job
    from openinfra_tui.flow.observing import Observer
    from openinfra_tui.flow.picture import Row
    from openinfra_tui.flow.reading import Reader


class Actor:
    """Works actions out and does them.

    Args:
        observer: what it looks at is what is acted on.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    async def reconcile(self, row: Row) -> Action:
        """Let the engine of a row look now.

        Raises:
            Refused: see `actions.reconcile`.
        """
        engine = self._engine(row)
        return actions.reconcile(engine, self._reader.resource(engine), datetime.now(tz=UTC))

    async def switch(self, row: Row) -> Action:
        """Suspend or resume an engine object of Flux; sync one of Argo CD.

        Raises:
            Refused: see `actions.suspend` and `actions.sync`.
        """
        engine = self._engine(row)
        resource = self._reader.resource(engine)
        if engine.get("kind") == "Application":
            return actions.sync(engine, resource, await identity.user(self._reader.connection))
        ref = ref_of(engine)
        wanted = (
            item
            for item in self._job.desired
            if EngineRef(item.key.kind, item.key.namespace, item.key.name) == ref
        )
        return actions.suspend(engine, resource, next(wanted, None))

    async def revert(self, row: Row) -> Action:
        """Let the engine put an object back, or where it does not, do it in its name.

        Raises:
            Refused: nothing differs, or see `actions.revert`.
        """
        found = row.verdict
        if found is None or found.verdict not in ("drifted", "will-be-reverted", "missing"):
            raise Refused("there is nothing to revert")
        job, reader = self._job, self._reader
        desired = next(
            (it for it in job.desired if it.key == found.key and it.application.ref == found.engine), None
        )
        if desired is None:
            raise Refused(f"{found.key} is no object of Git")
        lines = actions.difference_lines(found)
        engine = self._engine(row)
        if (engine.get("spec") or {}).get("suspend") is not True and desired.application.enforces:
            action = actions.reconcile(engine, reader.resource(engine), datetime.now(tz=UTC))
            why = f"Its engine does it. {action.why}"
            return replace(action, title=f"Revert {found.key}", why=why, diff=lines)
        live = job.live.find(desired.object)
        kind = job.live.schemas.find(str(desired.object.get("apiVersion")), found.key.kind)
        masked = await asyncio.to_thread(self._observer.masked, desired.object)
        action = actions.revert(desired, live, kind, reader.resource(desired.object), masked)
        return replace(action, diff=(*lines, "", *action.diff))

    async def adopt(self, row: Row) -> Action:
        """Take the live values of an object into Git.

        Raises:
            Refused: see `adopting.adopt`.
        """
        if row.verdict is None:
            raise Refused("there is nothing to adopt")
        return await asyncio.to_thread(adopt, self._job, row.verdict)

    async def expect(self, row: Row, reason: str, until: date) -> Action:
        """Write down that the differences of an object are known.

        Raises:
            UserError: see `expecting.expect`.
        """
        if row.verdict is None:
            raise Refused("there is nothing to expect")
        return await asyncio.to_thread(expect, self._root, row.verdict, reason, until)

    async def perform(self, action: Action) -> str:
        """Do what was confirmed, and say what came of it.

        Raises:
            UserError: the server refuses, a file is not what it was, or the commit cannot be made.
        """
        version = ""
        for call in action.calls:
            sent = actions.pinned(call, version) if version else call
            answer = await writing.patch(
                self._reader.connection, sent.path, sent.query, sent.content_type, sent.body
            )
            version = str((answer.get("metadata") or {}).get("resourceVersion") or "")
        if action.writes:
            return await asyncio.to_thread(self._write, action)
        return f"{action.title}: done"

    async def manifest(self, row: Row) -> dict[str, Any] | None:
        """The live object of a row, its secrets masked."""
        live = self._job.live.objects.get((row.api_version, row.key))
        return await asyncio.to_thread(self._observer.masked, live) if live is not None else None

    def _write(self, action: Action) -> str:
        for write in action.writes:
            place = self._root / write.path
            now = place.read_text(encoding="utf-8") if place.exists() else ""
            if now != write.before:
                raise Refused(f"{write.path} has changed since it was shown", "look again")
        if action.commit:
            files = {write.path: File(write.after.encode(), "adopted") for write in action.writes}
            outcome = commit_tree(self._root, Tree(files), action.commit, None, foreign=True)
            return f"{action.commit}: committed as {str(outcome.sha)[:7]}; push it"
        for write in action.writes:
            place = self._root / write.path
            if not place.resolve().is_relative_to(self._root.resolve()):
                raise Refused(f"{write.path} leads out of the repository", "remove the symbolic link")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(write.after, encoding="utf-8")
        return f"{action.title}: written to {action.writes[0].path}; commit it"

    def _engine(self, row: Row) -> dict[str, Any]:
        """The engine object of a row: itself, or who applies it."""
        ref = row.verdict.engine if row.depth and row.verdict else None
        if row.depth == 0:
            ref = EngineRef(row.key.kind, row.key.namespace, row.key.name)
        for item in engine_objects(self._job.live):
            if ref_of(item) == ref:
                return dict(item)
        raise Refused("no engine object of the cluster applies it")

    @property
    def _job(self) -> Job:
        if self._observer.job is None:
            raise Refused("nothing is known of the cluster yet")
        return self._observer.job

    @property
    def _reader(self) -> Reader:
        reader = self._job.reader
        if reader is None:
            raise Refused("a dump cannot be changed")
        return reader

    @property
    def _root(self) -> Path:
        return self._job.target.root
