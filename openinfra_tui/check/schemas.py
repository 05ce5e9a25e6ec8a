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
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import yamlio
from openinfra_tui.check.report import Fault, Repository, dig, is_object, named
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KUBERNETES = "1.33"
_META = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
_MAX_ERRORS = 3


@dataclass(frozen=True)
class Schemas:
    """Strict JSON Schemas of custom resources by (apiVersion, kind)."""

    custom: Mapping[tuple[str, str], dict[str, Any]]


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
            spec = item.get("spec") or {}
            for version in spec.get("versions") or []:
                schema = dig(version, "schema.openAPIV3Schema")
                if schema:
                    key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                    custom[key] = _whole(schema)
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


def check_schemas(repository: Repository, crds: Path | None) -> tuple[list[Fault], int, Counter[str]]:
    """Faults of kind `schema`, the number of objects that a schema judged, and the kinds without one."""
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
    faults: list[Fault] = []
    validated = 0
    missing: Counter[str] = Counter()
    for place, item in places:
        if not is_object(item):
            faults.append(Fault("schema", place, "an object lacks apiVersion, kind or metadata"))
            continue
        item = {key: value for key, value in item.items() if key != "sops"}
        errors = _judge(schemas, item)
        if errors is None:
            missing[f"{item['apiVersion']}/{item['kind']}"] += 1
            continue
        validated += 1
        faults += [Fault("schema", place, f"{named(item)}: {text}") for text in errors]
    return faults, validated, missing


def _judge(schemas: Schemas, item: dict[str, Any]) -> list[str] | None:
    """What a schema says against an object; None when there is no schema."""
    import jsonschema

    custom = schemas.custom.get((item["apiVersion"], item["kind"]))
    if custom is not None:
        found = sorted(
            jsonschema.Draft7Validator(custom).iter_errors(item),
            key=lambda error: list(map(str, error.absolute_path)),
        )
        return [_text(error, secret=False) for error in found[:_MAX_ERRORS]]
    group = item["apiVersion"].rpartition("/")[0]
    if "." in group and not group.endswith(".k8s.io"):
        return None
    import kubernetes_validate
    from kubernetes_validate.utils import SchemaNotFoundError

    try:
        kubernetes_validate.validate(item, KUBERNETES, strict=True)
    except SchemaNotFoundError:
        return None
    except kubernetes_validate.ValidationError as error:
        return [_text(error, secret=item["kind"] == "Secret")]
    return []


def _text(error: Any, *, secret: bool) -> str:
    where = ".".join(str(part) for part in error.absolute_path) or "object"
    if secret or (error.validator not in ("additionalProperties", "required") and len(error.message) > 300):
        return f"{where}: does not satisfy {error.validator}"
    return f"{where}: {error.message}"
