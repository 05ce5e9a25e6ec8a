"""A hundred sites in one repository: the time of each, and its size; both must grow in a straight line.

`python bench/sites.py [SITES] [PRESET]` (100 and lab without words). Each site is added by the command, as a
user starts it, with all checks and one commit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from openinfra_tui.catalog.presets import preset_text

MAIN = "from openinfra_tui.cli.main import main; main()"


def run(folder: Path, *words: str) -> tuple[float, float]:
    """Seconds by the clock and of processor time of one command."""
    env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    start, before = time.perf_counter(), sum(os.times()[2:4])
    subprocess.run([sys.executable, "-c", MAIN, *words], env=env, check=True, capture_output=True, cwd=folder)
    return time.perf_counter() - start, sum(os.times()[2:4]) - before


def size(folder: Path) -> tuple[int, int, int]:
    """Files of the work tree, their bytes, and the bytes of `.git` after packing."""
    subprocess.run(["git", "gc", "-q"], cwd=folder, check=True)
    files = [path for path in folder.rglob("*") if path.is_file()]
    ours = [path for path in files if ".git" not in path.relative_to(folder).parts]
    packed = sum(path.stat().st_size for path in files) - sum(path.stat().st_size for path in ours)
    return len(ours), sum(path.stat().st_size for path in ours), packed


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    text = preset_text(sys.argv[2] if len(sys.argv) > 2 else "lab")
    name = next(line.split()[-1] for line in text.splitlines() if line.startswith("  name:"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        steps = sorted({1, 2, *range(10, total + 1, 10), total})
        used: list[tuple[float, float]] = []
        for number in range(1, total + 1):
            site = f"s{number:03}"
            (folder / "site.yaml").write_text(text.replace(f"name: {name}", f"name: {site}", 1), "utf-8")
            command = (
                ("generate", "site.yaml", "--output", "out")
                if number == 1
                else (*("site", "add", "site.yaml", "--repository", "out"),)
            )
            used.append(run(folder, *command, "--age-key", "key"))
            if number in steps:
                files, content, packed = size(folder / "out")
                clock, cpu = used[-1]
                print(
                    f"{number:4} sites: the last in {clock:6.2f} s, cpu {cpu:6.2f} s; "
                    f"{sum(c for c, _ in used):8.1f} s in all; "
                    f"{files} files, {content / 1e6:.1f} MB, .git {packed / 1e6:.1f} MB",
                    flush=True,
                )
        again = run(folder, "generate", "site.yaml", "--output", "out", "--age-key", "key")
        check = run(folder, "check", "out")
        gone = run(folder, "site", "remove", f"s{total:03}", "--repository", "out")
        for label, (clock, cpu) in (
            ("generate again", again),
            ("check of all", check),
            ("site remove", gone),
        ):
            print(f"{label:16} {clock:7.2f} s, cpu {cpu:7.2f} s", flush=True)


if __name__ == "__main__":
    main()
