"""Time of one render of the HA site, and how it grows: with and without checks, side by side.

`python bench/generate.py`. Prints seconds and ratios.
"""

from __future__ import annotations

import tempfile
import time
from datetime import date
from pathlib import Path

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.check.run import check
from openinfra_tui.flow.generate import Request, generate, plan_site, render_tree
from openinfra_tui.site.load import parse_site

TODAY = date(2026, 11, 25)


def timed(label: str, work: object, repeat: int = 3) -> float:
    best = min(_once(work) for _ in range(repeat))
    print(f"{label:40} {best:7.3f} s")
    return best


def _once(work: object) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    site = parse_site(preset_text("openstack-helm-ha"), "site.yaml")
    plan, _ = plan_site(site, TODAY)
    recipients = dict(site.get("secrets.recipients"))
    tree = render_tree(plan, recipients)
    print(f"{len(tree)} rendered files, {len(plan.components)} components")
    planned = timed("plan", lambda: plan_site(site, TODAY))
    rendered = timed("plan and render", lambda: (plan_site(site, TODAY), render_tree(plan, recipients)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_text(preset_text("openstack-helm-ha"), "utf-8")
        generate(Request(path, Path(folder) / "out", age_key=Path(folder) / "key"), TODAY, lambda _: None)
        checked = timed("check", lambda: check(Path(folder) / "out"))
    thousand = timed("1,000 plans", lambda: [plan_site(site, TODAY) for _ in range(1000)], 1)
    print(f"checks / render {checked / rendered:.1f}; 1,000 plans / one plan {thousand / planned:.0f}")


if __name__ == "__main__":
    main()
