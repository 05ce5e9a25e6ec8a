"""A proxy in front of an API server that misbehaves as told.

It presents a certificate of its own and passes the caller's token on, so a kubeconfig needs only another
server address and authority. Client certificates cannot pass: they end at the proxy.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.controlplane.loopback.requests import Asked, understand
from tests.controlplane.loopback.server import Handler, LoopbackServer
from tests.controlplane.loopback.tls import TlsFiles

# RFC 9110 7.6.1: these speak of one connection and must not be passed on.
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "proxy-connection",
}
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


class FaultProxy(LoopbackServer):
    """The proxy. Rules may change while it runs; the first rule that matches is taken.

    Args:
        upstream: address of the API server, `https://127.0.0.1:6443`.
        upstream_ca: file of its authority; needed for https.
        tls: the certificate to present; without it plain HTTP.
        server_name: the name that the upstream's certificate carries.
    """

    def __init__(
        self,
        upstream: str,
        *,
        upstream_ca: Path | None = None,
        tls: TlsFiles | None = None,
        server_name: str | None = None,
        rules: tuple[Rule, ...] = (),
    ) -> None:
        super().__init__(_ProxyHandler, tls)
        address = urlsplit(upstream)
        if address.hostname is None or address.port is None:
            raise ValueError(f"{upstream} names no host and port")
        self._address = (address.hostname, address.port)
        self._context = None
        if address.scheme == "https":
            self._context = ssl.create_default_context(cafile=upstream_ca)
        self._server_name = server_name or address.hostname
        self.ca_file = tls.authority if tls else None
        self._rules: list[Rule] = list(rules)
        self._met: Counter[int] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._proxy_lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        """Add a rule after those there are."""
        with self._proxy_lock:
            self._rules.append(rule)

    def clear(self) -> None:
        """Take every rule away; counts stay."""
        with self._proxy_lock:
            self._rules.clear()
            self._met.clear()

    def count(self, kind: str = ".*", resource: str = ".*") -> int:
        """How many requests came of a kind for a resource, both patterns of the whole word."""
        with self._proxy_lock:
            return sum(
                number
                for (seen_kind, seen_resource), number in self._counts.items()
                if re.fullmatch(kind, seen_kind) and re.fullmatch(resource, seen_resource)
            )

    def counts(self) -> dict[str, int]:
        """Requests by kind."""
        with self._proxy_lock:
            by_kind: Counter[str] = Counter()
            for (kind, _), number in self._counts.items():
                by_kind[kind] += number
        return dict(by_kind)

    def meet(self, method: str, target: str) -> Effect | None:
        """Count a request and say what happens to it."""
        asked, path = understand(method, target), urlsplit(target).path
        with self._proxy_lock:
            self._counts[asked.kind, asked.resource] += 1
            for place, rule in enumerate(self._rules):
                if not rule.matches(asked, path):
                    continue
                self._met[place] += 1
                used = self._met[place] - rule.skip
                if used > 0 and (rule.times is None or used <= rule.times):
                    return rule.effect
        return None

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the API server; the caller closes it."""
        connection = http.client.HTTPConnection(*self._address)
        plain = socket.create_connection(self._address)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.sock = (
                self._context.wrap_socket(plain, server_hostname=self._server_name)
                if self._context
                else plain
            )
        except BaseException:
            plain.close()
            raise
        return connection


class _ProxyHandler(Handler):
    server: FaultProxy

    def do_GET(self) -> None:  # noqa: N802
        self._proxy()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def _proxy(self) -> None:
        body = self.read_body()
        effect = self.server.meet(self.command, self.path)
        match effect:
            case Refuse():
                self._refuse(effect)
                return
            case Reset():
                self._reset()
                return
            case Hang():
                self.server.stopping.wait()
                self.close_connection = True
                return
            case Delay():
                self.server.stopping.wait(effect.seconds)
        with closing(self.server.connect()) as upstream, self.server.tracked(upstream.sock):
            try:
                self._forward(upstream, body, effect)
            except http.client.HTTPException as error:
                # An upstream that breaks off must look so to the client too.
                raise ConnectionAbortedError("the API server broke off") from error

    def _refuse(self, effect: Refuse) -> None:
        headers = {} if effect.retry_after is None else {"Retry-After": str(effect.retry_after)}
        body = json.dumps(status(effect.code, effect.message, effect.retry_after)).encode()
        self.answer(effect.code, body, "application/json", headers)

    def _reset(self) -> None:
        self.close_connection = True
        # Linger on with no time: closing sends RST in place of FIN (socket(7), SO_LINGER).
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket(fileno=self.connection.detach()).close()

    def _forward(self, upstream: http.client.HTTPConnection, body: bytes, effect: Effect | None) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers.pop("Content-Length", None)
        # An end without a word of the peer must reach the watcher at once, not after a keep-alive.
        upstream.request(self.command, self.path, body or None, headers)
        response = upstream.getresponse()
        streamed = response.length is None and self.command != "HEAD"
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if streamed:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(effect, Truncate):
            self._truncate(response, effect.length, streamed)
        elif streamed:
            self._stream(response, effect)
        else:
            for piece in _pieces(response):
                self.wfile.write(piece)

    def _truncate(self, response: http.client.HTTPResponse, length: int, streamed: bool) -> None:
        piece = response.read(length)
        self.wfile.write(b"%x\r\n" % (len(piece) + 1) + piece if streamed else piece)
        self.close_connection = True

    def _stream(self, response: http.client.HTTPResponse, effect: Effect | None) -> None:
        pieces = _pieces(response)
        if isinstance(effect, SlowWatch | WatchError | WatchEnd):
            pieces = self._disturbed(_lines(pieces), effect)
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _disturbed(
        self, events: Iterator[bytes], effect: SlowWatch | WatchError | WatchEnd
    ) -> Iterator[bytes]:
        if isinstance(effect, SlowWatch):
            for event in events:
                self.server.stopping.wait(effect.seconds)
                yield event
            return
        # With nothing to wait for, the stream must not first wait for an event.
        for _ in range(effect.after):
            event = next(events, b"")
            if not event:
                return
            yield event
        if isinstance(effect, WatchError):
            error = {"type": "ERROR", "object": status(effect.code, effect.message)}
            yield json.dumps(error).encode() + b"\n"


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body as it arrives, never waiting for a buffer to fill."""
    return iter(lambda: response.read1(65536), b"")


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Whole events: each is one line of JSON."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest
