"""Documents of OpenAPI are asked for once, and what one server says is not taken for the word of another."""

from __future__ import annotations

import asyncio
from typing import Any

from openinfra_tui.cluster import openapi
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.cluster.kubeconfig import Access

DOCUMENT = {
    "paths": {"/api/v1": {"get": {}}},
    "components": {
        "schemas": {
            "Thing": {
                "description": "prose",
                "properties": {"description": {"type": "string", "description": "more prose"}},
            }
        }
    },
}
SHORT = {"components": {"schemas": {"Thing": {"properties": {"description": {"type": "string"}}}}}}


class _Served(Connection):
    """One server: its documents by name, and what was asked of it."""

    def __init__(self, server: str = "https://one", digest: str = "A", document: Any = DOCUMENT) -> None:
        super().__init__(Access("c", server, b"PEM"))
        self.asked: list[str] = []
        self._query = f"?hash={digest}" if digest else ""
        self._document = document

    async def get(self, path: str, query: Any = None, *, accept: str = "") -> Any:  # noqa: ARG002
        self.asked.append(path)
        if path == "/openapi/v3":
            return {"paths": {"api/v1": {"serverRelativeURL": f"/openapi/v3/api/v1{self._query}"}}}
        if self._document is None:
            raise ApiError(500, "no")
        return self._document


def _read(served: _Served) -> dict[str, dict[str, Any]]:
    return asyncio.run(openapi.documents(served, ["v1"]))[0]


def test_prose_and_requests_are_left_out_and_a_field_of_that_name_is_not() -> None:
    assert _read(_Served()) == {"v1": SHORT}


def test_a_document_is_asked_for_once() -> None:
    first, second = _Served(), _Served()
    assert _read(first) == _read(second) == {"v1": SHORT}
    assert first.asked == ["/openapi/v3", "/openapi/v3/api/v1"]
    assert second.asked == ["/openapi/v3"]


def test_another_server_or_another_content_is_asked_for_anew() -> None:
    _read(_Served())
    for served in (_Served("https://two"), _Served(digest="B")):
        _read(served)
        assert len(served.asked) == 2


def test_what_has_no_digest_is_asked_for_each_time() -> None:
    for _ in range(2):
        served = _Served(digest="")
        _read(served)
        assert len(served.asked) == 2


def test_what_cannot_be_read_is_left_out_and_not_kept() -> None:
    assert _read(_Served(document=None)) == {}
    assert _read(_Served()) == {"v1": SHORT}


def test_the_whole_has_a_digest_where_each_document_has_one() -> None:
    def digest(served: _Served) -> str:
        return asyncio.run(openapi.documents(served, ["v1"]))[1]

    assert digest(_Served()) == digest(_Served()) != digest(_Served(digest="B"))
    assert digest(_Served(digest="")) == digest(_Served(document=None, digest="C")) == ""
