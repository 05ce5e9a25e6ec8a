"""The way to one server: its URL, TLS, a proxy before it."""

from __future__ import annotations

import base64
import http.client
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    Headers = Sequence[tuple[str, str]]

_PORTS = {"https": 443, "http": 80}


def basic(username: str, password: str) -> str:
    """A name and a password as a header says them (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


@dataclass(frozen=True)
class Server:
    """Where requests go.

    Attributes:
        url: of the server, perhaps with a path before all others.
        tls: how to check the server, and who we are; None where the URL has no TLS.
        name: that its certificate must hold; empty for the host of the URL.
        proxy: the `http://` URL of a proxy on the way, or an empty string.
    """

    url: str
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    name: str = ""
    proxy: str = field(default="", repr=False)

    def target(self, path: str) -> str:
        """What a request names: the path, and to a proxy that reads along the whole URL."""
        whole = urlsplit(self.url)
        return self.url + path if self.proxy and self.tls is None else whole.path.rstrip("/") + path

    def connection(self) -> http.client.HTTPConnection:
        """A connection that is opened when it is first used."""
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        way = urlsplit(self.proxy) if self.proxy else None
        first = (way.hostname or "", way.port or _PORTS["http"]) if way else (host, port)
        if self.tls is None:
            return http.client.HTTPConnection(*first)
        secure = _Secure(*first, self.tls, self.name or host)
        if way:
            secure.set_tunnel(host, port, dict(self.passes()))
        return secure

    def passes(self) -> Headers:
        """What a proxy wants to see of us."""
        way = urlsplit(self.proxy)
        if not way.username:
            return ()
        return (("Proxy-Authorization", basic(unquote(way.username), unquote(way.password or ""))),)


class _Secure(http.client.HTTPConnection):
    """Like the HTTPSConnection of the library, with a name of its own for the certificate."""

    default_port = _PORTS["https"]

    def __init__(self, host: str, port: int, tls: ssl.SSLContext, name: str) -> None:
        super().__init__(host, port)
        self._tls = tls
        self._name = name

    def connect(self) -> None:
        super().connect()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)
