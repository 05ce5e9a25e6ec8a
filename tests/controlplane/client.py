"""A small Kubernetes client for tests: raw JSON in, raw JSON out, no cache but discovery."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server's refusal."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class Client:
    """One user at one API server.

    Args:
        server: URL with port.
        ca: certificate of the authority, in PEM.
        token: bearer token; empty for an anonymous user.
    """

    server: str
    ca: str
    token: str
    _plurals: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict, compare=False)

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> Any:
        """One request; the decoded answer, or text where it is no JSON.

        Raises:
            ApiError: the answer is not a success.
        """
        headers = {"Accept": "application/json", "Content-Type": content_type}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        where = urlsplit(self.server)
        context = ssl.create_default_context(cadata=self.ca)
        connection = http.client.HTTPSConnection(where.netloc, timeout=60, context=context)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise ApiError(answer.status, _message(text))
        kind = answer.headers.get_content_type()
        return json.loads(text) if kind == "application/json" else text

    def path(self, api_version: str, kind: str, namespace: str | None = None, name: str = "") -> str:
        """The path of a collection, or of one object.

        Raises:
            ApiError: the server does not know the kind.
        """
        if (api_version, kind) not in self._plurals:
            for resource in self.request("GET", _root(api_version))["resources"]:
                if "/" not in resource["name"]:
                    found = (resource["name"], resource["namespaced"])
                    self._plurals[api_version, resource["kind"]] = found
        try:
            plural, namespaced = self._plurals[api_version, kind]
        except KeyError:
            raise ApiError(404, f"no kind {kind} in {api_version}") from None
        parts = [_root(api_version)]
        if namespaced and namespace:
            parts += ["namespaces", quote(namespace)]
        return "/".join([*parts, plural, *([quote(name)] if name else [])])

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object:
        """One object."""
        return dict(self.request("GET", self.path(api_version, kind, namespace, name)))

    def find(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None where there is none."""
        try:
            return self.get(api_version, kind, name, namespace)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, labels: str = ""
    ) -> list[Object]:
        """All objects of a kind, in one namespace or in all."""
        query = f"?{urlencode({'labelSelector': labels})}" if labels else ""
        items = self.request("GET", self.path(api_version, kind, namespace) + query)["items"]
        # The items of a list do not say what they are.
        return [{"apiVersion": api_version, "kind": kind} | item for item in items]

    def apply(self, obj: Object, manager: str = "tests") -> Object:
        """Server-side apply, taking the fields from any other owner."""
        query = urlencode({"fieldManager": manager, "force": "true"})
        return dict(self.request("PATCH", f"{self._of(obj)}?{query}", obj, APPLY))

    def patch(self, obj: Object, change: Object, manager: str = "tests", subresource: str = "") -> Object:
        """A merge patch of an object that exists."""
        path = self._of(obj) + (f"/{subresource}" if subresource else "")
        return dict(self.request("PATCH", f"{path}?{urlencode({'fieldManager': manager})}", change, MERGE))

    def delete(self, obj: Object) -> None:
        """Delete an object and, in the background, what it owns."""
        self.request("DELETE", self._of(obj), {"propagationPolicy": "Background"})

    def wait_for(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        until: Callable[[Object], bool],
        timeout: float = 60.0,
    ) -> Object:
        """The object, as soon as it is there and `until` holds.

        Raises:
            TimeoutError: with the conditions that it had last.
        """
        deadline = time.monotonic() + timeout
        while True:
            obj = self.find(api_version, kind, name, namespace)
            if obj is not None and until(obj):
                return obj
            if time.monotonic() > deadline:
                seen = "not there" if obj is None else json.dumps(obj.get("status", {}), indent=1)
                raise TimeoutError(f"{kind} {namespace or ''}/{name} after {timeout:g} s: {seen}")
            time.sleep(0.1)

    def _of(self, obj: Object) -> str:
        meta = obj["metadata"]
        return self.path(obj["apiVersion"], obj["kind"], meta.get("namespace"), meta["name"])


def condition(obj: Object, kind: str = "Ready") -> Object:
    """One condition of an object that speaks of its present generation; empty where there is none."""
    generation = obj["metadata"].get("generation")
    for item in obj.get("status", {}).get("conditions") or []:
        if item["type"] == kind and item.get("observedGeneration", generation) == generation:
            return dict(item)
    return {}


def holds(kind: str = "Ready") -> Callable[[Object], bool]:
    """For `wait_for`: the condition is True."""
    return lambda obj: condition(obj, kind).get("status") == "True"


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:500]
