"""The whole repository of each preset, as it was when somebody last looked at it."""

from __future__ import annotations

import difflib
import shutil
from datetime import date
from pathlib import Path

import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.secret.vault import HEADER

SNAPSHOTS = Path(__file__).parents[2] / "snapshots" / "repositories"
SHOWN = 300


def masked(value: object) -> object:
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items() if key != "sops"}
    return "ENC[...]"


def texts(folder: Path) -> dict[str, str]:
    """The files of a repository; of an encrypted one the names only, as each encryption differs."""
    out = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            text = path.read_text("utf-8")
            is_secret = name.endswith(".sops.yaml") and path.name != ".sops.yaml"
            vault, _, body = text.partition("\n")
            if vault == HEADER and body:
                out[name] = f"{HEADER}\n"
            else:
                out[name] = yamlio.dump(masked(yamlio.load(text))) if is_secret else text
    return out


def difference(old: dict[str, str], new: dict[str, str]) -> str:
    """A unified diff over all files, empty when they are the same."""
    lines: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        before = old.get(name, "").splitlines()
        after = new.get(name, "").splitlines()
        if name not in old or name not in new or old[name] != new[name]:
            heads = (f"a/{name}" if name in old else "/dev/null", f"b/{name}" if name in new else "/dev/null")
            found = list(difflib.unified_diff(before, after, *heads, lineterm=""))
            lines += found or [f"--- {heads[0]}", f"+++ {heads[1]}"]
    return "\n".join(lines)


@pytest.mark.parametrize("preset", preset_names())
def test_the_repository_of_a_preset_is_as_before(
    tmp_path: Path, preset: str, pytestconfig: pytest.Config
) -> None:
    (tmp_path / "site.yaml").write_text(preset_text(preset), "utf-8")
    request = Request(tmp_path / "site.yaml", tmp_path / "out", commit=False)
    generate(request, date(2026, 11, 25), lambda _: None)
    new = texts(tmp_path / "out")
    place = SNAPSHOTS / preset
    if pytestconfig.getoption("--update-snapshots"):
        shutil.rmtree(place, ignore_errors=True)
        for name, text in new.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, "utf-8")
    diff = difference(texts(place), new).splitlines()
    if diff:
        shown = "\n".join(
            [*diff[:SHOWN], *([f"... {len(diff) - SHOWN} lines more"] if len(diff) > SHOWN else [])]
        )
        pytest.fail(
            f"differs from snapshots/repositories/{preset}; `make snapshots` accepts it:\n{shown}",
            pytrace=False,
        )


def test_a_difference_names_file_and_line() -> None:
    assert difference({"a": "1\n2\n"}, {"a": "1\n2\n"}) == ""
    changed = difference({"a": "1\n2\n", "gone": ""}, {"a": "1\n3\n", "new": "x\n"})
    assert changed.splitlines() == [
        "--- a/a", "+++ b/a", "@@ -1,2 +1,2 @@", " 1", "-2", "+3",
        "--- a/gone", "+++ /dev/null",
        "--- /dev/null", "+++ b/new", "@@ -0,0 +1 @@", "+x",
    ]  # fmt: skip


def test_no_snapshot_holds_a_ciphertext() -> None:
    for preset in preset_names():
        encrypted = [
            text for name, text in texts(SNAPSHOTS / preset).items() if name.endswith("/secrets.sops.yaml")
        ]
        assert encrypted
        assert not any("AES256" in text for text in encrypted)
