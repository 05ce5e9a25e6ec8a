"""What the API server's answer to a dry-run means for a verdict."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

# Refusals that name something which the user or the engine must mend; everything else is "could not tell".
BLOCKING = frozenset(
    {
        "admission",
        "conflict",
        "immutable",
        "invalid",
        "namespace",
        "namespace-terminating",
        "no-match",
        "quota",
        "schema",
        "schema-migration",
        "size",
    }
)
_IMMUTABLE = re.compile(
    r"immutable|updates to statefulset spec|may not be (?:changed|decreased|modified)"
    r"|can ?not be (?:changed|less than|unset)|is not allowed to be changed|forbidden: spec is immutable",
    re.IGNORECASE,
)


class Answer(NamedTuple):
    """The answer of the server.

    Attributes:
        object: the object as it would be, or None when the server refused or could not be asked.
        code: a word for the refusal.
        message: what the server said.
        warnings: its Warning headers.
    """

    object: dict[str, Any] | None
    code: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether the engine will meet the same refusal."""
        return self.code in BLOCKING

    @property
    def reason(self) -> str:
        """Code and message, for a report."""
        return f"{self.code}: {self.message}" if self.message else self.code


def refusal(status: int, message: str, reason: str = "") -> Answer:
    """Name the refusal of a dry-run apply.

    Args:
        status: the HTTP status, 0 when there was no answer.
        message: of the Status object, or of the failed connection.
        reason: of the Status object.
    """
    return Answer(None, _code(status, message, reason), " ".join(message.split())[:2000])


def _code(status: int, message: str, reason: str) -> str:
    if "does not support dry run" in message:
        return "dry-run-unsupported"
    if "failed calling webhook" in message:
        return "webhook-down"
    if "field not declared in schema" in message:
        return "schema-migration" if "managed fields" in message or "live object" in message else "schema"
    if status == 422 or reason == "Invalid":
        return "immutable" if _IMMUTABLE.search(message) else "invalid"
    if status == 403:
        return _forbidden(message)
    if status == 404:
        return "namespace" if message.startswith("namespaces ") else "no-match"
    named = {400: "schema", 401: "unauthorized", 409: "conflict", 413: "size", 429: "busy"}
    if status == 500 and "typed patch object" in message:
        return "schema"
    if status == 400 and "denied the request" in message:
        return "admission"
    return named.get(status, "server-error" if status >= 500 else "unreachable")


def _forbidden(message: str) -> str:
    if "because it is being terminated" in message:
        return "namespace-terminating"
    if "exceeded quota" in message:
        return "quota"
    # RBAC names the user, the verb and the resource; admission names who denied.
    return "read-only" if re.search(r'cannot (?:patch|create) resource "', message) else "admission"
