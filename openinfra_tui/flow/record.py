"""What the repository holds of the answers: the site file, and our own record of each site."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from openinfra_tui import __version__, yamlio
from openinfra_tui.flow import sites
from openinfra_tui.flow.planning import FIXED
from openinfra_tui.flow.vaults import wanted_vaults
from openinfra_tui.repo.target import record as place_of
from openinfra_tui.resources import schema_path
from openinfra_tui.tree.merge_yaml import merge_yaml
from openinfra_tui.tree.model import File, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.plan.model import Plan
    from openinfra_tui.repo.render import History
    from openinfra_tui.site.model import Site

_HEADER = "# yaml-language-server: $schema=../../.openinfra/schemas/site-v1alpha1.schema.json"


def own_files(site: Site, plan: Plan, recipients: Mapping[str, str], overridden: bool) -> Tree:
    """The site file, its schema, and the record of the site.

    Args:
        site: the answers.
        plan: what became of them.
        recipients: who can decrypt.
        overridden: whether options changed answers, so that the file that was read is not all of them.
    """
    record: dict[str, Any] = {
        "version": __version__,
        "fixed": {path: site.get(path) for path in FIXED},
        **sites.record_of(site, recipients),
        "components": {r.name: r.version for c in plan.components for r in c.releases}
        | {c.name: c.manifests.tag for c in plan.components if c.manifests},
    }
    holding = {path: sorted(spec.keys) for path, spec in wanted_vaults(plan).items()}
    record |= {"vaults": holding} if holding else {}
    schema = schema_path("site-v1alpha1")
    named = dict(site.get("secrets.recipients", {})) != dict(recipients)
    text = _site_text(site, recipients) if overridden or named else _with_header(site.text)
    files = {
        place_of(site.name): yamlio.dump(record).encode(),
        f".openinfra/schemas/{schema.name}": schema.read_bytes(),
        f"sites/{site.name}/site.yaml": text.encode(),
    }
    return Tree({path: File(content, "openinfra-tui") for path, content in files.items()})


def own_answers(history: History, site: Site) -> History:
    """The history, with the site file counted as unedited when it is itself where the answers come from."""
    path = f"sites/{site.name}/site.yaml"
    held = history.files.get(path)
    if held is None or held.content not in (site.text.encode(), _with_header(site.text).encode()):
        return history
    return replace(history, unedited=history.unedited | {path})


def _site_text(site: Site, recipients: Mapping[str, str]) -> str:
    """The site file with every answer as it was taken, in the operator's words and with their comments."""
    spec = {**site.spec, "secrets": {**site.get("secrets", {}), "recipients": dict(recipients)}}
    document = {
        "apiVersion": "openinfra.dev/v1alpha1",
        "kind": "Site",
        "metadata": {"name": site.name},
        "spec": spec,
    }
    plain, taken = (f"{_HEADER}\n{yamlio.dump(data)}" for data in (yamlio.load(site.text), document))
    merged = merge_yaml(plain, _with_header(site.text), taken, prefer="theirs")
    return merged if isinstance(merged, str) else taken


def _with_header(text: str) -> str:
    lines = text.splitlines()
    body = lines[1:] if lines and lines[0].startswith("# yaml-language-server:") else lines
    return "\n".join([_HEADER, *body]) + "\n"
