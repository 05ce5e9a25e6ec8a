"""Git commands through GitPython, always on the repository that we mean.

`GIT_DIR`, `GIT_WORK_TREE` and `GIT_INDEX_FILE` are set for each command: when the program itself runs inside
a Git hook these variables name another repository, and Git would follow them.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from git import Git
from git.exc import GitCommandNotFound

from openinfra_tui.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from git import Repo


@dataclass(frozen=True)
class Entry:
    """One file of a Git tree: its mode (`100644`, `100755`, `120000`, `160000`) and its object."""

    mode: str
    sha: str


def private(repo: Repo) -> Path:
    """Our folder inside `.git`: lock, pending mark, index and files on their way."""
    folder = Path(repo.git_dir) / "openinfra"
    folder.mkdir(exist_ok=True)
    return folder


def work(repo: Repo) -> Path:
    """The work tree of a repository that is not bare."""
    return Path(str(repo.working_tree_dir))


def git_bytes(
    repo: Repo,
    *words: str,
    ok: tuple[int, ...] = (0,),
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> bytes:
    """Run one git command in the repository and return its output.

    Raises:
        ToolError: git is missing, or returned a code that is not in `ok`.
    """
    return _execute(repo.git, words, ok, stdin, {**_variables(repo), **(env or {})})


def _variables(repo: Repo) -> dict[str, str]:
    return {
        "GIT_DIR": str(Path(repo.git_dir).resolve()),
        "GIT_WORK_TREE": str(work(repo).resolve()),
        "GIT_INDEX_FILE": str(Path(repo.git_dir).resolve() / "index"),
        "LC_ALL": "C.UTF-8",
    }


def git(
    repo: Repo,
    *words: str,
    ok: tuple[int, ...] = (0,),
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> str:
    """As `git_bytes`, as text and without the last line end.

    Raises:
        ToolError: as `git_bytes`.
    """
    return (
        git_bytes(repo, *words, ok=ok, stdin=stdin, env=env)
        .decode("utf-8", "surrogateescape")
        .removesuffix("\n")
    )


def git_in(folder: Path, *words: str, ok: tuple[int, ...] = (0,)) -> str:
    """Run one git command in a folder that need not be a repository.

    Raises:
        ToolError: as `git_bytes`.
    """
    return (
        _execute(Git(str(folder)), words, ok, b"", {"LC_ALL": "C.UTF-8"}).decode("utf-8", "replace").strip()
    )


def _execute(
    command: Git,
    words: tuple[str, ...],
    ok: tuple[int, ...],
    stdin: bytes,
    env: dict[str, str],
    out: BytesIO | None = None,
) -> bytes:
    with tempfile.TemporaryFile() as feed:
        feed.write(stdin)
        feed.seek(0)
        try:
            answer = command.execute(
                ["git", *words],
                istream=feed,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                env=env,
                output_stream=out,
                max_chunk_size=1 << 20,
            )
        except GitCommandNotFound as error:
            raise ToolError("git is not installed", "install git and put it on PATH") from error
    code, printed, complaint = cast("tuple[int, bytes, str | bytes]", answer)
    text = complaint.decode("utf-8", "replace") if isinstance(complaint, bytes) else complaint
    if code not in ok:
        lines = text.strip().splitlines()
        raise ToolError(f"git {words[0]} failed ({code}): {lines[-1] if lines else 'no message'}")
    return printed if out is None else out.getvalue()


def head(repo: Repo) -> str | None:
    """The commit that HEAD names, or None before the first commit."""
    return git(repo, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1)) or None


def entries(repo: Repo, commit: str | None) -> Mapping[str, Entry]:
    """Every file of a commit, or of a tree, given by its full name, by its path; empty for None."""
    return {} if commit is None else _entries(repo, commit)


# What a commit holds never changes, and a run asks several times for the same few.
@lru_cache(maxsize=4)
def _entries(repo: Repo, commit: str) -> Mapping[str, Entry]:
    out = {}
    for line in git(repo, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
        if line:
            meta, path = line.split("\t", 1)
            mode, _, sha = meta.split(" ")
            out[path] = Entry(mode, sha)
    return out


def entries_of(repo: Repo, commits: Sequence[str]) -> dict[str, dict[str, Entry]]:
    """As `entries`, of many commits with a fixed number of git processes."""
    if not commits:
        return {}
    names = "".join(f"{sha}^{{tree}}\n" for sha in commits).encode()
    trees = [line.split()[0] for line in git(repo, "cat-file", "--batch-check", stdin=names).splitlines()]
    nothing = git(repo, "hash-object", "-t", "tree", "--stdin")
    pairs = "".join(f"{nothing} {tree}\n" for tree in dict.fromkeys(trees)).encode()
    words = ("diff-tree", "--stdin", "-r", "-z", "--no-renames", "--ignore-submodules=none")
    text = git(repo, *words, stdin=pairs)
    found: dict[str, dict[str, Entry]] = {tree: {} for tree in trees}
    side: dict[str, Entry] = {}
    at = 0
    while at < len(text):
        if text[at] != ":":  # the line of the next pair
            end = text.index("\n", at)
            side = found[text[at:end].split()[1]]
        else:
            middle = text.index("\0", at)
            end = text.index("\0", middle + 1)
            _, mode, _, sha, _ = text[at:middle].split(" ")
            side[text[middle + 1 : end]] = Entry(mode, sha)
        at = end + 1
    return {commit: found[tree] for commit, tree in zip(commits, trees, strict=True)}


def blobs(repo: Repo, shas: list[str]) -> list[bytes]:
    """The content of objects, in one git process.

    Raises:
        ToolError: an object is missing.
    """
    out: list[bytes] = []
    if not shas:
        return out
    names = "".join(f"{sha}\n" for sha in shas).encode()
    # It writes each object for itself, and waiting for each costs more than all else of a large repository.
    stream = _execute(repo.git, ("cat-file", "--batch"), (0,), names, _variables(repo), BytesIO())
    at = 0
    for sha in shas:
        end = stream.index(b"\n", at)
        words = stream[at:end].split()
        if len(words) != 3:
            raise ToolError(f"object {sha} is missing from the repository", "git fsck")
        size = int(words[2])
        out.append(stream[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return out
