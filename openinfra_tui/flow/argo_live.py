"""What Argo CD says of itself in a cluster: how it marks objects, and what it holds that Git does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift.desired import argo_apps, argo_marks, argo_settings
from openinfra_tui.drift.model import Application, EngineRef, Key, ObjectVerdict
from openinfra_tui.drift.switches import argo_hook
from openinfra_tui.flow import entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from openinfra_tui.drift.desired.argo_marks import Tracking
    from openinfra_tui.drift.desired.flux import Rendered
    from openinfra_tui.drift.live import Live
    from openinfra_tui.flow.before import Before
    from openinfra_tui.flow.reading import Reader

_COMPARE = "argocd.argoproj.io/compare-options"


@dataclass(frozen=True)
class Settings:
    """What `argocd-cm` says.

    Attributes:
        marks: how Argo CD marks objects.
        comparing: what it does not compare.
        problems: why they are not known.
    """

    marks: Tracking = field(default_factory=argo_marks.Tracking)
    comparing: argo_settings.Comparing = field(default_factory=argo_settings.Comparing)
    problems: tuple[str, ...] = ()

    def doubts(self, found: Iterable[ObjectVerdict]) -> tuple[str, ...]:
        """The problems, where they may matter: what is not compared can only hide a difference."""
        differs = any(item.differences and item.engine.kind == "Application" for item in found if item.engine)
        return self.problems if differs else ()


async def settings(live: Live, reader: Reader | None, head: Rendered) -> Settings:
    """What the Argo CD of a cluster goes by: its `argocd-cm` there, else the one of the repository.

    Where neither can be read it is taken for a new installation, and a problem says so.
    """
    namespace = argo_apps.home(ref for ref in head.engines if ref.kind in ("Application", "ApplicationSet"))
    if not namespace:
        return Settings()
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": argo_settings.NAME},
    }
    unread = "" if reader is not None else "it is not in the dump"
    found: Mapping[str, Any] | None = live.find(manifest)
    if found is None and reader is not None:
        try:
            found = await reader.again(manifest)
        except ApiError as error:
            unread = error.message
    if found is None:
        found = _in_git(head, namespace)
    data = (found or {}).get("data")
    data = data if isinstance(data, dict) else {}
    comparing = argo_settings.comparing(data)
    problems = comparing.problems
    if found is None and unread:
        problems = (f"{argo_settings.NAME} of {namespace}: {unread}: what it has ignored is not known",)
    return Settings(argo_marks.tracking({"data": data}, namespace), comparing, problems)


def _in_git(head: Rendered, namespace: str) -> Mapping[str, Any] | None:
    for item in head.objects:
        place = (item.key.kind, item.key.name, item.key.namespace or item.application.namespace)
        if place == ("ConfigMap", argo_settings.NAME, namespace):
            return item.object
    return None


async def extras(
    live: Live, reader: Reader | None, head: Rendered, before: Before, desired: set[Key], marks: Tracking
) -> list[ObjectVerdict]:
    """What carries the mark of an Application, or stands in its status, and is not in Git.

    Args:
        live: the cluster.
        reader: asks its API server; None for a dump.
        head: what the repository holds.
        before: what was applied last.
        desired: identities of the desired objects.
        marks: how Argo CD marks objects.
    """
    found = []
    told: set[Key] = set()
    for item in entry.applications(live):
        ref = argo_apps.ref_of(item)
        if ref not in head.engines or ref in head.problems:
            continue
        application = argo_apps.application_of(item)
        for key in dict.fromkeys([*_listed(item), *_marked(live, ref, marks)]):
            if key in desired or key in told:
                continue
            told.add(key)
            try:
                there = await _there(live, reader, key)
            except ApiError as error:
                reason = f"in the Application and not in Git; it cannot be read: {error.message}"
                found.append(ObjectVerdict(key.group, key, "unverified", "none", None, ref, reason=reason))
                continue
            if there is not None and marks.owns(there, ref):
                waiting = (ref, key) in before.objects
                found.append(_not_in_git(there, key, application, waiting=waiting))
    return found


def _listed(application: Mapping[str, Any]) -> Iterator[Key]:
    """The objects of `status.resources`, hooks left out."""
    for item in (application.get("status") or {}).get("resources") or ():
        if isinstance(item, dict) and not item.get("hook"):
            names = (str(item.get(name) or "") for name in ("group", "kind", "namespace", "name"))
            yield Key(*names)


def _marked(live: Live, ref: EngineRef, marks: Tracking) -> Iterable[Key]:
    return [key for (_, key), item in live.objects.items() if marks.owns(item, ref)]


async def _there(live: Live, reader: Reader | None, key: Key) -> Mapping[str, Any] | None:
    if reader is not None:
        return await reader.by_key(key)
    return next((item for (_, other), item in live.objects.items() if other == key), None)


def _not_in_git(
    live: Mapping[str, Any], key: Key, application: Application, *, waiting: bool
) -> ObjectVerdict:
    marks = (live.get("metadata") or {}).get("annotations") or {}
    kept = ""
    verdict = "extra"
    if hook := argo_hook(marks):
        verdict, kept = "ignored", f"hook {hook}: made when a sync runs"
    elif "IgnoreExtraneous" in str(marks.get(_COMPARE, "")):
        verdict, kept = "ignored", f"{_COMPARE}: IgnoreExtraneous"
    elif {"Prune=false", "Prune=confirm"} & argo_apps.options_of(live):
        kept = "its sync options keep it"
    elif application.suspended:
        kept = "suspended: nothing deletes it now"
    elif not application.prune:
        kept = "the engine does not prune"
    if waiting and not kept:
        verdict = "pending"
    following = "none" if kept else "delete"
    version = str(live.get("apiVersion", ""))
    return ObjectVerdict(version, key, verdict, following, "local", application.ref, reason=kept or None)
