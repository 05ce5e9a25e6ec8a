"""Identity files: made once, private, outside the repository."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from pyrage import x25519

from openinfra_tui.errors import Refused, UserError
from openinfra_tui.secret.age import find_or_make, keep, parse_recipient, public_recipient, read_identity

if TYPE_CHECKING:
    from pathlib import Path


def ensure_identity(path: Path, repository: Path) -> str:
    identity, is_new = find_or_make(path, repository)
    if is_new:
        assert not path.exists()
        keep(path, identity)
    return public_recipient(identity)


def test_made_once_then_only_read(tmp_path: Path) -> None:
    path, repository = tmp_path / "keys" / "fra1.agekey", tmp_path / "repo"
    public = ensure_identity(path, repository)
    text = path.read_text()
    assert public.startswith("age1")
    assert f"# public key: {public}\n" in text
    assert ensure_identity(path, repository) == public
    assert path.read_text() == text
    assert public_recipient(read_identity(path)) == public


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_mode_is_0600_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        ensure_identity(tmp_path / "key", tmp_path / "repo")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize("inside", ["key", "deep/er/key", "../repo/key", "link/key"])
def test_refused_inside_the_repository(tmp_path: Path, inside: str) -> None:
    repository = tmp_path / "repo"
    repository.mkdir()
    (tmp_path / "outside").symlink_to(repository)
    path = tmp_path / "outside" / "key" if inside == "link/key" else repository / inside
    with pytest.raises(Refused, match="inside the repository"):
        ensure_identity(path, repository)
    assert list(repository.iterdir()) == []


def test_an_existing_key_inside_the_repository_is_refused_too(tmp_path: Path) -> None:
    ensure_identity(tmp_path / "repo" / "key", tmp_path / "elsewhere")
    with pytest.raises(Refused):
        ensure_identity(tmp_path / "repo" / "key", tmp_path / "repo")


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "AGE-SECRET-KEY-PQ-1ABC\n", "AGE-SECRET-KEY-1HIDDEN\n"]
)
def test_a_file_without_identity_is_never_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(UserError, match="X25519 age identity") as caught:
        ensure_identity(path, tmp_path / "repo")
    assert path.read_text() == text
    assert "HIDDEN" not in caught.value.message + caught.value.hint


def test_unreadable_files_are_user_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file") as caught:
        read_identity(tmp_path / "missing")
    assert "--age-key" in caught.value.hint
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not an age identity file"):
        read_identity(tmp_path / "binary")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the age key"):
        ensure_identity(tmp_path / "file" / "key", tmp_path / "repo")


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "target")
    with pytest.raises(UserError, match="No such file"):
        ensure_identity(tmp_path / "key", tmp_path / "repo")
    assert not (tmp_path / "target").exists()


def test_first_identity_wins_with_windows_line_ends(tmp_path: Path) -> None:
    first, second = x25519.Identity.generate(), x25519.Identity.generate()
    (tmp_path / "key").write_bytes(f"# c\r\n{first}\r\n{second}\r\n".encode())
    assert read_identity(tmp_path / "key") == str(first)
    assert str(parse_recipient(f" {first.to_public()}\n")) == str(first.to_public())
