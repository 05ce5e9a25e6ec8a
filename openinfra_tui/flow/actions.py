"""What can be done about an object: the exact requests or files of each action, shown before it is done.

Nothing here sends anything. A field manager of ours appears nowhere: what we owned would outlive its removal
from Git. Engine objects are asked the way the Flux documentation does it, as `flux-client-side-apply`.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.drift import managed, normalise, verdict
from openinfra_tui.drift.pointer import for_removal
from openinfra_tui.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from openinfra_tui.cluster.discovery import Resource
    from openinfra_tui.drift.model import Desired, ObjectVerdict
    from openinfra_tui.drift.schema import Type

ASKER = "flux-client-side-apply"
MERGE, APPLY, PATCH = (
    "application/merge-patch+json",
    "application/apply-patch+yaml",
    "application/json-patch+json",
)
_REQUESTED = "reconcile.fluxcd.io/requestedAt"
_REFRESH = "argocd.argoproj.io/refresh"


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        path: of the object.
        query: after it.
        content_type: what kind of PATCH it is.
        body: what is sent.
        pinned: it names the version that was shown; of a second call, what the first one leaves.
    """

    path: str
    query: Mapping[str, str]
    content_type: str
    body: Any
    pinned: bool = False

    @property
    def line(self) -> str:
        """The request without its body."""
        words = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"PATCH {self.path}?{words}"


@dataclass(frozen=True)
class Write:
    """One file of the repository, and what it becomes."""

    path: str
    before: str
    after: str

    @property
    def diff(self) -> tuple[str, ...]:
        """As Git would show it."""
        old = [] if not self.before else self.before.splitlines()
        names = f"a/{self.path}" if self.before else "/dev/null", f"b/{self.path}"
        return tuple(difflib.unified_diff(old, self.after.splitlines(), *names, lineterm=""))


@dataclass(frozen=True)
class Action:
    """Something to confirm.

    Attributes:
        title: what is done, and to what.
        why: what follows from it.
        calls: requests, in order.
        writes: files.
        commit: the message of the commit that the files become, empty where they are only written.
        diff: what becomes of the object, for people.
    """

    title: str
    why: str
    calls: tuple[Call, ...] = ()
    writes: tuple[Write, ...] = ()
    commit: str = ""
    diff: tuple[str, ...] = field(default=())


def reconcile(engine: Mapping[str, Any], resource: Resource, now: datetime) -> Action:
    """Ask the engine to look now: Flux by its annotation, Argo CD by its refresh.

    Raises:
        Refused: it is suspended, so that nothing would come of it.
    """
    name = _name(engine)
    if engine.get("kind") == "Application":
        call = _annotate(engine, resource, {_REFRESH: "normal"})
        return Action(
            f"Refresh {name}", "Argo CD compares now, and syncs where it does so by itself.", (call,)
        )
    if (engine.get("spec") or {}).get("suspend") is True:
        raise Refused(f"{name} is suspended: it would not look", "resume it first")
    call = _annotate(engine, resource, {_REQUESTED: now.isoformat()})
    return Action(f"Reconcile {name} now", "Flux applies its whole content now.", (call,))


def suspend(engine: Mapping[str, Any], resource: Resource, desired: Desired | None) -> Action:
    """Suspend, or resume what is suspended: then nothing is left of us where Git does not set the field.

    Raises:
        Refused: Argo CD has no such switch.
    """
    name = _name(engine)
    if engine.get("kind") == "Application":
        raise Refused("Argo CD has no suspend", "switch off its automated sync in Git")
    query = {"fieldManager": ASKER}
    path = _path(engine, resource)
    if (engine.get("spec") or {}).get("suspend") is True:
        in_git = "suspend" in ((desired.object.get("spec") or {}) if desired is not None else {})
        body = {"spec": {"suspend": False if in_git else None}}
        return Action(
            f"Resume {name}", "Flux corrects it again from now on.", (Call(path, query, MERGE, body),)
        )
    call = Call(path, query, MERGE, {"spec": {"suspend": True}})
    return Action(f"Suspend {name}", "Nothing corrects its objects until it is resumed.", (call,))


def sync(application: Mapping[str, Any], resource: Resource, who: str) -> Action:
    """Let Argo CD sync now, to the revision that the Application follows.

    Raises:
        Refused: it is no Application, or a sync is running.
    """
    if application.get("kind") != "Application":
        raise Refused("only Argo CD syncs; Flux reconciles", "press r")
    if application.get("operation"):
        raise Refused(f"{_name(application)} is syncing already")
    policy = ((application.get("spec") or {}).get("syncPolicy") or {}).get("automated") or {}
    body = {
        "operation": {
            "initiatedBy": {"username": who or "unknown"},
            "sync": {"prune": policy.get("prune") is True},
        }
    }
    call = Call(_path(application, resource), {"fieldManager": "argocd-server"}, MERGE, body)
    return Action(f"Sync {_name(application)}", "Argo CD applies what Git holds.", (call,))


def revert(
    desired: Desired,
    live: Mapping[str, Any] | None,
    kind: Type | None,
    resource: Resource,
    masked: Mapping[str, Any],
) -> Action:
    """Put an object back as its engine would, as the field manager of the engine.

    First goes what the engine's takeover would remove, then the whole desired object is applied; both only if
    the object is still the one that was shown.

    Args:
        desired: what Git holds.
        live: what is there.
        kind: its type.
        resource: of the object.
        masked: the desired object as people may see it.

    Raises:
        Refused: its values are not known here, or it cannot be applied.
    """
    if desired.sealed:
        raise Refused("its values are encrypted and no key here opens them: nobody knows what to apply")
    if desired.problem:
        raise Refused(f"it cannot be applied: {desired.problem}")
    payload = normalise.for_apply(desired.object)
    manager = desired.application.manager
    path = resource.path(desired.key.namespace, desired.key.name)
    calls: list[Call] = []
    if live is not None:
        metadata = live["metadata"]
        seen = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        pointers = removed(desired, live, kind)
        if pointers:
            test = {"op": "test", "path": "/metadata/resourceVersion", "value": seen["resourceVersion"]}
            body = [test, *({"op": "remove", "path": pointer} for pointer in pointers)]
            calls.append(Call(path, {"fieldManager": manager}, PATCH, body, pinned=True))
        payload = {**payload, "metadata": {**payload["metadata"], **seen}}
    query = {"fieldManager": manager, "force": "true"}
    calls.append(Call(path, query, APPLY, payload, pinned=live is not None))
    shown = yaml.safe_dump(dict(masked), sort_keys=False, allow_unicode=True).splitlines()
    why = f"{manager} does not correct it by itself now; this applies the whole object in its name."
    return Action(f"Revert {_name(desired.object)}", why, tuple(calls), diff=tuple(shown))


def removed(desired: Desired, live: Mapping[str, Any], kind: Type | None) -> list[str]:
    """JSON pointers of what the engine would take away, later items of a list first."""
    paths = verdict.assess(desired, live, kind).reverts
    pointers = [pointer for path in paths if (pointer := managed.locate(live, path))]
    return for_removal(pointers)


def pinned(call: Call, version: str) -> Call:
    """A call for the version that the one before it left."""
    if call.content_type != APPLY or not call.pinned:
        return call
    metadata = {**call.body["metadata"], "resourceVersion": version}
    return Call(call.path, call.query, call.content_type, {**call.body, "metadata": metadata}, pinned=True)


def difference_lines(found: ObjectVerdict) -> tuple[str, ...]:
    """What a revert undoes, as a reader of diffs expects it; values are masked already."""
    lines: list[str] = []
    for item in found.differences:
        lines.append(f"  {item.path}")
        lines += [f"- {json.dumps(item.live, ensure_ascii=False)}"] if item.change != "removed" else []
        lines += [f"+ {json.dumps(item.desired, ensure_ascii=False)}"] if item.change != "added" else []
    return tuple(lines)


def shown_body(call: Call) -> str:
    """The body of a small request on one line; that of an apply is the object, which is shown whole."""
    if call.content_type == APPLY:
        return "the whole object as below, with the uid and resourceVersion that you saw"
    return json.dumps(call.body, ensure_ascii=False)


def _annotate(engine: Mapping[str, Any], resource: Resource, annotations: Mapping[str, str]) -> Call:
    body = {"metadata": {"annotations": dict(annotations)}}
    return Call(_path(engine, resource), {"fieldManager": ASKER}, MERGE, body)


def _path(item: Mapping[str, Any], resource: Resource) -> str:
    metadata = item["metadata"]
    return resource.path(str(metadata.get("namespace") or ""), str(metadata["name"]))


def _name(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    place = (
        f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
    )
    return f"{item.get('kind')} {place}"
