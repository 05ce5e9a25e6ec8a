"""What an API server serves: two requests where it aggregates discovery, one a group version where not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from openinfra_tui.cluster.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openinfra_tui.cluster.connection import Connection

_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


class Resource(NamedTuple):
    """One resource in one version."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]

    @property
    def group(self) -> str:
        """Its API group, empty for the core."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the collection, or of one object."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        middle = f"/namespaces/{_segment(namespace)}" if self.namespaced and namespace else ""
        return f"{root}{middle}/{self.plural}" + (f"/{_segment(name)}" if name else "")


def _segment(name: str) -> str:
    """A name as one segment of a path: it may come from a file, and could be a query or another path."""
    return quote(name, safe=":@!$&'()*+,;=~")


@dataclass
class Discovery:
    """Everything served.

    Attributes:
        resources: by apiVersion and kind.
        stale: group versions whose server did not answer (an APIService that is down), with why.
    """

    resources: dict[tuple[str, str], Resource] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)

    def find(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a kind in this very version."""
        return self.resources.get((api_version, kind))

    def versions(self, group: str, kind: str) -> list[str]:
        """The served apiVersions of a kind, in the server's order of preference."""
        return [
            resource.api_version
            for resource in self.resources.values()
            if resource.kind == kind and resource.group == group
        ]


async def discover(connection: Connection) -> Discovery:
    """Ask what is served.

    Raises:
        ApiError: not even the lists of groups can be read.
    """
    core, groups = await asyncio.gather(
        connection.get("/api", accept=_AGGREGATED), connection.get("/apis", accept=_AGGREGATED)
    )
    found = Discovery()
    plain: list[str] = []
    for answer in (core, groups):
        if answer.get("kind") == "APIGroupDiscoveryList":
            _aggregated(found, answer.get("items") or ())
        elif "groups" in answer:
            plain += [v["groupVersion"] for group in answer["groups"] for v in group["versions"]]
        else:
            plain += answer.get("versions") or ()
    await asyncio.gather(*(_one(connection, found, version) for version in plain))
    return found


def _aggregated(found: Discovery, groups: Iterable[dict[str, Any]]) -> None:
    for group in groups:
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or ():
            api_version = f"{name}/{version['version']}" if name else str(version["version"])
            if version.get("freshness") == "Stale":
                found.stale[api_version] = "its API service does not answer"
            for item in version.get("resources") or ():
                kind = str((item.get("responseKind") or {}).get("kind") or "")
                resource = Resource(
                    api_version,
                    kind,
                    str(item["resource"]),
                    item.get("scope") == "Namespaced",
                    frozenset(item.get("verbs") or ()),
                )
                found.resources.setdefault((api_version, kind), resource)


async def _one(connection: Connection, found: Discovery, api_version: str) -> None:
    root = "/apis" if "/" in api_version else "/api"
    try:
        answer = await connection.get(f"{root}/{api_version}")
    except ApiError as error:
        found.stale[api_version] = error.message
        return
    for item in answer.get("resources") or ():
        if "/" in item["name"]:
            continue
        resource = Resource(
            api_version, item["kind"], item["name"], item["namespaced"], frozenset(item["verbs"])
        )
        found.resources.setdefault((api_version, resource.kind), resource)
