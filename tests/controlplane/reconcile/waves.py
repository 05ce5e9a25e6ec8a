"""What became of each Application, and in which order: a record of every change that a watch brings."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.controlplane.client import Client, Object
from tests.controlplane.cluster.mirror import Kind, Mirror
from tests.controlplane.reconcile.states import Outcome
from tests.controlplane.waiting import eventually

APPLICATION = ("argoproj.io/v1alpha1", "Application")
_WAVE = "argocd.argoproj.io/sync-wave"


@dataclass(frozen=True)
class Moment:
    """A moment in the life of an Application.

    Args:
        version: the resource version, which orders all changes of one kind.
        at: when the watch brought it.
        said: where it stood, in one line.
    """

    version: int
    at: datetime.datetime
    said: str


def is_done(application: Object) -> bool:
    """Whether it is compared with what it asks for, applied, at rest and healthy."""
    status, spec = application.get("status", {}), application["spec"]
    sync = status.get("sync", {})
    compared = sync.get("comparedTo", {})
    return (
        (sync.get("status"), status.get("health", {}).get("status")) == ("Synced", "Healthy")
        and _revisions(compared) == _revisions(spec)
        and status.get("operationState", {}).get("phase") != "Running"
    )


def _revisions(spec: Object) -> list[str]:
    return [source["targetRevision"] for source in spec.get("sources") or [spec.get("source")] if source]


def revision(application: Object) -> str:
    """The version of the chart, or the branch or commit where there is none."""
    return _revisions(application["spec"])[0]


def wave(application: Object) -> int:
    """The wave in which the root applies it."""
    return int(application["metadata"].get("annotations", {}).get(_WAVE, "0"))


def said(application: Object) -> str:
    """In one line, where it stands."""
    status = application.get("status", {})
    operation = status.get("operationState", {})
    words = [
        status.get("sync", {}).get("status", "not compared"),
        status.get("health", {}).get("status", ""),
        operation.get("phase", ""),
        operation.get("message", ""),
        *(item["message"] for item in status.get("conditions") or []),
    ]
    return " ".join(word for word in words if word)[:600]


class Waves(Mirror):
    """By name and revision, when the root asked for an Application and when it was first done."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, Kind(*APPLICATION), lambda: None)
        self.asked: dict[tuple[str, str], Moment] = {}
        self.done: dict[tuple[str, str], Moment] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def saw(self, obj: Object) -> None:
        key = obj["metadata"]["name"], revision(obj)
        moment = Moment(
            int(obj["metadata"]["resourceVersion"]), datetime.datetime.now(datetime.UTC), said(obj)
        )
        self.asked.setdefault(key, moment)
        if is_done(obj):
            self.done.setdefault(key, moment)

    def applications(self) -> dict[str, Object]:
        """All that are there now, by name."""
        return {name: obj for (_, name), obj in self.snapshot().items()}

    def wait(self, names: Iterable[str], timeout: float, say: Callable[[], str]) -> None:
        """Until all are done.

        Raises:
            TimeoutError: with what each of the others says, and what `say` does.
        """

        def left() -> list[str]:
            found = self.applications()
            return [name for name in names if name not in found or not is_done(found[name])]

        def rest() -> str:
            found = self.applications()
            lines = [f"{name}: {said(found[name]) if name in found else 'not there'}" for name in left()]
            return "\n".join([*lines, say()])

        eventually(lambda: not left(), timeout=timeout, say=rest)

    def wait_for_request(self, revisions: Mapping[str, str], timeout: float) -> None:
        """Until the root has asked for a revision of one Application at least.

        Raises:
            TimeoutError: it asked for none.
        """
        eventually(lambda: not self.asked.keys().isdisjoint(revisions.items()), timeout=timeout)

    def outcomes(self, names: Iterable[str]) -> list[Outcome]:
        """One line of the report for each."""
        found, result = self.applications(), []
        for name in names:
            moment = self.done.get((name, revision(found[name]))) if name in found else None
            if moment is not None:
                result.append(Outcome(name, "ready", moment.said, moment.at.isoformat(timespec="seconds")))
            else:
                reason = said(found[name]) if name in found else "not there"
                result.append(Outcome(name, "failed", reason, ""))
        return result
