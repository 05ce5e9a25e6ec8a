"""Programs that a test run starts and that never outlive it.

Three nets, each for what the one before cannot catch: a run stops its programs in reverse order; the kernel
kills them when the run itself is killed; and what even then is left (a child of a child, a folder) is found
by a mark in its environment and cleared by the next run.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.controlplane.missing import tool

MARK = "OPENINFRA_TEST_RUN"
GRACE = 5.0


class NotReady(Exception):
    """A program ended or did not become ready; the message carries the end of its log."""


@dataclass(frozen=True)
class Program:
    """A running program and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 15) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Run:
    """The folder of one test process and every program started from it.

    Args:
        root: where the folders of runs are; those of dead runs are cleared first.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._programs: list[Program] = []
        with _alone(root):
            clear_dead_runs(root)
            self.folder = Path(tempfile.mkdtemp(prefix="run-", dir=root))
            self._alive = _lock_file(self.folder)
        logs = os.environ.get("OPENINFRA_TEST_LOGS")
        self.logs = Path(logs).resolve() / self.folder.name if logs else self.folder / "logs"
        self.logs.mkdir(parents=True)

    def start(self, name: str, words: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Program:
        """Start a program; from the main thread, because the kernel kills it when the starting thread ends."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"{name} would end with the thread that starts it")
        home = self.subfolder(f"{name}-home")
        environment = {
            **{key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")},
            "HOME": str(home),
            "TMPDIR": str(self.subfolder("tmp")),
            **(env or {}),
            MARK: str(self.folder),
        }
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [tool("setpriv", "util-linux"), "--pdeathsig", "KILL", "--", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        program = Program(name, process, log)
        self._programs.append(program)
        return program

    def subfolder(self, name: str) -> Path:
        """A folder that goes when the run ends."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def stop(self, *programs: Program) -> None:
        """Ask programs to end, all at once, and kill what has not after the grace."""
        for program in programs:
            _signal(program, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for program in programs:
            try:
                program.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(program, signal.SIGKILL)
                program.process.wait()
            _signal(program, signal.SIGKILL)  # children of its own that stayed behind
            self._programs.remove(program)

    def close(self) -> None:
        """Stop what still runs, the last started first, and remove the folder."""
        for program in reversed(self._programs.copy()):
            self.stop(program)
        _clear(self.folder)
        self._alive.close()

    def wait(self, what: str, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until `ready` says so.

        Raises:
            NotReady: a program of this run ended meanwhile, or the time is over.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            for program in self._programs:
                if program.process.poll() is not None:
                    code = program.process.returncode
                    raise NotReady(f"{program.name} ended with {code} before {what}:\n{program.tail()}")
            if time.monotonic() > deadline:
                tails = "\n".join(f"--- {program.name}\n{program.tail(5)}" for program in self._programs)
                raise NotReady(f"no {what} within {timeout:g} s\n{tails}")
            time.sleep(0.05)


def clear_dead_runs(root: Path) -> None:
    """Kill what runs left behind whose process is gone, and remove their folders."""
    for folder in root.glob("run-*"):
        try:
            alive = _lock_file(folder)
        except BlockingIOError:
            continue
        with alive:
            _clear(folder)


def marked(folder: Path) -> list[int]:
    """The processes that carry the mark of a run."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # another user's, or just gone
            continue
        if mark in words:
            found.append(int(process.name))
    return found


_given: set[int] = set()


def free_port() -> int:
    """A free port on loopback, below those that the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(20000, 32000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _clear(folder: Path) -> None:
    while left := marked(folder):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)
    shutil.rmtree(folder)


def _signal(program: Program, number: signal.Signals) -> None:
    try:
        os.killpg(program.process.pid, number)
    except ProcessLookupError:
        return


def _lock_file(folder: Path) -> IO[bytes]:
    """An open file that says "this run lives": the kernel lets go of the lock when the process ends."""
    file = (folder / "alive").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    with (root / "lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
