"""What happened to Flux's Kustomizations, and in which order: a record of every change that a watch brings."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.controlplane.client import Client, Object
from tests.controlplane.cluster.mirror import Kind, Mirror
from tests.controlplane.reconcile.states import KUSTOMIZATION, ready_at


@dataclass(frozen=True)
class Moment:
    """A moment in the life of a step.

    Args:
        version: the resource version, which orders all changes of one kind.
        at: when the watch brought it.
    """

    version: int
    at: datetime.datetime


class Record(Mirror):
    """By revision and step, when Flux began to apply it and when it was first ready."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, Kind(*KUSTOMIZATION), lambda: None)
        self.began: dict[tuple[str, str], Moment] = {}
        self.ready: dict[tuple[str, str], Moment] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def saw(self, obj: Object) -> None:
        name, status = obj["metadata"]["name"], obj.get("status", {})
        moment = Moment(int(obj["metadata"]["resourceVersion"]), datetime.datetime.now(datetime.UTC))
        for item in status.get("conditions") or []:
            # kustomize-controller: "Building manifests for revision R with a timeout of T", then
            # "Running health checks for revision R with a timeout of T".
            words = item["message"].split()
            if item["type"] == "Reconciling" and "revision" in words:
                self.began.setdefault((words[words.index("revision") + 1], name), moment)
        applied = status.get("lastAppliedRevision", "")
        if ready_at(obj, applied):
            self.ready.setdefault((applied, name), moment)
