"""No generated secret is left in clear anywhere: not after a run, and not after a kill in the middle of one."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from openinfra_tui.catalog.presets import preset_text

pytestmark = pytest.mark.usefixtures("git_author")

# The program as it is, with every new secret also noted in a file that is not looked at afterwards.
SCRIPT = """
import os, sys
from openinfra_tui.secret import age, forms
noted = os.open(os.environ["NOTED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def note(text):
    os.write(noted, text.encode() + b"\\0")
    return text
made, found = forms.generate, age.find_or_make
forms.generate = lambda form: note(made(form))
def find_or_make(*words):
    identity, is_new = found(*words)
    return note(identity), is_new
age.find_or_make = find_or_make
from openinfra_tui.cli.main import main
main()
"""
ROTATED = "keystone-admin-password"


@dataclass(frozen=True)
class Place:
    """Where one run works; everything in `seen` is looked at."""

    root: Path

    @property
    def seen(self) -> Path:
        return self.root / "seen"

    @property
    def noted(self) -> Path:
        return self.root / "noted"

    def start(self, *more: str) -> subprocess.Popen[str]:
        for name in ("tmp", "home", "cache"):
            (self.seen / name).mkdir(parents=True, exist_ok=True)
        (self.root / "site.yaml").write_text(preset_text("lab"), "utf-8")
        words = ["generate", "site.yaml", "--output", "seen/out", "--age-key", "key", *more]
        folders = {"TMPDIR": "tmp", "HOME": "home", "XDG_CACHE_HOME": "cache"}
        env = {**os.environ, **{key: str(self.seen / name) for key, name in folders.items()}}
        with (self.seen / "stdout").open("a") as out:
            return subprocess.Popen(
                [sys.executable, "-c", SCRIPT, *words],
                cwd=self.root,
                env={**env, "NOTED": str(self.noted)},
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )

    def values(self) -> list[bytes]:
        return [value for value in self.noted.read_bytes().split(b"\0") if value]

    def traces(self) -> list[tuple[str, str]]:
        """(file, form) of each noted value that is found, as it is, by line, or in base64."""
        needles = {}
        for value in self.values():
            for line in (part for part in value.splitlines() if len(part) > 15 and b"-----" not in part):
                needles[line] = "clear"
                for shift in range(3):  # base64 of a longer text that holds it, at each alignment
                    coded = base64.b64encode(b"\0" * shift + line)
                    needles[coded[4 if shift else 0 : -4]] = "base64"
        found = []
        for path in self.seen.rglob("*"):
            if path.is_file():
                for text in contents(path):
                    found += [(str(path), form) for needle, form in needles.items() if needle in text]
        return found


def contents(path: Path) -> list[bytes]:
    """The bytes of a file, and of a Git object also what it holds, half-written and unreachable ones too."""
    raw = path.read_bytes()
    if "objects" not in path.parts:
        return [raw]
    try:
        return [raw, zlib.decompressobj().decompress(raw)]
    except zlib.error:
        assert path.suffix in (".pack", ".idx", ".rev") or path.parent.name == "info" or not raw, path
        return [raw]


def finished(process: subprocess.Popen[str], seen: Path) -> int:
    _, complaints = process.communicate(timeout=120)
    with (seen / "stderr").open("a") as file:
        file.write(complaints)
    return process.returncode


def test_the_scan_finds_what_is_there(tmp_path: Path) -> None:
    place = Place(tmp_path)
    value = "Correct8Horse8Battery8Staple8xyz"
    place.noted.write_text(f"{value}\0")
    objects = place.seen / "out/.git/objects/aa"
    objects.mkdir(parents=True)
    (place.seen / "log").write_text(f"password={value}\n")
    (place.seen / "coded").write_bytes(base64.b64encode(f"a: {value}\n".encode()))
    (objects / "bb").write_bytes(zlib.compress(b"blob 3\0" + value.encode()))
    (objects / "tmp_obj_half").write_bytes(
        zlib.compress(os.urandom(99) + value.encode() + os.urandom(999))[:900]
    )
    names = {Path(file).name for file, _ in place.traces()}
    assert names == {"log", "coded", "bb", "tmp_obj_half"}


def test_a_run_leaves_no_secret_in_clear(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert finished(place.start(), place.seen) == 0
    first = len(place.values())
    assert first > 20
    assert finished(place.start("--rotate", ROTATED), place.seen) == 0
    assert len(place.values()) > first
    assert place.traces() == []
    assert list((place.seen / "tmp").iterdir()) == []
    assert (tmp_path / "seen/stdout").read_text() == ""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1, 0.25])
@pytest.mark.parametrize("line", ["plan:", "rendered", "checked"])
def test_a_killed_run_leaves_no_secret_in_clear(tmp_path: Path, line: str, delay: float) -> None:
    place = Place(tmp_path)
    process = place.start()
    assert process.stderr is not None
    said = []
    for text in process.stderr:
        said.append(text)
        if text.startswith(line):
            break
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait() in (-signal.SIGKILL, 0)
    (place.seen / "stderr").write_text("".join(said) + rest)
    assert said[-1].startswith(line)
    assert place.traces() == []
    assert finished(place.start(), place.seen) == 0
    assert place.traces() == []
