"""What reaches the drift view from outside: events of watches, of files, and whether the server answers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import Change, awatch

from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.cluster.watching import Event, watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.cluster.connection import Connection
    from openinfra_tui.cluster.discovery import Resource

_PULSE = 2.0  # seconds between two questions whether the server is there
_PATIENCE = 5.0
_DEBOUNCE, _STEP = 60, 20  # milliseconds: an editor writes a file in several steps


@dataclass(frozen=True)
class Moved:
    """An event of a watch."""

    resource: Resource
    event: Event


@dataclass(frozen=True)
class Lost:
    """A kind that cannot be watched, and why."""

    resource: Resource
    reason: str


@dataclass(frozen=True)
class Files:
    """Something in the repository is not as it was."""


@dataclass(frozen=True)
class Pulse:
    """Whether the server answers: an empty string, or what it says instead."""

    trouble: str = ""


Word = Moved | Lost | Files | Pulse
Queue = asyncio.Queue[Word]


class Feeds:
    """Everything that is listened to; ends with `stop`.

    Args:
        tasks: where the listeners live.
        queue: where they tell.
        connection: to the API server, None for a dump.
    """

    def __init__(self, tasks: asyncio.TaskGroup, queue: Queue, connection: Connection | None) -> None:
        self._tasks, self._queue, self._connection = tasks, queue, connection
        self._watching: dict[Resource, asyncio.Task[None]] = {}
        self._others: list[asyncio.Task[None]] = []

    def listen(self, directory: Path) -> None:
        """Listen to the repository, and to the pulse of the server."""
        self._others.append(self._tasks.create_task(_files(directory, self._queue)))
        if self._connection is not None:
            self._others.append(self._tasks.create_task(_pulse(self._connection, self._queue)))

    def follow(self, resources: Iterable[Resource]) -> None:
        """Watch kinds, those that are watched already as they are."""
        if self._connection is None:
            return
        for resource in resources:
            if resource not in self._watching:
                task = self._tasks.create_task(_watch(self._connection, resource, self._queue))
                self._watching[resource] = task

    @property
    def followed(self) -> frozenset[Resource]:
        """The kinds that are watched."""
        return frozenset(self._watching)

    def anew(self) -> None:
        """Begin every watch again: what waits for its next try would wait too long."""
        resources = tuple(self._watching)
        for task in self._watching.values():
            task.cancel()
        self._watching.clear()
        self.follow(resources)

    def stop(self) -> None:
        """Listen no more."""
        for task in (*self._watching.values(), *self._others):
            task.cancel()


async def _watch(connection: Connection, resource: Resource, queue: Queue) -> None:
    try:
        async with aclosing(watch(connection, resource)) as events:
            async for event in events:
                await queue.put(Moved(resource, event))
    except ApiError as error:
        await queue.put(Lost(resource, error.message))


async def _pulse(connection: Connection, queue: Queue) -> None:
    while True:
        await asyncio.sleep(_PULSE)
        try:
            async with asyncio.timeout(_PATIENCE):
                await connection.get("/version")
        except ApiError as error:
            # An answer that refuses is an answer.
            await queue.put(Pulse("" if error.status in (401, 403) else error.message))
        except TimeoutError:
            await queue.put(Pulse(f"{connection.access.server}: no answer within {_PATIENCE:g} s"))
        else:
            await queue.put(Pulse())


async def _files(directory: Path, queue: Queue) -> None:
    root = directory.resolve()
    wanted = _Wanted(root / ".git")
    async for _ in awatch(root, watch_filter=wanted, debounce=_DEBOUNCE, step=_STEP):
        await queue.put(Files())


class _Wanted:
    """Which files count: all but what Git keeps for itself; of that, where HEAD and the branches stand."""

    def __init__(self, git: Path) -> None:
        self._git = git

    def __call__(self, change: Change, path: str) -> bool:  # noqa: ARG002 - the signature is watchfiles'
        try:
            below = Path(path).relative_to(self._git)
        except ValueError:
            return True
        moved = below.parts[:1] in (("HEAD",), ("refs",), ("packed-refs",))
        return moved and below.suffix != ".lock"
