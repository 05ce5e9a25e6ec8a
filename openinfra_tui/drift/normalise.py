"""A manifest as the engine sends it, and two objects as the engine compares them (drift.md A2)."""

from __future__ import annotations

import base64
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from openinfra_tui.drift.model import group_of
from openinfra_tui.drift.pointer import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openinfra_tui.drift.model import IgnoreRule

# What the server owns; a value of it in Git is dropped before an apply, except what makes every apply fail.
_SERVER_METADATA = ("creationTimestamp", "selfLink", "generation", "deletionTimestamp")


def for_apply(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest as the engines send it: `stringData` folded, no `status`, no server metadata."""
    out = {name: value for name, value in manifest.items() if name != "status"}
    metadata = {
        name: value for name, value in (out.get("metadata") or {}).items() if name not in _SERVER_METADATA
    }
    for name in ("labels", "annotations"):
        if name in metadata and metadata[name] is None:
            del metadata[name]
    out["metadata"] = metadata
    if out.get("apiVersion") == "v1" and out.get("kind") == "Secret" and out.get("stringData"):
        plain = {
            key: base64.b64encode(str(value).encode()).decode() for key, value in out["stringData"].items()
        }
        out = {name: value for name, value in out.items() if name != "stringData"}
        out["data"] = {**(out.get("data") or {}), **plain}
    return out


def compared(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an object that Flux compares: labels, annotations and all beside metadata and status."""
    metadata = manifest.get("metadata") or {}
    out = {name: value for name, value in manifest.items() if name not in ("metadata", "status")}
    out["metadata"] = {name: metadata[name] for name in ("labels", "annotations") if metadata.get(name)}
    return out


def rule_matches(rule: IgnoreRule, manifest: Mapping[str, Any]) -> bool:
    """Whether the target of an ignore rule selects an object; its regular expressions match whole."""
    metadata = manifest.get("metadata") or {}
    api_version = str(manifest.get("apiVersion", ""))
    facts = {
        "group": group_of(api_version),
        "version": api_version.rpartition("/")[2],
        "kind": str(manifest.get("kind", "")),
        "name": str(metadata.get("name", "")),
        "namespace": str(metadata.get("namespace") or ""),
    }
    for field, fact in facts.items():
        wanted = rule.target.get(field)
        if wanted and not re.fullmatch(wanted, fact):
            return False
    return all(
        selects(rule.target.get(f"{what}Selector", ""), metadata.get(f"{what}s") or {})
        for what in ("label", "annotation")
    )


def selects(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (`a=b,c!=d,e,!f`, `a in (b,c)`) selects labels."""
    for part in (piece.strip() for piece in re.split(r",(?![^(]*\))", selector) if piece.strip()):
        sets = re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", part)
        if sets:
            values = {value.strip() for value in sets[3].split(",")}
            if (labels.get(sets[1]) in values) != (sets[2] == "in"):
                return False
        elif "!=" in part:
            name, _, value = part.partition("!=")
            if labels.get(name.strip()) == value.strip():
                return False
        elif "=" in part:
            name, _, value = part.partition("=")
            if labels.get(name.strip()) != value.lstrip("=").strip():
                return False
        elif part.startswith("!"):
            if part[1:] in labels:
                return False
        elif part not in labels:
            return False
    return True


def without(manifest: Mapping[str, Any], pointers: Iterable[str]) -> dict[str, Any]:
    """A copy without what JSON pointers lead to; pointers that lead nowhere change nothing."""
    out = deepcopy(dict(manifest))
    for pointer in pointers:
        parts = parts_of(pointer)
        node: Any = out
        for part in parts[:-1]:
            node = _step(node, part)
        if not parts:
            return {}
        if isinstance(node, dict):
            node.pop(parts[-1], None)
        elif isinstance(node, list) and parts[-1].isdigit() and int(parts[-1]) < len(node):
            del node[int(parts[-1])]
    return out


def value_at(manifest: Any, pointer: str) -> Any:
    """What a JSON pointer leads to, or None."""
    node = manifest
    for part in parts_of(pointer):
        node = _step(node, part)
    return node


def _step(node: Any, part: str) -> Any:
    if isinstance(node, dict):
        return node.get(part)
    if isinstance(node, list) and part.isdigit() and int(part) < len(node):
        return node[int(part)]
    return None
