"""One API server over HTTP: bounded, patient with 429, never past its deadline.

Each request may be repeated: most change nothing (GET, and PATCH with `dryRun=All`), and those of `writing`
change nothing more when they are sent again.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import random
import ssl
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

# The command line of httpx, which `import httpx` loads where click and rich are there: 40 % of its time.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
# httpcore tries to import it some six times a request; where it is not there, the path is searched each time.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

import httpx  # noqa: E402

from openinfra_tui.cluster import kubeconfig  # noqa: E402
from openinfra_tui.cluster.errors import ApiError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from openinfra_tui.cluster.kubeconfig import Access, Credential

# The API server cuts a request off at 34 s (apiserver, requestTimeoutUpperBound).
TIMEOUT = 40.0
_TRIES = 5
_LONGEST_WAIT = 30.0


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
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Connection:
        """Get credentials and open the pool."""
        await self._renew()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool."""
        if self._client is not None:
            await self._client.aclose()

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "application/json"
    ) -> Any:
        """The decoded answer to a GET.

        Raises:
            ApiError: the server refused, or gave no answer in time.
        """
        answer = await self.send("GET", path, query, accept=accept)
        return _decoded(answer)

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> httpx.Response:
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
            if answer is not None and answer.is_success:
                return answer
            if answer is not None and answer.status_code == 401 and not renewed:
                renewed = True
                await self._renew(used)
                continue
            error = _error(answer) if answer is not None else failure
            if error is None:
                raise AssertionError("neither an answer nor a failure")
            again = answer is None or answer.status_code in (429, 503)
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
    ) -> tuple[httpx.Response | None, ApiError | None]:
        headers = {"Accept": accept, **({"Content-Type": content_type} if body is not None else {})}
        try:
            async with self._slots, asyncio.timeout(max(left, 0.001)):
                await self._fresh()
                self.requests += 1
                request = self._build(method, path, query, body, headers)
                return await self._pool.send(request), None
        except TimeoutError:
            return None, ApiError(0, f"no answer from {self.access.server} within {self._timeout:g} s")
        except httpx.HTTPError as error:
            return None, ApiError(0, f"{self.access.server}: {error or type(error).__name__}")

    @asynccontextmanager
    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """A streaming GET; one that is silent for five minutes has failed (bookmarks come every minute).

        Raises:
            ApiError: the server refused, or could not be reached.
        """
        await self._fresh()
        self.requests += 1
        request = self._build("GET", path, query, None, {"Accept": "application/json"})
        request.extensions["timeout"] = httpx.Timeout(self._timeout, read=300.0).as_dict()
        try:
            answer = await self._pool.send(request, stream=True)
        except httpx.HTTPError as error:
            raise ApiError(0, f"{self.access.server}: {error or type(error).__name__}") from error
        try:
            if not answer.is_success:
                await answer.aread()
                raise _error(answer)
            yield answer
        except httpx.HTTPError as error:
            raise ApiError(0, f"{self.access.server}: {error or type(error).__name__}") from error
        finally:
            await answer.aclose()

    @property
    def _pool(self) -> httpx.AsyncClient:
        if self._client is None:
            raise AssertionError("the connection is used before it is entered")
        return self._client

    def _build(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> httpx.Request:
        name = self.access.tls_server_name
        extensions = {"sni_hostname": name} if name else None
        url = self.access.server + path
        credential = self._credential
        named = [*headers.items(), *self.access.impersonate]
        if credential is not None and credential.token:
            named.append(("Authorization", f"Bearer {credential.token}"))
        return self._pool.build_request(
            method, url, params=query, content=body, headers=named, extensions=extensions
        )

    async def _fresh(self) -> None:
        expires = self._credential.expires if self._credential else None
        if expires is not None and expires < datetime.now(UTC) + timedelta(seconds=10):
            await self._renew(self._credential)

    async def _renew(self, used: Credential | None = None) -> None:
        """New credentials, unless somebody else renewed what was used."""
        async with self._refreshing:
            if self._credential is not None and self._credential is not used:
                return
            renewed = await asyncio.to_thread(kubeconfig.credential, self.access)
            same_identity = (
                self._client is not None
                and self._credential is not None
                and (self._credential.certificate == renewed.certificate)
            )
            self._credential = renewed
            if not same_identity:
                self._client = self._open(renewed)

    def _open(self, credential: Credential) -> httpx.AsyncClient:
        auth = (credential.username, credential.password) if credential.username else None
        return httpx.AsyncClient(
            verify=_tls(self.access, credential),
            auth=auth,
            proxy=self.access.proxy_url or None,
            timeout=httpx.Timeout(self._timeout),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
            headers={"User-Agent": "openinfra-tui"},
            trust_env=not _loopback(self.access.server),
        )


def _loopback(server: str) -> bool:
    return httpx.URL(server).host in ("127.0.0.1", "::1", "localhost")


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


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(max(float(answer.headers.get("Retry-After", "1")), 0.0), _LONGEST_WAIT)
    except ValueError:
        return 1.0


def _decoded(answer: httpx.Response) -> Any:
    try:
        return json.loads(answer.content)
    except ValueError as error:
        raise ApiError(0, f"{answer.request.url.path}: the answer is no JSON, or was cut off") from error


def _error(answer: httpx.Response) -> ApiError:
    try:
        status = json.loads(answer.content)
        message, reason = str(status.get("message", "")), str(status.get("reason", ""))
    except (ValueError, AttributeError):
        message, reason = answer.text[:500], ""
    return ApiError(answer.status_code, message or f"HTTP {answer.status_code}", reason)
