"""A repository to be, written into a folder and checked there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from openinfra_tui.check.run import check
from openinfra_tui.errors import CheckFailed, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.tree.model import File


def require_sound(files: Mapping[str, File], kustomize: str | None) -> tuple[str, ...]:
    """Check the repository to be before anything is written, and return the warnings.

    Secrets are encrypted already.

    Raises:
        CheckFailed: the repository would be faulty.
    """
    with tempfile.TemporaryDirectory(prefix="openinfra-") as temporary:
        write_out(Path(temporary), files)
        report = check(Path(temporary), kustomize=kustomize)
    if report.faults:
        lines = [f"{fault.file}: {fault.kind}: {fault.message}" for fault in report.faults]
        raise CheckFailed("\n".join(["the repository would have faults; nothing was written", *lines]))
    past = (kind for kind in report.unvalidated if kind.startswith("images of "))
    return (
        *(f"{warning.file}: {warning.message}" for warning in report.warnings),
        *(f"{kind} are not known here, so they are not led through the mirror" for kind in past),
    )


def write_out(folder: Path, files: Mapping[str, File]) -> None:
    """Write files without a commit; what the operator owns is kept where it exists.

    Raises:
        Refused: a symbolic link leads out of the folder.
    """
    root = folder.resolve()
    for path, file in files.items():
        place = folder / path
        if not place.resolve().is_relative_to(root):
            raise Refused(f"{place} leads out of {folder}", "remove the symbolic link")
        if file.once and place.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
