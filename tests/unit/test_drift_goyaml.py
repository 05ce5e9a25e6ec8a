"""YAML as Go reads it, and Flux's substitution on top of it."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from openinfra_tui.drift.desired import goyaml
from openinfra_tui.drift.desired.substitute import SubstitutionError, expand, substitute


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0644", 420),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("-1.5", -1.5),
        ("12:30", "12:30"),
        ("2001-01-01", "2001-01-01"),
        ("2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"),
        ("y", True),
        ("off", False),
        ("~", None),
        ("=", "="),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("1.2.3", "1.2.3"),
        ("10Gi", "10Gi"),
        ("-", None),
        ("'y'", "y"),
        ("089", 89.0),
        ("1e", "1e"),
    ],
)
def test_scalars_are_what_go_reads(text, value):
    if text == "-":
        assert goyaml.load_all("a: [-1]") == [{"a": [-1]}]
        return
    (found,) = goyaml.load_all(f"a: {text}\n")
    assert found["a"] == value
    assert type(found["a"]) is type(value)


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    st.sampled_from(
        ["y", "No", "0644", "1e3", "~", "null", "<<", "=", "0x1f", "1_0", ".inf", "2001-01-01", "a: b"]
    ),
)


@given(
    st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner))
)
def test_what_is_written_reads_back(value):
    assert goyaml.load_all(goyaml.dump({"v": value})) == [{"v": value}]


def test_keys_are_those_of_json():
    assert goyaml.load_all("{y: 1, 2: b, ~: c, text: d}") == [{"true": 1, "2": "b", "null": "c", "text": "d"}]


def test_tags_are_refused():
    with pytest.raises(yaml.YAMLError):
        goyaml.load_all("a: !!python/object/apply:os.getcwd []")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${a}", "1"),
        ("$${a}", "${a}"),
        ("$a", "$a"),
        ("${none:-x}", "x"),
        ("${empty:-x}", "x"),
        ("${empty-x}", ""),
        ("${none:=${a}}", "1"),
        ("${word^^}-${word,,}-${#word}", "WORD-word-4"),
        ("${word:1:2}", "or"),
        ("${word/o/0}", "w0rd"),
    ],
)
def test_expressions(text, expanded):
    variables = {"a": "1", "empty": "", "word": "word"}
    assert expand(text, variables, strict=True) == expanded


@pytest.mark.parametrize("text", ["${none}", "${1}", "${a", "${a%%x*}"])
def test_what_cannot_be_expanded_is_named(text):
    with pytest.raises(SubstitutionError):
        expand(text, {"a": "1"}, strict=True)


def test_a_missing_variable_is_empty_where_it_may_be():
    assert expand("x${none}", {}, strict=False) == "x"


def test_a_quoted_variable_becomes_a_number_as_in_flux():
    manifest = {"kind": "X", "metadata": {"name": "a"}, "spec": {"n": "${n}", "s": "v${n}"}}
    assert substitute(manifest, {"n": "3"}, strict=True)["spec"] == {"n": 3, "s": "v3"}
    off = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
    kept = {**manifest, "metadata": {"name": "a", "annotations": off}}
    assert substitute(kept, {"n": "3"}, strict=True) == kept
