"""Paginated LIST of one resource; what one resource refuses stays with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from openinfra_tui.cluster.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.cluster.connection import Connection
    from openinfra_tui.cluster.discovery import Resource

_PAGE = "500"
_RESTARTS = 3
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Listed(NamedTuple):
    """What one LIST gave: objects with kind and apiVersion, the version of the list, or the refusal."""

    resource: Resource
    objects: tuple[dict[str, Any], ...] = ()
    resource_version: str = ""
    error: ApiError | None = None


async def list_one(
    connection: Connection,
    resource: Resource,
    *,
    namespace: str = "",
    selector: str = "",
    metadata_only: bool = False,
) -> Listed:
    """Every object of a resource; an expired page starts the list again (410).

    Args:
        connection: the server.
        resource: what is listed.
        namespace: only what is in it; empty for all.
        selector: of labels.
        metadata_only: the content of the objects stays on the server.

    Raises:
        ApiError: the server refused.
    """
    for attempt in range(_RESTARTS):
        try:
            return await _pages(connection, resource, namespace, selector, metadata_only)
        except ApiError as error:
            if error.status != 410 or attempt == _RESTARTS - 1:
                raise
    raise AssertionError("unreachable")


async def list_many(
    connection: Connection, resources: Iterable[Resource], *, selector: str = ""
) -> list[Listed]:
    """Many resources at once, each with its own refusal."""

    async def one(resource: Resource) -> Listed:
        try:
            return await list_one(connection, resource, selector=selector)
        except ApiError as error:
            return Listed(resource, error=error)

    return list(await asyncio.gather(*(one(resource) for resource in resources)))


async def get_one(
    connection: Connection, resource: Resource, namespace: str, name: str
) -> dict[str, Any] | None:
    """One object, or None where there is none.

    Raises:
        ApiError: the server refused.
    """
    try:
        found = await connection.get(resource.path(namespace, name))
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    return dict(found)


async def _pages(
    connection: Connection, resource: Resource, namespace: str, selector: str, metadata_only: bool
) -> Listed:
    found: list[dict[str, Any]] = []
    query = {"limit": _PAGE, **({"labelSelector": selector} if selector else {})}
    accept = _METADATA if metadata_only else "application/json"
    while True:
        page = await connection.get(resource.path(namespace), query, accept=accept)
        # Items of a typed list carry neither version nor kind.
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        found += [{**item, **kind} for item in page.get("items") or ()]
        metadata = page.get("metadata") or {}
        if not metadata.get("continue"):
            return Listed(resource, tuple(found), str(metadata.get("resourceVersion") or ""))
        query = {**query, "continue": str(metadata["continue"])}
