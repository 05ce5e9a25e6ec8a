"""Where a diff begins: the entry points of a repository that belong to a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import expected
from openinfra_tui.drift.desired import flux
from openinfra_tui.errors import Refused, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openinfra_tui.drift.desired.source import Source
    from openinfra_tui.drift.live import Live
    from openinfra_tui.drift.model import EngineRef


def kustomizations(live: Live) -> list[dict[str, Any]]:
    """The Flux Kustomizations of a cluster."""
    return [item for item in live.of_kind(flux.GROUP, "Kustomization") if flux.is_kustomization(item)]


def roots(target: Source, live: Live, site: str) -> list[dict[str, Any]]:
    """The entry points to follow; of several with one name the one whose path the cluster reconciles.

    Args:
        target: the repository.
        live: the cluster.
        site: a folder that the path of the entry point must hold, or an empty string.

    Raises:
        UserError: there is none, or it cannot be told which one is meant.
    """
    found = flux.entry_points(target)
    if site:
        found = [root for root in found if site in flux.path_of(root).split("/")]
    by_ref: dict[EngineRef, list[dict[str, Any]]] = {}
    for root in found:
        by_ref.setdefault(flux.ref_of(root), []).append(root)
    applied = {flux.ref_of(item): flux.path_of(item) for item in kustomizations(live)}
    chosen = []
    for ref, same in by_ref.items():
        fitting = [root for root in same if flux.path_of(root) == applied.get(ref)]
        if len(same) > 1 and len(fitting) != 1:
            paths = ", ".join(sorted(flux.path_of(root) for root in same))
            raise UserError(f"several entry points have the name {ref.name}: {paths}", "name one: --site")
        chosen.append(fitting[0] if len(same) > 1 else same[0])
    if not chosen:
        raise UserError(
            f"{target.root} has no entry point of Flux",
            "a Kustomization of kustomize.toolkit.fluxcd.io that builds a folder of this repository",
        )
    return chosen


def check_cluster(target: Source, live: Live, chosen: Sequence[Mapping[str, Any]]) -> None:
    """Refuse another cluster than the one that the repository records.

    Raises:
        Refused: the UID of kube-system differs.
    """
    recorded = expected.clusters(target.root)
    for root in chosen:
        wanted = recorded.get(flux.path_of(root))
        if wanted and live.uid and wanted != live.uid:
            raise Refused(
                f"this is another cluster than {flux.path_of(root)}: its kube-system is {live.uid}",
                f"{expected.CLUSTERS} records {wanted}; choose another --context",
            )
