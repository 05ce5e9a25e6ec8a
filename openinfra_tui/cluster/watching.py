"""List and watch of one resource, for as long as somebody listens.

A watch that ends is taken up where it was. When its version has expired, told as HTTP 410 or as an ERROR
event inside the stream, the list is read again and its difference to what was known is told.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.cluster.listing import list_one

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from openinfra_tui.cluster.connection import Connection
    from openinfra_tui.cluster.discovery import Resource

_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Event:
    """One change: `ADDED`, `MODIFIED`, `DELETED`, or `SYNCED` when a whole list was told."""

    sort: str
    object: dict[str, Any] | None = None


async def watch(
    connection: Connection, resource: Resource, *, namespace: str = ""
) -> AsyncGenerator[Event, None]:
    """Every object as ADDED, then SYNCED, then each change; never ends by itself.

    Raises:
        ApiError: the server refuses for good (401, 403, 404, 405); faults that pass are waited out.
    """
    known: dict[tuple[str, str], str] = {}
    version = ""
    pause = 0.5
    while True:
        try:
            if not version:
                listed = await list_one(connection, resource, namespace=namespace)
                for event in _difference(known, listed.objects):
                    yield event
                version = listed.resource_version
                yield Event("SYNCED")
            async for sort, item in _events(connection, resource, namespace, version):
                pause = 0.5
                version = str(item["metadata"]["resourceVersion"])
                if sort == "BOOKMARK":
                    continue
                if sort == "DELETED":
                    known.pop(_identity(item), None)
                else:
                    known[_identity(item)] = version
                yield Event(sort, item)
        except ApiError as error:
            if error.status in (401, 403, 404, 405):
                raise
            if error.status == 410:
                version = ""
            await asyncio.sleep(pause + random.uniform(0, pause / 2))  # noqa: S311 - jitter, no secret
            pause = min(pause * 2, _LONGEST_PAUSE)


def _identity(item: dict[str, Any]) -> tuple[str, str]:
    return str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"])


def _difference(known: dict[tuple[str, str], str], objects: tuple[dict[str, Any], ...]) -> list[Event]:
    """What a list tells beyond what was known; `known` becomes the list."""
    events = []
    seen = {}
    for item in objects:
        identity = _identity(item)
        seen[identity] = str(item["metadata"].get("resourceVersion") or "")
        if identity not in known:
            events.append(Event("ADDED", item))
        elif known[identity] != seen[identity]:
            events.append(Event("MODIFIED", item))
    for namespace, name in known.keys() - seen.keys():
        events.append(Event("DELETED", {"metadata": {"namespace": namespace, "name": name}}))
    known.clear()
    known.update(seen)
    return events


async def _events(
    connection: Connection, resource: Resource, namespace: str, version: str
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
    async with connection.stream(resource.path(namespace), query) as lines:
        async for line in lines:
            if not line.strip():
                continue
            try:
                event = orjson.loads(line)
                sort, item = str(event["type"]), event["object"]
            except (ValueError, KeyError, TypeError) as error:
                raise ApiError(0, "an event of a watch was cut off") from error
            if sort == "ERROR":
                raise ApiError(
                    int(item.get("code") or 0), str(item.get("message", "")), str(item.get("reason"))
                )
            yield sort, {**item, "apiVersion": resource.api_version, "kind": resource.kind}
