"""What the loopback servers share: a free port, one thread a connection, an end that leaves nothing behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.controlplane.loopback.tls import TlsFiles


class LoopbackServer(ThreadingHTTPServer):
    """An HTTP or HTTPS server on 127.0.0.1, as a context manager.

    Leaving the context closes the port and every open connection, joins every thread, and raises what a
    handler could not cope with, so that a fault of the server fails the test that met it.
    """

    daemon_threads = False
    block_on_close = True
    request_queue_size = 64
    scheme = "http"

    def __init__(self, handler: type[BaseHTTPRequestHandler], tls: TlsFiles | None = None) -> None:
        self.stopping = threading.Event()
        self.faults: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), handler)
        if tls is not None:
            self.scheme = "https"
            # The handshake happens in the connection's thread: a silent client must not block the others.
            self.socket = tls.server_context().wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name=type(self).__name__)

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where the server listens, without a slash at the end."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.drop_connections()
        self.server_close()
        if self.faults and error is None:
            raise self.faults[0]

    def drop_connections(self) -> None:
        """Close every connection that is open now, as a server that dies does."""
        with self._lock:
            for connection in self._open:
                try:
                    # Not SSLSocket's own method: it takes the TLS state away under a thread that reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
                except OSError:
                    continue  # the peer was faster

    @contextmanager
    def tracked(self, connection: socket.socket) -> Iterator[None]:
        """A connection that a handler opens elsewhere, dropped with the others when the server ends."""
        with self._lock:
            self._open.add(connection)
        try:
            # Between the end of the server and this line nobody would drop it.
            if self.stopping.is_set():
                raise ConnectionAbortedError("the server ends")
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # a client that went away, or one that we dropped: both are what tests do on purpose
        except Exception as error:  # handed to the test when the server ends
            self.faults.append(error)
        finally:
            self.shutdown_request(request)


class Handler(BaseHTTPRequestHandler):
    """One connection: keep-alive, bodies by length or in chunks, no log."""

    protocol_version = "HTTP/1.1"
    # Nagle's algorithm would delay each small answer by 40 ms.
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def read_body(self) -> bytes:
        """The whole request body, without its transfer encoding."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(iter(self._read_chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(
        self,
        status: int,
        body: bytes = b"",
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send a whole answer; to HEAD without its body."""
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _read_chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        if size:
            self.rfile.readline()
            return data
        while self.rfile.readline().strip():
            pass  # trailers
        return b""
