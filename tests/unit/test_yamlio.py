from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from openinfra_tui import yamlio
from openinfra_tui.drift.desired import goyaml

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


def laughs(levels: int, each: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["x"] * each) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * each) + "]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("load", [yamlio.load, lambda text: goyaml.load_all(text)[0]])
def test_a_document_that_is_mostly_aliases_is_refused_as_go_refuses_it(load) -> None:
    """What go-yaml 3.0.4 accepts and refuses: 3 levels of 10, and 4."""
    assert len(load(laughs(3, 10))["a2"]) == 10
    merges = "".join(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}\n" for n in range(1, 40))
    for text in (laughs(4, 10), laughs(9, 9), laughs(3000, 2), "m0: &m0 {a: 1}\n" + merges):
        begun = time.process_time()
        with pytest.raises(yaml.YAMLError, match="stand for far more"):
            load(text)
        with pytest.raises(yaml.YAMLError, match="stand for far more"):
            load(text.encode())
        assert time.process_time() - begun < 2


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: {c: *a}}\n"])
def test_an_anchor_inside_itself_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="inside itself"):
        yamlio.load(text)


def test_anchors_as_people_use_them_are_read() -> None:
    text = "base: &base {a: 1, b: [x, y]}\none: {<<: *base, a: 2}\nlist: [*base, *base]\nstar: '*&'\n"
    base = {"a": 1, "b": ["x", "y"]}
    assert yamlio.load(text) == {"base": base, "one": {**base, "a": 2}, "list": [base, base], "star": "*&"}
