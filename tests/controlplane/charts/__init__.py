"""Charts of our own that behave like the real ones, built from tables of facts and one set of templates.

Helm deadlocks, hooks and merged values are Helm's and the values' doing, so the templates take from values
what the real charts take: passwords, replicas, dependencies, hook annotations, what is switched off.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.controlplane import crds

HERE = Path(__file__).parent
# An optional value of a chart, where the chart has it: its default of OpenStack-Helm.
_CEPH = {"conf": {"ceph": {"enabled": True}}}

Facts = Mapping[str, Any]


@functools.cache
def tables() -> dict[str, Facts]:
    """The facts of all charts, by name of chart."""
    return {
        name: facts
        for table in ("openstack.yaml", "core.yaml")
        for name, facts in yaml.load((HERE / table).read_text("utf-8"), yaml.CSafeLoader).items()
    }


def chart(name: str, version: str, kinds: Container[str] | None = None) -> dict[str, bytes]:
    """The files of a chart: path in the chart → content.

    Args:
        name: one of the tables.
        version: what it says it is.
        kinds: of its CRDs only those of these kinds; all when left out.

    Raises:
        KeyError: there are no facts of a chart of that name.
        Missing: the CRDs that the chart brings are not on this machine.
    """
    facts = tables()[name]
    files = {
        "Chart.yaml": _yaml({"apiVersion": "v2", "name": name, "version": version}),
        "values.yaml": _yaml(values(facts)),
        "objects.yaml": _yaml(facts["objects"]),
        "secrets.yaml": _yaml(facts.get("secrets", [])),
    }
    templates = ["_helpers.tpl", "objects.yaml", *([facts["template"]] if "template" in facts else [])]
    if "crds" in facts:
        files["crds.json"] = json.dumps(_definitions(facts["crds"], kinds)).encode()
        templates.append("crds.yaml")
    for item in facts["objects"]:
        if "file" in item:
            # Without the chart's files: whoever includes it gives it a root that has none.
            files[f"templates/{item['file']}.yaml"] = (
                f'{{{{- include "object" (dict "root" . "object" (fromJson `{json.dumps(item)}`)) }}}}\n'.encode()
            )
    return files | {f"templates/{path}": (HERE / "templates" / path).read_bytes() for path in templates}


def values(facts: Facts) -> dict[str, Any]:
    """The default values of a chart, at the paths where the real chart has them."""
    objects = facts["objects"]
    switches = {
        item["when"].rpartition(".")[2] for item in objects if item.get("when", "").startswith("manifests.")
    }
    endpoints: dict[str, Any] = {}
    for name, host in facts.get("hosts", {}).items():
        endpoints.setdefault(name, {})["hosts"] = {"default": host}
    for name, users in facts.get("users", {}).items():
        endpoints.setdefault(name, {})["auth"] = {user: {"password": "password"} for user in users}
    found: dict[str, Any] = {
        "manifests": {name: name not in facts.get("disabled", []) for name in sorted(switches)},
        "endpoints": endpoints,
        "dependencies": {
            "static": {name: _needs(needs) for name, needs in facts.get("needs", {}).items()},
            "dynamic": {
                "targeted": {
                    backend: {name: _needs(needs) for name, needs in more.items()}
                    for backend, more in facts.get("backends", {}).items()
                }
            },
        },
        "pod": {"replicas": facts.get("replicas", {})},
        "annotations": {"job": {}},
        "extraObjects": [],
        "conf": {},
        **facts.get("values", {}),
    }
    if "backend" in facts:
        found["network"] = {"backend": facts["backend"]}
    if any("ceph" in item for item in objects):
        found |= _CEPH
    return found | _volumes(objects)


def _needs(needs: Facts) -> dict[str, Any]:
    services = [{"endpoint": "internal", "service": name} for name in needs.get("services", [])]
    return {**needs, **({"services": services} if services else {})}


def _volumes(objects: Iterable[Facts]) -> dict[str, Any]:
    """What OpenStack-Helm's charts say of the volume of each claim."""
    found: dict[str, Any] = {}
    for item in objects:
        if "claim" in item:
            here = found
            for step in item["claim"]["at"].split("."):
                here = here.setdefault(step, {})
            here |= {"class_name": "general", "size": "5Gi"}
    return found


def _definitions(groups: Iterable[str], kinds: Container[str] | None) -> list[Any]:
    """CRDs without their prose: Helm keeps a chart twice in one Secret, which holds a mebibyte."""
    return [
        without_prose(crd)
        for group in groups
        for crd in crds.load(group)
        if kinds is None or crd["spec"]["names"]["kind"] in kinds
    ]


def without_prose(schema: Any, *, names: bool = False) -> Any:
    """A schema without its descriptions.

    `names`: the keys here are names of properties, of which one may be called description.
    """
    if isinstance(schema, dict):
        return {
            key: without_prose(value, names=key == "properties" and not names)
            for key, value in schema.items()
            if names or key != "description" or not isinstance(value, str)
        }
    return [without_prose(item) for item in schema] if isinstance(schema, list) else schema


def _yaml(content: Any) -> bytes:
    return yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False).encode()
