"""What a faulty API server does, and to which requests."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.controlplane.loopback.requests import Asked

# Kubernetes documentation, "API Conventions": the reasons of a Status.
_REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired",
    422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout",
}  # fmt: skip


@dataclass(frozen=True)
class Refuse:
    """An answer of the proxy's own: a Status with this code, `retry_after` seconds in its header."""

    code: int
    message: str = "refused by a test"
    retry_after: int | None = None


@dataclass(frozen=True)
class Delay:
    """Wait before the request goes on."""

    seconds: float


@dataclass(frozen=True)
class Reset:
    """A connection that breaks (TCP RST) before an answer."""


@dataclass(frozen=True)
class Truncate:
    """The true answer's head, and only so many bytes of its body."""

    length: int


@dataclass(frozen=True)
class Hang:
    """No answer until the proxy ends."""


@dataclass(frozen=True)
class SlowWatch:
    """So many seconds before each event of a watch."""

    seconds: float


@dataclass(frozen=True)
class WatchError:
    """After so many events of a watch an ERROR event with a Status, then the end of the stream."""

    code: int = 410
    after: int = 0
    message: str = "too old resource version"


@dataclass(frozen=True)
class WatchEnd:
    """A watch that ends after so many events without a word, as at a server's timeout."""

    after: int = 0


Effect = Refuse | Delay | Reset | Truncate | Hang | SlowWatch | WatchError | WatchEnd


@dataclass(frozen=True)
class Rule:
    """What happens to which requests.

    Args:
        effect: what happens.
        kind: pattern of the whole kind (`list`, `patch dry-run`, `watch|list`); see `requests.understand`.
        path: pattern to be found in the request's path.
        skip: so many matching requests pass before it.
        times: after so many it is over; without it, never.
    """

    effect: Effect
    kind: str = ".*"
    path: str = ""
    skip: int = 0
    times: int | None = None

    def matches(self, asked: Asked, path: str) -> bool:
        """Whether the rule is about this request; its count is the proxy's."""
        return bool(re.fullmatch(self.kind, asked.kind) and re.search(self.path, path))


def status(code: int, message: str, retry_after: int | None = None) -> dict[str, object]:
    """The body of a refusal as the API server writes it."""
    body: dict[str, object] = {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": _REASONS.get(code, "Unknown"), "code": code,
    }  # fmt: skip
    if retry_after is not None:
        body["details"] = {"retryAfterSeconds": retry_after}
    return body
