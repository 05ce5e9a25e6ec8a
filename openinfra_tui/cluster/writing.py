"""The only requests that change something: one PATCH that somebody has confirmed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.cluster.connection import Connection


async def patch(
    connection: Connection, path: str, query: Mapping[str, str], content_type: str, body: Any
) -> dict[str, Any]:
    """The object as the server then has it.

    A repetition after an answer that was lost changes nothing more: what is sent names the version that it
    is meant for, or sets the same value again.

    Raises:
        ApiError: the server refused, or gave no answer.
    """
    answer = await connection.send(
        "PATCH", path, query, body=json.dumps(body).encode(), content_type=content_type
    )
    try:
        return dict(json.loads(answer.content))
    except (ValueError, TypeError) as error:
        raise ApiError(0, "the answer to a change is no JSON, or was cut off") from error
