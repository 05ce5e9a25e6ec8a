"""OpenAPI v3 of chosen group versions, without its prose and its requests.

The server names each document by a digest of its content, so one that was read once is not asked for again:
for ten kinds that is more to read than a thousand objects.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from openinfra_tui.cache import Cache, default_folder
from openinfra_tui.cluster.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.cluster.connection import Connection

_FORM = "1"


async def documents(
    connection: Connection, api_versions: Iterable[str]
) -> tuple[dict[str, dict[str, Any]], str]:
    """The document of each apiVersion, and a digest of all of them, empty where one has none.

    A document that cannot be read is left out: without a schema less is proved, and nothing is wrong.
    """
    try:
        index = (await connection.get("/openapi/v3")).get("paths") or {}
    except ApiError:
        return {}, ""
    cache = Cache(default_folder("openapi"))
    urls = {
        version: str((index.get(_name(version)) or {}).get("serverRelativeURL") or "")
        for version in sorted(set(api_versions))
    }

    async def one(api_version: str, url: str) -> tuple[str, dict[str, Any] | None]:
        if not url.startswith("/openapi/v3/"):
            return api_version, None
        path, _, query = url.partition("?")
        hashed = query.partition("hash=")[2].partition("&")[0]
        # What one server says of itself is not taken for the word of another.
        words = "\n".join((_FORM, connection.access.server, connection.access.authority.hex(), url))
        key = hashlib.sha256(words.encode()).hexdigest()
        kept = cache.get(key) if hashed else None
        if isinstance(kept, dict):
            return api_version, kept
        try:
            document = without_words(await connection.get(path, {"hash": hashed} if hashed else None))
        except ApiError:
            return api_version, None
        if hashed:
            cache.put({key: document})
        return api_version, document

    answers = await asyncio.gather(*(one(version, url) for version, url in urls.items()))
    found = {version: document for version, document in answers if document is not None}
    names = [urls[version] for version in found]
    named = bool(names) and all("hash=" in name for name in names)
    return found, hashlib.sha256("\n".join(names).encode()).hexdigest() if named else ""


def _name(api_version: str) -> str:
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"


def without_words(node: Any) -> Any:
    """A document without prose and requests: what a merge needs is a small part of it."""
    if isinstance(node, list):
        return [without_words(item) for item in node]
    if not isinstance(node, dict):
        return node
    # A property may itself be called `description`; prose is a text.
    return {
        key: without_words(value)
        for key, value in node.items()
        if key != "paths" and not (key == "description" and isinstance(value, str))
    }
