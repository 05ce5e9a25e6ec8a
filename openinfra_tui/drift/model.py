"""The words of the drift engine as plain values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

VERDICTS = (
    "in-sync",
    "pending",
    "drifted",
    "will-be-reverted",
    "missing",
    "extra",
    "ignored",
    "blocked",
    "unverified",
)


class Key(NamedTuple):
    """What makes two manifests the same object, whatever version they are written in.

    Like the name of an engine object a tuple: ten thousand of them are looked up and sorted.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


class EngineRef(NamedTuple):
    """The object of the engine that applies others: a Kustomization, HelmRelease or Application."""

    kind: str
    namespace: str
    name: str


class Origin(NamedTuple):
    """Where a desired object is written: a file below the repository and its line, 0 when not known."""

    file: str = ""
    line: int = 0


NOWHERE = Origin()


@dataclass(frozen=True)
class IgnoreRule:
    """Paths of one object that the engine does not compare.

    Attributes:
        paths: JSON pointers; the empty pointer is the whole object.
        target: selector of `group`, `version`, `kind`, `name`, `namespace` (regular expressions that must
            match whole) and `labelSelector`, `annotationSelector`.
        source: where the rule is written, for people.
        jq: paths in the language of jq (Argo CD).
        managers: field managers whose fields are not compared (Argo CD).
    """

    paths: tuple[str, ...]
    target: dict[str, str] = field(default_factory=dict)
    source: str = ""
    jq: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Application:
    """How one engine object applies what it renders.

    Attributes:
        ref: the engine object.
        manager: the field manager of its server-side apply.
        takes_over: whether it folds the fields of `kubectl*` managers into its own (Flux, not Argo CD).
        migrates: the client-side manager whose fields it folds into its own when it syncs (Argo CD).
        client_side: whether it applies by a three-way merge with what it applied last (Argo CD).
        prune: whether it deletes what it applied once and renders no more.
        force: whether it recreates what is immutable.
        suspended: whether it is not being reconciled.
        enforces: whether it corrects an edit between two changes of Git.
        ignore: its own ignore rules.
        namespace: of objects that name none, where the engine sets one.
        makes_namespace: whether it makes that namespace.
        refuses_shared: whether it applies nothing while one of its objects has the mark of another (Argo CD).
        instance_label: the label by which it knows its objects, where it knows them by one (Argo CD).
    """

    ref: EngineRef
    manager: str
    takes_over: bool = False
    migrates: str = ""
    client_side: bool = False
    prune: bool = False
    force: bool = False
    suspended: bool = False
    enforces: bool = True
    ignore: tuple[IgnoreRule, ...] = ()
    namespace: str = ""
    makes_namespace: bool = False
    refuses_shared: bool = False
    instance_label: str = ""


@dataclass(frozen=True)
class Desired:
    """One object as the engine would apply it.

    Attributes:
        object: the manifest, engine labels included.
        application: how it is applied.
        origin: where it is written.
        sealed: paths of values that could not be decrypted.
        problem: why it cannot be rendered or applied, as `code: message`, or an empty string.
        doubt: why the engine may render it otherwise than we did, or an empty string.
    """

    object: dict[str, Any]
    application: Application
    origin: Origin = NOWHERE
    sealed: tuple[str, ...] = ()
    problem: str = ""
    doubt: str = ""

    @cached_property
    def key(self) -> Key:
        """Its identity."""
        return key_of(self.object)

    def written(self, manifest: dict[str, Any]) -> Desired:
        """The same object, written in another way."""
        other = dataclasses.replace(self, object=manifest)
        other.__dict__["key"] = self.key
        return other


class Blame(NamedTuple):
    """Who owns a field of a live object, by its managedFields."""

    manager: str
    operation: str
    time: str


class Difference(NamedTuple):
    """One place where live is not what the engine would make of it.

    Attributes:
        path: JSON pointer; an item of a keyed list is `containers[name=app]`.
        change: value, order, quantity-equal, defaulted, removed (desired, not live), added (live only).
        desired: what the engine would leave there, None when nothing.
        live: what is there, None when nothing.
        blame: owners of the live field, newest first.
    """

    path: str
    change: str
    desired: Any
    live: Any
    blame: tuple[Blame, ...] = ()


class ObjectVerdict(NamedTuple):
    """What one object is, and why."""

    api_version: str
    key: Key
    verdict: str
    next: str
    proof: str | None
    engine: EngineRef | None
    origin: Origin = NOWHERE
    differences: tuple[Difference, ...] = ()
    reason: str | None = None


def group_of(api_version: str) -> str:
    """The group of an `apiVersion`, empty for the core."""
    return api_version.partition("/")[0] if "/" in api_version else ""


def key_of(manifest: dict[str, Any]) -> Key:
    """The identity of a manifest."""
    metadata = manifest.get("metadata") or {}
    return Key(
        group_of(str(manifest.get("apiVersion", ""))),
        str(manifest.get("kind", "")),
        str(metadata.get("namespace") or ""),
        str(metadata.get("name") or ""),
    )
