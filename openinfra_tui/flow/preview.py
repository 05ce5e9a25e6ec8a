"""What would be written, before anything is: files, order, secrets, and what an answer changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from openinfra_tui.errors import UserError
from openinfra_tui.flow.draft import certificate, has_recipients
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.new import write_site
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.flow.stores import wanted_secrets
from openinfra_tui.questions.answers import site_of, site_text
from openinfra_tui.repo.render import read_history
from openinfra_tui.tree.model import File

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from openinfra_tui.flow.draft import Draft
    from openinfra_tui.flow.generate import Generated
    from openinfra_tui.flow.update import Accept

Change = Literal["new", "changed", "removed"]
_SEALED = b"# Encrypted when it is written; what a secret is stands in no preview.\n"


@dataclass(frozen=True)
class Preview:
    """What would be written.

    Attributes:
        site: the site file.
        order: the steps of the plan, each with what it waits for.
        files: the files; of encrypted ones only that they are there.
        changes: what becomes of each file of the repository that does not stay as it is.
        secrets: how many secrets there will be.
        problem: why there is no more than the site file, or empty.
    """

    site: str
    order: tuple[tuple[str, tuple[str, ...]], ...] = ()
    files: Mapping[str, File] = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)
    secrets: int = 0
    problem: str = ""


def preview(draft: Draft, today: date) -> Preview:
    """Render in memory, beside what the repository holds."""
    text = site_text(draft.answers)
    try:
        plan, _ = plan_site(site_of(draft.answers, str(draft.file)), today)
        history = read_history(draft.output, plan.site.name)
        existing = {path: one.content for path, one in history.files.items()}
        recipients = plan.site.get("secrets.recipients", {})
        files = dict(render_tree(plan, recipients, existing).files)
    except UserError as error:
        return Preview(text, problem=error.message)
    sealed = wanted_secrets(plan)
    files |= {path: File(_SEALED, "secrets") for path in sealed}
    files[f"sites/{plan.site.name}/site.yaml"] = File(text.encode(), "openinfra-tui")
    before = {path: one.content for path, one in history.files.items()}
    return Preview(
        text,
        tuple((step.name, step.depends_on) for step in plan.steps),
        files,
        _changes(before, files, set(history.base or {})),
        sum(len(values) for values in sealed.values()),
    )


def changed_since(before: Preview | None, after: Preview) -> dict[str, Change]:
    """What the last answer changed in the repository to be."""
    if before is None or before.problem or after.problem:
        return {}
    return _changes({path: one.content for path, one in before.files.items()}, after.files, set(before.files))


def _changes(before: Mapping[str, bytes], after: Mapping[str, File], owned: set[str]) -> dict[str, Change]:
    """New, changed and removed files; of those that stand there only ours can be removed."""
    out: dict[str, Change] = {}
    for path, one in after.items():
        if path not in before:
            out[path] = "new"
        elif one.content not in (before[path], _SEALED) and not one.once:
            out[path] = "changed"
    out |= {path: "removed" for path in owned & (before.keys() - after.keys()) if not _is_ours_always(path)}
    return dict(sorted(out.items()))


def _is_ours_always(path: str) -> bool:
    """Files of the repository itself, which only a commit writes."""
    return path.startswith(".openinfra/")


def write(draft: Draft, today: date, accept: Accept, progress: Callable[[str], None]) -> Generated:
    """Write the site file and then the repository, as one commit.

    Raises:
        UserError: as `write_site` and `generate` do; of the repository nothing was written then.
    """
    write_site(draft.file, draft.answers, replace=True)
    progress(f"wrote {draft.file}")
    request = Request(
        draft.file,
        draft.output,
        age_key=draft.age_key if has_recipients(draft.answers) else None,
        accept=accept,
        certificate=certificate(draft),
    )
    return generate(request, today, progress)
