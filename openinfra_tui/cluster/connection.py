"""One API server over HTTP: bounded, patient with 429, never past its deadline.

Each request may be repeated: most change nothing (GET, and PATCH with `dryRun=All`), and those of `writing`
change nothing more when they are sent again.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import orjson

from openinfra_tui.cluster import kubeconfig, route, wire
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from openinfra_tui.cluster.kubeconfig import Access, Credential

# The API server cuts a request off at 34 s (apiserver, requestTimeoutUpperBound).
TIMEOUT = 40.0
_TRIES = 5
_LONGEST_WAIT = 30.0
_SILENCE = 300.0


class Connection:
    """Requests to one API server, at most `concurrency` at a time.

    Attributes:
        access: whom it speaks to.
        requests: how many requests were sent.
    """

    def __init__(self, access: Access, *, concurrency: int = 16, timeout: float = TIMEOUT) -> None:
        self.access = access
        self.requests = 0
        self._slots = asyncio.Semaphore(concurrency)
        self._refreshing = asyncio.Lock()
        self._timeout = timeout
        self._credential: Credential | None = None
        self._wire: wire.Wire | None = None

    async def __aenter__(self) -> Connection:
        """Get credentials and open the pool."""
        await self._renew()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool."""
        if self._wire is not None:
            self._wire.close()

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "application/json"
    ) -> Any:
        """The decoded answer to a GET.

        Raises:
            ApiError: the server refused, or gave no answer in time.
        """
        answer = await self.send("GET", path, query, accept=accept)
        return _decoded(path, answer)

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> wire.Answer:
        """The successful answer to one request; 429 and 503 are waited out, 401 renews the credentials once.

        Raises:
            ApiError: the server refused, or gave no answer in time.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout
        renewed = False
        for attempt in range(1, _TRIES + 1):
            left = deadline - asyncio.get_running_loop().time()
            used = self._credential
            answer, failure = await self._once(method, path, query, body, content_type, accept, left)
            if answer is not None and answer.good:
                return answer
            if answer is not None and answer.status == 401 and not renewed:
                renewed = True
                await self._renew(used)
                continue
            error = _error(answer) if answer is not None else failure
            if error is None:
                raise AssertionError("neither an answer nor a failure")
            again = answer is None or answer.status in (429, 503)
            wait = _retry_after(answer) if answer is not None else 0.1 * 2**attempt
            wait += random.uniform(0, 0.1 * attempt)  # noqa: S311 - jitter, no secret
            left = deadline - asyncio.get_running_loop().time()
            if not again or attempt == _TRIES or wait >= left:
                raise error
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        content_type: str,
        accept: str,
        left: float,
    ) -> tuple[wire.Answer | None, ApiError | None]:
        try:
            async with self._slots, asyncio.timeout(max(left, 0.001)):
                await self._fresh()
                self.requests += 1
                headers = self._headers(accept)
                headers += [("Content-Type", content_type)] if body is not None else []
                target = _target(path, query)
                return await self._open_wire.exchange(method, target, headers, body, self._timeout), None
        except TimeoutError:
            return None, ApiError(0, f"no answer from {self.access.server} within {self._timeout:g} s")
        except wire.Failed as error:
            failure = ApiError(0, f"{self.access.server}: {error}")
            if not error.again:
                raise failure from error
            return None, failure

    @asynccontextmanager
    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The lines of a streaming GET; one that is silent for five minutes has failed.

        Bookmarks of a watch come every minute.

        Raises:
            ApiError: the server refused, or could not be reached.
        """
        await self._fresh()
        self.requests += 1
        headers = self._headers("application/json")
        try:
            async with self._open_wire.lines(_target(path, query), headers, self._timeout, _SILENCE) as (
                head,
                lines,
            ):
                if not head.good:
                    raise _error(head)
                yield lines
        except wire.Failed as error:
            raise ApiError(0, f"{self.access.server}: {error}") from error

    @property
    def _open_wire(self) -> wire.Wire:
        if self._wire is None:
            raise AssertionError("the connection is used before it is entered")
        return self._wire

    def _headers(self, accept: str) -> list[tuple[str, str]]:
        headers = [("User-Agent", "openinfra-tui"), ("Accept", accept), *self.access.impersonate]
        credential = self._credential
        if credential is not None and credential.token:
            headers.append(("Authorization", f"Bearer {credential.token}"))
        elif credential is not None and credential.username:
            headers.append(("Authorization", route.basic(credential.username, credential.password)))
        return headers

    async def _fresh(self) -> None:
        expires = self._credential.expires if self._credential else None
        if expires is not None and expires < datetime.now(UTC) + timedelta(seconds=10):
            await self._renew(self._credential)

    async def _renew(self, used: Credential | None = None) -> None:
        """New credentials, unless somebody else renewed what was used."""
        async with self._refreshing:
            if self._credential is not None and self._credential is not used:
                return
            ask = kubeconfig.credential
            renewed = await asyncio.to_thread(ask, self.access) if self.access.plugin else ask(self.access)
            same_identity = (
                self._wire is not None
                and self._credential is not None
                and (self._credential.certificate == renewed.certificate)
            )
            self._credential = renewed
            if not same_identity:
                if self._wire is not None:
                    self._wire.close()
                self._wire = wire.Wire(_server(self.access, renewed))


def _target(path: str, query: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _server(access: Access, credential: Credential) -> route.Server:
    """Where and how to ask.

    Raises:
        UserError: the proxy on the way is of a sort that is not spoken.
    """
    parts = urlsplit(access.server)
    proxy = access.proxy_url or _proxy_of_environment(parts.scheme, parts.hostname or "")
    scheme = urlsplit(proxy).scheme
    if proxy and scheme != "http":
        raise UserError(
            f"the proxy before {access.server} is one of {scheme or 'no scheme'}",
            "name one of http://: what passes through it is TLS to the API server all the same",
        )
    tls = _tls(access, credential) if parts.scheme == "https" else None
    return route.Server(access.server, tls, access.tls_server_name, proxy)


def _proxy_of_environment(scheme: str, host: str) -> str:
    """`HTTPS_PROXY` and the like, unless `NO_PROXY` or a loopback address says otherwise, as in client-go."""
    if host in ("127.0.0.1", "::1", "localhost"):
        return ""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    import urllib.request

    found = urllib.request.getproxies_environment()
    named = str(found.get(scheme) or found.get("all") or "")
    if not named or urllib.request.proxy_bypass(host):
        return ""
    return named if "://" in named else f"http://{named}"


def _tls(access: Access, credential: Credential) -> ssl.SSLContext:
    """TLS as the kubeconfig asks for it.

    Raises:
        ApiError: the authority or the client certificate is none.
    """
    try:
        if access.authority:
            context = ssl.create_default_context(cadata=access.authority.decode("ascii"))
        else:
            context = ssl.create_default_context()
        if access.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if credential.certificate:
            _load_chain(context, credential)
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        raise ApiError(0, f"the certificates of context {access.context} cannot be used") from error
    return context


def _load_chain(context: ssl.SSLContext, credential: Credential) -> None:
    """Hand OpenSSL a certificate and a key without a file: it wants paths, and a pipe has one."""
    ends: list[int] = []
    try:
        for pem in (credential.certificate, credential.key):
            reader, writer = os.pipe()
            ends.append(reader)
            try:
                os.write(writer, pem)
            finally:
                os.close(writer)
        context.load_cert_chain(f"/dev/fd/{ends[0]}", f"/dev/fd/{ends[1]}")
    finally:
        for end in ends:
            os.close(end)


def _retry_after(answer: wire.Answer) -> float:
    try:
        return min(max(float(answer.headers.get("Retry-After", "1")), 0.0), _LONGEST_WAIT)
    except ValueError:
        return 1.0


def _decoded(path: str, answer: wire.Answer) -> Any:
    try:
        return orjson.loads(answer.content)
    except ValueError as error:
        raise ApiError(0, f"{path}: the answer is no JSON, or was cut off") from error


def _error(answer: wire.Answer) -> ApiError:
    try:
        status = orjson.loads(answer.content)
        message, reason = str(status.get("message", "")), str(status.get("reason", ""))
    except (ValueError, AttributeError):
        message, reason = answer.content[:500].decode("utf-8", "replace"), ""
    return ApiError(answer.status, message or f"HTTP {answer.status}", reason)
