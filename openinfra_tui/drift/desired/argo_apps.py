"""Applications of Argo CD as they are written: what they name, and how they apply it (drift.md A6)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.desired import globs
from openinfra_tui.drift.model import Application, EngineRef, IgnoreRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GROUP = "argoproj.io"
MANAGER = "argocd-controller"
# Argo CD, clusters: the name and the address of the cluster that it runs in.
_HERE = frozenset({"https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local"})
# gitops-engine, pkg/sync/common: DefaultClientSideApplyMigrationManager.
_CLIENT_SIDE = "kubectl-client-side-apply"
_OPTIONS = "argocd.argoproj.io/sync-options"
_MIGRATION = "argocd.argoproj.io/client-side-apply-migration-manager"


def is_application(manifest: Any) -> bool:
    """Whether this is an Application."""
    return _is(manifest, "Application")


def is_set(manifest: Any) -> bool:
    """Whether this is an ApplicationSet."""
    return _is(manifest, "ApplicationSet")


def _is(manifest: Any, kind: str) -> bool:
    return (
        isinstance(manifest, dict)
        and manifest.get("kind") == kind
        and str(manifest.get("apiVersion", "")).startswith(f"{GROUP}/")
        and isinstance(manifest.get("spec"), dict)
        and bool((manifest.get("metadata") or {}).get("name"))
    )


def ref_of(manifest: Mapping[str, Any]) -> EngineRef:
    """The name of an Application or ApplicationSet; without a namespace it is Argo CD's own."""
    metadata = manifest["metadata"]
    return EngineRef(str(manifest["kind"]), str(metadata.get("namespace") or "argocd"), str(metadata["name"]))


def home(refs: Iterable[EngineRef]) -> str:
    """The namespace that Argo CD itself runs in: that of most of its Applications; empty without any."""
    spaces = [ref.namespace for ref in refs]
    return max(set(spaces), key=spaces.count) if spaces else ""


def instance(ref: EngineRef, namespace: str) -> str:
    """The name of an Application to an Argo CD of that namespace (argo-cd, util/argo: AppInstanceName)."""
    return ref.name if ref.namespace == namespace else f"{ref.namespace}_{ref.name}"


def sources(application: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sources of an Application; `source` is ignored where there are `sources`."""
    spec = application["spec"]
    found = spec.get("sources") or [spec.get("source")]
    return [item for item in found if isinstance(item, dict)]


def address(url: str) -> str:
    """A repository's address in one form, whatever the protocol and whoever logs in."""
    text = re.sub(r"^[a-z+]+://", "", url.strip(), flags=re.IGNORECASE)
    text = re.sub(r"^[^/@]+@", "", text)
    if "://" not in url:
        text = re.sub(r"^([^/:]+):(?!\d+/)", r"\1/", text)  # git@host:path
    return text.removesuffix("/").removesuffix(".git").lower()


def is_git(source: Mapping[str, Any]) -> bool:
    """Whether a source is a folder of a Git repository."""
    return not source.get("chart") and not str(source.get("repoURL", "")).startswith("oci://")


def path_of(source: Mapping[str, Any]) -> str:
    """The folder of a source, without `./`; empty for the root."""
    path = posixpath.normpath(str(source.get("path") or ".")).lstrip("/")
    return "" if path == "." else path


def elsewhere(application: Mapping[str, Any]) -> str:
    """The cluster that an Application writes to, empty when it is the one that Argo CD runs in."""
    destination = application["spec"].get("destination") or {}
    name, server = str(destination.get("name") or ""), str(destination.get("server") or "")
    if name == "in-cluster" or server.rstrip("/") in _HERE:
        return ""
    return name or server or "of no name"


def application_of(application: Mapping[str, Any]) -> Application:
    """How Argo CD applies what an Application holds."""
    spec, metadata = application["spec"], application["metadata"]
    policy = spec.get("syncPolicy") or {}
    options = {str(option) for option in policy.get("syncOptions") or ()}
    automated = policy.get("automated")
    runs = isinstance(automated, dict) and automated.get("enabled") is not False
    automated = automated if runs and isinstance(automated, dict) else {}
    migrates = str((metadata.get("annotations") or {}).get(_MIGRATION) or _CLIENT_SIDE)
    return Application(
        ref_of(application),
        MANAGER,
        migrates="" if "ClientSideApplyMigration=false" in options else migrates,
        client_side="ServerSideApply=true" not in options or "Replace=true" in options,
        prune=bool(automated.get("prune")) and "Prune=false" not in options,
        force="Force=true" in options,
        suspended=not runs,
        enforces=bool(automated.get("selfHeal")),
        ignore=tuple(
            rule(item, "spec.ignoreDifferences")
            for item in spec.get("ignoreDifferences") or ()
            if isinstance(item, dict)
        ),
        namespace=str((spec.get("destination") or {}).get("namespace") or ""),
        makes_namespace="CreateNamespace=true" in options,
        refuses_shared="FailOnSharedResource=true" in options,
    )


def for_object(application: Application, manifest: Mapping[str, Any]) -> Application:
    """How one object is applied: its own sync options win over those of the Application."""
    options = options_of(manifest)
    client_side = application.client_side
    if "ServerSideApply=true" in options:
        client_side = False
    if "ServerSideApply=false" in options or "Replace=true" in options:
        client_side = True
    force = application.force or "Force=true" in options
    if (client_side, force) == (application.client_side, application.force):
        return application
    values = {**vars(application), "client_side": client_side, "force": force}
    return Application(**values)


def options_of(manifest: Mapping[str, Any]) -> frozenset[str]:
    """The sync options that stand on an object."""
    text = ((manifest.get("metadata") or {}).get("annotations") or {}).get(_OPTIONS) or ""
    return frozenset(part.strip() for part in str(text).split(","))


def rule(item: Mapping[str, Any], source: str) -> IgnoreRule:
    """An ignore rule as Argo CD writes one; its group and kind are globs.

    Args:
        item: group, kind, name, namespace, and the three lists of what is ignored.
        source: where it is written, for people.
    """
    target = {name: globs.compiled(str(item.get(name) or "")).pattern for name in ("group", "kind")}
    target |= {name: re.escape(str(item[name])) for name in ("name", "namespace") if item.get(name)}
    return IgnoreRule(
        tuple(str(path) for path in item.get("jsonPointers") or ()),
        {name: pattern or "^$" for name, pattern in target.items()},
        source,
        tuple(str(path) for path in item.get("jqPathExpressions") or ()),
        tuple(str(name) for name in item.get("managedFieldsManagers") or ()),
    )
