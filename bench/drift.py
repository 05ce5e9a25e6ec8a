"""How long `diff` takes beside `kubectl diff --server-side` and `flux diff`, for the same objects in one run.

    python -m bench.drift [OBJECTS ...]

Builds objects over 20 Kustomizations, applies them to a control plane of its own as Flux would, and prints a
table for 0 %, 5 % and 50 % drifted: seconds, processor time, memory, requests, dry-runs, ratios. Needs Go, or
KUBEBUILDER_ASSETS, and kubectl; without a `flux` on PATH, or in FLUX, its two columns stay empty.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from openinfra_tui import yamlio
from openinfra_tui.drift import normalise
from openinfra_tui.drift.desired import flux, source
from tests.controlplane import crds as definitions
from tests.controlplane import generated
from tests.controlplane import plane as planes

if TYPE_CHECKING:
    from collections.abc import Callable

KUSTOMIZATIONS = 20
CHANGES = {
    "ConfigMap": {"data": {"k0": "w"}},
    "Deployment": {"spec": {"replicas": 1}},
    "Service": {"spec": {"selector": {"app": "other"}}},
}


def manifest(kind: int, index: int) -> dict:
    metadata = {"name": f"it-{index}", "namespace": f"bench-{index % KUSTOMIZATIONS}"}
    labels = {"app": f"it-{index}"}
    container = {
        "name": "app",
        "image": "app:1",
        "env": [{"name": f"E{n}", "value": str(n)} for n in range(8)],
        "ports": [{"containerPort": 80}],
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}},
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {f"k{n}": "v" * 40 for n in range(8)},
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "metadata": metadata,
            "spec": {
                "interval": "1h",
                "chart": {"spec": {"chart": "it", "sourceRef": {"kind": "HelmRepository", "name": "it"}}},
            },
        },
    ][kind]


def repository(root: Path, count: int) -> None:
    def kustomization(name: str, path: str) -> dict:
        return {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {
                "interval": "10m",
                "path": path,
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
            },
        }

    entry = root / "clusters/c"
    entry.mkdir(parents=True)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}
    (entry / "root.yaml").write_text(
        yamlio.dump(space) + "---\n" + yamlio.dump(kustomization("flux-system", "./clusters/c"))
    )
    for number in range(KUSTOMIZATIONS):
        (entry / f"k{number}.yaml").write_text(yamlio.dump(kustomization(f"k{number}", f"./apps/k{number}")))
        folder = root / f"apps/k{number}"
        folder.mkdir(parents=True)
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"bench-{number}"}}
        parts = [yamlio.dump(space)]
        parts += [
            yamlio.dump(manifest(i // KUSTOMIZATIONS % 5, i)) for i in range(number, count, KUSTOMIZATIONS)
        ]
        (folder / "all.yaml").write_text("---\n".join(parts))
    subprocess.run(["git", "-C", root, "init", "-q"], check=True)
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"]
    subprocess.run(["git", "-C", root, "add", "-A"], check=True)
    subprocess.run(["git", "-C", root, *who, "commit", "-qm", "bench"], check=True)


@dataclass(frozen=True)
class Measured:
    """One run of a program: wall clock, processor and memory, and what it printed."""

    wall: float
    cpu: float
    megabytes: float
    printed: bytes


def measured(words: list[str], env: dict[str, str], folder: Path | None = None) -> Measured:
    """Run a program to its end, perhaps in a folder."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(words, env=env, cwd=folder, stdout=out, stderr=complaints)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            complaints.seek(0)
            sys.exit(complaints.read().decode())
        out.seek(0)
        return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read())


def main() -> None:
    """Measure each number of objects that the command line names."""
    counts = [int(word) for word in sys.argv[1:]] or [100, 1000]
    head = "objects | drifted | ours s | CPU s | MB | requests | dry-runs | kubectl s | CPU s | MB | ratio"
    head += " | flux s | ratio"
    print(f"| {head} |\n|{'---|' * (head.count('|') + 1)}", flush=True)
    for count in counts:
        one(count)


def one(count: int) -> None:
    """A control plane of its own, so that no other objects are listed."""
    with tempfile.TemporaryDirectory() as temporary, planes.running() as plane:
        root = Path(temporary) / "repository"
        repository(root, count)
        client = plane.client()
        definitions.install(client, ["flux"])
        found = source.work_tree(root)
        rendered = flux.render(found, flux.entry_points(found), lambda *_: None)
        objects = sorted(rendered.objects, key=lambda item: item.key.kind != "Namespace")
        for item in objects:
            client.apply(generated.as_flux_sends(normalise.for_apply(item.object)), "kustomize-controller")
        everything = Path(temporary) / "all.json"
        items = [item.object for item in objects]
        everything.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        env = {**os.environ, "KUBECONFIG": str(plane.kubeconfig()), "XDG_CACHE_HOME": f"{temporary}/cache"}
        # As installed: compiled once, whatever the environment of a developer says.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env["PYTHONPYCACHEPREFIX"] = f"{temporary}/bytecode"
        measured([sys.executable, "-c", "import openinfra_tui.cli.diff"], env)
        ours = [sys.executable, "-m", "openinfra_tui", "diff", str(root), "--output", "json"]
        theirs = ["kubectl", "diff", "--server-side", "--field-manager=kustomize-controller"]
        theirs += ["--force-conflicts", "--concurrency=16", "-f", str(everything)]
        others = [partial(measured, theirs, env)]
        if flux_program := os.environ.get("FLUX") or shutil.which("flux"):
            own = [flux_program, "diff", "kustomization", "flux-system", "--path", "./clusters/c"]
            own += ["--recursive", "--local-sources", "GitRepository/flux-system/flux-system=./"]
            own += ["--in-memory-build", "--progress-bar=false"]
            others.append(partial(measured, own, env, root))  # it reads nothing outside its folder
        cold = measured(ours, env)
        changed = [item for item in objects if item.key.kind in ("ConfigMap", "Deployment", "Service")]
        done = 0
        for percent in (0, 5, 50):
            wanted = min(len(objects) * percent // 100, len(changed))
            for item in changed[done:wanted]:
                client.patch(item.object, CHANGES[item.key.kind], "somebody")
            done = wanted
            row(
                f"{len(objects)}",
                percent,
                min((measured(ours, env) for _ in range(3)), key=_wall),
                others,
            )
            if not percent:
                row(f"{len(objects)} cold", percent, cold, others)


def _wall(run: Measured) -> float:
    return run.wall


def row(name: str, percent: int, ours: Measured, others: list[Callable[[], Measured]]) -> None:
    """One line of the table; kubectl, and flux where it is, run beside each of ours."""
    kubectl, *flux_ran = (other() for other in others)
    report = json.loads(ours.printed)
    coverage = report["coverage"]
    cells = [name, f"{percent} %", f"{ours.wall:.2f}", f"{ours.cpu:.2f}", f"{ours.megabytes:.0f}"]
    cells += [str(coverage["requests"]), str(coverage["dryRuns"])]
    cells += [f"{kubectl.wall:.2f}", f"{kubectl.cpu:.2f}", f"{kubectl.megabytes:.0f}"]
    cells += [f"1/{kubectl.wall / ours.wall:.1f}"]
    cells += [f"{ran.wall:.2f} | 1/{ran.wall / ours.wall:.1f}" for ran in flux_ran] or [" | "]
    print(f"| {' | '.join(cells)} |", flush=True)
    print({**report["timings"], **report["summary"]}, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
