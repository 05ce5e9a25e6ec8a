"""The fault proxy in front of a toy API server."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.controlplane.loopback import fault
from tests.controlplane.loopback.fault import FaultProxy, Rule
from tests.controlplane.loopback.requests import Asked, understand
from tests.controlplane.loopback.server import Handler, LoopbackServer
from tests.controlplane.loopback.tls import TlsFiles, write_pair

PODS = "/api/v1/namespaces/a/pods"
LIST = json.dumps({"kind": "PodList", "items": [{"n": n} for n in range(200)]}).encode()


class _Toy(Handler):
    """Lists as one body, watches as three events and then an open stream."""

    def do_GET(self) -> None:  # noqa: N802
        if "watch=" not in self.path:
            self.answer(200, LIST, "application/json", {"X-Token": self.headers.get("Authorization", "")})
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            event = json.dumps({"type": "ADDED", "object": {"n": number}}).encode() + b"\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
        self.server.stopping.wait()  # type: ignore[attr-defined]
        self.close_connection = True

    def do_PATCH(self) -> None:  # noqa: N802
        self.answer(200, self.read_body(), "application/json")


class _Broken(Handler):
    def do_GET(self) -> None:  # noqa: N802
        raise KeyError("lost")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return write_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def toy(tls: TlsFiles) -> Iterator[LoopbackServer]:
    with LoopbackServer(_Toy, tls) as server:
        yield server


@pytest.fixture
def proxy(toy: LoopbackServer, tmp_path: Path, tls: TlsFiles) -> Iterator[FaultProxy]:
    with FaultProxy(toy.url, upstream_ca=tls.authority, tls=write_pair(tmp_path / "own")) as server:
        yield server


@contextmanager
def _ask(
    proxy: FaultProxy, path: str, method: str = "GET", body: bytes | None = None
) -> Iterator[http.client.HTTPResponse]:
    assert proxy.ca_file is not None
    context = ssl.create_default_context(cafile=proxy.ca_file)
    client = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=10, context=context)
    with closing(client):
        client.request(method, path, body, {"Authorization": "Bearer t"})
        with client.getresponse() as answer:
            yield answer


def _read(proxy: FaultProxy, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    with _ask(proxy, path, method, body) as answer:
        return answer.status, answer.read()


@pytest.mark.parametrize(
    ("method", "target", "asked"),
    [
        ("GET", PODS, Asked("list", "pods", "a")),
        ("GET", "/api/v1/namespaces/a", Asked("get", "namespaces", "", "a")),
        ("GET", "/api/v1/namespaces", Asked("list", "namespaces")),
        ("GET", f"{PODS}?watch=true&resourceVersion=5", Asked("watch", "pods", "a")),
        ("GET", f"{PODS}?watch=false", Asked("list", "pods", "a")),
        ("GET", "/apis/apps/v1/deployments?limit=500", Asked("list", "deployments")),
        ("GET", f"{PODS}/x/log", Asked("get", "pods/log", "a", "x")),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/x?dryRun=All&force=true",
         Asked("patch", "deployments", "a", "x", dry_run=True)),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/x", Asked("patch", "deployments", "a", "x")),
        ("DELETE", PODS, Asked("deletecollection", "pods", "a")),
        ("DELETE", f"{PODS}/x", Asked("delete", "pods", "a", "x")),
        ("GET", "/openapi/v3", Asked("discovery")),
        ("GET", "/api", Asked("discovery")),
        ("GET", "/apis/apps/v1", Asked("discovery")),
    ],
)  # fmt: skip
def test_requests_are_understood(method: str, target: str, asked: Asked) -> None:
    assert understand(method, target) == asked


def test_passes_bodies_tokens_and_counts(proxy: FaultProxy) -> None:
    with _ask(proxy, PODS) as answer:
        assert answer.read() == LIST
        assert answer.headers["X-Token"] == "Bearer t"
    assert _read(proxy, f"{PODS}/x?dryRun=All", "PATCH", b"{}") == (200, b"{}")
    assert proxy.counts() == {"list": 1, "patch dry-run": 1}
    assert proxy.count("patch.*", "pods") == 1
    assert proxy.count("list", "nodes") == 0


def test_refuses_with_a_status_as_often_as_told(proxy: FaultProxy) -> None:
    proxy.add(Rule(fault.Refuse(429, retry_after=7), kind="list", path="/pods$", skip=1, times=1))
    assert _read(proxy, PODS)[0] == 200
    with _ask(proxy, PODS) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        assert json.loads(answer.read())["reason"] == "TooManyRequests"
    assert _read(proxy, PODS)[0] == 200


def test_gone_on_a_list(proxy: FaultProxy) -> None:
    proxy.add(Rule(fault.Refuse(410), kind="list"))
    status, body = _read(proxy, PODS)
    assert (status, json.loads(body)["reason"], json.loads(body)["code"]) == (410, "Expired", 410)
    proxy.clear()
    assert _read(proxy, PODS)[0] == 200


def test_a_reset_breaks_the_connection(proxy: FaultProxy) -> None:
    proxy.add(Rule(fault.Reset(), times=1))
    with pytest.raises(ConnectionResetError):
        _read(proxy, PODS)
    assert _read(proxy, PODS)[0] == 200


def test_a_truncated_body_is_noticed(proxy: FaultProxy) -> None:
    proxy.add(Rule(fault.Truncate(10)))
    with pytest.raises(http.client.IncompleteRead) as caught:
        _read(proxy, PODS)
    assert caught.value.partial == LIST[:10]


def test_a_delay_passes_the_request_on_later(proxy: FaultProxy) -> None:
    proxy.add(Rule(fault.Delay(0.3)))
    began = time.monotonic()
    assert _read(proxy, PODS) == (200, LIST)
    assert time.monotonic() - began >= 0.3


def test_a_hang_never_answers_and_does_not_outlive_the_proxy(toy: LoopbackServer, tls: TlsFiles) -> None:
    with FaultProxy(toy.url, upstream_ca=tls.authority, rules=(Rule(fault.Hang()),)) as proxy:
        client = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=0.3)
        client.request("GET", PODS)
        with pytest.raises(TimeoutError):
            client.getresponse()
        client.close()
        began = time.monotonic()
    assert time.monotonic() - began < 2


def _events(proxy: FaultProxy, number: int) -> list[dict[str, object]]:
    with _ask(proxy, f"{PODS}?watch=true") as answer:
        return [json.loads(line) for line in (answer.readline() for _ in range(number)) if line]


def test_a_watch_streams_while_it_is_open(proxy: FaultProxy) -> None:
    assert [event["object"] for event in _events(proxy, 3)] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_gone_inside_a_watch(proxy: FaultProxy) -> None:
    proxy.add(Rule(fault.WatchError(after=2), kind="watch"))
    *events, error = _events(proxy, 9)
    assert [event["type"] for event in events] == ["ADDED", "ADDED"]
    assert error["type"] == "ERROR"
    assert error["object"] == fault.status(410, "too old resource version")


def test_a_watch_that_ends(proxy: FaultProxy) -> None:
    proxy.add(Rule(fault.WatchEnd(after=1), kind="watch"))
    assert len(_events(proxy, 9)) == 1


def test_a_slow_watch(proxy: FaultProxy) -> None:
    proxy.add(Rule(fault.SlowWatch(0.1), kind="watch"))
    began = time.monotonic()
    assert len(_events(proxy, 3)) == 3
    assert time.monotonic() - began >= 0.3


def test_the_port_is_free_after_the_end(toy: LoopbackServer, tls: TlsFiles) -> None:
    with FaultProxy(toy.url, upstream_ca=tls.authority) as proxy:
        port = proxy.port
    assert urlsplit(proxy.url).port == port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_fault_of_a_server_fails_the_test_that_met_it() -> None:
    def ask(port: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as client:
            client.request("GET", "/")
            with pytest.raises(http.client.RemoteDisconnected):
                client.getresponse()

    with pytest.raises(KeyError, match="lost"), LoopbackServer(_Broken) as server:
        ask(server.port)
