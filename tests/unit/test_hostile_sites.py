"""Three hundred broken site files through `generate`: an answer in words, and nothing written."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.cli.main import main

STRINGS = [
    "../../etc/passwd", "$(reboot)", "`id`", "{{ cookiecutter }}", "{% for %}", "\x1b[31mred", "\u202eabc", "\x00",
    "a" * 5000, "0x10", "~", "yes", "!!python/object:os.system", "&a [*a]", "-----BEGIN PRIVATE KEY-----", "é" * 70,
    "https://u:p@h", "1e400", "2026-11-25", " ", "\n", "-", "--help", "name: x", "%", "\ud83d\ude00", "ﬀ", "\t",
]  # fmt: skip
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    float("nan"),
    [],
    {},
    [[]],
    {"": ""},
    [None],
    {"a": {"b": []}},
]
RAW = [
    "", "---\n---\n", "\ufeff", "a: b: c", "[", "{", "? ", "- - - -", "%YAML 9.9\n---\n", "a: &x [*x]", "\x1b]0;t\x07",
    "kind: Deployment\napiVersion: apps/v1\n", "<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n", "[" * 5000,
    "a: |\n" + " x\n" * 9, "!!binary aGk=", "{a: 1, a: 2}", "\r\r\r", "x" * 600_000, "<<: {a: 1}",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def mutated(seed: int) -> bytes:
    """A site file with one to three faults; or something else altogether."""
    luck = random.Random(seed)
    text = preset_text(luck.choice(preset_names()))
    if seed % 5 == 0:
        raw = RAW[seed // 5 % len(RAW)].encode("utf-8", "surrogatepass")
        at = luck.randrange(len(text))
        return luck.choice([raw, text.encode() + b"\n" + raw, text[:at].encode() + raw + text[at:].encode()])
    if seed % 5 == 1:
        content = bytearray(text.encode())
        for _ in range(luck.randint(1, 6)):
            content[luck.randrange(len(content))] = luck.randrange(256)
        return bytes(content)
    data = yamlio.load(text)
    for _ in range(luck.randint(1, 3)):
        *above, last = luck.choice(places(data)[1:])
        here = data
        for key in above:
            here = here[key]
        kind = luck.randrange(4)
        if kind == 0:
            del here[last]
        elif kind == 1:
            here[last] = luck.choice(STRINGS)
        elif kind == 2:
            here[last] = luck.choice(VALUES)
        elif isinstance(here, dict):
            here[luck.choice([*STRINGS, "extra", "__class__", "spec"])] = luck.choice([*VALUES, *STRINGS])
    return json.dumps(data).encode()  # YAML too; with what json writes for NaN


@pytest.mark.parametrize("chunk", range(10))
def test_a_broken_site_file_is_answered_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], chunk: int
) -> None:
    target, site = tmp_path / "target", tmp_path / "site.yaml"
    target.mkdir()
    (target / "mine").write_text("mine")  # so a site that is sound after all is refused after its planning
    words = [
        "openinfra-tui",
        "generate",
        str(site),
        "--output",
        str(target),
        "--age-key",
        str(tmp_path / "key"),
    ]
    codes = set()
    for seed in range(chunk * 30, chunk * 30 + 30):
        site.write_bytes(mutated(seed))
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as stopped:
            main()
        codes.add(stopped.value.code)
        assert stopped.value.code in (2, 4, 5), seed
        shown = capsys.readouterr()
        assert "error: " in shown.err, seed
        assert "Traceback" not in shown.err, seed
        assert all(char.isprintable() or char in "\n\t" for char in shown.out + shown.err), seed
        assert sorted(path.name for path in tmp_path.iterdir()) == ["site.yaml", "target"], seed
        assert [path.name for path in target.iterdir()] == ["mine"], seed
    assert 2 in codes
