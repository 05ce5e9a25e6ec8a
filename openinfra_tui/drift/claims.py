"""Who else says that an object is its own: another engine object, or a Helm release (drift.md B39, B52)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import inventory
from openinfra_tui.drift.model import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openinfra_tui.drift.model import Desired, EngineRef, ObjectVerdict

_TRACKING = "argocd.argoproj.io/tracking-id"
_RELEASE = "meta.helm.sh/release-"
_APPLICATION = "Application "


def noted(verdict: ObjectVerdict, desired: Desired, live: Mapping[str, Any] | None) -> ObjectVerdict:
    """A verdict with a note where the live object carries the marks of others.

    Applying it goes on in turns, and is refused where an Application must not share (argo-cd,
    controller/sync.go: FailOnSharedResource).
    """
    if live is None or verdict.verdict == "ignored":
        return verdict
    own = set(_names(desired.application.ref))
    others = [name for name in _claims(live) if name not in own]
    if others:
        in_git = set(_claims(desired.object))
        others = [name for name in others if name not in in_git]
    if not others:
        return verdict
    note = f"conflict: marked as applied by {' and by '.join(others)}"
    if desired.application.refuses_shared and any(name.startswith(_APPLICATION) for name in others):
        return verdict._replace(
            verdict="blocked",
            next="blocked",
            reason=f"{note}, and FailOnSharedResource has every sync fail",
        )
    return verdict._replace(reason=f"{verdict.reason}; {note}" if verdict.reason else note)


def _names(ref: EngineRef) -> Iterator[str]:
    """The names that an engine object has in marks; an Application with its namespace or without."""
    yield f"{ref.kind} {ref.namespace}/{ref.name}"
    if ref.kind == "Application":
        yield f"{_APPLICATION}{ref.name}"
        yield f"{_APPLICATION}{ref.namespace}_{ref.name}"


def _claims(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Whose marks an object carries."""
    owner = inventory.owner_of(manifest)
    if owner is not None:
        yield f"{owner.kind} {owner.namespace}/{owner.name}"
    metadata = manifest.get("metadata") or {}
    marks = metadata.get("annotations") or {}
    application, _, place = str(marks.get(_TRACKING) or "").partition(":")
    if place and _is_itself(manifest, place):
        yield f"{_APPLICATION}{application}"
    # Helm itself wants the label and both annotations (helm, pkg/action: checkOwnership).
    name, namespace = marks.get(f"{_RELEASE}name"), marks.get(f"{_RELEASE}namespace")
    if name and namespace and (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm":
        yield f"Helm release {namespace}/{name}"


def _is_itself(manifest: Mapping[str, Any], place: str) -> bool:
    """Whether a mark names the object that it stands on, and was not copied from another by a controller."""
    key = key_of(dict(manifest))
    kind, _, rest = place.partition(":")
    namespace, _, name = rest.partition("/")
    # What has no namespace is named with that of the destination.
    return (kind, name) == (f"{key.group}/{key.kind}", key.name) and key.namespace in ("", namespace)
