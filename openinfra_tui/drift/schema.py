"""The types of a cluster's objects, from its OpenAPI v3 documents.

Only what a merge needs: which lists have keys or are sets, which maps are atomic, defaults of list keys, and
which strings are quantities, times or bytes. Legacy `x-kubernetes-patch-merge-key` also makes a list
associative where no list type is given (kube-openapi, smd.go).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


class Type:
    """One node of a schema; children are resolved when they are asked for.

    Attributes:
        node: the schema with its reference resolved.
        name: the name of the definition that it refers to, or an empty string.
    """

    def __init__(self, node: Mapping[str, Any], definitions: Mapping[str, Any]) -> None:
        name = ""
        outer = node
        while (reference := node.get("$ref") or _only_reference(node)) is not None:
            name = str(reference).rpartition("/")[2]
            node = definitions.get(name, {})
        # Annotations beside an `allOf` reference count, such as the list type of a field.
        self.node: Mapping[str, Any] = {**node, **{k: v for k, v in outer.items() if k.startswith("x-kube")}}
        self.name = name
        self._definitions = definitions
        self._fields: dict[str, Self | None] = {}

    def field(self, name: str) -> Self | None:
        """The type of a field, or None when the schema does not declare it."""
        if name not in self._fields:
            properties = self.node.get("properties") or {}
            extra = self.node.get("additionalProperties")
            found = properties.get(name) or (extra if isinstance(extra, dict) else None)
            self._fields[name] = type(self)(found, self._definitions) if found is not None else None
        return self._fields[name]

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        """The fields of a struct; empty for a map and for what has a form of its own."""
        found = self.node.get("properties")
        return found if isinstance(found, dict) else {}

    @cached_property
    def sort(self) -> str:
        """The short name of the definition that it refers to, such as `PodSpec`."""
        return self.name.rpartition(".")[2]

    @cached_property
    def required(self) -> frozenset[str]:
        """The fields that a struct always has."""
        return frozenset(self.node.get("required") or ())

    @cached_property
    def structs(self) -> tuple[str, ...]:
        """The fields of a struct that are structs themselves, and no pointers: their default is `{}`."""
        return tuple(
            name
            for name, node in self.properties.items()
            if node.get("default") == {} and (found := self.field(name)) is not None and found.properties
        )

    @cached_property
    def items(self) -> Self | None:
        """The type of the items of a list."""
        found = self.node.get("items")
        return type(self)(found, self._definitions) if isinstance(found, dict) else None

    @cached_property
    def list_keys(self) -> tuple[str, ...]:
        """The keys of a keyed list; empty for any other."""
        sort = self.node.get("x-kubernetes-list-type")
        if sort == "map":
            return tuple(self.node.get("x-kubernetes-list-map-keys") or ())
        if sort is None and "merge" in str(self.node.get("x-kubernetes-patch-strategy", "")):
            key = self.node.get("x-kubernetes-patch-merge-key")
            return (str(key),) if key else ()
        return ()

    @cached_property
    def is_set(self) -> bool:
        """Whether a list is a set."""
        sort = self.node.get("x-kubernetes-list-type")
        if sort is None and "merge" in str(self.node.get("x-kubernetes-patch-strategy", "")):
            return not self.node.get("x-kubernetes-patch-merge-key")
        return sort == "set"

    @cached_property
    def is_atomic_map(self) -> bool:
        """Whether a map or struct is replaced as a whole."""
        return self.node.get("x-kubernetes-map-type") == "atomic"

    @cached_property
    def key_defaults(self) -> dict[str, Any]:
        """Defaults of the keys of a keyed list, where the schema has one."""
        properties = (self.items.node.get("properties") or {}) if self.items else {}
        return {
            key: properties[key]["default"]
            for key in self.list_keys
            if "default" in (properties.get(key) or {})
        }

    @cached_property
    def strategic(self) -> StrategicType:
        """The same type as a strategic merge patch sees it."""
        return StrategicType(self.node, self._definitions)

    @property
    def is_quantity(self) -> bool:
        """Whether this is Kubernetes' own Quantity, which the server writes in one form."""
        return self.name == _QUANTITY

    @property
    def is_time(self) -> bool:
        """Whether this is Kubernetes' own Time, which the server keeps in whole seconds of UTC."""
        return self.name == _TIME

    @property
    def is_bytes(self) -> bool:
        """Whether this is base64 that the server decodes and encodes again."""
        return self.node.get("format") == "byte"

    @property
    def is_int_or_string(self) -> bool:
        """Whether a number and a string are both allowed here."""
        return self.name == _INT_OR_STRING or bool(self.node.get("x-kubernetes-int-or-string"))


class StrategicType(Type):
    """A type as a strategic merge patch sees it: by patch strategy and patch merge key alone."""

    @cached_property
    def _strategies(self) -> frozenset[str]:
        return frozenset(str(self.node.get("x-kubernetes-patch-strategy", "")).split(","))

    @cached_property
    def list_keys(self) -> tuple[str, ...]:
        """The merge key of a list; empty for any other."""
        key = self.node.get("x-kubernetes-patch-merge-key") if "merge" in self._strategies else None
        return (str(key),) if key else ()

    @cached_property
    def is_set(self) -> bool:
        """Whether a list of scalars is merged."""
        return "merge" in self._strategies and not self.list_keys and self.node.get("type") == "array"

    @cached_property
    def is_atomic_map(self) -> bool:
        """No map is."""
        return False

    @property
    def retains(self) -> bool:
        """Whether a change of a map, or of an item of a list, takes away what is not stated."""
        return "retainKeys" in self._strategies


def _only_reference(node: Mapping[str, Any]) -> str | None:
    parts = node.get("allOf")
    if isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], dict):
        reference = parts[0].get("$ref")
        return str(reference) if reference else None
    return None


class Schemas:
    """The types of many groups, by apiVersion and kind."""

    def __init__(self, documents: Mapping[str, Mapping[str, Any]] | None = None, digest: str = "") -> None:
        """Take documents as `/openapi/v3/...` serves them, by apiVersion.

        Args:
            documents: the documents.
            digest: of all of them; empty where it is not known.
        """
        self.digest = digest
        self._documents = dict(documents or {})
        self._types: dict[tuple[str, str], Type | None] = {}

    def find(self, api_version: str, kind: str) -> Type | None:
        """The type of a kind in one version, or None when there is no schema of it."""
        wanted = (api_version, kind)
        if wanted not in self._types:
            self._types[wanted] = self._search(api_version, kind)
        return self._types[wanted]

    def _search(self, api_version: str, kind: str) -> Type | None:
        document = self._documents.get(api_version)
        if document is None:
            return None
        group, _, version = api_version.rpartition("/")
        definitions: Mapping[str, Any] = (document.get("components") or {}).get("schemas") or {}
        for node in definitions.values():
            for gvk in node.get("x-kubernetes-group-version-kind") or ():
                if (gvk.get("group"), gvk.get("version"), gvk.get("kind")) == (group, version, kind):
                    return Type(node, definitions)
        return None
