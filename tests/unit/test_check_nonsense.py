"""Values of a wrong type anywhere in a repository: every check has a word for them, or none; it never fails."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.build.kustomize import find
from openinfra_tui.build.many import build_all
from openinfra_tui.cache import Cache
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.check.argocd import directories
from openinfra_tui.check.constraints import check_constraints
from openinfra_tui.check.made_secrets import check_made_secrets
from openinfra_tui.check.mirrors import check_mirrors
from openinfra_tui.check.references import buildable
from openinfra_tui.check.report import Repository, is_object, read_documents
from openinfra_tui.check.run import CROSS_CHECKS
from openinfra_tui.check.runner import check_passwords
from openinfra_tui.check.secrets import check_secrets
from openinfra_tui.check.values import check_values
from openinfra_tui.cli.main import main
from openinfra_tui.errors import ToolError

pytestmark = pytest.mark.usefixtures("git_author")

REPOSITORIES = Path(__file__).parents[2] / "snapshots" / "repositories"
ODD: tuple[Any, ...] = (
    None,
    3,
    True,
    "",
    "x",
    "*",
    "(",
    [],
    [3],
    [[]],
    ["x"],
    [None],
    {},
    {"a": 1},
    {"name": {}},
)
AT_ONCE = 12  # documents that are spoilt in one round


def built(folder: Path, cache: Path) -> Repository:
    documents, faults = read_documents(folder)
    assert not faults
    builds = build_all(find(None), folder, buildable(documents), Cache(cache))
    found = {place: tuple(one) for place, one in builds.items() if not isinstance(one, ToolError)}
    assert found or not builds
    return Repository(folder, documents, {**directories(Repository(folder, documents)), **found})


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> list[Repository]:
    folder = tmp_path_factory.mktemp("nonsense")
    (folder / "gitconfig").write_text("[user]\nname = Op\nemail = op@cloud.example\n")
    site = folder / "site.yaml"
    site.write_text(preset_text("lab").replace("engine: flux", "engine: argocd"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        words = ["generate", str(site), "--output", str(folder / "argocd"), "--age-key", str(folder / "key")]
        patch.setattr("sys.argv", ["x", *words])
        main()
    flux = [REPOSITORIES / name for name in ("lab", "kolla-ha")]
    return [built(place, folder / "built") for place in (folder / "argocd", *flux)]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from places(item)


def spoilt(dice: random.Random, document: Any) -> Any:
    """A document in which one value is another one."""
    copied = copy.deepcopy(document)
    found = list(places(copied))
    if not found:
        return copied
    container, key = dice.choice(found)
    container[key] = copy.deepcopy(dice.choice(ODD))
    return copied


def nonsense(dice: random.Random, whole: Repository) -> Repository:
    documents, builds = dict(whole.documents), dict(whole.builds)
    for held in (documents, builds):
        for name in dice.sample(sorted(held), min(AT_ONCE, len(held))):
            items = list(held[name])
            if items:
                index = dice.randrange(len(items))
                other = spoilt(dice, items[index])
                # kustomize builds nothing but objects.
                items[index] = other if held is documents or is_object(other) else items[index]
            held[name] = tuple(items)
    return Repository(whole.root, documents, builds)


@pytest.mark.parametrize("rounds", [20, pytest.param(2000, marks=pytest.mark.slow)])
def test_no_check_fails_whatever_a_value_is(repositories: list[Repository], rounds: int) -> None:
    dice = random.Random(rounds)
    for _ in range(rounds):
        repository = nonsense(dice, dice.choice(repositories))
        checks = (*CROSS_CHECKS, check_secrets, check_made_secrets, check_passwords)
        for one in (*checks, check_mirrors, check_values, check_constraints):
            list(one(repository))
