"""What a check found, and the files and objects that every check looks at."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import yamlio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Place = tuple[str, dict[str, Any]]
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        kind: build, yaml, schema, reference, secret, version, value, mirror or rule.
        file: the path below the checked folder.
        message: what is wrong, without any secret value.
    """

    kind: str
    file: str
    message: str


@dataclass(frozen=True)
class Report:
    """The result of a check.

    Attributes:
        faults: sorted; empty means that nothing was found.
        validated: how many objects a schema approved or refused.
        unvalidated: what no schema was there for, `apiVersion/Kind`, `chart name version` or
            `images of chart name version` → how many.
        warnings: what is allowed and may be regretted; sorted.
        schemas: Kubernetes minor of a site → minor of the schemas that judged its objects.
    """

    faults: tuple[Fault, ...]
    validated: int
    unvalidated: Mapping[str, int]
    warnings: tuple[Fault, ...] = ()
    schemas: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Repository:
    """The repository as the checks see it.

    Attributes:
        root: the folder.
        documents: file → YAML documents of it, as they stand in the file.
        builds: folder → objects that kustomize builds from it.
    """

    root: Path
    documents: Mapping[str, tuple[Any, ...]]
    builds: Mapping[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every file of it, whatever it holds: the checks of files walk the folder once between them."""
        return tuple(text_files(self.root))

    def clusters(self) -> dict[str, list[Place]]:
        """`clusters/SITE/CLUSTER` → (file, object) of every object that stands in a file below it."""
        out: dict[str, list[Place]] = {}
        for file, documents in self.documents.items():
            parts = file.split("/")
            if parts[0] == "clusters" and len(parts) > 3 and parts[-1] not in KUSTOMIZATION_FILES:
                folder = "/".join(parts[:3])
                out.setdefault(folder, []).extend((file, item) for item in documents if is_object(item))
        return out

    def objects_in(self, folder: str) -> list[dict[str, Any]]:
        """The objects that stand in the files of one folder, not below it."""
        return [
            item
            for file, documents in self.documents.items()
            if file.rpartition("/")[0] == folder
            for item in documents
            if is_object(item)
        ]


def is_object(value: object) -> bool:
    """Whether a document is a Kubernetes object."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("apiVersion"), str)
        and isinstance(value.get("kind"), str)
        and isinstance(value.get("metadata"), dict)
    )


def is_kind(item: Mapping[str, Any], kind: str, group: str) -> bool:
    """Whether an object is of a kind of an API group, in whatever version."""
    return bool(item.get("kind") == kind and str(item.get("apiVersion", "")).startswith(f"{group}/"))


def clean(path: object) -> str | None:
    """A path of an engine as a folder below the root, or None when it leaves it."""
    pure = PurePosixPath(str(path or "."))
    parts = [part for part in pure.parts if part not in ("/", ".")]
    return None if ".." in parts else "/".join(parts)


def dig(value: object, path: str) -> Any:
    """What is at a dotted path of plain data, or None."""
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def mapping(value: object, path: str) -> dict[str, Any]:
    """The mapping at a dotted path; an empty one where something else is."""
    found = dig(value, path)
    return found if isinstance(found, dict) else {}


def mappings(value: object, path: str) -> list[dict[str, Any]]:
    """The mappings of the list at a dotted path; what else is in it, or there, is left out."""
    found = dig(value, path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def texts(value: object, path: str) -> list[str]:
    """The items of the list at a dotted path as texts; none where something else is."""
    found = dig(value, path)
    return [str(item) for item in found] if isinstance(found, list) else []


def named(item: Mapping[str, Any]) -> str:
    """`Kind namespace/name` of an object, for messages."""
    space = dig(item, "metadata.namespace")
    name = dig(item, "metadata.name")
    return f"{item.get('kind')} {f'{space}/' if space else ''}{name}"


def generators(document: Any, kind: str) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Each generator of a kustomization with the files that it names; what is malformed is left out."""
    found = dig(document, kind)
    for item in found if isinstance(found, list) else ():
        if isinstance(item, dict):
            lists = [item.get(key) for key in ("files", "envs")]
            yield item, [str(entry) for one in lists if isinstance(one, list) for entry in one]


def text_files(root: Path) -> Iterator[str]:
    """Every file below a folder except Git's own, as a sorted POSIX path. Links are not followed."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        found += [(Path(folder) / name).relative_to(root).as_posix() for name in names]
    return iter(sorted(found))


def read_documents(root: Path) -> tuple[dict[str, tuple[Any, ...]], list[Fault]]:
    """The YAML documents of every `.yaml` and `.yml` file, and a fault for each that is not YAML."""
    documents: dict[str, tuple[Any, ...]] = {}
    faults = []
    for file in text_files(root):
        if not file.endswith((".yaml", ".yml")) or not (root / file).is_file():
            continue
        try:
            documents[file] = tuple(yamlio.load_all((root / file).read_bytes()))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            where = f" in line {mark.line + 1}" if mark else ""
            faults.append(
                Fault("yaml", file, f"not YAML{where}: {getattr(error, 'problem', None) or 'unreadable'}")
            )
    return documents, faults
