"""All checks over one folder: what `openinfra-tui check` and every `generate` run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.build.kustomize import find
from openinfra_tui.build.many import build_all
from openinfra_tui.cache import Cache, default_folder
from openinfra_tui.check.argocd import check_argocd, directories
from openinfra_tui.check.argocd_plan import check_argocd_plan
from openinfra_tui.check.constraints import check_constraints
from openinfra_tui.check.flux_plan import check_flux_plan
from openinfra_tui.check.made_secrets import check_made_secrets
from openinfra_tui.check.mirrors import check_mirrors
from openinfra_tui.check.references import buildable, check_references
from openinfra_tui.check.report import (
    Fault,
    Report,
    Repository,
    read_documents,
)
from openinfra_tui.check.runner import check_passwords, check_runner
from openinfra_tui.check.schemas import check_schemas
from openinfra_tui.check.secrets import check_secrets
from openinfra_tui.check.values import check_values
from openinfra_tui.check.versions import check_versions
from openinfra_tui.errors import ToolError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


# Each finds faults between the objects of a repository, whatever these hold.
CROSS_CHECKS: tuple[Callable[[Repository], Iterable[Fault]], ...] = (
    check_references,
    check_versions,
    check_argocd,
    check_argocd_plan,
    check_flux_plan,
    check_runner,
)


def check(
    directory: Path,
    *,
    kustomize: str | None = None,
    crds: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check a repository in a folder. Nothing is written into it and no cluster is asked.

    Each kustomization is built as if by itself, because an aggregate build hides broken references.

    Args:
        directory: the folder that holds `clusters/` and `sites/`.
        kustomize: the kustomize to use; found by itself without it.
        crds: a folder of CustomResourceDefinitions to check custom resources against.
        progress: called with one line for each phase.

    Raises:
        UserError: the folder does not exist or is no repository of this kind, or `crds` cannot be read.
        ToolError: there is no usable kustomize.
    """
    if not (directory / "clusters").is_dir() and not (directory / "sites").is_dir():
        raise UserError(
            f"{directory} holds neither clusters/ nor sites/", "name a folder that generate wrote"
        )
    documents, faults = read_documents(directory)
    progress(f"read {len(documents)} YAML files")
    plain = Repository(directory, documents)
    secret_faults = [*check_secrets(plain), *check_made_secrets(plain), *check_passwords(plain)]
    builds: dict[str, tuple[dict[str, Any], ...]] = {}
    folders = buildable(documents)
    if folders:
        # A build is kept on disk only where no secret stands in clear.
        cache = None if secret_faults else Cache(default_folder())
        for folder, built in build_all(find(kustomize), directory, folders, cache).items():
            if isinstance(built, ToolError):
                message = built.message.replace(f"{directory}/", "")
                faults.append(Fault("build", folder, message))
            else:
                builds[folder] = tuple(built)
    progress(f"built {len(builds)} of {len(folders)} kustomizations")
    builds = {**directories(plain), **builds}
    repository = Repository(directory, documents, builds)
    judged = check_schemas(repository, crds)
    value_faults, charts = check_values(repository)
    faults += [*judged.faults, *value_faults, *secret_faults]
    faults += [fault for find_faults in CROSS_CHECKS for fault in find_faults(repository)]
    mirror_faults, images = check_mirrors(repository)
    faults += mirror_faults
    refused, warnings = check_constraints(repository)
    return Report(
        faults=tuple(sorted({*faults, *refused})),
        validated=judged.validated,
        unvalidated=dict(sorted((judged.missing + charts + images).items())),
        warnings=tuple(warnings),
        schemas=judged.versions,
    )
