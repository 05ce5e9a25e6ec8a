"""Which Applications no other one applies: as defined, on random trees, and with thousands of them in time."""

import random
import time

import pytest

from openinfra_tui import yamlio
from openinfra_tui.drift.desired import argo_entry, source
from openinfra_tui.drift.desired.argo_roots import roots

URL = "https://git.example/site.git"
MANY = 5000
# Seconds of this process. Comparing each with each takes several times as long.
BOUND = 3.0


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], []),
        ([("a.yaml", {"apps"}), ("apps/b.yaml", set()), ("apps/deep/c.yaml", {"x"})], [0]),
        ([("apps-b/a.yaml", set()), ("b.yaml", {"apps"})], [0, 1]),
        ([("apps/a.yaml", {"apps"}), ("apps/b.yaml", set())], [0]),
        ([("a/b/one.yaml", {"a"}), ("a/two.yaml", {"a/b"})], [1]),
        ([("x/one.yaml", {"y"}), ("y/two.yaml", {"x"}), ("top.yaml", {"x"})], [2]),
        ([("x/one.yaml", {""}), ("two.yaml", {""})], [1]),
        ([("x/one.yaml", {"x/in"}), ("x/in/deeper/two.yaml", {"gone"}), ("y/three.yaml", {"x"})], [2]),
    ],
)
def test_roots(places, expected):
    assert roots(places) == expected


def defined(places):
    """The same by its definition, each compared with each."""
    everyone = range(len(places))
    reached = {
        one: {
            other
            for other in everyone
            if one != other and any(not f or places[other][0].startswith(f"{f}/") for f in places[one][1])
        }
        for one in everyone
    }
    for middle in everyone:
        for one in everyone:
            if middle in reached[one]:
                reached[one] |= reached[middle]
    found = set()
    for one in everyone:
        circle = {other for other in everyone if other in reached[one] and one in reached[other]} | {one}
        if not any(one in reached[other] for other in everyone if other not in circle):
            found.add(min(circle, key=lambda index: (places[index][0].count("/"), index)))
    return sorted(found)


def test_roots_of_random_trees_are_those_of_the_definition():
    chance = random.Random(1)
    folders = ["", "a", "b", "ab", "a/b", "a/b/a", "b/a", "b/c/d"]
    for _ in range(400):
        places = [
            (
                f"{folder}/{index}.yaml".lstrip("/"),
                set(chance.sample(folders, chance.choice([0, 0, 1, 1, 2]))),
            )
            for index in range(chance.randrange(1, 9))
            for folder in [chance.choice(folders)]
        ]
        assert roots(places) == defined(places), places


@pytest.mark.parametrize(
    ("places", "number"),
    [
        ([(f"teams/{i}/a.yaml", {f"apps/{i}"}) for i in range(MANY)], MANY),
        ([(f"{i}/a.yaml", {""}) for i in range(MANY)], 1),
        ([(f"{i}/a.yaml", {str(i ^ 1)}) for i in range(MANY)], MANY // 2),
        ([(f"{i}/a.yaml", {str(i + 1)}) for i in range(MANY)], 1),
    ],
    ids=["apart", "each the whole", "circles of two", "a chain"],
)
def test_thousands_in_every_shape_are_told_in_time(places, number):
    begun = time.process_time()
    assert len(roots(places)) == number
    assert time.process_time() - begun < BOUND


def test_thousands_of_applications_are_found_in_time(tmp_path):
    for group in range(0, MANY, 100):
        items = [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": f"a{index}"},
                "spec": {"source": {"repoURL": URL, "path": f"apps/a{index}"}},
            }
            for index in range(group, group + 100)
        ]
        (tmp_path / "teams" / str(group)).mkdir(parents=True)
        text = "---\n".join(yamlio.dump(item) for item in items)
        (tmp_path / "teams" / str(group) / "apps.yaml").write_text(text)
    files = source.Source(tmp_path)
    begun = time.process_time()
    assert len(argo_entry.entry_points(files, [URL])) == MANY
    assert time.process_time() - begun < BOUND
