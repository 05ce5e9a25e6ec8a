from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from openinfra_tui import yamlio

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), TEXT)
DATA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=20,
)


@given(DATA)
def test_what_is_written_is_read_back(data: object) -> None:
    assert yamlio.load(yamlio.dump(data)) == data


@pytest.mark.parametrize(
    "word",
    ["y", "n", "on", "off", "yes", "null", "~", "1e3", "0x10", "012", "1:30", "2026.1", "2026-11-25", ""],
)
def test_words_that_yaml_11_reads_as_another_type_are_quoted(word: str) -> None:
    assert yamlio.scalar(word) == f'"{word}"'


@pytest.mark.parametrize("text", ["- a", "---", "abc\n", "@a", "a: b", "a #b", "{a}", "a:", "12\n"])
def test_text_with_a_meaning_in_yaml_is_quoted(text: str) -> None:
    assert yamlio.scalar(text).startswith('"')
    assert yamlio.load(f"k: {yamlio.scalar(text)}") == {"k": text}


def test_a_plain_word_stays_bare() -> None:
    assert yamlio.scalar("keystone.fra1.cloud.example") == "keystone.fra1.cloud.example"


def test_tags_are_refused() -> None:
    with pytest.raises(yaml.YAMLError):
        yamlio.load("!!python/object/apply:os.getcwd []")


def test_a_list_is_not_a_scalar() -> None:
    with pytest.raises(TypeError, match="not a scalar: list"):
        yamlio.scalar([1])


def test_a_bare_equals_sign_is_text() -> None:
    assert yamlio.load("- =\n- '!='\n") == ["=", "!="]
    assert yamlio.load_all("matchType: =\n") == [{"matchType": "="}]
