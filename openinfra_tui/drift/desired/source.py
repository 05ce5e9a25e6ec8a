"""The files of a repository at one revision, and where each object is written."""

from __future__ import annotations

import hashlib
import io
import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from openinfra_tui import proc
from openinfra_tui.cache import Cache, default_folder
from openinfra_tui.drift.desired import goyaml
from openinfra_tui.drift.model import Origin
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_FORM = "1"
_SUFFIXES = (".yaml", ".yml", ".json")
_KIND = re.compile(r"^kind:\s*['\"]?([A-Za-z0-9]+)", re.MULTILINE)
_SEPARATOR = re.compile(r"^---.*$", re.MULTILINE)
_FLOW = re.compile(r"^metadata:\s*\{.*?\bname:\s*['\"]?([^\s'\",}]+)")
_LINE = re.compile(r"^([ \t]+)name:\s*['\"]?([^\s'\"#]+)")


@dataclass(frozen=True)
class Source:
    """A repository at one revision, as files on disk.

    Attributes:
        root: the top of the repository.
        revision: the commit, or an empty string outside Git.
        dirty: the files are a work tree with changes on top of that commit.
    """

    root: Path
    revision: str = ""
    dirty: bool = False

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every file below the root, sorted; `.git` is left out."""
        return tuple(sorted(self._walk()))

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name != ".git"]
            below = os.path.relpath(folder, self.root)
            for name in names:
                yield name if below == "." else f"{below}/{name}"

    @cached_property
    def digest(self) -> str:
        """A name for the content of every file."""
        whole = hashlib.sha256()
        for name in self.files:
            path = self.root / name
            content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            whole.update(os.fsencode(name) + f"\0{len(content)}\0".encode())
            whole.update(content)
        return whole.hexdigest()

    def path(self, below: str) -> Path:
        """A folder of the repository by the path that an engine object names.

        Raises:
            UserError: it would be outside the repository, or is not there.
        """
        path = (self.root / below.lstrip("/")).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise UserError(f"the path {below!r} leaves the repository")
        if not path.exists():
            raise UserError(f"the path {below!r} is not in the repository")
        return path

    def manifests(self) -> tuple[str, ...]:
        """Files that may hold manifests."""
        return tuple(name for name in self.files if name.endswith(_SUFFIXES))

    @cached_property
    def _places(self) -> dict[tuple[str, str], list[Origin]]:
        found: dict[tuple[str, str], list[Origin]] = {}
        for kind, object_name, file, line in self._kept("places", self._written):
            found.setdefault((kind, object_name), []).append(Origin(file, line))
        return found

    def holding(self, text: str) -> list[tuple[str, Any]]:
        """The documents of each file of manifests that holds a text; a file that is no YAML holds none."""
        return [(name, item) for name, item in self._kept(f"holding {text}", lambda: self._holding(text))]

    def _holding(self, text: str) -> Iterator[tuple[str, Any]]:
        for name in self.manifests():
            content = (self.root / name).read_bytes()
            if text.encode() not in content:
                continue
            try:
                documents = goyaml.load_all(content)
            except (yaml.YAMLError, ValueError):
                continue
            yield from ((name, item) for item in documents)

    def _kept(self, what: str, made: Callable[[], Iterable[Iterable[Any]]]) -> Any:
        """Something that follows from the content of the files: from the cache, else made and kept there."""
        key = hashlib.sha256(f"{_FORM}\n{what}\n{self.digest}".encode()).hexdigest()
        cache = Cache(default_folder())
        found = cache.get(key)
        if found is None:
            found = [list(item) for item in made()]
            cache.put({key: found})
        return found

    def _written(self) -> Iterator[tuple[str, str, str, int]]:
        """Kind, name, file and line of each object."""
        for name in self.manifests():
            text = (self.root / name).read_text(encoding="utf-8", errors="replace")
            start = 0
            cuts = [match.span() for match in _SEPARATOR.finditer(text)]
            for end, following in [*cuts, (len(text), len(text))]:
                part = text[start:end]
                kind, object_name, offset = _identity(part)
                if kind and object_name:
                    line = text.count("\n", 0, start + offset) + 1
                    yield kind, object_name, name, line
                start = following

    def origin(self, kind: str, name: str, near: str) -> Origin:
        """Where an object is written: the place nearest to the folder that was built.

        Args:
            kind: of the object.
            name: of the object, after prefixes and suffixes.
            near: the folder that the engine object names.
        """
        places = self._places.get((kind, name))
        if not places:
            inner = [
                item
                for (other, stem), items in self._places.items()
                if other == kind and len(stem) > 2 and stem in name
                for item in items
            ]
            places = inner[:1] if len(inner) == 1 else []
        if not places:
            return Origin(near)
        return places[0] if len(places) == 1 else max(places, key=lambda place: _shared(place.file, near))


def _identity(document: str) -> tuple[str, str, int]:
    """Kind and name of a document, and where its kind stands; empty where it has none."""
    start = len(document) - len(document.lstrip())
    if not document.startswith("{", start):
        kind = _KIND.search(document)
        return (kind[1], _name_of(document), kind.start()) if kind else ("", "", 0)
    try:
        (manifest,) = goyaml.load_all(document)
        return str(manifest["kind"]), str(manifest["metadata"]["name"]), start
    except (yaml.YAMLError, ValueError, KeyError, TypeError):
        return "", "", 0


def _name_of(document: str) -> str:
    """`metadata.name` of a document in block style, without parsing it."""
    inside, indent = False, ""
    for line in document.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace():
            inside = line.startswith("metadata:")
            if inside and (flow := _FLOW.search(line)):
                return flow[1]
            indent = ""
            continue
        if not inside:
            continue
        indent = indent or line[: len(line) - len(line.lstrip())]
        if (match := _LINE.match(line)) and match[1] == indent:
            return match[2]
    return ""


def _shared(one: str, other: str) -> int:
    """How many folders two paths share from the top."""
    count = 0
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count


def work_tree(directory: Path) -> Source:
    """The files as they are now, with the commit that they stand on where it is a Git repository."""
    root = directory.resolve()
    if not (root / ".git").exists():
        return Source(root)
    # Optional locks would have it write to the repository, and stand in the way of who works there.
    words = ("--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=normal")
    told = _git(root, *words).splitlines()
    heads = [line.rpartition(" ")[2] for line in told if line.startswith("# branch.oid ")]
    revision = "" if heads == ["(initial)"] else "".join(heads)  # no commit yet
    return Source(root, revision, dirty=any(not line.startswith("#") for line in told))


def at_revision(directory: Path, revision: str, into: Path) -> Source:
    """The files of a commit, unpacked into an empty folder.

    Raises:
        UserError: the revision is not in this repository.
    """
    import tarfile

    root = directory.resolve()
    if revision.startswith("-"):
        raise UserError(f"not a revision: {revision!r}")
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", ok=(0, 1)).strip()
    if not commit:
        raise UserError(f"the revision {revision!r} is not in {directory}", "fetch it first")
    archive = proc.run(["git", "-C", root, "archive", "--format=tar", commit]).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(into, filter="data")
    return Source(into.resolve(), commit)


def remotes(directory: Path) -> tuple[str, ...]:
    """The addresses of a repository's remotes."""
    root = directory.resolve()
    if not (root / ".git").exists():
        return ()
    printed = _git(root, "config", "--get-regexp", r"^remote\..*\.url$", ok=(0, 1))
    return tuple(line.partition(" ")[2] for line in printed.splitlines() if line)


def has_commit(directory: Path, commit: str) -> bool:
    """Whether a full commit name is in this repository."""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit) or not (directory / ".git").exists():
        return False
    return bool(
        _git(directory.resolve(), "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", ok=(0, 1))
    )


def _git(root: Path, *words: str, ok: tuple[int, ...] = (0,)) -> str:
    # A variable of a surrounding Git hook would name another repository.
    environment = {"GIT_DIR": str(root / ".git"), "GIT_WORK_TREE": str(root), "LC_ALL": "C.UTF-8"}
    return proc.run(["git", "-C", root, *words], env=environment, ok_codes=ok).stdout.decode()
