"""What the post renderers of a HelmRelease make of its chart's objects.

kustomize reads files, and no secret may stand in one: objects of kind Secret pass by, and what might change
them is refused.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import proc, yamlio
from openinfra_tui.build import kustomize as programs
from openinfra_tui.drift.desired import goyaml
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_KNOWN = frozenset({"patches", "images"})  # of helm.toolkit.fluxcd.io/v2


def post_rendered(
    objects: Sequence[dict[str, Any]], renderers: Iterable[Mapping[str, Any]], kustomize: str | None = None
) -> list[dict[str, Any]]:
    """The objects after each post renderer, in the order in which they stand.

    Args:
        objects: of a chart.
        renderers: `spec.postRenderers` of a HelmRelease.
        kustomize: the program to use, as for `build.kustomize.find`.

    Raises:
        UserError: one is not known, may change a Secret, or does not build.
    """
    secrets = [item for item in objects if _is_secret(item)]
    found = [item for item in objects if not _is_secret(item)]
    for renderer in renderers:
        changes = renderer.get("kustomize")
        if not isinstance(changes, dict) or not changes.keys() <= _KNOWN or len(renderer) > 1:
            raise UserError("a post renderer of it is not known here")
        if secrets and any(_may_change_secrets(patch) for patch in changes.get("patches") or ()):
            raise UserError("a post renderer of it may change Secrets, which are never written to a file")
        found = _built(found, changes, kustomize)
    return [*found, *secrets]


def _built(
    objects: Sequence[dict[str, Any]], changes: Mapping[str, Any], kustomize: str | None
) -> list[dict[str, Any]]:
    program = programs.find(kustomize)
    with tempfile.TemporaryDirectory(prefix="openinfra-post-") as temporary:
        folder = Path(temporary).resolve()
        (folder / "all.yaml").write_text("---\n".join(json.dumps(item) + "\n" for item in objects), "utf-8")
        overlay = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": ["all.yaml"],
            **changes,
        }
        (folder / "kustomization.yaml").write_text(yamlio.dump(overlay), encoding="utf-8")
        printed = proc.run([*program.argv, folder]).stdout
    try:
        return [item for item in goyaml.load_all(printed) if isinstance(item, dict)]
    except yaml.YAMLError:
        raise UserError("a post renderer of it makes what is not YAML") from None


def _is_secret(item: Mapping[str, Any]) -> bool:
    return item.get("kind") == "Secret" and item.get("apiVersion") == "v1"


def _may_change_secrets(patch: Any) -> bool:
    """Whether a patch has no target that leaves them out; kinds are regular expressions that match whole."""
    kind = str((patch.get("target") or {}).get("kind") or "") if isinstance(patch, dict) else ""
    if not kind:
        return True
    return kind == "Secret" if kind.isalnum() else _matches(kind)


def _matches(kind: str) -> bool:
    try:
        return re.fullmatch(kind, "Secret") is not None
    except re.error:
        return True
