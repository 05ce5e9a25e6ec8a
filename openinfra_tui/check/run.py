"""All checks over one folder: what `openinfra-tui check` and every `generate` run."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from openinfra_tui.build.kustomize import Kustomize, build, find
from openinfra_tui.check.constraints import check_constraints
from openinfra_tui.check.references import buildable, check_references
from openinfra_tui.check.report import Fault, Report, Repository, read_documents
from openinfra_tui.check.schemas import check_schemas
from openinfra_tui.check.secrets import check_secrets
from openinfra_tui.check.values import check_values
from openinfra_tui.check.versions import check_versions
from openinfra_tui.errors import ToolError, UserError

if TYPE_CHECKING:
    from pathlib import Path

Built = tuple[str, tuple[dict[str, Any], ...], Fault | None]


def check(directory: Path, *, kustomize: str | None = None, crds: Path | None = None) -> Report:
    """Check a repository in a folder. Nothing is written and no cluster is asked.

    Each kustomization is built by itself, because an aggregate build hides broken references.

    Args:
        directory: the folder that holds `clusters/` and `sites/`.
        kustomize: the kustomize to use; found by itself without it.
        crds: a folder of CustomResourceDefinitions to check custom resources against.

    Raises:
        UserError: the folder does not exist or is no repository of this kind, or `crds` cannot be read.
        ToolError: there is no usable kustomize.
    """
    if not (directory / "clusters").is_dir() and not (directory / "sites").is_dir():
        raise UserError(
            f"{directory} holds neither clusters/ nor sites/", "name a folder that generate wrote"
        )
    documents, faults = read_documents(directory)
    folders = buildable(documents)
    builds: dict[str, tuple[dict[str, Any], ...]] = {}
    if folders:
        tool = find(kustomize)
        with ThreadPoolExecutor(max_workers=min(16, (os.cpu_count() or 2) * 2)) as pool:
            for folder, items, fault in pool.map(lambda name: _build(tool, directory, name), folders):
                if fault is None:
                    builds[folder] = items
                else:
                    faults.append(fault)
    repository = Repository(directory, documents, builds)
    schema_faults, validated, unvalidated = check_schemas(repository, crds)
    value_faults, charts = check_values(repository)
    faults += [*schema_faults, *value_faults]
    faults += [*check_references(repository), *check_secrets(repository), *check_versions(repository)]
    refused, warnings = check_constraints(repository)
    return Report(
        faults=tuple(sorted({*faults, *refused})),
        validated=validated,
        unvalidated=dict(sorted((unvalidated + Counter(charts)).items())),
        warnings=tuple(warnings),
    )


def _build(tool: Kustomize, root: Path, folder: str) -> Built:
    try:
        return folder, tuple(build(tool, root / folder)), None
    except ToolError as error:
        return folder, (), Fault("build", folder, error.message.replace(f"{root}/", ""))
