"""HTTP/1.1 to one server over the standard library's client: a connection a thread, as many as are busy.

Why not httpx: `docs/decisions/0001-cluster-client.md`. A thread that waits for a server that is silent is
woken by closing its connection under it, so whoever asks may give up at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import queue
import socket
import ssl
import threading
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from email.message import Message

    from openinfra_tui.cluster.route import Headers, Server


# What an idle connection that the server has closed looks like.
_STALE = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_FAULTS = (OSError, http.client.HTTPException, zlib.error, ValueError)


class Failed(Exception):
    """There is no answer, or not a whole one.

    Attributes:
        again: whether another try may end otherwise.
    """

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


class Answer(NamedTuple):
    """The whole answer to one request."""

    status: int
    headers: Message
    content: bytes

    @property
    def good(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300


class _Exchange:
    """One request on its way; it can be given up from any thread."""

    def __init__(self, server: Server, method: str, path: str, headers: Headers, body: bytes | None) -> None:
        self._method = method
        self._target = server.target(path)
        self._headers = headers if server.tls else (*headers, *server.passes())
        self._body = body
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._given_up = False

    def begin(self, connection: http.client.HTTPConnection, timeout: float) -> http.client.HTTPResponse:
        """Send the request; the head of the answer.

        Args:
            connection: open or not; one that was open and has died is opened again.
            timeout: seconds of silence after which the connection has failed.
        """
        connection.timeout = timeout
        used = connection.sock is not None
        if used:
            connection.sock.settimeout(timeout)
        try:
            return self._ask(connection)
        except _STALE:
            connection.close()
            if not used:
                raise
            return self._ask(connection)

    def _ask(self, connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        if connection.sock is None:
            connection.connect()
        with self._lock:
            if self._given_up:
                raise Failed("given up")  # nothing may be sent that nobody waits for
            self._sock = connection.sock
        try:
            connection.putrequest(self._method, self._target, skip_accept_encoding=True)
            for name, value in self._headers:
                connection.putheader(name, value)
        except (ValueError, http.client.HTTPException):
            # Its words would quote a token.
            raise Failed("a request that cannot be written", again=False) from None
        if self._body is not None:
            connection.putheader("Content-Length", str(len(self._body)))
        connection.endheaders(self._body)
        return connection.getresponse()

    def whole(self, connection: http.client.HTTPConnection, timeout: float) -> Answer | Failed:
        """The whole answer; a connection that failed is closed."""
        try:
            response = self.begin(connection, timeout)
            content = response.read()
            if response.headers.get("Content-Encoding") == "gzip":
                content = zlib.decompress(content, 31)
        except (Failed, *_FAULTS) as error:
            connection.close()
            return _failed(error)
        finally:
            self.end()
        return Answer(response.status, response.headers, content)

    def silence(self, seconds: float) -> None:
        """How long the server may say nothing from now on."""
        if self._sock is not None:
            self._sock.settimeout(seconds)

    def end(self) -> None:
        """The connection is no longer this exchange's."""
        with self._lock:
            self._sock = None

    def give_up(self) -> None:
        """Wake the thread that waits for the server, if one does."""
        with self._lock:
            self._given_up = True
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    # Not its own method: that of TLS takes the keys away under the thread that reads.
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


class _Asked(NamedTuple):
    """An exchange that waits for a thread, and who waits for it."""

    exchange: _Exchange
    timeout: float
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Answer]


class Wire:
    """Requests to one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._idle = 0
        self._threads = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        """End every thread that has nothing to do, and each other one when it is done."""
        for _ in range(self._threads):
            self._asked.put(None)

    async def exchange(
        self, method: str, path: str, headers: Headers, body: bytes | None, timeout: float
    ) -> Answer:
        """The answer to one request.

        Args:
            method: GET and the like.
            path: below the URL of the server, with its query.
            headers: of the request.
            body: of the request.
            timeout: seconds of silence after which the connection has failed.

        Raises:
            Failed: there is none.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        exchange = _Exchange(self._server, method, path, (*headers, ("Accept-Encoding", "gzip")), body)

        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._threads += 1
                threading.Thread(target=self._serve, name="wire", daemon=True).start()
        self._asked.put(_Asked(exchange, timeout, loop, future))
        try:
            return await future
        finally:
            exchange.give_up()

    def _serve(self) -> None:
        connection = self._server.connection()
        while (asked := self._asked.get()) is not None:
            outcome = asked.exchange.whole(connection, asked.timeout)
            # Before anybody hears of it, so that who asks again finds this connection.
            with self._lock:
                self._idle += 1
            _tell(asked.loop, _settle, asked.future, outcome)
        connection.close()

    @asynccontextmanager
    async def lines(
        self, path: str, headers: Headers, connecting: float, silence: float
    ) -> AsyncIterator[tuple[Answer, AsyncGenerator[bytes, None]]]:
        """The head of an answer that goes on, and its lines; all of it is in the head where it is refused.

        Args:
            path: as for `exchange`.
            headers: of the request.
            connecting: seconds in which the server must begin to answer.
            silence: seconds without a line after which the connection has failed.

        Raises:
            Failed: there is no answer; in the midst of the lines, where it breaks off.
        """
        loop = asyncio.get_running_loop()
        head: asyncio.Future[Answer] = loop.create_future()
        told: asyncio.Queue[bytes | Failed] = asyncio.Queue()
        exchange = _Exchange(self._server, "GET", path, headers, None)

        def work() -> None:
            connection = self._server.connection()
            try:
                response = exchange.begin(connection, connecting)
                exchange.silence(silence)
                answer = Answer(response.status, response.headers, b"")
                if not answer.good:
                    answer = answer._replace(content=response.read())
                _tell(loop, _settle, head, answer)
                line = response.readline() if answer.good else b""
                while line:
                    _tell(loop, told.put_nowait, line)
                    line = response.readline()
                _tell(loop, told.put_nowait, b"")
            except (Failed, *_FAULTS) as error:
                failed = _failed(error)
                _tell(loop, _settle, head, failed)
                _tell(loop, told.put_nowait, failed)
            finally:
                exchange.end()
                connection.close()

        threading.Thread(target=work, name="wire", daemon=True).start()
        try:
            yield await head, _until_empty(told)
        finally:
            exchange.give_up()


async def _until_empty(told: asyncio.Queue[bytes | Failed]) -> AsyncGenerator[bytes, None]:
    while line := await told.get():
        if isinstance(line, Failed):
            raise line
        yield line


def _failed(error: Exception) -> Failed:
    if isinstance(error, Failed):
        return error
    again = not isinstance(error, ssl.SSLCertVerificationError)
    return Failed(str(error) or type(error).__name__, again=again)


def _settle(future: asyncio.Future[Any], outcome: Answer | Failed) -> None:
    if future.done():
        return  # given up
    if isinstance(outcome, Failed):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _tell(loop: asyncio.AbstractEventLoop, *call: Any) -> None:
    """Call in the loop's thread; nobody is there to hear it once the loop has ended."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(*call)
