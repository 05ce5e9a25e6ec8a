from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.site.load import parse_site
from openinfra_tui.tree.model import Tree

CRDS = Path(__file__).parents[3] / "shared/crds/flux"


@pytest.fixture(scope="module")
def tree() -> Tree:
    site = parse_site(preset_text("openstack-helm-ha"), "site.yaml")
    plan, _ = plan_site(site, date(2026, 11, 25))
    return render_tree(plan, {"operator": "age1x"})


def objects(tree: Tree, kind: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in tree:
        if path.endswith(".yaml") and path.startswith(("components/", "clusters/")):
            for item in yamlio.load_all(tree.text(path)):
                if isinstance(item, dict) and item.get("kind") == kind and "metadata" in item:
                    found[f"{path}:{item['metadata']['name']}"] = item
    return found


def test_no_release_is_pruned_rolled_back_or_uninstalled(tree: Tree) -> None:
    releases = objects(tree, "HelmRelease")
    assert len(releases) > 15
    for release in releases.values():
        assert release["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
        assert release["spec"]["releaseName"] == release["metadata"]["name"]
        for action in ("install", "upgrade"):
            assert release["spec"][action]["strategy"]["name"] == "RetryOnFailure"


def test_openstack_charts_do_not_wait(tree: Tree) -> None:
    nova = objects(tree, "HelmRelease")["components/openstack/nova/release.yaml:nova"]
    assert nova["spec"]["install"]["disableWait"] is True
    assert nova["spec"]["upgrade"]["disableWait"] is True


def test_nova_neutron_and_libvirt_have_no_edges(tree: Tree) -> None:
    names = {"nova", "neutron", "libvirt"}
    kustomizations = {k["metadata"]["name"]: k for k in objects(tree, "Kustomization").values()}
    for name in names:
        depends = {item["name"] for item in kustomizations[name]["spec"]["dependsOn"]}
        assert not depends & names


def test_every_dependency_and_path_exists(tree: Tree) -> None:
    kustomizations = {k["metadata"]["name"]: k for k in objects(tree, "Kustomization").values()}
    for kustomization in kustomizations.values():
        spec = kustomization["spec"]
        assert {item["name"] for item in spec.get("dependsOn", [])} <= set(kustomizations)
        if spec["sourceRef"]["name"] == "flux-system":
            assert f"{spec['path'].removeprefix('./')}/kustomization.yaml" in tree


@pytest.mark.skipif(not CRDS.is_dir(), reason="the real CRDs of Flux are not beside the checkout")
@pytest.mark.parametrize(
    ("kind", "crd"),
    [
        ("HelmRelease", "helmreleases.helm.toolkit.fluxcd.io"),
        ("Kustomization", "kustomizations.kustomize.toolkit.fluxcd.io"),
        ("HelmRepository", "helmrepositories.source.toolkit.fluxcd.io"),
    ],
)
def test_flux_objects_are_valid_by_their_crd(tree: Tree, kind: str, crd: str) -> None:
    document = yamlio.load((CRDS / f"{crd}.yaml").read_bytes())
    found = objects(tree, kind)
    assert found
    for item in found.values():
        version = item["apiVersion"].rsplit("/", 1)[1]
        (schema,) = [
            v["schema"]["openAPIV3Schema"] for v in document["spec"]["versions"] if v["name"] == version
        ]
        closed = _closed(schema["properties"]["spec"])
        jsonschema.Draft202012Validator(closed).validate(item["spec"])


def _closed(schema: Any) -> Any:
    """The schema with unknown keys refused, as a server with strict field validation does."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _closed(value) for key, value in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema and schema.get("type") == "object":
        out["additionalProperties"] = False
    return out
