"""Write the images of OpenStack-Helm's charts that `mirror` and `check` read.

    scripts/images.py CLONE [TARGET]

CLONE is a clone of https://opendev.org/openstack/openstack-helm with the commits of all pins. Of each chart
that a skeleton pins, `images.tags` of its values is read at that commit: a published version ends in its
commit (`2026.1.19+55794356b`), the others are at the commit of `engine/pins.py`. TARGET gets chart → version
→ name → reference, sorted, so that two runs differ in nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from openinfra_tui import yamlio
from openinfra_tui.engine import pins
from openinfra_tui.plan.component import load_components

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "openinfra_tui" / "catalog" / "data" / "images" / "openstack_helm.json"


def collect(clone: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Chart → version → name below `images.tags` → reference."""
    out: dict[str, dict[str, dict[str, str]]] = {}
    for component in load_components().values():
        for release in component.releases:
            if release.source in (*pins.SOURCES, pins.GIT_SOURCE):
                commit = release.version.partition("+")[2] or pins.GIT_COMMIT
                values = _values(clone, commit, release.chart)
                out.setdefault(release.chart, {})[release.version] = {
                    name: str(reference)
                    for name, reference in values.get("images", {}).get("tags", {}).items()
                    if reference
                }
    return out


def _values(clone: Path, commit: str, chart: str) -> dict[str, Any]:
    command = ["git", "-C", str(clone), "show", f"{commit}:{chart}/values.yaml"]
    found: dict[str, Any] = yamlio.load(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main(words: list[str]) -> int:
    """Write the file."""
    if len(words) not in (1, 2):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    target = Path(words[1]) if len(words) > 1 else HERE
    target.write_text(json.dumps(collect(Path(words[0])), sort_keys=True, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
