from __future__ import annotations

import pytest

from openinfra_tui.tree.merge import Merged, merge_file
from openinfra_tui.tree.yaml_read import read

BASE = """\
# yaml-language-server: $schema=x
# spec.domain
domain: cloud.example
pod:
  replicas:
    api: 3 # odd
    db: 3
images:
- name: api
  tag: "1"
- name: db
  tag: "1"
resources:
- a.yaml
- b.yaml
script: |
  one
  two
  three
  four
"""


def edited(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def merge(
    ours: str | None, theirs: str | None, base: str | None = BASE, path: str = "f.yaml", prefer: str = ""
) -> Merged:
    sides = [None if side is None else side.encode() for side in (base, ours, theirs)]
    return merge_file(path, *sides, prefer=prefer)


def merged(ours: str, theirs: str, base: str = BASE, path: str = "f.yaml") -> str:
    done = merge(ours, theirs, base, path)
    assert done.content is not None, done.conflicts
    return done.content.decode()


API5 = ("api: 3", "api: 5")
DB7 = ("db: 3", "db: 7")

# What the user did, what we did; the result is both changes to the base.
BOTH = {
    "a value each": ([API5], [DB7]),
    "a comment above, a value below it": (
        [("# spec.domain\n", "# spec.domain\n# agreed with DNS\n")],
        [("cloud.example", "new.example")],
    ),
    "a comment beside a value that we change": ([("# odd", "# five would be slow")], [("api: 3", "api: 5")]),
    "a key each": (
        [("    db: 3\n", "    db: 3\n    mine: 1\n")],
        [("    api: 3", "    yours: 1\n    api: 3")],
    ),
    "an item, and a value of another item": (
        [("- name: db\n", "- name: mine\n  tag: x\n- name: db\n")],
        [('db\n  tag: "1"', 'db\n  tag: "2"')],
    ),
    "two values of one item": (
        [('- name: api\n  tag: "1"', '- name: api\n  tag: "1"\n  pull: Always')],
        [('- name: api\n  tag: "1"', '- name: api\n  tag: "2"')],
    ),
    "a resource each": (
        [("- a.yaml\n", "- a.yaml\n- mine.yaml\n")],
        [("- b.yaml\n", "- b.yaml\n- new.yaml\n")],
    ),
    "a line each of a text": ([("  one\n", "  one!\n")], [("  four\n", "  four!\n")]),
    "a key removed": ([("    db: 3\n", "")], [API5]),
    "a comment at the end of a block": ([("    db: 3\n", "    db: 3\n    # queue: 3\n")], [DB7]),
}


@pytest.mark.parametrize("name", BOTH)
def test_what_each_changed_is_in_the_result(name: str) -> None:
    mine, new = BOTH[name]
    result = merged(edited(BASE, *mine), edited(BASE, *new))
    if name == "a comment at the end of a block":
        assert result == edited(BASE, ("    db: 3\n", "    db: 7\n    # queue: 3\n"))
    elif name == "a comment beside a value that we change":
        assert result == edited(BASE, ("api: 3 # odd", "api: 5 # five would be slow"))
    elif name == "two values of one item":
        assert result == edited(BASE, ('- name: api\n  tag: "1"', '- name: api\n  tag: "2"\n  pull: Always'))
    else:
        assert result == edited(edited(BASE, *new), *mine)


def test_the_users_order_stays_and_our_change_arrives() -> None:
    ours = edited(BASE, ("    api: 3 # odd\n    db: 3\n", "    db: 3\n    api: 3 # odd\n"))
    assert merged(ours, edited(BASE, DB7)) == edited(ours, DB7)


def test_the_users_indentation_stays() -> None:
    ours = edited(BASE, ("- a.yaml\n- b.yaml\n", "  - a.yaml\n  - b.yaml\n  - mine.yaml\n"))
    result = merged(ours, edited(BASE, ("- b.yaml\n", "- new.yaml\n- b.yaml\n")))
    assert "resources:\n  - a.yaml\n  - new.yaml\n  - b.yaml\n  - mine.yaml\n" in result


def test_windows_line_ends_stay() -> None:
    ours = edited(BASE, API5).replace("\n", "\r\n")
    assert merged(ours, edited(BASE, DB7)) == edited(BASE, API5, DB7).replace("\n", "\r\n")


def test_the_same_change_of_both_is_no_conflict() -> None:
    assert merged(edited(BASE, API5, DB7), edited(BASE, API5)) == edited(BASE, API5, DB7)


def test_a_first_key_of_an_item_can_come_before_another() -> None:
    base = "l:\n- name: a\n  x: 1\n"
    assert merged(
        edited(base, ("x: 1", "x: 2")), edited(base, ("- name: a", "- early: 1\n  name: a")), base
    ) == ("l:\n- early: 1\n  name: a\n  x: 2\n")


def test_objects_in_a_list_meet_by_what_they_are() -> None:
    one = "- apiVersion: v1\n  kind: A\n  metadata:\n    name: one\n  x: 1\n"
    base = f"extraObjects:\n{one}{one.replace('one', 'two')}"
    ours = (
        f"extraObjects:\n{one.replace('one', 'mine')}{one.replace('x: 1', 'x: 2')}{one.replace('one', 'two')}"
    )
    theirs = f"extraObjects:\n{one.replace('x: 1', 'x: 1 # new')}{one.replace('one', 'two').replace('x: 1', 'x: 3')}"
    assert merged(ours, theirs, base) == ours[:-2] + "3\n"
    (found,) = merge(base.replace("x: 1", "x: 4"), theirs, base).conflicts[:1]
    assert found.where == "extraObjects[v1 A two].x"


def test_documents_meet_by_the_object_that_they_are() -> None:
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  a: x\n"
    two = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: two\ndata:\n  a: x\n"
    ours = f"---\n# mine\n{two}  b: y\n---\n{one}"
    theirs = f"---\n{one.replace('a: x', 'a: z')}---\n{two}---\n{two.replace('two', 'three')}"
    assert merged(ours, theirs, f"---\n{one}---\n{two}") == (
        f"---\n# mine\n{two}  b: y\n---\n{two.replace('two', 'three')}---\n{one.replace('a: x', 'a: z')}"
    )


CONFLICTS = {
    "a value": (
        [API5],
        [("api: 3", "api: 7")],
        "pod.replicas.api",
        6,
        "api: 3 # odd",
        "api: 5 # odd",
        "api: 7 # odd",
    ),
    "removed, and changed": ([("    db: 3\n", "")], [DB7], "pod.replicas.db", 0, "db: 3", None, "db: 7"),
    "changed, and removed": ([DB7], [("    db: 3\n", "")], "pod.replicas.db", 7, "db: 3", "db: 7", None),
    "commented, and removed": (
        [("db: 3", "db: 3 # why")],
        [("    db: 3\n", "")],
        "pod.replicas.db",
        7,
        "db: 3",
        "db: 3 # why",
        None,
    ),
    "a key in an item": (
        [('api\n  tag: "1"', 'api\n  tag: "2"')],
        [('api\n  tag: "1"', 'api\n  tag: "3"')],
        "images[name=api].tag",
        10,
        'tag: "1"',
        'tag: "2"',
        'tag: "3"',
    ),
    "added by both": (
        [("script", "new: 1\nscript")],
        [("script", "new: 2\nscript")],
        "new",
        16,
        None,
        "new: 1",
        "new: 2",
    ),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_what_both_changed_is_a_conflict_and_nothing_is_merged(name: str) -> None:
    mine, new, where, line, base, ours, theirs = CONFLICTS[name]
    done = merge(edited(BASE, *mine, ("  one", "  eins")), edited(BASE, *new, ("cloud", "heaven")))
    assert done.content is None
    (found,) = done.conflicts
    assert (found.file, found.where, found.line, found.base, found.ours, found.theirs) == (
        "f.yaml",
        where,
        line,
        base,
        ours,
        theirs,
    )
    if name == "commented, and removed":
        return  # turned about, a comment that we changed is no reason to bring back what the user removed
    turned = merge(edited(BASE, *new), edited(BASE, *mine)).conflicts
    assert [(c.where, c.base, c.ours, c.theirs) for c in turned] == [(where, base, theirs, ours)]


@pytest.mark.parametrize(("prefer", "value"), [("ours", "5"), ("theirs", "7")])
def test_a_preference_settles_conflicts_and_the_rest_is_merged(prefer: str, value: str) -> None:
    done = merge(
        edited(BASE, API5, ("  one", "  eins")), edited(BASE, ("api: 3", "api: 7"), DB7), prefer=prefer
    )
    assert done.content == edited(BASE, ("api: 3", f"api: {value}"), DB7, ("  one", "  eins")).encode()


def test_order_that_means_something_is_not_mixed() -> None:
    base = "args:\n- --one\n- --two\n"
    assert merge(base + "- --mine\n", base + "- --new\n", base).conflicts[0].where == "args"
    assert (
        merged(base + "- --mine\n", base.replace("one", "eins"), base)
        == "args:\n- --eins\n- --two\n- --mine\n"
    )


@pytest.mark.parametrize("change", [("3 # odd", "&x 3"), ("3 # odd", "!!str 3"), ("domain:", "? domain\n:")])
def test_what_cannot_be_taken_apart_is_merged_by_lines(change: tuple[str, str]) -> None:
    ours = edited(BASE, change)
    assert merged(ours, edited(BASE, ("- b.yaml\n", "- b.yaml\n- c.yaml\n"))) == edited(
        ours, ("- b.yaml\n", "- b.yaml\n- c.yaml\n")
    )


def test_nonsense_of_the_user_stays_whole() -> None:
    ours = "]]\n" + BASE
    assert merged(ours, edited(BASE, DB7)) == edited(ours, DB7)
    assert merge("]]\n", edited(BASE, DB7)).content is None


def test_lines_that_merge_to_a_key_twice_are_a_conflict() -> None:
    base = "a: &x 1\nb: 2\nc: 3\nd: 4\ne: 5\n"
    done = merge("k: 1\n" + base, base + "k: 2\n", base)
    assert done.content is None
    assert done.conflicts[0].where == ""


@pytest.mark.parametrize("path", ["README.md", "renovate.json5"])
def test_other_text_is_merged_by_lines(path: str) -> None:
    base = "".join(f"{number}\n" for number in range(9))
    assert merged(base + "mine\n", "new\n" + base, base, path) == "new\n" + base + "mine\n"
    done = merge(base.replace("4", "four"), base.replace("4", "vier"), base, path)
    (found,) = done.conflicts
    assert (found.line, found.base, found.ours, found.theirs) == (5, "4\n", "four\n", "vier\n")


def test_json_is_merged_on_its_values() -> None:
    base = '{\n  "a": 1,\n  "b": {"c": [1], "d": 1}\n}\n'
    ours = '{\n  "a": 1,\n  "b": {"c": [1, 2], "d": 1},\n  "mine": true\n}\n'
    theirs = '{\n  "b": {"c": [1], "d": 2}\n}\n'
    assert merged(ours, theirs, base, "f.json") == (
        '{\n  "b": {\n    "c": [\n      1,\n      2\n    ],\n    "d": 2\n  },\n  "mine": true\n}\n'
    )
    (found,) = merge(base.replace('"d": 1', '"d": 3'), theirs, base, "f.json").conflicts
    assert (found.where, found.base, found.ours, found.theirs) == ("b.d", "1", "3", "2")
    assert merge(base.replace('"a": 1', '"a": true'), theirs, base, "f.json").conflicts[0].where == "a"


def test_files_that_one_side_removed() -> None:
    assert merge(None, BASE) == Merged(None)
    assert merge(BASE, None) == Merged(None)
    assert merge(BASE, BASE, None) == Merged(BASE.encode())
    for ours, theirs in ((None, edited(BASE, DB7)), (edited(BASE, DB7), None)):
        done = merge(ours, theirs)
        assert done.content is None
        assert (done.conflicts[0].ours, done.conflicts[0].theirs) == (ours, theirs)
    assert merge("a\0", "b\0", "c\0", "f.bin").conflicts
    assert merge(None, None, BASE) == Merged(None)


@pytest.mark.parametrize(
    "text",
    [
        "a:\n  # above\n\n  b: 1\n  # below\n# end\nc:\n",
        "- - a\n  - b: 1\n    c: |+\n      x\n\n    # in\n-\n  d: 'q\n    r'  # s\n",
        "# head\n---\na: [1,\n  2] # t\n---  # two\n{}\n# tail\n",
        "a: >-\n  folded\n\n  more\n\nb:\n\n- 1\n\n- 2\n",
        'a: "x"\r\nb:\r\n  c: 1\r\n',
    ],
)
def test_what_is_read_can_be_put_together_again(text: str) -> None:
    assert "".join(entry.text for entry in read(text)) == text
