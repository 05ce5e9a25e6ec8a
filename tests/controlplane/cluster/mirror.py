"""What the API server holds of a few kinds, kept by list and watch, and a loop that acts on it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.controlplane.client import ApiError, Client, Object

Key = tuple[str, str]
State = Mapping[str, Mapping[Key, Object]]

# A race with someone else's write: the next event brings the newer object.
_RACES = {404, 409, 422}
_RETRY = 0.3


@dataclass(frozen=True)
class Kind:
    """A kind by its API version."""

    api_version: str
    name: str


def key_of(obj: Object) -> Key:
    """Namespace, empty for a cluster's own, and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Mirror:
    """One kind. Where the API server does not know it yet, it is asked again until it does."""

    def __init__(self, client: Client, kind: Kind, changed: Callable[[], None]) -> None:
        self.kind = kind
        self.listed = threading.Event()
        self._client = client
        self._changed = changed
        self._objects: dict[Key, Object] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name=f"mirror {kind.name}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the watch, and wait for the thread."""
        self._stop.set()
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(OSError):  # the server was faster
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._thread.join()

    def snapshot(self) -> dict[Key, Object]:
        """The objects now; they must not be changed."""
        with self._lock:
            return dict(self._objects)

    def store(self, obj: Object) -> None:
        """Take in what a write returned, so that nothing acts twice before the watch brings it."""
        with self._lock:
            known = self._objects.get(key_of(obj))
            if known is None or _version(obj) > _version(known):
                self._objects[key_of(obj)] = obj

    def forget(self, key: Key) -> None:
        """Drop what the API server says is not there."""
        with self._lock:
            self._objects.pop(key, None)

    def saw(self, obj: Object) -> None:
        """Called with each object as it is seen; a subclass may keep a record."""

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                path = self._client.path(self.kind.api_version, self.kind.name)
                answer = self._client.request("GET", path)
                # The items of a list do not say what they are.
                what = {"apiVersion": self.kind.api_version, "kind": self.kind.name}
                self._replace([what | item for item in answer["items"]])
                self._watch(path, answer["metadata"]["resourceVersion"])
            except (ApiError, OSError, http.client.HTTPException, ValueError):
                # A kind that is not there yet, an API server that restarts, a watch that is too old:
                # list again. A value error is a line that was cut off.
                self._stop.wait(_RETRY)

    def _replace(self, items: list[Object]) -> None:
        with self._lock:
            self._objects = {key_of(item): item for item in items}
        for item in items:
            self.saw(item)
        self.listed.set()
        self._changed()

    def _watch(self, path: str, version: str) -> None:
        context = ssl.create_default_context(cadata=self._client.ca)
        where = urlsplit(self._client.server).netloc
        connection = http.client.HTTPSConnection(where, context=context)
        connection.connect()
        # Set before the look at `_stop`: who stops sees the socket, or we see that we must not begin.
        with self._lock:
            self._socket = connection.sock
        try:
            query = f"?watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=300"
            connection.request("GET", path + query, headers={"Authorization": f"Bearer {self._client.token}"})
            with connection.getresponse() as answer:
                while not self._stop.is_set() and (line := answer.readline()):
                    if not self._take(json.loads(line)):
                        return
        finally:
            with self._lock:
                self._socket = None
            connection.close()

    def _take(self, event: dict[str, Any]) -> bool:
        """Take in one event; False when the watch is of no more use."""
        if event["type"] == "ERROR":
            return False
        if event["type"] == "BOOKMARK":
            return True
        with self._lock:
            if event["type"] == "DELETED":
                self._objects.pop(key_of(event["object"]), None)
            else:
                self._objects[key_of(event["object"])] = event["object"]
        self.saw(event["object"])
        self._changed()
        return True


class Reconciler:
    """A loop that is called after every change of the kinds it names, never twice at once.

    As a context manager it runs within the context; what `reconcile` could not cope with is raised at the end.
    """

    kinds: tuple[Kind, ...] = ()

    def __init__(self, client: Client) -> None:
        self.client = client
        self.fault: BaseException | None = None
        self._dirty = threading.Event()
        self._again = False
        self._stop = threading.Event()
        self._mirrors = {kind.name: Mirror(client, kind, self._dirty.set) for kind in self.kinds}
        self._thread = threading.Thread(target=self._run, name=type(self).__name__)

    def reconcile(self, state: State) -> None:
        """Bring the API server nearer to what should be."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        for mirror in self._mirrors.values():
            mirror.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._dirty.set()
        self._thread.join()
        for mirror in self._mirrors.values():
            mirror.stop()
        if self.fault is not None and error is None:
            raise self.fault

    def state(self) -> State:
        """What the mirrors hold now, by kind, namespace and name."""
        return {name: mirror.snapshot() for name, mirror in self._mirrors.items()}

    def apply(self, obj: Object) -> None:
        """Server-side apply; a race is left to the next round."""
        self._write(obj, lambda: self.client.apply(obj, type(self).__name__.lower()))

    def patch_status(self, obj: Object, status: Object) -> None:
        """Merge into an object's status; a race is left to the next round."""
        self._write(obj, lambda: self.client.patch(obj, {"status": status}, subresource="status"))

    def remove(self, obj: Object) -> None:
        """Delete an object at once, without the grace that a kubelet would wait for."""

        def delete() -> Object:
            namespace, name = key_of(obj)
            path = self.client.path(obj["apiVersion"], obj["kind"], namespace, name)
            # The precondition keeps a new object of the same name.
            self.client.request(
                "DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": obj["metadata"]["uid"]}}
            )
            return obj

        self._write(obj, delete)

    def _write(self, obj: Object, write: Callable[[], Object]) -> None:
        mirror = self._mirrors.get(obj["kind"])
        try:
            written = write()
        except ApiError as error:
            if error.code not in _RACES:
                raise
            if error.code == 404 and mirror is not None:
                mirror.forget(key_of(obj))
            self._again = True
            return
        if mirror is not None:
            mirror.store(written)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._dirty.wait(_RETRY if self._again else None)
            # Events come in bursts: one round serves those of this moment.
            self._stop.wait(0.03)
            self._dirty.clear()
            self._again = False
            if self._stop.is_set():
                return
            try:
                self.reconcile(self.state())
            except (OSError, http.client.HTTPException):
                self._again = True
            except BaseException as error:
                self.fault = error
                return


def _version(obj: Object) -> int:
    return int(obj["metadata"].get("resourceVersion", 0))
