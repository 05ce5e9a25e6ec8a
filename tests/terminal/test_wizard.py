"""The wizard in a real terminal (tmux), by keyboard only: what a person would see and press."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openinfra_tui.catalog.presets import preset_names

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
PATIENCE = 120.0


class Terminal:
    """One tmux server of its own with one window."""

    def __init__(self, home: Path, size: tuple[int, int]) -> None:
        self.home = home
        self.socket = f"openinfra-{os.getpid()}-{size[0]}-{home.name}"
        self.size = size

    def tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.socket, *words], capture_output=True, text=True, check=False
        )
        return done.stdout

    def start(self, *words: str) -> None:
        config = self.home / "gitconfig"
        config.write_text("[user]\nname = Op\nemail = op@cloud.example\n")
        self.size_words = ["-x", str(self.size[0]), "-y", str(self.size[1])]
        env = {
            "HOME": str(self.home),
            "GIT_CONFIG_GLOBAL": str(config),
            "PYTHONPATH": str(ROOT),
            "LC_ALL": "C.UTF-8",
            "PATH": os.environ["PATH"],
        }
        command = " ".join(
            ["exec", "env", "-u", "NO_COLOR", *(f"{k}='{v}'" for k, v in env.items()), sys.executable]
        )
        command += f" -m openinfra_tui {' '.join(words)} > {self.home}/stdout"
        self.tmux(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            *self.size_words,
            "-c",
            str(self.home),
            "sh",
            "-c",
            command,
        )
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    @property
    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    @property
    def coloured(self) -> str:
        """The text with its colours, in which a cursor that moves is a change."""
        return self.tmux("capture-pane", "-p", "-e")

    @property
    def process(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pane_pid}"))

    def until(self, pattern: str) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = self.text
            if re.search(pattern, text):
                return text
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} never came:\n{self.text}")

    def key(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def changed(self, *keys: str) -> str:
        """Press, and wait until the screen is another one and stands still."""
        before = self.coloured
        self.key(*keys)
        end, last = time.monotonic() + PATIENCE, before
        while time.monotonic() < end:
            time.sleep(0.25)
            now = self.coloured
            if now != before and now == last:
                return now
            last = now
        raise AssertionError(f"{keys} changed nothing:\n{before}")

    def begin(self, preset: str) -> None:
        """From the start screen with a preset."""
        self.until(preset)
        for _ in range(preset_names().index(preset)):
            self.changed("Down")
        self.key("Enter")

    def step(self) -> str:
        found = re.search(r"\d+ of \d+  (\w[\w ]*?)\s*$", self.text, re.MULTILINE)
        return found[1] if found else ""

    def close(self) -> None:
        self.tmux("kill-server")


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    home = tmp_path / "home"
    home.mkdir()
    one = Terminal(home, request.param)
    yield one
    one.close()


def kept(home: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((home / ".local/state/openinfra-tui/answers.json").read_text())
    return content


def openinfra(home: Path, *words: str) -> str:
    env = {
        **os.environ,
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "openinfra_tui", *words]
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def files(repository: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(repository)): path.read_bytes()
        for path in repository.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(repository).parts
    }


def test_from_start_to_a_commit(terminal: Terminal) -> None:
    home = terminal.home
    terminal.start("wizard")
    terminal.begin("openstack-helm-ha")
    terminal.until(r"1 of \d+  Site")
    terminal.key("C-u")
    terminal.key("-l", "ber1")
    terminal.until("ber1")
    for _ in range(40):
        if terminal.step() == "Review":
            break
        terminal.changed("Enter")
    terminal.until("Order")
    terminal.key("w")
    terminal.until("Written")
    terminal.key("Enter")
    end = time.monotonic() + PATIENCE
    while not (home / "stdout").read_text() and time.monotonic() < end:
        time.sleep(0.1)
    said = (home / "stdout").read_text()
    assert "repeat: openinfra-tui new site.yaml --no-input" in said
    assert "repeat: openinfra-tui generate site.yaml --output clouds" in said
    log = subprocess.run(
        ["git", "-C", str(home / "clouds"), "log", "--format=%an %s"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout == "Op Generate site ber1\n"
    # The same site file onto a copy of the repository: nothing to commit.
    key = str(home / ".config/sops/age/keys.txt")
    shutil.copytree(home / "clouds", home / "copy")
    assert "nothing changed, no commit" in openinfra(
        home, "generate", "site.yaml", "--output", "copy", "--age-key", key
    )
    # Into an empty folder: the same bytes, but for what is encrypted, which has the same keys.
    openinfra(home, "generate", "site.yaml", "--output", "again", "--age-key", key)
    one, other = files(home / "clouds"), files(home / "again")
    assert one.keys() == other.keys()
    sealed = {path for path in one if path.endswith(".sops.yaml")}
    assert {path for path in one if one[path] != other[path]} <= sealed
    for path in sealed:
        names = [[line.split(":")[0] for line in side[path].decode().splitlines()] for side in (one, other)]
        recipients = [re.findall(rb"recipient: (age1\w+)", side[path]) for side in (one, other)]
        assert recipients[0] == recipients[1], path
        assert [name for name in names[0] if name.strip()][:5] == [name for name in names[1] if name.strip()][
            :5
        ]


def test_back_and_forth_over_every_step_and_killed_in_the_middle(terminal: Terminal) -> None:
    home = terminal.home
    terminal.start("wizard")
    terminal.begin("openstack-helm-ha")
    terminal.until(r"1 of \d+  Site")
    terminal.key("C-u")
    terminal.key("-l", "ber1")
    terminal.until("ber1")
    seen = []
    while terminal.step() != "Review":
        terminal.changed("Enter")
        seen.append(terminal.step())
    before = kept(home)["values"]
    for _ in range(20):
        if terminal.step() == "Site":
            break
        terminal.changed("Escape")
    assert terminal.step() == "Site"
    for _ in range(40):
        if terminal.step() == "Nodes":
            break
        terminal.changed("Enter")
    assert kept(home)["values"] == before
    os.kill(terminal.process, signal.SIGKILL)
    assert kept(home)["values"] == before
    terminal.close()
    terminal.start("wizard", "--resume")
    terminal.until(r"openinfra-tui · ber1")
    terminal.key("C-c")
    terminal.until("Leave the wizard")
    terminal.key("C-c")
    end = time.monotonic() + PATIENCE
    while "dead" not in terminal.tmux("list-panes", "-F", "#{?pane_dead,dead,}") and time.monotonic() < end:
        time.sleep(0.1)
    assert kept(home)["values"] == before
