"""Reading from a cluster what a diff needs, and no more: one LIST a kind, Secrets by name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster import discovery, listing, openapi
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift.live import Admission, Live
from openinfra_tui.drift.model import Key, key_of
from openinfra_tui.drift.schema import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.cluster.connection import Connection
    from openinfra_tui.cluster.discovery import Discovery, Resource
    from openinfra_tui.drift.model import Desired

ENGINES = (
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("argoproj.io", "Application"),
)
_FLUX_LABEL = "kustomize.toolkit.fluxcd.io/name"
_ADMISSION = "admissionregistration.k8s.io"


@dataclass
class Reader:
    """One cluster, being read.

    Attributes:
        connection: to its API server.
        live: what is known so far.
        served: what it serves.
    """

    connection: Connection
    live: Live = field(default_factory=Live)
    served: Discovery = field(default_factory=discovery.Discovery)
    _fresh: set[Resource] = field(default_factory=set)

    async def start(self) -> None:
        """Discovery, the cluster's identity, and the engine objects.

        Raises:
            ApiError: the server cannot be reached or refuses even discovery.
        """
        self.served, system = await asyncio.gather(
            discovery.discover(self.connection), self._try_get("/api/v1/namespaces/kube-system")
        )
        self.live.scopes = {name: item.namespaced for name, item in self.served.resources.items()}
        self.live.complete_scopes = True
        self.live.stale = dict(self.served.stale)
        self.live.uid = str(((system or {}).get("metadata") or {}).get("uid") or "")
        resources = [
            resource
            for group, kind in ENGINES
            for version in self.live.versions(group, kind)[:1]
            if (resource := self.served.find(version, kind)) is not None
        ]
        answers = await listing.list_many(self.connection, resources)
        self._take(answers)
        self._fresh = {answer.resource for answer in answers if answer.error is None}

    async def version(self) -> str:
        """The version of Kubernetes, such as `v1.34.1`; empty where it is not told."""
        return str((await self._try_get("/version") or {}).get("gitVersion") or "")

    async def read(self, desired: Iterable[Desired]) -> None:
        """Every live object of some desired ones, types, admission and namespaces."""
        wanted: dict[Resource, list[Desired]] = {}
        for item in desired:
            resource = self.served.find(str(item.object.get("apiVersion")), str(item.object.get("kind")))
            if resource is not None:
                wanted.setdefault(resource, []).append(item)
        unread = [resource for resource in wanted if resource not in self._fresh]
        self._fresh = set()
        versions = {resource.api_version for resource in wanted}
        (documents, digest), *_ = await asyncio.gather(
            openapi.documents(self.connection, versions),
            self._admission(),
            *(self._read_kind(resource, wanted[resource]) for resource in unread),
        )
        self.live.schemas = Schemas(documents, digest)
        await asyncio.gather(*(self._absent(resource, items) for resource, items in wanted.items()))

    async def again(self, item: Mapping[str, Any]) -> dict[str, Any] | None:
        """One object, read anew.

        Raises:
            ApiError: the server refused.
        """
        resource = self.resource(item)
        metadata = item["metadata"]
        found = await listing.get_one(
            self.connection, resource, str(metadata.get("namespace") or ""), str(metadata["name"])
        )
        if found is not None:
            self.live.add([found])
        return found

    def resource(self, item: Mapping[str, Any]) -> Resource:
        """The resource of a manifest that is served."""
        return self.served.resources[str(item["apiVersion"]), str(item["kind"])]

    async def by_key(self, key: Key) -> dict[str, Any] | None:
        """An object whose version in Git is not known, in the server's preferred version.

        Raises:
            ApiError: the server refused.
        """
        for version in self.live.versions(key.group, key.kind)[:1]:
            known = self.live.objects.get((version, key))
            if known is not None:
                return known
            resource = self.served.resources[version, key.kind]
            found = await listing.get_one(self.connection, resource, key.namespace, key.name)
            if found is not None:
                self.live.add([found])
            return found
        return None

    async def _read_kind(self, resource: Resource, items: list[Desired]) -> None:
        if resource.api_version == "v1" and resource.kind == "Namespace":
            return  # all of them are listed for the sake of admission
        if resource == self.served.find("v1", "Secret") or "list" not in resource.verbs:
            return  # never a LIST of Secrets; what is not there yet is asked for by name
        # Helm's objects carry no label of Flux.
        flux_only = all(item.application.ref.kind == "Kustomization" for item in items)
        selector = _FLUX_LABEL if flux_only else ""
        self._take(await listing.list_many(self.connection, [resource], selector=selector))

    async def _absent(self, resource: Resource, items: list[Desired]) -> None:
        """GET what no list gave: absent, or there without the engine's label."""
        failed = self.live.failures.get((resource.api_version, resource.kind), "")
        if failed and not failed.startswith("read-only"):
            return
        keys = {(item.key.namespace, item.key.name) for item in items if not item.problem and item.key.name}
        places = (Key(resource.group, resource.kind, ns if resource.namespaced else "", n) for ns, n in keys)
        unknown = [
            place
            for place in places
            if (resource.api_version, place) not in self.live.objects
            and (place.namespace or not resource.namespaced)
        ]
        await asyncio.gather(*(self._get(resource, place) for place in sorted(unknown)))

    async def _get(self, resource: Resource, place: Key) -> None:
        namespace, name = place.namespace, place.name
        try:
            found = await listing.get_one(self.connection, resource, namespace, name)
        except ApiError as error:
            self.live.failures[resource.api_version, f"{resource.kind}/{namespace}/{name}"] = _failure(error)
            return
        if found is None:
            self.live.absent.add((resource.api_version, place))
        else:
            self.live.add([found])

    def _take(self, answers: Iterable[listing.Listed]) -> None:
        for answer in answers:
            if answer.error is not None:
                name = answer.resource.api_version, answer.resource.kind
                self.live.failures[name] = _failure(answer.error)
            self.live.add(answer.objects)

    async def _try_get(self, path: str) -> dict[str, Any] | None:
        try:
            return dict(await self.connection.get(path))
        except ApiError:
            return None

    async def _admission(self) -> None:
        """What may change objects on their way in; unreadable means that nothing is proved without asking."""
        names = ("MutatingWebhookConfiguration", "MutatingAdmissionPolicy")
        resources = [
            self.served.resources[version, kind]
            for kind in names
            for version in self.live.versions(_ADMISSION, kind)[:1]
        ]
        namespaces = self.served.find("v1", "Namespace")
        if namespaces is not None:
            resources.append(namespaces)
        answers = await listing.list_many(self.connection, resources)
        found = {answer.resource.kind: answer for answer in answers}
        listed = found.get("Namespace")
        if listed is not None and listed.error is None:
            self.live.add_namespaces(listed.objects)
        elif listed is not None:
            self._take([listed])
        hooks, policies = (found.get(kind) for kind in names)
        if hooks is None or hooks.error or (policies is not None and policies.error):
            return
        labels = {
            key_of(item).name: item["metadata"].get("labels") or {}
            for item in (listed.objects if listed is not None else ())
        }
        self.live.admission = Admission(hooks.objects, policies.objects if policies else (), labels)


def _failure(error: ApiError) -> str:
    code = {401: "unauthorized", 403: "read-only", 429: "busy", 0: "unreachable"}.get(error.status, "error")
    if "conversion webhook" in error.message:
        code = "conversion"
    return f"{code}: {' '.join(error.message.split())[:500]}"
