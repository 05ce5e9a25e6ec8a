"""How soon the drift view paints, how soon it shows an edit, and what it costs, over real API servers.

    python -m bench.view [--edits N] [OBJECTS ...]

Builds objects over 20 Kustomizations as `bench.drift` does, and runs the view over them in a process of its
own without a terminal: seconds from its start to the first frame and to the first picture, seconds from an
edit to the screen (median, worst), and the most memory it held. Needs Go, or KUBEBUILDER_ASSETS.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane.client import Client, Object

if TYPE_CHECKING:
    from tests.controlplane.plane import ControlPlane

EDITED = "it-40"  # a ConfigMap in every size
PATIENCE = 60.0


def main() -> None:
    """Measure each number of objects that the command line names."""
    words = sys.argv[1:]
    edits = 100
    if words[:1] == ["--edits"]:
        edits, words = int(words[1]), words[2:]
    head = "| objects | first frame s | picture s | edits | median s | worst s | MB |"
    print(f"{head}\n|{'---|' * 7}", flush=True)
    for word in words or ["1000", "10000"]:
        one(int(word), edits)


def one(count: int, edits: int) -> None:
    """A control plane of its own, and a view over it."""
    # Here, so that the process that is measured loads none of them.
    from tests.controlplane import plane as planes

    with tempfile.TemporaryDirectory() as temporary, planes.running() as plane:
        root = Path(temporary) / "repository"
        filled(plane, root, count)
        words = ["--child", str(root), str(plane.kubeconfig()), str(edits)]
        access = json.dumps([plane.url, plane.ca, plane.client().token])
        env = {**os.environ, "XDG_CACHE_HOME": f"{temporary}/cache"}
        # As installed: compiled once, whatever the environment of a developer says.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env["PYTHONPYCACHEPREFIX"] = f"{temporary}/bytecode"
        warm = "import bench.view, openinfra_tui.tui.drift.app, openinfra_tui.flow.diff"
        subprocess.run([sys.executable, "-c", warm], env=env, check=True)
        child = [sys.executable, "-m", "bench.view", *words, str(time.time())]
        done = subprocess.run(child, env=env, input=access, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        found = json.loads(done.stdout)
        cells = [found["objects"], f"{found['frame']:.2f}", f"{found['picture']:.2f}", edits]
        cells += [f"{found['median']:.3f}", f"{found['worst']:.3f}", f"{found['megabytes']:.0f}"]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def filled(plane: ControlPlane, root: Path, count: int) -> None:
    """The repository, and a cluster that holds what it says."""
    from bench.drift import repository
    from openinfra_tui.drift import normalise
    from openinfra_tui.drift.desired import flux, source
    from tests.controlplane import crds as definitions

    repository(root, count)
    client = plane.client()
    definitions.install(client, ["flux"])
    found = source.work_tree(root)
    rendered = flux.render(found, flux.entry_points(found), lambda *_: None)
    for item in sorted(rendered.objects, key=lambda one: one.key.kind != "Namespace"):
        client.apply(normalise.for_apply(item.object), "kustomize-controller")


async def watched(root: Path, config: Path, client: Client, edits: int, started: float) -> dict[str, float]:
    """Run the view, edit, and wait until it shows each edit."""
    from openinfra_tui.flow.diff import Request
    from openinfra_tui.tui.drift.app import DriftApp
    from openinfra_tui.tui.drift.filters import Filter
    from openinfra_tui.tui.drift.tree import ObjectTree

    app = DriftApp(Request(root, config=config))
    async with app.run_test(size=(120, 40)):
        frame = time.time() - started
        await until(lambda: app.view.picture is not None)
        painted = time.time() - started
        tree = app.view.query_one(ObjectTree)
        tree.narrow(Filter(faults=False))
        row = next(one for one in tree.rows if one.key.name == EDITED and one.depth == 1)

        looked: list[object] = [None, ""]

        def verdict() -> str:
            """Looked for once in each picture: looking costs time that is measured."""
            if looked[0] is not tree.rows:
                found = next(one for one in tree.rows if one.id == row.id).verdict
                looked[:] = tree.rows, found.verdict if found else ""
            return str(looked[1])

        await asyncio.sleep(5)  # the watches have begun
        before, took = verdict(), []
        metadata = {"name": EDITED, "namespace": row.key.namespace}
        edited: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        for number in range(edits):
            value = "v" * 40 if number % 2 else "w"
            begun = time.perf_counter()
            await asyncio.to_thread(client.patch, edited, {"data": {"k0": value}}, "kubectl-edit")
            await until(lambda wanted=not number % 2: (verdict() != before) is wanted)
            took.append(time.perf_counter() - begun)
        return {
            "objects": len(app.view.picture.report.objects) if app.view.picture else 0,
            "frame": frame,
            "picture": painted,
            "median": statistics.median(took),
            "worst": max(took),
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


async def until(what) -> None:
    """Wait for something to hold."""
    begun = time.monotonic()
    while not what():
        if time.monotonic() - begun > PATIENCE:
            sys.exit("it is never shown")
        await asyncio.sleep(0.002)


def child() -> None:
    """The process that is measured."""
    root, config, edits, started = sys.argv[2:]
    client = Client(*json.load(sys.stdin))
    print(json.dumps(asyncio.run(watched(Path(root), Path(config), client, int(edits), float(started)))))


if __name__ == "__main__":
    child() if sys.argv[1:2] == ["--child"] else main()
