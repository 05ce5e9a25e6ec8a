"""Server-side apply as the engine would send it, with `dryRun=All`: the server answers and stores nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from openinfra_tui.cluster.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from openinfra_tui.cluster.connection import Connection
    from openinfra_tui.cluster.discovery import Resource


async def apply(
    connection: Connection, resource: Resource, manifest: Mapping[str, Any], manager: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The object as a forced apply by `manager` would leave it, and the warnings of the server.

    Raises:
        ApiError: the server refused, or gave no answer.
    """
    metadata = manifest["metadata"]
    path = resource.path(str(metadata.get("namespace") or ""), str(metadata["name"]))
    query = {"fieldManager": manager, "force": "true", "dryRun": "All"}
    answer = await connection.send(
        "PATCH",
        path,
        query,
        body=json.dumps(manifest).encode(),
        content_type="application/apply-patch+yaml",
    )
    return _object(answer.content), tuple(answer.headers.get_all("Warning", ()))


async def merge(
    connection: Connection, resource: Resource, patch: Mapping[str, Any], manager: str, *, strategic: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The object as a merge patch would leave it, and the server's warnings.

    Args:
        connection: the server.
        resource: of the object.
        patch: with the name of the object in its metadata.
        manager: who is said to patch.
        strategic: a strategic merge patch, which built-in kinds know, instead of a JSON merge patch.

    Raises:
        ApiError: the server refused, or gave no answer.
    """
    metadata = patch["metadata"]
    answer = await connection.send(
        "PATCH",
        resource.path(str(metadata.get("namespace") or ""), str(metadata["name"])),
        {"fieldManager": manager, "dryRun": "All"},
        body=json.dumps(patch).encode(),
        content_type=f"application/{'strategic-' if strategic else ''}merge-patch+json",
    )
    return _object(answer.content), tuple(answer.headers.get_all("Warning", ()))


async def replace(
    connection: Connection,
    resource: Resource,
    live: Mapping[str, Any],
    wanted: Mapping[str, Any],
    manager: str,
) -> dict[str, Any]:
    """The object as it would be with content, labels and annotations of another one, defaults filled in.

    Args:
        connection: the server.
        resource: of the object.
        live: the object that the other one was made from; a newer one is a conflict.
        wanted: the other one.
        manager: who is said to write.

    Raises:
        ApiError: the server refused, or gave no answer.
    """
    metadata = live["metadata"]
    path = resource.path(str(metadata.get("namespace") or ""), str(metadata["name"]))
    patch = [{"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]}]
    names = (live.keys() | wanted.keys()) - {"apiVersion", "kind", "metadata", "status"}
    patch += _operations("", live, wanted, names)
    patch += _operations("/metadata", metadata, wanted["metadata"], {"labels", "annotations"})
    answer = await connection.send(
        "PATCH",
        path,
        {"fieldManager": manager, "dryRun": "All"},
        body=json.dumps(patch).encode(),
        content_type="application/json-patch+json",
    )
    return _object(answer.content)


def _operations(
    above: str, live: Mapping[str, Any], wanted: Mapping[str, Any], names: Iterable[str]
) -> Iterator[dict[str, Any]]:
    for name in sorted(names):
        pointer = f"{above}/{name}"
        if name not in wanted:
            if name in live:
                yield {"op": "remove", "path": pointer}
        elif name not in live or live[name] != wanted[name]:
            yield {
                "op": "add",
                "path": pointer,
                "value": wanted[name],
            }  # of a member that is there: a replacement


def _object(content: bytes) -> dict[str, Any]:
    try:
        return dict(orjson.loads(content))
    except (ValueError, TypeError) as error:
        raise ApiError(0, "the answer to a dry-run is no JSON, or was cut off") from error
