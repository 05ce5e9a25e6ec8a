"""`.argocd-source.yaml`: parameters of a source that stand in its folder, beside those of the Application.

Read as Argo CD reads them (argo-cd, reposerver/repository: mergeSourceParameters): first the file for every
Application, then the one for this; each is a JSON merge patch whose result is decoded on top of what was
there. So nothing is ever taken away, and an item of a list keeps from the item in its place what it does not
state itself. A chart from a registry holds no such file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.drift.desired import argo_apps, goyaml
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from openinfra_tui.drift.desired.source import Source

# Where the files are is the Application's to say.
_OF_APPLICATION = ("chart", "path", "repoURL", "targetRevision")
_TOOLS = ("helm", "kustomize", "directory", "plugin")


def applied(files: Source, source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A source with what the files in its folder say.

    Args:
        files: the repository that holds the folder.
        source: of an Application.
        name: of the Application, as Argo CD knows it.

    Raises:
        UserError: such a file cannot be read, or there is no such folder.
    """
    folder = files.path(argo_apps.path_of(source))
    out = dict(source)
    for file in (".argocd-source.yaml", f".argocd-source-{name}.yaml"):
        path = folder / file
        if not path.is_file():
            continue
        patch = _read(path, files)
        out = _decoded(out, _patched(out, patch))
        for tool in _TOOLS:
            if not isinstance(out.get(tool), dict | None):
                raise UserError(f"{file}: {tool} is not a mapping")
    for field in _OF_APPLICATION:
        out.pop(field, None)
        if field in source:
            out[field] = source[field]
    return out


def _read(path: Path, files: Source) -> dict[str, Any]:
    if not path.resolve().is_relative_to(files.root.resolve()):
        raise UserError(f"{path.name} leads out of the repository")
    try:
        documents = goyaml.load_all(path.read_bytes())
    except (yaml.YAMLError, ValueError, OSError):
        raise UserError(f"{path.name} is not YAML") from None
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise UserError(f"{path.name} is not a mapping")
    return documents[0]


def _patched(value: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    out = dict(value) if isinstance(value, dict) else {}
    for key, item in patch.items():
        if item is None:
            out.pop(key, None)
        else:
            out[key] = _patched(out.get(key), item)
    return out


def _decoded(old: Any, new: Any, name: str = "") -> Any:
    """What Go's encoding/json makes of a document that it decodes into a value which is there already."""
    if name == "valuesObject":
        return new  # kept as text there
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _decoded(old.get(key), item, key) for key, item in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return [_decoded(old[index] if index < len(old) else None, item) for index, item in enumerate(new)]
    return new
