"""What a HelmRelease applied last: the manifest that Helm keeps in its release Secret.

It is what helm-controller itself compares with the cluster, and the only honest source for charts that make
random values. The Secret is read by name; its content is never shown unmasked.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui.drift.desired import goyaml
from openinfra_tui.drift.model import Application, Desired, EngineRef, IgnoreRule, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MANAGER = "helm-controller"
_LARGEST = 64 << 20  # a release fits into a Secret of 1 MiB; a bomb does not fit here


def storage_of(release: Mapping[str, Any]) -> tuple[str, str] | None:
    """Namespace and name of the Secret of the newest release of a live HelmRelease, None before the first."""
    status = release.get("status") or {}
    history = status.get("history") or ()
    if not history or not isinstance(history[0], dict):
        return None
    newest = history[0]
    namespace = str(status.get("storageNamespace") or newest.get("namespace") or "")
    return namespace, f"sh.helm.release.v1.{newest.get('name')}.v{newest.get('version')}"


def manifest_of(secret: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The objects of a release Secret, hooks left out; None when it is not one."""
    try:
        packed = base64.b64decode(base64.b64decode(str((secret.get("data") or {})["release"])))
        unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        release = json.loads(unzip.decompress(packed, _LARGEST))
        documents = goyaml.load_all(str(release["manifest"]))
    except (KeyError, TypeError, ValueError, binascii.Error, gzip.BadGzipFile, zlib.error, yaml.YAMLError):
        return None
    flat: list[dict[str, Any]] = []
    for item in documents:
        if isinstance(item, dict):
            listed = str(item.get("kind", "")).endswith("List") and isinstance(item.get("items"), list)
            flat += item["items"] if listed else [item]
    return flat


def application_of(release: Mapping[str, Any]) -> Application:
    """How helm-controller corrects what a HelmRelease holds."""
    spec, metadata = release.get("spec") or {}, release.get("metadata") or {}
    detection = spec.get("driftDetection") or {}
    rules = tuple(
        IgnoreRule(
            tuple(str(path) for path in rule.get("paths") or ()),
            {str(key): str(value) for key, value in (rule.get("target") or {}).items()},
            "spec.driftDetection.ignore",
        )
        for rule in detection.get("ignore") or ()
    )
    return Application(
        EngineRef("HelmRelease", str(metadata.get("namespace") or ""), str(metadata.get("name") or "")),
        MANAGER,
        suspended=bool(spec.get("suspend")),
        enforces=detection.get("mode") == "enabled",
        ignore=rules,
    )


def desired(
    release: Mapping[str, Any], objects: list[dict[str, Any]], origin: Origin, namespaced: Mapping[Any, bool]
) -> list[Desired]:
    """The objects of a release as helm-controller compares them.

    Args:
        release: the live HelmRelease.
        objects: of `manifest_of`.
        origin: where the HelmRelease is written.
        namespaced: by apiVersion and kind, whether objects have a namespace.
    """
    newest = release["status"]["history"][0]
    names = str(newest.get("name")), str(newest.get("namespace"))
    application = application_of(release)
    return [Desired(item, application, origin) for item in dressed(objects, *names, namespaced)]


def dressed(
    objects: Iterable[Mapping[str, Any]], name: str, namespace: str, namespaced: Mapping[Any, bool]
) -> Iterator[dict[str, Any]]:
    """The objects of a release with the labels, annotations and namespace that helm-controller gives them."""
    for item in objects:
        metadata = dict(item.get("metadata") or {})
        metadata["labels"] = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
        metadata["annotations"] = {
            **(metadata.get("annotations") or {}),
            "meta.helm.sh/release-name": name,
            "meta.helm.sh/release-namespace": namespace,
        }
        kind = (str(item.get("apiVersion")), str(item.get("kind")))
        if namespaced.get(kind) and not metadata.get("namespace"):
            metadata["namespace"] = namespace
        yield {**item, "metadata": metadata}
