"""A site without internet: in a network namespace that has only the mirror, all that its repository names resolves.

The charts of OpenStack-Helm are the real ones, and so are others where OPENINFRA_CHARTS names a folder of their
packages (CONTRIBUTING.md). They are rendered with the values of the site, so what counts is the images that its Pods
would run and not a list of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from openinfra_tui import proc
from tests.controlplane.charts.checkout import checkout
from tests.controlplane.missing import Missing, tool

pytestmark = pytest.mark.slow
# The chart of Rook names it in a list for its operator, which starts it with csi.csiAddons.enabled only.
SWITCHED_OFF = {"quay.io/csiaddons/k8s-sidecar:v0.14.0"}
REPORT = Path(__file__).parents[2] / "build" / "reports"


@pytest.mark.parametrize("engine", ["flux", "argocd"])
def test_charts_images_and_git_resolve_in_the_mirror_and_nowhere_else(engine: str, tmp_path: Path) -> None:
    checkout()
    if proc.run([tool("unshare", "util-linux"), "-rn", "true"], ok_codes=range(256)).code:
        raise Missing("this machine lets nobody make a network namespace: sysctl user.max_net_namespaces")
    inside = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "-"]
    words = [sys.executable, "-m", "tests.controlplane.mirrored", tmp_path, engine]
    done = proc.run([*inside, *words], timeout=600)
    found = json.loads(done.stdout)
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / f"mirror-{engine}.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    assert found["interfaces"] == ["lo"]
    assert found["outside"] == "Network is unreachable"
    fetched = [*found["charts"].values(), *found["git"].values()]
    assert len(fetched) > 35
    assert all(url.startswith("http://127.0.0.1:") for url in fetched)
    assert set(found["past"]) <= SWITCHED_OFF
    images = {image for several in found["images"].values() for image in several} - SWITCHED_OFF
    assert len(images) > 35
    assert images <= set(found["listed"])
    assert found["images"]["keystone"]
    assert found["images"]["mariadb"]
