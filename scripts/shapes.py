"""Write the key trees of OpenStack-Helm's charts that `check` reads.

    scripts/shapes.py SOURCE [TARGET]

SOURCE holds one file a chart version, `<chart>-<version>.json`, and `index.json` (`<chart>@<version>` to file
name). TARGET gets one file a chart, `{version: key tree}`, sorted, so that two runs differ in nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent / "openinfra_tui" / "check" / "shapes" / "openstack_helm"


def collect(source: Path) -> dict[str, dict[str, object]]:
    """Chart → version → key tree."""
    out: dict[str, dict[str, object]] = {}
    for key, name in json.loads((source / "index.json").read_text("utf-8")).items():
        chart, version = key.split("@", 1)
        out.setdefault(chart, {})[version] = json.loads((source / name).read_text("utf-8"))
    return out


def main(words: list[str]) -> int:
    """Write the files; what the source no longer has is removed."""
    if len(words) not in (1, 2):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    target = Path(words[1]) if len(words) > 1 else HERE
    target.mkdir(parents=True, exist_ok=True)
    charts = collect(Path(words[0]))
    for file in target.glob("*.json"):
        if file.stem not in charts:
            file.unlink()
    for chart, versions in charts.items():
        text = json.dumps(versions, sort_keys=True, separators=(",", ":")) + "\n"
        (target / f"{chart}.json").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
