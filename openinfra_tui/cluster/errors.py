"""Failures of an API server, as one kind of error that callers can hold back per resource."""

from __future__ import annotations

from openinfra_tui.errors import UserError


class ApiError(UserError):
    """A request that did not succeed.

    Attributes:
        status: the HTTP status, 0 when there was no answer.
        reason: the reason of the Status object, such as `Expired`.
    """

    def __init__(self, status: int, message: str, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.reason = reason
