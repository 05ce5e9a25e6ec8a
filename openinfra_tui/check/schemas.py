"""Objects against schemas: Kubernetes' own kinds, and custom resources whose definitions are at hand.

Definitions come from the repository itself, from a folder that the user names, and for the kinds that we
write from shapes that travel in the wheel. A schema is read strictly: a field that it does not know would be
dropped by the API server (or refused by a strict client), so it is a fault, except below
`x-kubernetes-preserve-unknown-fields`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

from openinfra_tui import yamlio
from openinfra_tui.check import kubernetes
from openinfra_tui.check.report import (
    Fault,
    Repository,
    dig,
    is_object,
    mapping,
    mappings,
    named,
)
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_META = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
_MAX_ERRORS = 3


@dataclass(frozen=True)
class Schemas:
    """Strict JSON Schemas of custom resources by (apiVersion, kind), each compiled once."""

    custom: Mapping[tuple[str, str], dict[str, Any]]
    _compiled: dict[tuple[str, str], Draft7Validator] = field(default_factory=dict, repr=False)

    def validator(self, kind: tuple[str, str]) -> Draft7Validator:
        """The validator of a kind in `custom`."""
        if kind not in self._compiled:
            self._compiled[kind] = Draft7Validator(self.custom[kind])
        return self._compiled[kind]


def read_crds(folder: Path | None, objects: Iterable[dict[str, Any]]) -> Schemas:
    """The schemas that travel, over them those of a folder and those among the objects.

    Raises:
        UserError: the folder does not exist or holds a file that is not YAML.
    """
    found = list(objects)
    if folder is not None:
        if not folder.is_dir():
            raise UserError(
                f"{folder} is not a folder of CustomResourceDefinitions", "name one, or leave it out"
            )
        for file in sorted(folder.rglob("*.y*ml")):
            try:
                found += yamlio.load_all(file.read_bytes())
            except yaml.YAMLError as error:
                raise UserError(f"{file} is not YAML: {error}") from error
    custom = dict(_travelling())
    for item in found:
        if is_object(item) and item["kind"] == "CustomResourceDefinition":
            for version in mappings(item, "spec.versions"):
                schema = mapping(version, "schema.openAPIV3Schema")
                if schema:
                    api = f"{dig(item, 'spec.group')}/{version.get('name')}"
                    custom[api, str(dig(item, "spec.names.kind"))] = _whole(schema)
    return Schemas(custom)


@cache
def _travelling() -> Mapping[tuple[str, str], dict[str, Any]]:
    """The custom resources that `generate` writes: names and types, written by `scripts/crd_shapes.py`."""
    file = resources.files("openinfra_tui.check") / "shapes" / "crds.json"
    shapes: dict[str, dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return {
        (name.rpartition("/")[0], name.rpartition("/")[2]): _whole(shape) for name, shape in shapes.items()
    }


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = strict({**schema, "properties": {**(schema.get("properties") or {}), **_META}})
    return found


def strict(schema: Any) -> Any:
    """An OpenAPI v3 structural schema as JSON Schema that refuses unknown fields."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {
        key: value
        for key, value in schema.items()
        if not key.startswith("x-") and key not in ("nullable", "default", "format")
    }
    for key in ("properties", "patternProperties"):
        if isinstance(out.get(key), dict):
            out[key] = {name: strict(item) for name, item in out[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(out.get(key), dict):
            out[key] = strict(out[key])
    _validations(out)
    _drop_foreign_pattern(out)
    if schema.get("x-kubernetes-int-or-string"):
        out.pop("type", None)
        out.pop("anyOf", None)
        return {**out, "type": ["integer", "string"]}
    embedded = schema.get("x-kubernetes-embedded-resource")
    kept = schema.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in out and "additionalProperties" not in out and not (kept or embedded):
        out["additionalProperties"] = False
    if schema.get("nullable") and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
        if "enum" in out:
            out["enum"] = [*out["enum"], None]
    return out


def _validations(out: dict[str, Any]) -> None:
    """Bring one schema's value validations from OpenAPI 3.0 to JSON Schema, in place.

    They restate fields and never close an object.
    """
    for key in ("allOf", "anyOf", "oneOf", "not"):
        if key in out:
            out[key] = _open(out[key])
    for key in ("exclusiveMinimum", "exclusiveMaximum"):  # booleans in OpenAPI 3.0, numbers in JSON Schema
        if isinstance(out.get(key), bool):
            bound = "minimum" if key.endswith("Minimum") else "maximum"
            if out.pop(key) and bound in out:
                out[key] = out.pop(bound)


def _open(schema: Any) -> Any:
    """A value validation without OpenAPI's own words."""
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _open(value)
        for key, value in schema.items()
        if not key.startswith("x-") and key not in ("nullable", "format")
    }
    _drop_foreign_pattern(kept)
    return kept


def _drop_foreign_pattern(schema: dict[str, Any]) -> None:
    """Drop a pattern in Go's dialect that Python cannot read (`(?i)` inside): the server judges it."""
    try:
        re.compile(schema["pattern"] if isinstance(schema.get("pattern"), str) else "")
    except re.error:
        del schema["pattern"]


@dataclass(frozen=True)
class Judged:
    """What schemas said about the objects of a repository.

    Attributes:
        faults: of kind `schema`.
        validated: the number of objects that a schema judged.
        missing: the kinds without a schema.
        versions: Kubernetes minor of a site's answers → minor of the schemas that were used for it.
    """

    faults: list[Fault]
    validated: int
    missing: Counter[str]
    versions: dict[str, str]


def check_schemas(repository: Repository, crds: Path | None) -> Judged:
    """Judge each object by the schemas nearest to the Kubernetes of its site."""
    places: list[tuple[str, dict[str, Any]]] = []
    for pairs in repository.clusters().values():
        places += pairs
    for folder, items in repository.builds.items():
        if not folder.startswith("clusters/"):
            places += [(folder, item) for item in items]
    raw = [
        item for documents in repository.documents.values() for item in documents if isinstance(item, dict)
    ]
    schemas = read_crds(crds, [*raw, *(item for _, item in places)])
    out = Judged([], 0, Counter(), {})
    validated = 0
    for place, item in places:
        if not is_object(item):
            out.faults.append(Fault("schema", place, "an object lacks apiVersion, kind or metadata"))
            continue
        item = {key: value for key, value in item.items() if key != "sops"}
        wanted = _minor_of(repository, place)
        used = out.versions.setdefault(wanted, kubernetes.nearest(wanted)) if wanted else kubernetes.newest()
        errors = _judge(schemas, item, used)
        if errors is None:
            out.missing[f"{item['apiVersion']}/{item['kind']}"] += 1
            continue
        validated += 1
        out.faults.extend(Fault("schema", place, f"{named(item)}: {text}") for text in errors)
    return replace(out, validated=validated)


def _minor_of(repository: Repository, place: str) -> str:
    """The Kubernetes minor that the site of a place answers, or an empty string."""
    parts = place.split("/")
    documents = repository.documents.get(f"sites/{parts[1]}/site.yaml", ()) if len(parts) > 1 else ()
    found = str(dig(documents[0], "spec.kubernetes.version") or "") if documents else ""
    match = re.match(r"v?(\d+\.\d+)", found)
    return match.group(1) if match else ""


def _judge(schemas: Schemas, item: dict[str, Any], minor: str) -> list[str] | None:
    """What a schema says against an object; None when there is no schema."""
    kind = (item["apiVersion"], item["kind"])
    if kind in schemas.custom:
        found = sorted(
            schemas.validator(kind).iter_errors(item),
            key=lambda error: list(map(str, error.absolute_path)),
        )
        return [_text(error, secret=False) for error in found[:_MAX_ERRORS]]
    group = item["apiVersion"].rpartition("/")[0]
    if "." in group and not group.endswith(".k8s.io"):
        return None
    validator = kubernetes.validator(*kind, minor)
    if validator is None:
        return None
    worst = best_match(validator.iter_errors(item))
    return [] if worst is None else [_text(worst, secret=item["kind"] == "Secret")]


def _text(error: Any, *, secret: bool) -> str:
    where = ".".join(str(part) for part in error.absolute_path) or "object"
    if secret or (error.validator not in ("additionalProperties", "required") and len(error.message) > 300):
        return f"{where}: does not satisfy {error.validator}"
    return f"{where}: {error.message}"
