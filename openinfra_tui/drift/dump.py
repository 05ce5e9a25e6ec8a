"""A cluster as it was when somebody wrote it down: `kubectl get -o yaml|json`, a List, a folder of those."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.drift.desired import goyaml
from openinfra_tui.drift.live import Live
from openinfra_tui.drift.mask import LAST_APPLIED
from openinfra_tui.drift.model import group_of
from openinfra_tui.drift.schema import Schemas
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SALT = "openinfra.dev/digest-salt"
_PREFIX = "hmac-sha256:"
_SUFFIXES = (".json", ".yaml", ".yml")


def read(path: Path) -> tuple[Live, str]:
    """The cluster of a dump, and the salt of its digests (empty when its secrets are in clear).

    Raises:
        UserError: nothing of it can be read.
    """
    files = sorted(item for item in path.rglob("*") if item.suffix in _SUFFIXES) if path.is_dir() else [path]
    live = Live()
    salt = ""
    schemas: dict[str, Any] = {}
    for file in files:
        for document in _documents(file):
            salt = salt or str(((document.get("metadata") or {}).get("annotations") or {}).get(SALT, ""))
            live.add(_flat(document))
            more = document.get("openinfra") or {}
            live.scopes |= {(version, kind): scoped for version, kind, scoped in more.get("kinds") or ()}
            schemas |= more.get("schemas") or {}
    if not live.objects:
        raise UserError(f"{path} holds no Kubernetes object", "write one with `openinfra-tui dump`")
    for version, key in live.objects:
        kind = (version, key.kind)
        live.scopes[kind] = live.scopes.get(kind, False) or bool(key.namespace)
    live.schemas = Schemas(schemas)
    namespaces = live.of_kind("", "Namespace")
    if namespaces:
        live.add_namespaces(namespaces)
    for item in namespaces:
        if item["metadata"]["name"] == "kube-system":
            live.uid = str(item["metadata"].get("uid") or "")
    return live, salt


def write(
    objects: Iterable[Mapping[str, Any]],
    salt: str,
    kinds: Mapping[tuple[str, str], bool],
    documents: Mapping[str, Mapping[str, Any]],
) -> str:
    """A dump of objects: one List in JSON, each secret value replaced by its digest.

    Args:
        objects: of the cluster.
        salt: of the digests.
        kinds: what was listed, by apiVersion and kind, and whether its objects have a namespace.
        documents: OpenAPI v3 by apiVersion.
    """
    document = {
        "apiVersion": "v1",
        "kind": "List",
        "metadata": {"annotations": {SALT: salt}},
        "openinfra": {
            "kinds": [[version, kind, namespaced] for (version, kind), namespaced in kinds.items()],
            "schemas": documents,
        },
        "items": [sealed(item, salt) for item in objects],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def sealed(manifest: Mapping[str, Any], salt: str) -> dict[str, Any]:
    """A Secret with digests for values; any object without its last-applied copy.

    Digests are keyed with a random salt that stands in the dump: equal values stay equal, and a weak value
    can still be guessed by who has the dump.
    """
    out = dict(manifest)
    metadata = dict(out.get("metadata") or {})
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != LAST_APPLIED}
    if "annotations" in metadata:
        metadata["annotations"] = annotations
    out["metadata"] = metadata
    if out.get("apiVersion") == "v1" and out.get("kind") == "Secret":
        for name in ("data", "stringData"):
            if isinstance(out.get(name), dict):
                out[name] = {key: digest(value, salt) for key, value in out[name].items()}
    return out


def digest(value: Any, salt: str) -> str:
    """The digest of one secret value."""
    text = "".join(str(value).split())
    return _PREFIX + hmac.new(salt.encode(), text.encode(), hashlib.sha256).hexdigest()


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        content = file.read_bytes()
        found = [json.loads(content)] if file.suffix == ".json" else goyaml.load_all(content)
    except (OSError, ValueError, yaml.YAMLError):
        raise UserError(f"{file} is neither JSON nor YAML") from None
    return [item for item in found if isinstance(item, dict)]


def _flat(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    kind = str(document.get("kind", ""))
    if kind.endswith("List") and isinstance(document.get("items"), list):
        typed = {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")}
        for item in document["items"]:
            yield item if item.get("kind") else {**typed, **item}
    elif kind and document.get("apiVersion") and (document.get("metadata") or {}).get("name"):
        yield document


def is_core_secret(manifest: Mapping[str, Any]) -> bool:
    """Whether an object is a Secret of Kubernetes itself."""
    return manifest.get("kind") == "Secret" and not group_of(str(manifest.get("apiVersion", "")))
