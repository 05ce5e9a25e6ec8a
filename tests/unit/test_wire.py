"""Requests over the wire: connections kept and lost, answers cut off, who gives up is free at once."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.cluster import wire
from openinfra_tui.cluster.connection import Connection
from openinfra_tui.cluster.discovery import Resource
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.cluster.kubeconfig import Access, Credential
from openinfra_tui.cluster.route import Server
from openinfra_tui.errors import UserError
from tests.controlplane.loopback.server import Handler, LoopbackServer
from tests.controlplane.loopback.tls import TlsFiles, write_pair

SOON = 5.0


class _Server(LoopbackServer):
    def __init__(self, tls: TlsFiles | None = None) -> None:
        super().__init__(_Says, tls)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class _Says(Handler):
    """What the path asks for."""

    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the name is the library's
        self.server.seen.append((self.path, dict(self.headers.items())))
        what = self.path.partition("?")[0].rpartition("/")[2]
        if what == "silent":
            self.server.stopping.wait(60)
        elif what == "slow":
            time.sleep(0.2)
            self.answer(200, b"slow")
        elif what == "zipped":
            self.answer(200, gzip.compress(b"words" * 100), headers={"Content-Encoding": "gzip"})
        elif what == "unzipped":
            self.answer(200, b"no gzip", headers={"Content-Encoding": "gzip"})
        elif what == "cut":
            self.answer(200, b"half", headers={"Content-Length": "8"})
            self.close_connection = True
        elif what == "last":
            self.answer(200, b"last")
            self.close_connection = True
        elif what == "garbage":
            self.wfile.write(b"\x00\xff\n\n")
            self.close_connection = True
        elif what == "refused":
            self.answer(403, b'{"message": "no"}')
        elif what in ("lines", "broken"):
            self._lines(what)
        else:
            self.answer(200, b"fine", headers={"Warning": "299 - one"})

    def do_CONNECT(self) -> None:  # noqa: N802 - as above
        self.server.seen.append((self.path, dict(self.headers.items())))
        host, _, port = self.path.partition(":")
        with closing(socket.create_connection((host, int(port)))) as other, self.server.tracked(other):
            self.answer(200)
            back = threading.Thread(target=_pump, args=(other, self.connection))
            back.start()
            _pump(self.connection, other)
            back.join()
        self.close_connection = True

    def _lines(self, what: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in (b'{"n": 1}\n{"n"', b": 2}\n"):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if what == "lines":
            self.server.stopping.wait(60)
        self.wfile.write(b"0\r\n\r\n")


def _pump(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as running:
        yield running


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    until = time.monotonic() + SOON
    while left := [thread for thread in threading.enumerate() if thread.name == "wire"]:
        assert time.monotonic() < until, left
        time.sleep(0.01)


@contextmanager
def _open(url: str, **more: Any) -> Iterator[wire.Wire]:
    opened = wire.Wire(Server(url, **more))
    try:
        yield opened
    finally:
        opened.close()


async def _get(over: wire.Wire, path: str) -> wire.Answer:
    return await over.exchange("GET", path, (("Accept", "*/*"),), None, SOON)


def test_a_connection_is_used_again_and_as_many_are_opened_as_are_busy(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            for _ in range(5):
                answer = await _get(over, "/a")
                assert (answer.status, answer.content, answer.good) == (200, b"fine", True)
                assert answer.headers.get_all("warning") == ["299 - one"]
            assert server.connections == 1
            assert {a.content for a in await asyncio.gather(*(_get(over, "/slow") for _ in range(4)))} == {
                b"slow"
            }
            await asyncio.gather(*(_get(over, "/b") for _ in range(4)))
            assert server.connections == 4

    asyncio.run(asked())


def test_a_connection_that_the_server_closed_is_opened_again(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            assert (await _get(over, "/last")).content == b"last"
            assert (await _get(over, "/a")).content == b"fine"
            server.drop_connections()
            assert (await _get(over, "/a")).content == b"fine"

    asyncio.run(asked())


def test_a_path_before_all_others_stays_before_them(server: _Server) -> None:
    async def asked() -> None:
        with _open(f"{server.url}/clusters/c1") as over:
            await _get(over, "/api?limit=5")

    asyncio.run(asked())
    assert [path for path, _ in server.seen] == ["/clusters/c1/api?limit=5"]


def test_answers_are_unzipped(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            assert (await _get(over, "/zipped")).content == b"words" * 100

    asyncio.run(asked())
    assert server.seen[0][1]["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("what", ["cut", "garbage", "unzipped"])
def test_what_is_no_whole_answer_has_failed(server: _Server, what: str) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            with pytest.raises(wire.Failed):
                await _get(over, f"/{what}")
            assert (await _get(over, "/a")).content == b"fine"

    asyncio.run(asked())


def test_nobody_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as there:
        port = there.getsockname()[1]

    async def asked() -> None:
        with _open(f"http://127.0.0.1:{port}") as over, pytest.raises(wire.Failed, match="refused"):
            await _get(over, "/a")

    asyncio.run(asked())


def test_a_silent_server_fails_after_its_time(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over, pytest.raises(wire.Failed, match="timed out"):
            await over.exchange("GET", "/silent", (), None, 0.2)

    asyncio.run(asked())


def test_who_gives_up_is_free_at_once_and_so_is_the_thread(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await _get(over, "/silent")
            assert time.monotonic() - began < 1
            assert (await _get(over, "/a")).content == b"fine"

    asyncio.run(asked())


def test_what_was_given_up_before_it_was_sent_is_never_sent(tmp_path: Path) -> None:
    """The server takes its time with the handshake; meanwhile nobody waits any more."""
    files = write_pair(tmp_path)
    got: list[bytes] = []
    go = threading.Event()

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        go.wait(SOON)
        with files.server_context().wrap_socket(connection, server_side=True) as secure:
            got.append(secure.recv(1000))

    async def asked(port: int) -> None:
        tls = ssl.create_default_context(cafile=files.authority)
        with _open(f"https://127.0.0.1:{port}", tls=tls) as over, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await over.exchange("PATCH", "/x", (), b"{}", SOON)

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        asyncio.run(asked(listening.getsockname()[1]))
        go.set()
        thread.join(SOON)
    assert got == [b""]


def test_lines_come_one_by_one_and_stop_when_nobody_reads(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            async with over.lines("/lines", (), SOON, SOON) as (head, lines):
                assert head.good
                assert [await anext(lines), await anext(lines)] == [b'{"n": 1}\n', b'{"n": 2}\n']

    asyncio.run(asked())


def test_lines_end_with_the_answer(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            async with over.lines("/broken", (), SOON, SOON) as (_, lines):
                assert [line async for line in lines] == [b'{"n": 1}\n', b'{"n": 2}\n']

    asyncio.run(asked())


def test_silent_lines_have_failed(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            async with over.lines("/lines", (), SOON, 0.2) as (_, lines):
                assert len([await anext(lines), await anext(lines)]) == 2
                with pytest.raises(wire.Failed, match="timed out"):
                    await anext(lines)

    asyncio.run(asked())


def test_refused_lines_tell_why(server: _Server) -> None:
    async def asked() -> None:
        with _open(server.url) as over:
            async with over.lines("/refused", (), SOON, SOON) as (head, lines):
                assert (head.status, head.content) == (403, b'{"message": "no"}')
                assert [line async for line in lines] == []

    asyncio.run(asked())


def test_the_certificate_must_hold_the_name_that_the_kubeconfig_says(tmp_path: Path) -> None:
    files = write_pair(tmp_path, ("kubernetes",))

    async def asked(url: str, name: str) -> bytes:
        access = Access("c", url, files.authority.read_bytes(), tls_server_name=name)
        async with Connection(access) as connection:
            return (await connection.send("GET", "/a")).content

    with _Server(files) as server:
        assert asyncio.run(asked(server.url, "kubernetes")) == b"fine"
        with pytest.raises(ApiError, match="certificate verify failed"):
            asyncio.run(asked(server.url, ""))


def _through(access: Access) -> bytes:
    async def asked() -> bytes:
        async with Connection(access) as connection:
            return (await connection.send("GET", "/a", {"q": "1"})).content

    return asyncio.run(asked())


def test_a_proxy_passes_tls_on_and_sees_only_what_is_for_it(tmp_path: Path, server: _Server) -> None:
    files = write_pair(tmp_path)
    proxy = server.url.replace("//", "//us%20er:pa%3Ass@")
    token = Credential(token="of the API server")
    with _Server(files) as far:
        access = Access("c", far.url, files.authority.read_bytes(), proxy_url=proxy, credential=token)
        assert _through(access) == b"fine"
        ((path, headers),) = server.seen
        assert path == f"127.0.0.1:{far.port}"
        assert headers["Proxy-Authorization"] == "Basic dXMgZXI6cGE6c3M="
        assert "Authorization" not in headers
        ((_, inside),) = far.seen
        assert inside["Authorization"] == "Bearer of the API server"
        assert "Proxy-Authorization" not in inside


def test_a_proxy_without_tls_is_told_the_whole_url(server: _Server) -> None:
    assert _through(Access("c", "http://far.invalid:8080", proxy_url=server.url)) == b"fine"
    ((path, headers),) = server.seen
    assert (path, headers["Host"]) == ("http://far.invalid:8080/a?q=1", "far.invalid:8080")


def test_proxies_of_the_environment(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, server.url.removeprefix("http://"))
    assert _through(Access("c", "http://far.invalid")) == b"fine"
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "far.invalid")
    with pytest.raises(ApiError):
        asyncio.run(_once(Access("c", "http://far.invalid")))
    assert len(server.seen) == 1


async def _once(access: Access) -> None:
    async with Connection(access, timeout=1) as connection:
        await connection.send("GET", "/a")


@pytest.mark.parametrize("url", ["socks5://user:hidden@p:1080", "https://user:hidden@p", "p:3128"])
def test_another_sort_of_proxy_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UserError, match="proxy") as caught:
        _through(Access("c", "https://far.invalid", proxy_url=url))
    assert "hidden" not in f"{caught.value.message}{caught.value.hint}"


def test_who_we_are_is_said_with_each_request(server: _Server) -> None:
    groups = (("Impersonate-Group", "a"), ("Impersonate-Group", "b"))
    basic = Credential(username="me", password="pw")
    assert _through(Access("c", server.url, credential=basic, impersonate=groups)) == b"fine"
    ((_, headers),) = server.seen
    assert headers["Authorization"] == "Basic bWU6cHc="
    assert headers["Impersonate-Group"] == "b"  # both were sent, and a dictionary keeps the last
    assert headers["User-Agent"] == "openinfra-tui"


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "\u2603"])
def test_a_token_that_is_no_header_is_an_error_and_not_sent(server: _Server, token: str) -> None:
    with pytest.raises(ApiError) as caught:
        asyncio.run(_once(Access("c", server.url, credential=Credential(token=token))))
    assert token not in str(caught.value)
    assert server.seen == []


def test_a_name_is_one_segment_of_a_path() -> None:
    resource = Resource("v1", "ConfigMap", "configmaps", True, frozenset())
    assert resource.path("n", "../x?dryRun=All#a b") == (
        "/api/v1/namespaces/n/configmaps/..%2Fx%3FdryRun=All%23a%20b"
    )
    assert resource.path("n", "system:node@1") == "/api/v1/namespaces/n/configmaps/system:node@1"
