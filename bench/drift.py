"""How long `diff` takes beside `kubectl diff --server-side`, for the same objects in one run.

    python -m bench.drift [OBJECTS]

Builds objects over 20 Kustomizations, applies them to a control plane of its own, and prints both times for
0 %, 5 % and 50 % drifted, with requests and dry-runs. Needs Go, or KUBEBUILDER_ASSETS, and kubectl.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from openinfra_tui import yamlio
from openinfra_tui.drift import normalise
from openinfra_tui.drift.desired import flux, source
from tests.controlplane import crds as definitions
from tests.controlplane import plane as planes

KUSTOMIZATIONS = 20


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


def measured(words: list[str], env: dict[str, str]) -> tuple[float, bytes]:
    started = time.perf_counter()
    done = subprocess.run(words, env=env, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr.decode())
    return time.perf_counter() - started, done.stdout


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as temporary, planes.running() as plane:
        root = Path(temporary) / "repository"
        repository(root, count)
        client = plane.client()
        definitions.install(client, ["flux"])
        found = source.work_tree(root)
        rendered = flux.render(found, flux.entry_points(found), lambda *_: None)
        objects = sorted(rendered.objects, key=lambda item: item.key.kind != "Namespace")
        for item in objects:
            client.apply(normalise.for_apply(item.object), "kustomize-controller")
        everything = Path(temporary) / "all.json"
        items = [item.object for item in objects]
        everything.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        env = {**os.environ, "KUBECONFIG": str(plane.kubeconfig()), "XDG_CACHE_HOME": f"{temporary}/cache"}
        ours = [sys.executable, "-m", "openinfra_tui", "diff", str(root), "--output", "json"]
        theirs = [
            "kubectl",
            "diff",
            "--server-side",
            "--field-manager=kustomize-controller",
            "--force-conflicts",
        ]
        theirs += ["--concurrency=16", "-f", str(everything)]
        cold, _ = measured(ours, env)
        config_maps = [item for item in objects if item.key.kind in ("ConfigMap", "Deployment")]
        done = 0
        for percent in (0, 5, 50):
            wanted = min(len(objects) * percent // 100, len(config_maps))
            for item in config_maps[done:wanted]:
                change = {"data": {"k0": "w"}} if item.key.kind == "ConfigMap" else {"spec": {"replicas": 1}}
                client.patch(item.object, change, "somebody")
            done = wanted
            warm, printed = min((measured(ours, env) for _ in range(3)), key=lambda pair: pair[0])
            kubectl, _ = measured(theirs, env)
            report = json.loads(printed)
            print(
                f"{len(objects)} objects, {percent} % drifted: ours {warm:.2f} s, kubectl {kubectl:.2f} s,"
                f" 1/{kubectl / warm:.1f}; {report['coverage']}; {report['summary']}; {report['timings']}",
                flush=True,
            )
        print(f"cold build cache: {cold:.2f} s")


if __name__ == "__main__":
    main()
