"""Writing a cluster down, its secrets as digests."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from openinfra_tui.cluster import kubeconfig, listing, openapi
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.drift import dump
from openinfra_tui.flow.reading import Reader

if TYPE_CHECKING:
    from pathlib import Path

    from openinfra_tui.cluster.discovery import Resource

# Objects that a cluster makes by itself, in numbers, and that no repository holds.
_NOISE = frozenset(
    {"Event", "Lease", "EndpointSlice", "Endpoints", "ControllerRevision", "ReplicaSet", "Pod"}
)


async def run(context: str | None = None, config: Path | None = None) -> tuple[str, list[str]]:
    """A dump of a whole cluster, and what could not be read.

    Raises:
        UserError: the cluster cannot be reached.
    """
    access = kubeconfig.load(context, config)
    async with Connection(access) as connection:
        reader = Reader(connection)
        await reader.start()
        preferred: dict[tuple[str, str], Resource] = {}
        for resource in reader.served.resources.values():
            if "list" in resource.verbs and resource.kind not in _NOISE:
                preferred.setdefault((resource.group, resource.kind), resource)
        answers = await listing.list_many(connection, preferred.values())
        used = {answer.resource.api_version for answer in answers if answer.objects}
        documents, _ = await openapi.documents(connection, used)
    salt = secrets.token_hex(16)
    objects = [item for answer in answers for item in answer.objects]
    refused = [
        f"{answer.resource.plural}: {answer.error.message}" for answer in answers if answer.error is not None
    ]
    listed = {
        (answer.resource.api_version, answer.resource.kind): answer.resource.namespaced
        for answer in answers
        if answer.error is None
    }
    return await asyncio.to_thread(dump.write, objects, salt, listed, documents), refused
