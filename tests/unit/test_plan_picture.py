"""The picture of each placement, as `plan` prints it first."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.catalog.read import load_catalog
from openinfra_tui.catalog.rules import check_rules
from openinfra_tui.cli.plan import command
from openinfra_tui.plan.picture import picture
from openinfra_tui.site.load import parse_site

SNAPSHOTS = Path(__file__).parents[2] / "snapshots" / "plan"
CAPI = "clusters.workload-a={distribution: cluster-api, version: '1.35'}"
MANAGEMENT = "clusters={management: {version: '1.36'}}"
# The answers in which a site of each placement differs from the preset.
SITES = {
    "openstack-on-k8s": (),
    "k8s-on-openstack": ("openstack.deployer=kolla-ansible", MANAGEMENT, CAPI, "storage={backend: storage-class, storageClass: fast}"),
    "openstack-for-k8s": ("openstack.deployer=existing", "nodes=[]", "clusters={workload-a: {version: '1.36'}, workload-b: {version: '1.35'}}", "storage={backend: storage-class, storageClass: fast}"),
    "side-by-side": (MANAGEMENT, CAPI),
    "layered": ("openstack.deployer=yaook", CAPI),
    "manual-core": ("openstack.deployer=kayobe", "clusters={}"),
}  # fmt: skip


@pytest.mark.parametrize("name", SITES)
def test_picture(name: str, tmp_path: Path) -> None:
    text = preset_text("openstack-helm-ha")
    sets = (f"placement={name}", *SITES[name])
    site = parse_site(text, "site.yaml", sets)
    assert [one for one in check_rules(site, date(2026, 11, 25)) if one.severity == "error"] == []
    drawn = picture(site, load_catalog()) + "\n"
    assert drawn == (SNAPSHOTS / f"{name}.txt").read_text("utf-8")
    file = tmp_path / "site.yaml"
    file.write_text(text, "utf-8")
    shown = CliRunner().invoke(command, [str(file), *(f"--set={one}" for one in sets)])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(drawn)


@pytest.mark.parametrize("name", SITES)
def test_without_box_characters_every_line_is_as_wide(name: str) -> None:
    site = parse_site(preset_text("openstack-helm-ha"), "site.yaml", (f"placement={name}", *SITES[name]))
    catalog = load_catalog()
    plain, boxes = (picture(site, catalog, unicode=flag).splitlines() for flag in (False, True))
    assert all(line.isascii() for line in plain)
    assert {len(line) for line in plain + boxes} == {72}
    assert len(plain) == len(boxes)


def test_every_placement_has_a_picture_of_what_it_has() -> None:
    assert set(SITES) == {placement.id for placement in load_catalog().placements}
    for placement in load_catalog().placements:
        drawn = [name for row in placement.picture for name in row]
        assert sorted(drawn) == sorted(["cloud", "hosts", *(cluster.role for cluster in placement.clusters)])
        assert all(len(row) in (1, 2) for row in placement.picture)


def test_what_was_not_answered_is_told_as_the_placement_has_it() -> None:
    site = parse_site(preset_text("lab"), "site.yaml", ("placement=layered", "clusters={}"))
    drawn = picture(site, load_catalog())
    assert "workload: Kubernetes" in drawn
    assert "made by existing or kubeadm or cluster-api, Flux lives here" in drawn
    assert "1 node: 1 control" in drawn
