"""How long the large site takes, with and without checks, against copier, and how many sites add up.

`make bench`, or `python bench/generate.py [SITES]` (1000 without a number). Whole processes are timed, by
the clock and by the processors' time, which another load on the machine leaves alone. `cold` is with an empty
cache and a new repository, `new` with the cache of before and a new repository, `again` over the repository
of before.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.engine import flux
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree, template_context
from openinfra_tui.flow.stores import wanted_secrets
from openinfra_tui.resources import skeletons_path
from openinfra_tui.site.load import parse_site
from openinfra_tui.skeleton.child import render_all

if TYPE_CHECKING:
    from collections.abc import Callable

TODAY = date(2026, 11, 25)
PRESET = "openstack-helm-ha"
RUNS = 5
UNCHECKED = (
    "import openinfra_tui.flow.generate as f; f.require_sound = lambda *words: ();"
    "from openinfra_tui.cli.main import main; main()"
)
CHECKED = "from openinfra_tui.cli.main import main; main()"
COOKIECUTTER = "from openinfra_tui.skeleton.child import main; main()"
COPIER = """
import json, sys
from copier import run_copy
job = json.load(sys.stdin)
for render in job["renders"]:
    run_copy(render["folder"], job["output"] + "/" + render["name"], data={"cookiecutter": render["context"]},
             defaults=True, quiet=True, unsafe=True)
"""


def timed(label: str, work: Callable[[int], object], runs: int = RUNS) -> float:
    """Print and return the median of some runs; `work` is told which run it is."""
    seconds, used = [], []
    for number in range(runs):
        start, before = time.perf_counter(), processors()
        work(number)
        seconds.append(time.perf_counter() - start)
        used.append(processors() - before)
    middle = statistics.median(seconds)
    spread = f"{min(seconds):.3f} to {max(seconds):.3f}, {runs} runs"
    print(f"{label:40} {middle:7.3f} s   cpu {statistics.median(used):7.3f} s   ({spread})", flush=True)
    return statistics.median(used)


def processors() -> float:
    """Seconds of processor time so far, of this process and of those that it waited for."""
    return sum(os.times()[:4])


def python(code: str, *words: str, stdin: str = "", **variables: str) -> None:
    subprocess.run(
        [sys.executable, "-c", code, *words],
        input=stdin,
        text=True,
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
    )


def whole_site(folder: Path) -> None:
    """The command, as a user starts it."""
    site, cache = folder / "site.yaml", {"XDG_CACHE_HOME": str(folder / "cache")}
    site.write_text(preset_text(PRESET), "utf-8")

    def run(code: str, target: str) -> None:
        words = ("generate", str(site), "--output", str(folder / target), "--age-key", str(folder / "key"))
        python(code, *words, **cache)

    def cold(_: int) -> None:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        shutil.rmtree(folder / "cold", ignore_errors=True)
        run(CHECKED, "cold")

    cold(0)
    files = [path for path in (folder / "cold").rglob("*") if path.is_file() and ".git" not in path.parts]
    print(f"{PRESET}: {len(files)} files in the repository")
    timed("generate with checks, cold", cold)
    with_checks = timed("generate with checks, new", lambda n: run(CHECKED, f"new{n}"))
    timed("generate with checks, again", lambda _: run(CHECKED, "cold"))
    without = timed("generate without checks, new", lambda n: run(UNCHECKED, f"bare{n}"))
    timed("generate without checks, again", lambda _: run(UNCHECKED, "bare0"))
    print(f"checks cost {with_checks - without:.3f} s of processor time with a filled cache")


def against_copier(folder: Path) -> None:
    """The same templates and context through cookiecutter, as we do it, and through copier."""
    job = render_job(PRESET, preset_text(PRESET))
    copies = []
    for render in job["renders"]:
        template = folder / "copier" / render["name"]
        shutil.copytree(render["folder"], template)
        for name in ("component.yaml", "cookiecutter.json"):
            (template / name).unlink(missing_ok=True)
        settings = {"_templates_suffix": "", "_jinja_extensions": render["context"]["_extensions"]}
        (template / "copier.yml").write_text(json.dumps(settings), "utf-8")
        copies.append({**render, "folder": str(template)})

    def through(code: str, renders: list[dict[str, Any]], name: str) -> None:
        output = folder / name
        output.mkdir()
        python(code, stdin=json.dumps({"output": str(output), "renders": renders}))

    ours = timed(
        "templates through cookiecutter (ours)", lambda n: through(COOKIECUTTER, job["renders"], f"ours{n}")
    )
    theirs = timed("the same templates through copier", lambda n: through(COPIER, copies, f"theirs{n}"))
    one, other = (
        sorted(p.read_bytes() for p in (folder / name).rglob("*") if p.is_file())
        for name in ("ours0", "theirs0")
    )
    if one != other:
        raise SystemExit("copier renders something else: the two cannot be compared")
    print(f"{len(one)} files each, the same bytes; ours / copier {ours / theirs:.2f} (processor time)")


def render_job(name: str, text: str) -> dict[str, Any]:
    """The templates of a site, as the child process gets them."""
    site = parse_site(text, name)
    plan, _ = plan_site(site, TODAY)
    context = template_context(plan, dict(site.get("secrets.recipients")))
    folders = [*(component.folder for component in plan.components), skeletons_path() / "repository"]
    return {"renders": [{"folder": str(f), "name": f.name, "context": context} for f in folders]}


def render_one(number: int, folder: Path) -> int:
    """Another site than any other, from text to tree, in this process; the number of files."""
    text = (
        preset_text(PRESET)
        .replace("name: fra1", f"name: s{number}")
        .replace("cloud.example", f"c{number}.example")
    )
    site = parse_site(text, "site.yaml")
    plan, _ = plan_site(site, TODAY)
    output = folder / str(number)
    output.mkdir()
    render_all({**render_job("site.yaml", text), "output": str(output)})
    rendered = {
        place.name: {
            path.relative_to(place / "root").as_posix(): path.read_bytes()
            for path in (place / "root").rglob("*")
            if path.is_file()
        }
        for place in output.iterdir()
    }
    tree = flux.write(plan, rendered, wanted_secrets(plan))
    shutil.rmtree(output)
    return len(tree) + sum(map(len, rendered.values()))


def many_sites(folder: Path, total: int) -> None:
    """Sites one after the other; the time of one must not depend on how many there were."""
    start, done = time.perf_counter(), 0
    # The system's part is files made and removed: it moves with what else the machine holds in memory.
    for upto in sorted({min(total, 10), min(total, 100), total}):
        files = 0
        since, before = time.perf_counter(), os.times()
        for number in range(done, upto):
            files += render_one(number, folder)
        now, after = time.perf_counter(), os.times()
        each, user, system = (
            seconds / (upto - done) * 1000
            for seconds in (now - since, after.user - before.user, after.system - before.system)
        )
        used = f"cpu {user:.0f} ms and the system's {system:.0f} ms"
        last = f"each of the last {upto - done}: {each:.0f} ms, {used}"
        print(f"{upto:5} sites: {now - start:8.2f} s in all; {last}; {files} files", flush=True)
        done = upto


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    site = parse_site(preset_text(PRESET), "site.yaml")
    plan, _ = plan_site(site, TODAY)
    timed("plan alone", lambda _: plan_site(site, TODAY))
    timed("render alone", lambda _: render_tree(plan, dict(site.get("secrets.recipients"))))
    with tempfile.TemporaryDirectory() as folder:
        for name, work in (("site", whole_site), ("copier", against_copier)):
            (Path(folder) / name).mkdir()
            work(Path(folder) / name)
        (Path(folder) / "many").mkdir()
        many_sites(Path(folder) / "many", total)


if __name__ == "__main__":
    main()
