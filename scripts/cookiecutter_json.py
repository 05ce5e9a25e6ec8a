"""Write the cookiecutter.json of every skeleton: the context of the HA preset as defaults.

So each folder renders with the plain `cookiecutter` command too. Run it after a change to the facts:
`python scripts/cookiecutter_json.py`.
"""

from __future__ import annotations

import json

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.flow.rendering import template_context
from openinfra_tui.plan.component import load_components
from openinfra_tui.plan.model import make_plan
from openinfra_tui.resources import skeletons_path
from openinfra_tui.site.load import parse_site


def main() -> None:
    """Write them all."""
    site = parse_site(preset_text("openstack-helm-ha"), "openstack-helm-ha.yaml")
    context = template_context(make_plan(site, load_components(), "undercloud"), {"operator": "age1…"})
    text = json.dumps(context, indent=2, ensure_ascii=False) + "\n"
    for folder in sorted(skeletons_path().iterdir()):
        (folder / "cookiecutter.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
