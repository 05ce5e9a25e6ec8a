"""Every version is one version: no `latest`, no range, nothing left to the day of the reconcile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from openinfra_tui.check.argocd import is_own, sources
from openinfra_tui.check.report import (
    Fault,
    Repository,
    dig,
    is_object,
    mapping,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXACT = re.compile(r"^v?\d+(\.\d+){1,3}([-+._][0-9A-Za-z.+-]+)?$")
_PART = re.compile(r"\.[xX](\.|$)")
_COMMIT = re.compile(r"^[0-9a-f]{40}$")
_LATEST = re.compile(r"^[\w.$/:-]+:latest$")
_TAG_KEYS = ("tag", "version", "targetRevision", "image")


def is_exact(version: object) -> bool:
    """Whether a chart version names exactly one version; as a tag of OCI it has `_` for `+`.

    `1.2` is exact in no chart repository: a range.
    """
    text = str(version)
    return bool(_EXACT.match(text)) and not _PART.search(text) and re.split(r"[-+_]", text)[0].count(".") >= 2


def check_versions(repository: Repository) -> list[Fault]:
    """Faults of kind `version`."""
    faults = set()
    for file, documents in repository.documents.items():
        for document in documents:
            for path, value in _strings(document):
                key = path.rsplit(".", 1)[-1]
                if _LATEST.match(value) or (key in _TAG_KEYS and value == "latest"):
                    faults.add(Fault("version", file, f"{path} is `latest`: name one version"))
            if is_object(document):
                faults |= {Fault("version", file, text) for text in _object(document, raw=True)}
    for folder, items in repository.builds.items():
        for item in items:
            faults |= {Fault("version", folder, text) for text in _object(item, raw=False)}
    return sorted(faults)


def _object(item: dict[str, Any], *, raw: bool) -> Iterator[str]:
    kind, api = item["kind"], item["apiVersion"]
    if kind == "HelmRelease" and api.startswith("helm.toolkit.fluxcd.io/"):
        chart = mapping(item, "spec.chart.spec")
        version = chart.get("version")
        if raw or not chart or dig(chart, "sourceRef.kind") in ("GitRepository", "Bucket"):
            return  # a file may leave the version to an overlay; in these sources the revision is the version
        if version is None:
            yield f"{named(item)} has no chart version: it would follow the newest"
        elif not is_exact(version):
            yield f"{named(item)} has chart version {version}: name one version"
    elif kind in ("GitRepository", "OCIRepository") and api.startswith("source.toolkit.fluxcd.io/"):
        if dig(item, "spec.ref.semver"):
            yield f"{named(item)} follows a range: {dig(item, 'spec.ref.semver')}"
    elif kind == "Application" and api.startswith("argoproj.io/"):
        for source in sources(item):
            revision = source.get("targetRevision", "")
            packaged = source.get("chart") or str(source.get("repoURL")).startswith("oci://")
            if packaged and not is_exact(revision):
                yield f"{named(item)} has chart version {revision}: name one version"
            foreign = not packaged and source.get("path") and not is_own(item, source)
            if foreign and not _COMMIT.match(str(revision)):
                yield f"{named(item)} follows {revision or 'HEAD'} of {source['repoURL']}: name a commit"


def _strings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _strings(item, f"{path}[{number}]")
    elif isinstance(value, str):
        yield path, value
