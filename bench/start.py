"""How long one waits for the first screen and for `--help`, by the clock.

    python -m bench.start [RUNS]

Starts the program as a user does, the wizard and the drift view on a terminal of their own, and takes
the time until the title stands in what they print. Median, best and worst, and the processor time of each.
"""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "examples" / "drift"
DRIFT = ["drift", str(SITE / "site"), "--from-dump", str(SITE / "cluster.json")]
CASES = {
    "--help": (["--help"], b"Usage"),
    "wizard, first paint": (["wizard"], b"Look at drift"),
    "drift, first paint": (DRIFT, b"connecting"),
}


def main() -> None:
    """Measure every case."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print("| what | median ms | best ms | worst ms | CPU ms |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        env = {
            "HOME": home,
            "PATH": "/usr/bin:/bin",
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": f"{home}/bytecode",
        }
        for name, (words, wanted) in CASES.items():
            once(words, wanted, env)  # compiled, as installed
            took, used = zip(*(once(words, wanted, env) for _ in range(runs)), strict=True)
            cells = [statistics.median(took), min(took), max(took), statistics.median(used)]
            print(f"| {name} | {' | '.join(f'{1000 * cell:.0f}' for cell in cells)} |", flush=True)


def once(words: list[str], wanted: bytes, env: dict[str, str]) -> tuple[float, float]:
    """Seconds until a text is printed, and of processor time until the end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    command = [sys.executable, "-m", "openinfra_tui", *words]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    said = b""
    while wanted not in said:
        try:
            part = os.read(ours, 65536)
        except OSError:
            sys.exit(f"{words[0]} ended before it printed {wanted!r}:\n{said.decode(errors='replace')}")
        said += part
    took = time.perf_counter() - begun
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.close(ours)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
