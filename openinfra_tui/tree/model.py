"""The Tree: a rendered repository in memory, path → bytes, with the provenance of each file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class File:
    """One file of the tree.

    Attributes:
        content: the bytes.
        origin: the component or engine that wrote it (`keystone`, `flux`), for messages and provenance.
        executable: whether Git records mode 755.
        once: written when absent and never again (the operator's own file from then on).
    """

    content: bytes
    origin: str
    executable: bool = False
    once: bool = False


@dataclass(frozen=True)
class Tree:
    """A repository in memory. Paths are relative, POSIX, without `.` or `..`."""

    files: Mapping[str, File]

    def __post_init__(self) -> None:
        for path in self.files:
            require_inside(path)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.files))

    def __len__(self) -> int:
        return len(self.files)

    def __contains__(self, path: object) -> bool:
        return path in self.files

    def text(self, path: str) -> str:
        """The content of a file as text."""
        return self.files[path].content.decode("utf-8")

    def merged(self, other: Tree) -> Tree:
        """Both trees as one.

        Raises:
            ValueError: both hold the same path with different content; two writers own one file.
        """
        for path, file in other.files.items():
            mine = self.files.get(path)
            if mine is not None and mine.content != file.content:
                raise ValueError(f"{path} is written by {mine.origin} and by {file.origin}")
        return Tree({**self.files, **other.files})


def require_inside(path: str) -> None:
    """Refuse a path that could leave the target folder or touch Git's own files.

    Raises:
        ValueError: the path is absolute, has `.` or `..` segments, a backslash, a control character, or
            a segment `.git`.
    """
    pure = PurePosixPath(path)
    bad = (
        not path
        or pure.is_absolute()
        or path != str(pure)
        or any(part in ("..", ".") or part.lower() == ".git" for part in pure.parts)
        or "\\" in path
        or any(ord(char) < 0x20 for char in path)
    )
    if bad:
        raise ValueError(f"not a path inside the repository: {path!r}")
