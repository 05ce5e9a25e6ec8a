"""What Argo CD would refuse, or take for something else, in a repository of Applications.

Sources of the rules: Argo CD, multiple sources (`$values/` paths), projects (what a project does not name is
denied), directory sources (`include`), OCI sources; both-engines-seen.md 2 (an encrypted Secret is applied as
it stands).
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from openinfra_tui.check.report import (
    KUSTOMIZATION_FILES,
    Fault,
    Place,
    Repository,
    clean,
    dig,
    is_kind,
    mapping,
    mappings,
    named,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "argoproj.io"
WAVE = "argocd.argoproj.io/sync-wave"
_READ_BY_NOBODY = ("site.yaml", "RUNBOOK.md")
_VALUES = "$values/"


def applications(entries: list[Place]) -> list[Place]:
    """The Applications among the objects of a cluster."""
    return [place for place in entries if is_kind(place[1], "Application", GROUP)]


def sources(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The sources of an Application; `source` is ignored where there are `sources`."""
    many = dig(item, "spec.sources")
    one = dig(item, "spec.source")
    found: list[Any] = many if isinstance(many, list) and many else [one]
    return [source for source in found if isinstance(source, dict)]


def wave(item: dict[str, Any]) -> int:
    """The sync wave of an object; 0 where none, or no number, is written."""
    text = str(mapping(item, "metadata.annotations").get(WAVE, "0"))
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else 0


def values_files(item: dict[str, Any]) -> list[str]:
    """The values files of this repository that an Application merges, in their order."""
    names = [name for source in sources(item) for name in texts(source, "helm.valueFiles")]
    return [name.removeprefix(_VALUES) for name in names if name.startswith(_VALUES)]


def folders(item: dict[str, Any]) -> Iterator[str]:
    """The folders of this repository that an Application applies."""
    for path in _own_paths(item):
        folder = clean(path)
        if folder is not None:
            yield folder


def is_own(item: dict[str, Any], source: dict[str, Any]) -> bool:
    """Whether a source with a path is this repository: the one of the values files, where there are some."""
    own = {str(other.get("repoURL")) for other in sources(item) if other.get("ref")}
    # Alone, ours follows a branch; manifests of another repository are pinned to a commit.
    pinned = len(str(source.get("targetRevision"))) == 40
    here = str(source.get("repoURL")) in own if own else not pinned
    return here and not source.get("chart") and not str(source.get("repoURL")).startswith("oci://")


def _own_paths(item: dict[str, Any]) -> Iterator[str]:
    for source in sources(item):
        if source.get("path") and is_own(item, source):
            yield str(source["path"])


def directories(repository: Repository) -> dict[str, tuple[dict[str, Any], ...]]:
    """Folder → objects of every folder of plain manifests that an Application applies."""
    found = {}
    for entries in repository.clusters().values():
        for _, item in applications(entries):
            for folder in folders(item):
                if not folder.startswith("clusters/"):
                    found[folder] = tuple(repository.objects_in(folder))
    return found


def check_argocd(repository: Repository) -> list[Fault]:
    """Faults of the Applications and projects of every cluster; none where there is no Application."""
    clusters = {folder: entries for folder, entries in repository.clusters().items() if applications(entries)}
    faults: list[Fault] = []
    for folder, entries in clusters.items():
        found = applications(entries)
        projects = {
            str(dig(item, "metadata.name")): (file, item)
            for file, item in entries
            if is_kind(item, "AppProject", GROUP)
        }
        names = Counter(str(dig(item, "metadata.name")) for _, item in found)
        for file, item in found:
            name = str(dig(item, "metadata.name"))
            texts = [*_paths(repository, item), *_permitted(repository, item, projects)]
            if names[name] > 1:
                texts.append(f"is defined {names[name]} times in this cluster")
            faults += [Fault("reference", file, f"{named(item)}: {text}") for text in texts]
        for file, item in projects.values():
            faults += [Fault("reference", file, f"{named(item)}: {text}") for text in _open(item)]
        faults += _unread(repository, folder, found)
    if clusters:
        faults += _ciphertext(repository)
        faults += _unreferenced(repository, [item for entries in clusters.values() for _, item in entries])
    return faults


def _paths(repository: Repository, item: dict[str, Any]) -> Iterator[str]:
    for path in _own_paths(item):
        folder = clean(path)
        if folder is None or not (repository.root / folder).is_dir():
            yield f"path {path} does not exist"
    for source in sources(item):
        missing_is_fine = dig(source, "helm.ignoreMissingValueFiles")
        for name in texts(source, "helm.valueFiles"):
            if name.startswith(_VALUES) and not missing_is_fine:
                place = clean(name.removeprefix(_VALUES))
                if place is None or not (repository.root / place).is_file():
                    yield f"values file {name} does not exist"
            if name.startswith("$") and not any(
                source.get("ref") == name[1:].split("/")[0] for source in sources(item)
            ):
                yield f"values file {name} names a source that is not there"


def _permitted(repository: Repository, item: dict[str, Any], projects: dict[str, Place]) -> Iterator[str]:
    name = str(dig(item, "spec.project"))
    if name not in projects:
        yield f"project {name} does not exist"
        return
    _, project = projects[name]
    if wave(project) >= wave(item) and dig(item, "metadata.name") != "root":
        yield f"project {name} is not applied before it: give it an earlier sync wave"
    for source in sources(item):
        url = str(source.get("repoURL"))
        if not any(fnmatchcase(url, known) for known in texts(project, "spec.sourceRepos")):
            yield f"project {name} does not permit the source {url}"
    target = mapping(item, "spec.destination")
    spaces = [str(target.get("namespace") or "")]
    for folder in folders(item):
        for other in () if folder.startswith("clusters/") else repository.objects_in(folder):
            space = dig(other, "metadata.namespace")
            if space:
                spaces.append(str(space))
            elif not _may_make(project, other):
                yield f"project {name} does not permit {named(other)}, an object without a namespace"
    for space in dict.fromkeys(spaces):
        if not _may_write(project, target, space):
            where = space or "(none)"
            yield f"project {name} does not permit the namespace {where} of {_server(target)}"


def _server(target: dict[str, Any]) -> str:
    return str(target.get("server") or target.get("name"))


def _may_write(project: dict[str, Any], target: dict[str, Any], space: str) -> bool:
    return any(
        fnmatchcase(_server(target), _server(known)) and fnmatchcase(space, str(known.get("namespace") or ""))
        for known in mappings(project, "spec.destinations")
    )


def _may_make(project: dict[str, Any], item: dict[str, Any]) -> bool:
    group = str(item["apiVersion"]).rpartition("/")[0]
    return any(
        fnmatchcase(group, str(known.get("group"))) and fnmatchcase(str(item["kind"]), str(known.get("kind")))
        for known in mappings(project, "spec.clusterResourceWhitelist")
    )


def _open(project: dict[str, Any]) -> Iterator[str]:
    """Where a project permits everything."""
    if "*" in texts(project, "spec.sourceRepos"):
        yield "takes from every repository: name them in sourceRepos"
    for known in mappings(project, "spec.destinations"):
        if known.get("namespace") == "*" or _server(known) == "*":
            yield "writes everywhere: name server and namespace in destinations"
    for known in mappings(project, "spec.clusterResourceWhitelist"):
        if known.get("kind") == "*":
            yield "makes every kind of object without a namespace: name them in clusterResourceWhitelist"


def _unread(repository: Repository, folder: str, found: list[Place]) -> Iterator[Fault]:
    """Files below a cluster's entry that no Application of it reads, and that are not the entry itself."""
    roots = [
        (file, source)
        for file, item in found
        for source in sources(item)
        if clean(source.get("path")) == folder and not source.get("chart")
    ]
    if not roots:
        yield Fault("reference", folder, "no Application applies this folder: there is no root")
        return
    for file in repository.documents:
        inner = file.removeprefix(f"{folder}/")
        outside = not file.startswith(f"{folder}/") or file in {root for root, _ in roots}
        if not outside and not any(_includes(source, inner) for _, source in roots):
            yield Fault("reference", file, "is applied by nothing: the root Application leaves it out")


def _includes(source: dict[str, Any], file: str) -> bool:
    directory = mapping(source, "directory")
    if "/" in file and not directory.get("recurse"):
        return False
    include, exclude = str(directory.get("include") or "*"), str(directory.get("exclude") or "")
    return _matches(include, file) and not (exclude and _matches(exclude, file))


def _matches(pattern: str, file: str) -> bool:
    """Whether a path matches a glob of Argo CD: one pattern, or several in braces."""
    inner = pattern[1:-1].split(",") if pattern.startswith("{") and pattern.endswith("}") else [pattern]
    return any(fnmatchcase(file, each) for each in inner)


def _ciphertext(repository: Repository) -> Iterator[Fault]:
    for file, documents in repository.documents.items():
        for item in documents:
            if isinstance(item, dict) and item.get("kind") == "Secret" and "sops" in item:
                yield Fault(
                    "secret",
                    file,
                    f"{named(item)} is encrypted: Argo CD would apply the ciphertext as the value; "
                    "put it into an encrypted values file",
                )


def bases(repository: Repository, folder: str) -> Iterator[str]:
    """The folders of this repository that the kustomization of a folder takes in, one level deep."""
    for name in KUSTOMIZATION_FILES:
        for item in repository.documents.get(f"{folder}/{name}", ()):
            for path in texts(item, "resources"):
                place = posixpath.normpath(f"{folder}/{path}")
                if (repository.root / place).is_dir():
                    yield place


def _unreferenced(repository: Repository, items: list[dict[str, Any]]) -> Iterator[Fault]:
    """Files of what and with what that no Application reads."""
    found = [item for item in items if is_kind(item, "Application", GROUP)]
    read = {file for item in found for file in values_files(item)}
    applied = {folder for item in found for folder in folders(item)}
    applied |= {base for folder in applied for base in bases(repository, folder)}
    for file in repository.files:
        parts = file.split("/")
        ours = parts[0] == "components" or (
            parts[0] == "sites" and not (len(parts) == 3 and parts[2] in _READ_BY_NOBODY)
        )
        if ours and file not in read and not any(file.startswith(f"{folder}/") for folder in applied):
            yield Fault("reference", file, "is read by nothing")
