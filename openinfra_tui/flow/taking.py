"""What the events of a cluster change in what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.model import Key, key_of
from openinfra_tui.flow.picture import ENGINES

if TYPE_CHECKING:
    from openinfra_tui.cluster.discovery import Resource
    from openinfra_tui.flow import feeds
    from openinfra_tui.flow.diff import Job


class Taken:
    """What a batch of events has changed.

    Attributes:
        judge: the objects whose verdict may be another one now.
        any: whether anything is to be drawn anew.
        releases: whether a HelmRelease has another content.
    """

    def __init__(self) -> None:
        self.judge: set[Key] = set()
        self.any = False
        self.releases = False

    def take(self, job: Job, word: feeds.Moved, listing: dict[Resource, set[Key]]) -> None:
        """Take one event into what is known."""
        resource, event = word.resource, word.event
        version, kind = resource.api_version, resource.kind
        if event.sort == "SYNCED":
            told = listing.pop(resource, None)
            if told is not None:
                there = [place for place in job.live.objects if (place[0], place[1].kind) == (version, kind)]
                for _, key in there:
                    if key not in told:
                        self._gone(job, version, key)
            return
        item = event.object
        if item is None:
            return
        key = key_of({"apiVersion": version, "kind": kind, **item})
        if resource in listing:
            listing[resource].add(key)
        if event.sort == "DELETED":
            self._gone(job, version, key)
            return
        old = job.live.objects.get((version, key))
        if old is not None and old["metadata"].get("resourceVersion") == item["metadata"].get(
            "resourceVersion"
        ):
            return
        job.live.objects[version, key] = item
        job.live.absent.discard((version, key))
        self.any = True
        if (key.group, kind) in ENGINES or old is None or _without_status(old) != _without_status(item):
            self.judge.add(key)
        if kind == "HelmRelease" and old is not None and _stored(old) != _stored(item):
            self.releases = True

    def _gone(self, job: Job, version: str, key: Key) -> None:
        if job.live.objects.pop((version, key), None) is not None:
            self.judge.add(key)
            self.any = True
        job.live.absent.add((version, key))


def _stored(release: dict[str, Any]) -> Any:
    """What of a HelmRelease says that its content is another one."""
    return (release.get("status") or {}).get("history")


def _without_status(item: dict[str, Any]) -> Any:
    """What a verdict depends on: neither the status nor who writes it."""
    metadata = {k: v for k, v in item["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    owners = [
        one for one in item["metadata"].get("managedFields") or () if one.get("subresource") != "status"
    ]
    return {**{k: v for k, v in item.items() if k != "status"}, "metadata": [metadata, owners]}
