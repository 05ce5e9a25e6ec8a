"""Write the cookiecutter.json of every skeleton: the context of the first HA preset that carries it.

So each folder renders with the plain `cookiecutter` command too. Run it after a change to the facts:
`python scripts/cookiecutter_json.py`.
"""

from __future__ import annotations

import json

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.flow.planning import home
from openinfra_tui.flow.rendering import template_context
from openinfra_tui.plan.component import load_components
from openinfra_tui.plan.model import make_plan
from openinfra_tui.resources import skeletons_path
from openinfra_tui.site.load import parse_site


def main() -> None:
    """Write them all."""
    texts: dict[str, str] = {}
    for preset in ("openstack-helm-ha", "kolla-ha"):
        site = parse_site(preset_text(preset), f"{preset}.yaml")
        plan = make_plan(site, load_components(), home(site))
        context = template_context(plan, {"operator": "age1…"})
        text = json.dumps(context, indent=2, ensure_ascii=False) + "\n"
        for name in ("", *(component.name for component in plan.components)):
            texts.setdefault(name, text)
    for folder in sorted(skeletons_path().iterdir()):
        (folder / "cookiecutter.json").write_text(texts.get(folder.name, texts[""]), "utf-8")


if __name__ == "__main__":
    main()
