"""What stands behind the desired objects: the contents of Helm releases, and what Git no longer holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift import inventory
from openinfra_tui.drift.desired import flux, helm
from openinfra_tui.drift.model import Desired, Key, ObjectVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.desired.flux import Rendered
    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.model import EngineRef
    from openinfra_tui.flow.before import Before
    from openinfra_tui.flow.reading import Reader

_HELM = "helm.toolkit.fluxcd.io"


async def releases(
    live: Live, reader: Reader | None, head: Rendered
) -> tuple[list[Desired], list[ObjectVerdict]]:
    """The objects inside the HelmReleases of a repository, and verdicts of those that cannot be opened."""
    wanted = {item.key: item for item in head.objects if item.key.kind == "HelmRelease" and not item.problem}
    found: list[Desired] = []
    unread: list[ObjectVerdict] = []
    for release in live.of_kind(_HELM, "HelmRelease"):
        metadata = release["metadata"]
        key = Key(_HELM, "HelmRelease", str(metadata["namespace"]), str(metadata["name"]))
        storage = helm.storage_of(release)
        if key not in wanted or storage is None:
            continue
        objects = await _stored(live, reader, *storage)
        if objects is None:
            unread += await _by_inventory(live, reader, release, wanted[key])
        else:
            found += helm.desired(release, objects, wanted[key].origin, live.scopes)
    return found, unread


async def extras(
    live: Live, reader: Reader | None, head: Rendered, before: Before, desired: set[Key]
) -> list[ObjectVerdict]:
    """What the engine applied once and Git no longer holds, and what only carries its labels.

    Args:
        live: the cluster.
        reader: asks its API server; None for a dump.
        head: what the repository holds.
        before: what was applied last.
        desired: identities of the desired objects.
    """
    engines = {
        flux.ref_of(item): item
        for item in live.of_kind(flux.GROUP, "Kustomization")
        if flux.is_kustomization(item)
    }
    listed: dict[Key, EngineRef] = {}
    for ref, engine in engines.items():
        if ref in head.engines and ref not in head.problems:
            listed |= dict.fromkeys(inventory.entries(engine), ref)
    found = []
    for key, ref in listed.items():
        if key in desired:
            continue
        try:
            there = await _there(live, reader, key)
        except ApiError as error:
            found.append(_unknown(key, ref, error.message))
            continue
        if there is None or inventory.owner_of(there) not in (None, ref):
            continue  # gone, or now another Kustomization's
        application = flux.application_of(engines[ref])
        waiting = (ref, key) in before.objects
        found.append(inventory.not_in_git(there, key, application, listed=True, waiting=waiting))
    for (_, key), item in list(live.objects.items()):
        owner = inventory.owner_of(item)
        if owner not in engines or owner not in head.engines or key in desired or key in listed:
            continue
        if not inventory.is_copy(item):
            application = flux.application_of(engines[owner])
            found.append(inventory.not_in_git(item, key, application, listed=False, waiting=False))
    return found


async def _stored(
    live: Live, reader: Reader | None, namespace: str, name: str
) -> list[dict[str, Any]] | None:
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name}}
    try:
        secret = await reader.again(manifest) if reader else live.find(manifest)
    except ApiError:
        return None
    return helm.manifest_of(secret) if secret else None


async def _by_inventory(
    live: Live, reader: Reader | None, release: Mapping[str, Any], desired: Desired
) -> list[ObjectVerdict]:
    """Without the release Secret only the existence of its objects can be told."""
    found = []
    application = helm.application_of(release)
    for key, version in inventory.entries(release).items():
        reason = "the release Secret cannot be read: only existence was compared"
        try:
            missing = await _there(live, reader, key) is None
        except ApiError as error:
            missing, reason = False, f"{reason}, and that failed: {error.message}"
        found.append(
            ObjectVerdict(
                f"{key.group}/{version}" if key.group else version,
                key,
                "missing" if missing else "unverified",
                "create" if missing and application.enforces else "none",
                "local" if missing else None,
                application.ref,
                desired.origin,
                reason=reason,
            )
        )
    return found


async def _there(live: Live, reader: Reader | None, key: Key) -> dict[str, Any] | None:
    if reader is not None:
        return await reader.by_key(key)
    return next((item for (_, other), item in live.objects.items() if other == key), None)


def _unknown(key: Key, ref: EngineRef, message: str) -> ObjectVerdict:
    reason = f"in the inventory and not in Git; whether it is still there cannot be read: {message}"
    return ObjectVerdict(key.group, key, "unverified", "none", None, ref, reason=reason)
