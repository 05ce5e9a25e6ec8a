"""OpenAPI v3 of chosen group versions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.cluster.connection import Connection


async def documents(connection: Connection, api_versions: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The document of each apiVersion.

    One that cannot be read is left out: without a schema less is proved, and nothing is wrong.
    """
    try:
        index = (await connection.get("/openapi/v3")).get("paths") or {}
    except ApiError:
        return {}

    async def one(api_version: str) -> tuple[str, dict[str, Any] | None]:
        name = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        url = str((index.get(name) or {}).get("serverRelativeURL") or "")
        if not url.startswith("/openapi/v3/"):
            return api_version, None
        path, _, query = url.partition("?")
        try:
            hashed = query.partition("hash=")[2].partition("&")[0]
            return api_version, await connection.get(path, {"hash": hashed} if hashed else None)
        except ApiError:
            return api_version, None

    answers = await asyncio.gather(*(one(version) for version in sorted(set(api_versions))))
    return {version: document for version, document in answers if document is not None}
