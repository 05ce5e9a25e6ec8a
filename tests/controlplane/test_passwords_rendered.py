"""Which charts write passwords from values into their objects, although they are told to make no Secret of them.

Argo CD takes no values from a Secret. There a store that makes Secrets in the cluster can only serve a chart in
whose rendering nothing of a password is left, which is why rule K1 refuses it for OpenStack-Helm.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from openinfra_tui import proc
from openinfra_tui.plan.component import load_components
from tests.controlplane import charts
from tests.controlplane.binaries import binary
from tests.controlplane.charts.checkout import checkout, extract
from tests.controlplane.charts.publish import GIT_SOURCE

REPORT = Path(__file__).parents[2] / "build" / "reports" / "passwords-rendered.json"
SOURCES = ("openstack-helm", GIT_SOURCE)
# By chart of OpenStack-Helm: where its version is from, the version, the paths of the values that a store keeps.
CHARTS = {
    release.chart: (release.source, release.version, [secret.path for secret in component.secrets])
    for component in load_components().values()
    for release in component.releases
    if component.secrets and release.source in SOURCES
}
# All their passwords reach Pods from Secrets that the chart can be told not to make.
FREE = {"mariadb-backup", "prometheus-openstack-exporter"}


def left_in(chart: Path, paths: list[str], work: Path) -> dict[str, list[str]]:
    """By path of a value, the objects that hold it with every Secret of the chart switched off."""
    switches = yaml.safe_load((chart / "values.yaml").read_text("utf-8")).get("manifests", {})
    canaries = {path: f"Canary{number:03d}Zq" for number, path in enumerate(paths)}
    off = {f"manifests.{name}": False for name in switches if name.startswith("secret")}
    values: dict[str, Any] = {}
    for path, value in {**off, **canaries}.items():
        *above, last = path.split(".")
        here = values
        for key in above:
            here = here.setdefault(key, {})
        here[last] = value
    (work / "values.yaml").write_text(yaml.safe_dump(values), "utf-8")
    words = [binary("helm"), "template", chart.name, chart, "--namespace", "openstack"]
    rendered = proc.run([*words, "--values", work / "values.yaml"]).stdout
    found: dict[str, list[str]] = {}
    for item in filter(None, yaml.load_all(rendered, yaml.CSafeLoader)):
        text = json.dumps(item)
        if item["kind"] == "Secret":
            parts = (item.get("data") or {}).values()
            text += "".join(base64.b64decode(part).decode("utf-8", "replace") for part in parts)
        for path, canary in canaries.items():
            if canary in text:
                found.setdefault(path, []).append(f"{item['kind']} {item['metadata']['name']}")
    return found


# Charts of our own have Secrets in place of what else mariadb and rabbitmq write into.
WITH_ETC = sorted(
    name
    for name in CHARTS.keys() & charts.tables().keys()
    if f"{name}-etc" in charts.tables()[name]["secrets"]
)


@pytest.mark.parametrize("name", WITH_ETC)
def test_our_own_charts_write_passwords_into_their_objects_too(name: str, tmp_path: Path) -> None:
    chart = tmp_path / name
    for path, content in charts.chart(name, "1.0.0").items():
        (chart / path).parent.mkdir(parents=True, exist_ok=True)
        (chart / path).write_bytes(content)
    places = {place for places in left_in(chart, CHARTS[name][2], tmp_path).values() for place in places}
    assert f"Secret {name}-etc" in places


@pytest.mark.slow
def test_the_real_charts_that_the_rule_names_write_passwords_into_their_objects(tmp_path: Path) -> None:
    clone, helm = checkout(), binary("helm")
    found: dict[str, dict[str, Any]] = {}
    for name, (source, version, paths) in sorted(CHARTS.items()):
        commit = version if source == GIT_SOURCE else version.partition("+")[2]
        extract(clone, commit, (name, "helm-toolkit"), tmp_path / name)
        proc.run([helm, "dependency", "build", tmp_path / name / name], timeout=300)
        left = left_in(tmp_path / name / name, paths, tmp_path)
        found[name] = {"version": version, "secrets": len(paths), "left": left}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    assert {name for name, row in found.items() if not row["left"]} == FREE
    assert {"keystone", "mariadb", "rabbitmq"} <= found.keys()
