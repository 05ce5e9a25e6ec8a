"""Argo CD's build environment: what `$ARGOCD_APP_NAME` and the like stand for, and how they are put in.

The variables are those of argo-cd, reposerver/repository: newEnv; `KUBE_VERSION` and `KUBE_API_VERSIONS` are
told to plugins only, so elsewhere they are as empty as any unknown name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Go, os.Expand: a name in braces, one sign, or a word; a brace that is not closed goes with its dollar.
_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|\{|([*#$@!?\-0-9]|[A-Za-z0-9_]+))")
_SUBSTITUTED = {
    "helm": ("parameters", "fileParameters", "valueFiles"),
    "kustomize": ("images", "commonLabels", "commonAnnotations"),
}


@dataclass(frozen=True)
class Environment:
    """The variables of one source of an Application."""

    variables: Mapping[str, str]

    def put_in(self, text: str) -> str:
        """A text with its variables put in; an unknown one is empty, `$$` is a dollar."""
        return _VARIABLE.sub(lambda found: self._value(found[1] or found[2] or ""), text)

    def _value(self, name: str) -> str:
        return "$" if name == "$" else self.variables.get(name, "")


def of(source: Mapping[str, Any], application: Mapping[str, Any], name: str, revision: str) -> Environment:
    """The environment of a source.

    Args:
        source: of an Application.
        application: the Application.
        name: of the Application, with its namespace where that is not Argo CD's own.
        revision: the commit, or the version of a chart.
    """
    spec = application["spec"]
    return Environment(
        {
            "ARGOCD_APP_NAME": name,
            "ARGOCD_APP_NAMESPACE": str((spec.get("destination") or {}).get("namespace") or ""),
            "ARGOCD_APP_PROJECT_NAME": str(spec.get("project") or "default"),
            "ARGOCD_APP_REVISION": revision,
            "ARGOCD_APP_REVISION_SHORT": revision[:7],
            "ARGOCD_APP_REVISION_SHORT_8": revision[:8],
            "ARGOCD_APP_SOURCE_PATH": str(source.get("path") or ""),
            "ARGOCD_APP_SOURCE_REPO_URL": str(source.get("repoURL") or ""),
            "ARGOCD_APP_SOURCE_TARGET_REVISION": str(source.get("targetRevision") or ""),
        }
    )


def names_revision(source: Mapping[str, Any]) -> bool:
    """Whether what a source builds to depends on its revision by name."""
    texts = [(source.get(tool) or {}).get(name) for tool, names in _SUBSTITUTED.items() for name in names]
    return "ARGOCD_APP_REVISION" in json.dumps(texts)
