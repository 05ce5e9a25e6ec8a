"""Where a diff begins: the entry points of a repository that belong to a cluster, of either engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import expected
from openinfra_tui.drift.desired import argo_apps, argo_entry, flux, source
from openinfra_tui.errors import Refused, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from openinfra_tui.drift.desired.source import Source
    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.model import EngineRef


def kustomizations(live: Live) -> list[dict[str, Any]]:
    """The Flux Kustomizations of a cluster."""
    return [item for item in live.of_kind(flux.GROUP, "Kustomization") if flux.is_kustomization(item)]


def applications(live: Live) -> list[dict[str, Any]]:
    """The Applications of a cluster."""
    return [item for item in live.of_kind(argo_apps.GROUP, "Application") if argo_apps.is_application(item)]


def is_argo(root: Mapping[str, Any]) -> bool:
    """Whether an entry point is one of Argo CD."""
    return not flux.is_kustomization(root)


def path_of(root: Mapping[str, Any]) -> str:
    """The folder of the repository that an entry point applies, empty for the root."""
    if not is_argo(root):
        return flux.path_of(root)
    named = [item for item in argo_apps.sources(root) if item.get("path") is not None]
    return argo_apps.path_of(named[0]) if named else ""


def roots(target: Source, live: Live, site: str, directory: Path) -> list[dict[str, Any]]:
    """The entry points to follow; of several with one name the one whose path the cluster reconciles.

    Args:
        target: the repository.
        live: the cluster.
        site: a folder that the path of the entry point must hold, or an empty string.
        directory: the clone, whose remotes tell the addresses of the repository.

    Raises:
        UserError: there is none, or it cannot be told which one is meant.
    """
    of_flux = flux.entry_points(target)
    found = [*of_flux, *_of_argo(target, live, directory, beside_flux=bool(of_flux))]
    if site:
        found = [root for root in found if site in path_of(root).split("/")]
    by_ref: dict[EngineRef, list[dict[str, Any]]] = {}
    for root in found:
        by_ref.setdefault(ref_of(root), []).append(root)
    applied = {ref_of(item): path_of(item) for item in (*kustomizations(live), *applications(live))}
    chosen = []
    for ref, same in by_ref.items():
        fitting = [root for root in same if path_of(root) == applied.get(ref)]
        if len(same) > 1 and len(fitting) != 1:
            paths = ", ".join(sorted(path_of(root) for root in same))
            raise UserError(f"several entry points have the name {ref.name}: {paths}", "name one: --site")
        chosen.append(fitting[0] if len(same) > 1 else same[0])
    if not chosen:
        raise UserError(
            f"{target.root} has no entry point of Flux or Argo CD",
            "a Kustomization of kustomize.toolkit.fluxcd.io, or an Application of argoproj.io,"
            " that builds a folder of this repository",
        )
    return chosen


def ref_of(root: Mapping[str, Any]) -> EngineRef:
    """The name of an entry point."""
    return flux.ref_of(root) if flux.is_kustomization(root) else argo_apps.ref_of(root)


def _of_argo(target: Source, live: Live, directory: Path, *, beside_flux: bool) -> list[dict[str, Any]]:
    """Applications that the cluster has, where it has one: others are examples, or of other clusters.

    In a repository of Flux only those that are there count: the others may be data that Flux delivers.
    """
    if not target.holding(argo_apps.GROUP):
        return []
    found = argo_entry.entry_points(target, source.remotes(directory))
    there = {argo_apps.ref_of(item) for item in applications(live)}
    known = [item for item in found if argo_apps.ref_of(item) in there]
    sets = [item for item in found if argo_apps.is_set(item)]
    return [*known, *sets] if known else [] if beside_flux else found


def check_cluster(target: Source, live: Live, chosen: Sequence[Mapping[str, Any]]) -> None:
    """Refuse another cluster than the one that the repository records.

    Raises:
        Refused: the UID of kube-system differs.
    """
    recorded = expected.clusters(target.root)
    for root in chosen:
        wanted = recorded.get(path_of(root))
        if wanted and live.uid and wanted != live.uid:
            raise Refused(
                f"this is another cluster than {path_of(root)}: its kube-system is {live.uid}",
                f"{expected.CLUSTERS} records {wanted}; choose another --context",
            )


def record_cluster(directory: Path, live: Live, chosen: Sequence[Mapping[str, Any]]) -> None:
    """Write down which cluster the entry points belong to; what is recorded of others stays.

    Raises:
        UserError: the cluster does not tell its UID, or the file cannot be written.
    """
    if not live.uid:
        raise UserError(
            "the cluster cannot be recorded: its namespace kube-system cannot be read",
            "ask with a user that may get it",
        )
    known = expected.clusters(directory) | {path_of(root): live.uid for root in chosen}
    expected.write_clusters(directory, known)
