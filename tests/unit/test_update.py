from __future__ import annotations

import pytest

from openinfra_tui.errors import Conflicted, UserError
from openinfra_tui.flow.update import Accept, Update, difference, merge_tree
from openinfra_tui.repo.render import History
from openinfra_tui.tree.model import File, Tree

ANSWERS = "sites/a/site.yaml"


def files(**texts: str) -> dict[str, File]:
    return {name.replace("__", "/") + ".yaml": File(text.encode(), "t") for name, text in texts.items()}


def history(base: dict[str, File] | None, now: dict[str, File], unedited: tuple[str, ...] = ()) -> History:
    return History(base, now, frozenset(), frozenset(unedited))


def merged(
    base: dict[str, File] | None, now: dict[str, File], new: dict[str, File], accept: Accept | None = None
) -> Update:
    return merge_tree(Tree(new), history(base, now), ANSWERS, accept or Accept())


def texts(update: Update) -> dict[str, str]:
    return {path.removesuffix(".yaml"): file.content.decode() for path, file in update.tree.files.items()}


def test_unedited_is_a_plain_replace() -> None:
    base = files(same="a: 1\n", changes="a: 1\n", goes="a: 1\n")
    new = files(same="a: 1\n", changes="a: 2\n", comes="a: 1\n")
    done = merged(base, base, new)
    assert texts(done) == {"same": "a: 1\n", "changes": "a: 2\n", "comes": "a: 1\n"}
    assert done.gone == {"goes.yaml"}


def test_an_edit_and_a_change_are_both_in_the_result() -> None:
    base = files(x="a: 1\nb: 1\n")
    done = merged(base, files(x="a: 1\nb: 1 # mine\n", own="z: 1\n"), files(x="a: 2\nb: 1\n"))
    assert texts(done) == {"x": "a: 2\nb: 1 # mine\n"}


def test_what_the_user_removed_stays_removed() -> None:
    base = files(x="a: 1\n")
    done = merged(base, {}, base)
    assert texts(done) == {}


def test_a_file_that_a_site_rendered_is_no_edit() -> None:
    new = files(shared="a: 2\n")
    done = merge_tree(Tree(new), history(None, files(shared="a: 1\n"), ("shared.yaml",)), ANSWERS, Accept())
    assert texts(done) == {"shared": "a: 2\n"}


def test_a_conflict_shows_file_line_path_and_three_sides() -> None:
    base, mine, new = (files(d__x=f"p:\n  q: {value}\n") for value in (1, 2, '"\\e\u202e"'))
    with pytest.raises(Conflicted) as raised:
        merged(base, mine, new)
    assert raised.value.message == (
        "1 conflict in 1 file; nothing was written\n"
        "\n"
        "d/x.yaml:2: p.q\n"
        "  base  | q: 1\n"
        "  yours | q: 2\n"
        '  new   | q: "\\e\\u202e"'
    )
    assert raised.value.exit_code == 8
    assert "--accept-ours" in raised.value.hint


def test_conflicts_of_all_files_are_shown_at_once() -> None:
    base, mine, new = (files(x=f"a: {value}\n", y=f"a: {value}\n") for value in (1, 2, 3))
    with pytest.raises(Conflicted, match=r"(?s)2 conflicts in 2 files.*x\.yaml.*y\.yaml"):
        merged(base, mine, new)


def test_conflicts_are_settled_by_file_and_folder() -> None:
    base, mine, new = (files(d__x=f"a: {value}\n", d__y=f"a: {value}\n") for value in (1, 2, 3))
    done = merged(base, mine, new, Accept(ours=("d",), theirs=("./d/y.yaml",)))
    assert texts(done) == {"d/x": "a: 2\n", "d/y": "a: 3\n"}
    with pytest.raises(UserError, match="nowhere is no file"):
        merged(base, mine, new, Accept(ours=("nowhere",)))


def test_a_file_that_goes_and_was_edited_can_be_kept_or_removed() -> None:
    base, mine = files(x="a: 1\n"), files(x="a: 2\n")
    with pytest.raises(Conflicted, match=r"(?s)yours \| a: 2.*new +\| \(not there\)"):
        merged(base, mine, {})
    assert texts(merged(base, mine, {}, Accept(ours=(".",)))) == {"x": "a: 2\n"}
    assert texts(merged(base, mine, {}, Accept(theirs=(".",)))) == {}


def test_without_the_branch_every_difference_is_the_users_to_decide() -> None:
    now, new = files(same="a: 1\n", x="a: 1\nb: 1\n"), files(same="a: 1\n", x="a: 1\nc: 1\n")
    with pytest.raises(
        Conflicted, match=r"(?s)1 conflict in 1 file.*branch of the last render is missing"
    ) as raised:
        merged(None, now, new)
    assert "--review" in raised.value.hint
    assert texts(merged(None, now, new, Accept(theirs=("x.yaml",)))) == {
        "same": "a: 1\n",
        "x": "a: 1\nc: 1\n",
    }


def test_answers_are_not_mixed() -> None:
    base, mine, new = (
        files(sites__a__site=text) for text in ("a: 1\nb: 1\n", "a: 2\nb: 1\n", "a: 1\nb: 2\n")
    )
    with pytest.raises(Conflicted, match=ANSWERS):
        merged(base, mine, new)
    taken = merge_tree(Tree(new), history(base, mine, (ANSWERS,)), ANSWERS, Accept())
    assert texts(taken) == {"sites/a/site": "a: 1\nb: 2\n"}


def test_secrets_and_what_is_written_once_are_not_merged() -> None:
    sealed = {"s.sops.yaml": File(b"new", "secrets"), "u.yaml": File(b"stub", "t", once=True)}
    now = {"s.sops.yaml": File(b"old", "r"), "u.yaml": File(b"mine", "r")}
    assert merged({}, now, sealed).tree.files == sealed


def test_a_link_in_the_place_of_a_file_is_a_conflict() -> None:
    base = files(x="a: 1\n")
    held = History(base, {}, frozenset({"x.yaml"}), frozenset())
    with pytest.raises(Conflicted, match="a link or a submodule"):
        merge_tree(Tree(base), held, ANSWERS, Accept())
    assert texts(merge_tree(Tree(base), held, ANSWERS, Accept(ours=("x.yaml",)))) == {}


@pytest.mark.parametrize(
    ("base", "now", "new", "result"), [(0, 1, 0, 1), (1, 0, 1, 0), (0, 0, 1, 1), (1, 1, 0, 0)]
)
def test_the_mode_is_merged_like_content(base: int, now: int, new: int, result: int) -> None:
    sides = [{"x": File(b"x\n", "t", executable=bool(mode))} for mode in (base, now, new)]
    done = merge_tree(Tree(sides[2]), history(sides[0], sides[1]), ANSWERS, Accept())
    assert done.tree.files["x"].executable is bool(result)


def test_a_diff_shows_text_and_hides_what_is_encrypted() -> None:
    before = {"s.sops.yaml": File(b"1", "t"), "x": File(b"a\x1b\n", "t"), "m": File(b"", "t")}
    after = {"s.sops.yaml": File(b"2", "t"), "n": File(b"new\n", "t"), "m": File(b"", "t", executable=True)}
    assert difference(before, after) == (
        "m: executable\n"
        "--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+new\n"
        "s.sops.yaml: encrypted values change\n"
        "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\\x1b\n"
    )
    assert difference(before, before) == ""
