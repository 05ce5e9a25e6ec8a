"""What an engine leaves alone: switches on an object, hooks, rules that name a whole object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.ignoring import rules_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.model import Desired

_FLUX = "kustomize.toolkit.fluxcd.io"
_HELM = "helm.toolkit.fluxcd.io"
_SHARED = "helm.sh/hook"


def left_alone(desired: Desired, live: Mapping[str, Any] | None) -> str:
    """Why the engine leaves an object alone, or an empty string."""
    in_git, there = _marks(desired.object), _marks(live or {})
    kind = desired.application.ref.kind
    why = ""
    if kind == "Kustomization":
        why = _flux(in_git, there, exists=live is not None)
    elif kind == "HelmRelease":
        name = f"{_HELM}/driftDetection"
        if any(str(side.get(name, "")).lower() == "disabled" for side in (in_git, there)):
            why = f"{name}: disabled"
    elif kind == "Application" and (hook := argo_hook(in_git)):
        why = f"hook {hook}: made when a sync runs"
    if not why and rules_of(desired).whole:
        why = "an ignore rule names the whole object"
    return why


def argo_hook(marks: Mapping[str, Any]) -> str:
    """Of what hook an object is one to Argo CD, or an empty string (gitops-engine, pkg/sync/hook)."""
    own = str(marks.get("argocd.argoproj.io/hook") or "")
    if own:
        return "" if own.strip() == "Skip" else own
    shared = str(marks.get(_SHARED) or "")
    return "" if shared == "crd-install" else shared


def _flux(in_git: Mapping[str, Any], there: Mapping[str, Any], *, exists: bool) -> str:
    for name, value in ((f"{_FLUX}/reconcile", "disabled"), (f"{_FLUX}/ssa", "ignore")):
        if value in (str(in_git.get(name, "")).lower(), str(there.get(name, "")).lower()):
            return f"{name}: {value}"
    if exists and str(in_git.get(f"{_FLUX}/ssa", "")).lower() == "ifnotpresent":
        return f"{_FLUX}/ssa: IfNotPresent"
    return ""


def _marks(manifest: Mapping[str, Any]) -> dict[str, Any]:
    metadata = manifest.get("metadata") or {}
    return {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
