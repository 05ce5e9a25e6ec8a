from __future__ import annotations

import pytest

from openinfra_tui.tree.model import File, Tree


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", ".git/config", "a/.GIT/hooks", "a\\b", "a\nb", "./a", "a//b"],
)
def test_a_path_outside_the_repository_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside the repository"):
        Tree({path: File(b"", "test")})


def test_two_writers_of_one_file_are_a_bug() -> None:
    one, other = Tree({"a": File(b"1", "x")}), Tree({"a": File(b"2", "y")})
    with pytest.raises(ValueError, match="a is written by x and by y"):
        one.merged(other)


def test_the_same_file_twice_is_one_file() -> None:
    one = Tree({"a": File(b"1", "x")})
    assert list(one.merged(Tree({"a": File(b"1", "y"), "b": File(b"2", "y")}))) == ["a", "b"]
