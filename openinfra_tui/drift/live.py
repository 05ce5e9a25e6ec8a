"""What is known about a cluster when verdicts are made, from an API server or from a dump."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.model import Key, key_of
from openinfra_tui.drift.normalise import selects
from openinfra_tui.drift.schema import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.drift.model import Desired


# Kubernetes, well-known labels: set by the API server, and immutable.
_NAME = "kubernetes.io/metadata.name"


@dataclass
class Live:
    """A cluster as far as it was read.

    Attributes:
        objects: by apiVersion and identity.
        absent: identities that were asked for by name and are not there.
        scopes: by apiVersion and kind, whether its objects have a namespace; what is not in it is not served.
        complete_scopes: `scopes` holds all that is served, so what is missing in it does not exist.
        failures: why a kind could not be read, by apiVersion and kind, as `code: message`.
        stale: group versions whose API service is down, with why.
        schemas: types.
        admission: what may change objects on their way in; None when it could not be read.
        namespaces: the names of all namespaces, None when they could not be read.
        ending: those that are being deleted.
        uid: of the namespace kube-system, which is the cluster's identity.
    """

    objects: dict[tuple[str, Key], dict[str, Any]] = field(default_factory=dict)
    absent: set[tuple[str, Key]] = field(default_factory=set)
    scopes: dict[tuple[str, str], bool] = field(default_factory=dict)
    complete_scopes: bool = False
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    schemas: Schemas = field(default_factory=Schemas)
    admission: Admission | None = None
    namespaces: set[str] | None = None
    ending: set[str] = field(default_factory=set)
    uid: str = ""

    def add(self, found: Iterable[dict[str, Any]]) -> None:
        """Take objects in."""
        for item in found:
            self.objects[str(item.get("apiVersion")), key_of(item)] = item

    def add_namespaces(self, found: Iterable[dict[str, Any]]) -> None:
        """Take in the list of all namespaces."""
        listed = list(found)
        self.add(listed)
        self.namespaces = {str(item["metadata"]["name"]) for item in listed}
        self.ending = {
            str(item["metadata"]["name"]) for item in listed if item["metadata"].get("deletionTimestamp")
        }

    def find(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """The live object of a manifest, in the manifest's version."""
        return self.objects.get((str(manifest.get("apiVersion")), key_of(dict(manifest))))

    def of(self, desired: Desired) -> dict[str, Any] | None:
        """The live object of a desired one, in the version of the latter."""
        return self.objects.get((str(desired.object.get("apiVersion")), desired.key))

    def of_kind(self, group: str, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind, in whatever version it was read."""
        return [item for (_, key), item in self.objects.items() if (key.group, key.kind) == (group, kind)]

    def api_versions(self) -> tuple[str, ...]:
        """What is served, as Helm names it: each group version, and each kind in it."""
        kinds = [f"{version}/{kind}" for version, kind in self.scopes]
        return tuple(sorted({*(version for version, _ in self.scopes), *kinds}))

    def versions(self, group: str, kind: str) -> list[str]:
        """The served apiVersions of a kind."""
        return [
            version
            for version, other in self.scopes
            if other == kind and (version.partition("/")[0] if "/" in version else "") == group
        ]


@dataclass(frozen=True)
class Admission:
    """Mutating webhooks and policies: whether one of them may touch an object on an update.

    Match conditions are taken as matching: a proof must not rest on our reading of CEL.
    """

    webhooks: tuple[dict[str, Any], ...] = ()
    policies: tuple[dict[str, Any], ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def touches(self, manifest: Mapping[str, Any], plural: str) -> bool:
        """Whether an update of this object may be changed.

        Args:
            manifest: the object.
            plural: the resource name of its kind.
        """
        return any(
            self._selected(hook, manifest) and any(_covers(rule, manifest, plural) for rule in rules)
            for hook, rules in self._hooks()
        )

    def _hooks(self) -> Iterable[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
        for configuration in self.webhooks:
            for hook in configuration.get("webhooks") or ():
                yield hook, hook.get("rules") or []
        for policy in self.policies:
            match = (policy.get("spec") or {}).get("matchConstraints") or {}
            yield match, match.get("resourceRules") or []

    def _selected(self, hook: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
        metadata = manifest.get("metadata") or {}
        namespace = str(metadata.get("namespace") or "")
        if manifest.get("kind") == "Namespace":
            namespace_labels: Mapping[str, str] | None = metadata.get("labels") or {}
        else:
            namespace_labels = self.namespaces.get(namespace) if namespace else {}
        chosen = hook.get("namespaceSelector")
        if namespace_labels is None and _names_only(chosen or {}):
            namespace_labels = {_NAME: namespace}
        if namespace and chosen and namespace_labels is not None and not _selects(chosen, namespace_labels):
            return False
        return _selects(hook.get("objectSelector") or {}, metadata.get("labels") or {})


def _names_only(selector: Mapping[str, Any]) -> bool:
    """Whether a selector looks at nothing but the label that the server itself keeps on every namespace."""
    keys = {*(selector.get("matchLabels") or {})}
    keys |= {str(item.get("key")) for item in selector.get("matchExpressions") or ()}
    return keys <= {_NAME}


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    words = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression["key"], expression["operator"]
        values = ",".join(expression.get("values") or ())
        words.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[operator]
        )
    return all(selects(word, labels) for word in words)


def _covers(rule: Mapping[str, Any], manifest: Mapping[str, Any], plural: str) -> bool:
    group, _, version = str(manifest.get("apiVersion", "")).rpartition("/")
    scope = "Namespaced" if (manifest.get("metadata") or {}).get("namespace") else "Cluster"

    def among(name: str, value: str) -> bool:
        values = rule.get(name) or ()
        return "*" in values or value in values

    resources = rule.get("resources") or ()
    # matchPolicy Equivalent also sees other versions of the group, so the version is not compared.
    return (
        among("apiGroups", group)
        and bool(version)
        and among("operations", "UPDATE")
        and any(item in ("*", "*/*", plural) for item in resources)
        and rule.get("scope", "*") in ("*", scope)
    )
