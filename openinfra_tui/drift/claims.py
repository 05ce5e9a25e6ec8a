"""Who else says that an object is its own: another engine object, or a Helm release (drift.md B39, B52)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift import inventory
from openinfra_tui.drift.model import key_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from openinfra_tui.drift.model import Desired, EngineRef, ObjectVerdict

_TRACKING = "argocd.argoproj.io/tracking-id"
_RELEASE = "meta.helm.sh/release-"
_APPLICATION = "Application "
_REFUSED = "FailOnSharedResource has every sync fail"


def noted(verdict: ObjectVerdict, desired: Desired, live: Mapping[str, Any] | None) -> ObjectVerdict:
    """A verdict with a note where the live object carries the marks of others.

    Applying it goes on in turns, and is refused where an Application must not share.
    """
    if live is None or verdict.verdict == "ignored":
        return verdict
    others = _others(desired, live)
    if not others:
        return verdict
    note = f"conflict: marked as applied by {' and by '.join(others)}"
    if _refuses(desired, others):
        return verdict._replace(verdict="blocked", next="blocked", reason=f"{note}, and {_REFUSED}")
    return verdict._replace(reason=f"{verdict.reason}; {note}" if verdict.reason else note)


def shared(desired: Desired, live: Mapping[str, Any]) -> bool:
    """Whether an object has its Application apply nothing, because another one has marked it.

    Source: argo-cd, controller/sync.go: FailOnSharedResource.
    """
    return desired.application.refuses_shared and _refuses(desired, _others(desired, live))


def refused(found: Iterable[ObjectVerdict], refs: Collection[EngineRef]) -> list[ObjectVerdict]:
    """Verdicts in which what some Applications would do is not done: they share an object and must not."""
    return [
        item._replace(
            verdict="blocked",
            next="blocked",
            reason=f"{item.reason}; {_REFUSED}" if item.reason else f"another object is shared: {_REFUSED}",
        )
        if item.engine in refs and item.next not in ("none", "blocked")
        else item
        for item in found
    ]


def _refuses(desired: Desired, others: Iterable[str]) -> bool:
    return desired.application.refuses_shared and any(name.startswith(_APPLICATION) for name in others)


def _others(desired: Desired, live: Mapping[str, Any]) -> list[str]:
    """Who else has marked an object as its own."""
    label = desired.application.instance_label
    own = set(_names(desired.application.ref))
    others = [name for name in _claims(live, label) if name not in own]
    if others:
        in_git = set(_claims(desired.object, label))
        others = [name for name in others if name not in in_git]
    return others


def _names(ref: EngineRef) -> Iterator[str]:
    """The names that an engine object has in marks; an Application with its namespace or without."""
    yield f"{ref.kind} {ref.namespace}/{ref.name}"
    if ref.kind == "Application":
        yield f"{_APPLICATION}{ref.name}"
        yield f"{_APPLICATION}{ref.namespace}_{ref.name}"


def _claims(manifest: Mapping[str, Any], label: str) -> Iterator[str]:
    """Whose marks an object carries; with the label of an Argo CD that goes by one, that too."""
    owner = inventory.owner_of(manifest)
    if owner is not None:
        yield f"{owner.kind} {owner.namespace}/{owner.name}"
    metadata = manifest.get("metadata") or {}
    marks = metadata.get("annotations") or {}
    if label and (instance := (metadata.get("labels") or {}).get(label)):
        yield f"{_APPLICATION}{instance}"
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
