"""Random documents, random edits of the user, random new renders: what holds for every merge.

Edits are made on the text, as people make them, and each leaves a word that stands nowhere else; so a lost
edit is a word that is in neither the result nor a conflict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openinfra_tui.tree.merge import Merged, merge_file
from openinfra_tui.tree.yaml_read import read

KEYS = ("alpha", "beta", "gamma", "delta", "name-x", "y", "10")
VALUES = ("1", "true", "'yes'", '"a: b"', "plain words", "[]", "{}", "[a, b]", "|\n  text\n  more", "", "é")


@dataclass(frozen=True)
class Node:
    """A document to be: a scalar text, a mapping, a list of named items, or a list of words."""

    kind: str
    text: str = ""
    items: tuple[tuple[str, Node], ...] = ()
    comment: str = ""
    side: str = ""


scalars = st.builds(lambda text: Node("scalar", text), st.sampled_from(VALUES))


def containers(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pairs = st.lists(
        st.tuples(st.sampled_from(KEYS), inner), min_size=1, max_size=4, unique_by=lambda p: p[0]
    )
    comments = st.sampled_from(("", "", "# note"))
    maps = st.builds(lambda items, comment: Node("map", items=tuple(items), comment=comment), pairs, comments)
    named = st.builds(
        lambda items: Node("named", items=tuple(items)),
        st.lists(st.tuples(st.sampled_from(KEYS), maps), min_size=1, max_size=3, unique_by=lambda p: p[0]),
    )
    words = st.builds(
        lambda items: Node("words", items=tuple((w, Node("scalar", w)) for w in items)),
        st.lists(st.sampled_from(KEYS), min_size=1, max_size=4),
    )
    return st.one_of(maps, named, words)


documents = st.recursive(scalars, containers, max_leaves=12).filter(lambda node: node.kind == "map")


def lines(node: Node, indent: int, flush: bool) -> list[str]:
    pad = " " * indent
    out: list[str] = []
    if node.comment:
        out.append(pad + node.comment)
    for key, value in node.items:
        side = f" {value.side}" if value.side else ""
        if node.kind == "words":
            out.append(f"{pad}- {key}{side}")
        elif node.kind == "named":
            inner = lines(replace(value, comment=""), indent + 2, flush)
            out += [f"{pad}- name: {key}{side}", *[line for line in inner if not re.match(r" *name:", line)]]
        elif value.kind == "scalar":
            first, *rest = value.text.split("\n")
            if value.comment:
                out.append(pad + value.comment)
            out += [
                f"{pad}{key}: {first}".rstrip() + (side if not rest else ""),
                *[pad + line for line in rest],
            ]
        else:
            deeper = indent if value.kind != "map" and flush else indent + 2
            out += [f"{pad}{key}:{side}", *lines(value, deeper, flush)]
    return out


def written(node: Node, flush: bool) -> str:
    return "\n".join(lines(node, 0, flush)) + "\n"


def changed(draw: st.DrawFn, node: Node, word: str, comments: bool) -> Node:
    """One change somewhere below a node."""
    inside = [number for number, (_, value) in enumerate(node.items) if value.kind != "scalar"]
    if inside and draw(st.booleans()):
        number = draw(st.sampled_from(inside))
        key, value = node.items[number]
        return put(node, number, ((key, changed(draw, value, word, comments)),))
    number = draw(st.integers(0, len(node.items) - 1))
    key, value = node.items[number]
    what = draw(
        st.sampled_from(("value", "add", "remove", "swap", *(("above", "beside") if comments else ())))
    )
    if what == "add":
        new = (
            Node("map", items=(("k", Node("scalar", word)),))
            if node.kind == "named"
            else Node("scalar", word)
        )
        return put(node, number, ((key, value), (word, new)))
    if what == "remove" and len(node.items) > 1:
        return put(node, number, ())
    if what == "swap":
        return replace(node, items=(node.items[number], *node.items[:number], *node.items[number + 1 :]))
    if what == "above" and node.kind == "map" and value.kind in ("scalar", "map"):
        return put(node, number, ((key, replace(value, comment=f"# {word}")),))
    if what == "beside" and not value.text.endswith("more"):
        return put(node, number, ((key, replace(value, side=f"# {word}")),))
    if node.kind == "words":
        return put(node, number, ((word, value),))
    if node.kind == "named":
        return put(node, number, ((key, replace(value, items=(*value.items, (word, Node("scalar", word))))),))
    return put(node, number, ((key, Node("scalar", word, comment=value.comment)),))


def put(node: Node, number: int, items: tuple[tuple[str, Node], ...]) -> Node:
    return replace(node, items=(*node.items[:number], *items, *node.items[number + 1 :]))


@st.composite
def updates(draw: st.DrawFn) -> tuple[str, str, str]:
    base = draw(documents)
    flush = draw(st.booleans())
    sides = []
    for name in ("mine", "new"):
        side = base
        for number in range(draw(st.integers(0, 3))):
            side = changed(draw, side, f"{name}{number}x", comments=name == "mine" or draw(st.booleans()))
        sides.append(side)
    users = flush if draw(st.integers(0, 4)) else not flush
    return written(base, flush), written(sides[0], users), written(sides[1], flush)


def merge(base: str, ours: str, theirs: str, prefer: str = "") -> Merged:
    return merge_file("f.yaml", base.encode(), ours.encode(), theirs.encode(), prefer)


def words(text: str, side: str) -> set[str]:
    return set(re.findall(rf"{side}\dx", text))


def leaves(text: str) -> dict[tuple[str, ...], str]:
    """Every scalar by its path; items of lists by their name."""
    out: dict[tuple[str, ...], str] = {}

    def walk(node: object, path: tuple[str, ...]) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(value, (*path, repr(key)))
        elif isinstance(node, list) and node and all(isinstance(item, dict) for item in node):
            for item in node:
                walk(item, (*path, f"[{item['name']!r}]"))
        else:
            out[path] = repr(node)

    walk(yaml.safe_load(text), ())
    return out


def holds(base: str, ours: str, theirs: str) -> None:
    for side in (base, ours, theirs):
        assert "".join(entry.text for entry in read(side)) == side
    assert merge(base, ours, base).content == ours.encode()
    assert merge(base, base, theirs).content == theirs.encode()
    done = merge(base, ours, theirs)
    turned = merge(base, theirs, ours)
    if done.content is None:
        assert done.conflicts
        shown = "".join(f"{c.ours}{c.where}" for c in done.conflicts)
        assert all(c.ours != c.theirs for c in done.conflicts)
        kept = merge(base, ours, theirs, "ours").content
        taken = merge(base, ours, theirs, "theirs").content
        assert kept is not None
        assert taken is not None
        assert words(ours, "mine") <= words(kept.decode(), "mine")
        assert words(ours, "mine") <= words(taken.decode() + shown, "mine")
        assert words(theirs, "new") - comment_words(theirs) <= words(taken.decode(), "new")
        return
    text = done.content.decode()
    assert words(ours, "mine") <= words(text, "mine")
    assert words(theirs, "new") - comment_words(theirs) <= words(text, "new")
    # A comment, or another order, counts as an edit of the user's only: with them the two sides are not alike.
    if "#" not in base + ours + theirs and not reordered(base, theirs):
        assert turned.content is not None
    if turned.content is not None and not comment_words(theirs):
        assert leaves(turned.content.decode()) == leaves(text)
    before, mine, new, after = leaves(base), leaves(ours), leaves(theirs), leaves(text)
    for path in {*before, *mine, *new, *after}:
        sides = [side.get(path) for side in (before, mine, new, after)]
        if "[" in str(sides):
            continue  # a list of words: which of them each side has is told by the words above
        if sides[1] != sides[0]:
            assert sides[3] == sides[1], path
        else:
            assert sides[3] == sides[2], path


def reordered(base: str, side: str) -> bool:
    """Whether what both hold stands in another order."""
    before, after = leaves(base), leaves(side)
    return [path for path in before if path in after] != [path for path in after if path in before]


def comment_words(text: str) -> set[str]:
    return set(re.findall(r"# (new\dx)", text))


def test_a_block_that_was_put_in_another_order_and_replaced_is_the_users_to_decide() -> None:
    base = "alpha:\n  - name: alpha\n    alpha: 1\n    beta: 1\n"
    replaced, turned = "alpha: mine2x\n", "alpha:\n  - name: alpha\n    beta: 1\n    alpha: 1\n"
    assert merge(base, replaced, turned).content == replaced.encode()
    assert merge(base, turned, replaced).conflicts
    holds(base, replaced, turned)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(updates())
def test_nothing_of_the_users_is_lost_and_nothing_half_merged(update: tuple[str, str, str]) -> None:
    holds(*update)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(updates())
def test_ten_thousand_updates(update: tuple[str, str, str]) -> None:
    holds(*update)


def test_a_choice_that_may_leave_nothing_of_a_block_shows_all_of_it() -> None:
    base = "alpha:\n  alpha:\n    - alpha\n  beta: 1\n"
    ours, theirs = "alpha: # mine0x\n  beta: mine1x\n", "alpha:\n  alpha:\n    - alpha\n"
    holds(base, ours, theirs)
    (conflict,) = merge(base, ours, theirs).conflicts
    assert (conflict.where, conflict.ours) == ("alpha", ours.strip())
