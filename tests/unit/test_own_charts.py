"""Our own charts, as far as they can be looked at without Helm."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from openinfra_tui import proc
from openinfra_tui.resources import skeletons_path
from tests.controlplane import charts
from tests.controlplane.charts.publish import GIT_SOURCE, Pin, chart_servers, pins
from tests.controlplane.loopback.helm import read_metadata


def test_every_pinned_chart_has_facts_but_those_that_no_tested_site_has() -> None:
    pinned = {
        release["chart"]["name"]
        for path in skeletons_path().glob("*/component.yaml")
        for release in yaml.safe_load(path.read_text())["spec"].get("releases", [])
    }
    without = {"ceph-csi-rbd", "cilium", "tigera-operator", "external-secrets", "sealed-secrets"}
    assert pinned - charts.tables().keys() == without


def test_every_secret_that_a_skeleton_writes_has_its_value_in_the_chart() -> None:
    for path in skeletons_path().glob("*/component.yaml"):
        spec = yaml.safe_load(path.read_text())["spec"]
        for release in spec.get("releases", []):
            if release["chart"]["name"] not in charts.tables():
                continue
            values = charts.values(charts.tables()[release["chart"]["name"]])
            for secret in spec.get("secrets", []):
                service, *rest = secret["path"].removeprefix("endpoints.").split(".")
                if secret["path"].startswith("endpoints.") and rest[-1] == "password":
                    assert values["endpoints"][service]["auth"][rest[1]] == {"password": "password"}, secret[
                        "path"
                    ]


def test_defaults_of_the_charts_are_at_their_paths() -> None:
    nova = charts.values(charts.tables()["nova"])
    assert nova["network"]["backend"] == ["openvswitch"]
    assert nova["conf"]["ceph"]["enabled"] is True
    assert nova["manifests"]["job_cell_setup"] is True
    assert nova["dependencies"]["static"]["bootstrap"] == {
        "jobs": ["nova-cell-setup"],
        "services": [
            {"endpoint": "internal", "service": "identity"},
            {"endpoint": "internal", "service": "compute"},
        ],
    }
    assert charts.values(charts.tables()["neutron"])["manifests"]["daemonset_ovn_metadata_agent"] is False
    assert charts.values(charts.tables()["ovn"])["volume"]["ovn_ovsdb_nb"] == {
        "class_name": "general",
        "size": "5Gi",
    }


def test_a_property_named_description_is_no_prose() -> None:
    schema = {"description": "a", "properties": {"description": {"type": "string", "description": "b"}}}
    assert charts.without_prose(schema) == {"properties": {"description": {"type": "string"}}}
    # A property may itself be called properties.
    nested = {"properties": {"properties": {"description": "a", "type": "object"}}}
    assert charts.without_prose(nested) == {"properties": {"properties": {"type": "object"}}}


def test_charts_are_where_their_sources_say(tmp_path: Path) -> None:
    wanted = (
        Pin("keystone", "2026.1.19+55794356b", "openstack-helm", "https://tarballs.opendev.org/x"),
        Pin("mariadb", "2026.1.0", GIT_SOURCE, ""),
        Pin("rook-ceph-cluster", "v1.19.10", "elsewhere", "oci://charts.example/rook"),
    )
    with chart_servers(wanted) as servers:
        package = servers.helm.folder / "keystone-2026.1.19+55794356b.tgz"
        assert read_metadata(package)["version"] == "2026.1.19+55794356b"
        assert servers.oci.tags("rook/rook-ceph-cluster") == ["v1.19.10"]
        assert servers.address("oci://charts.example/rook") == f"{servers.oci.oci_url}/rook"
        proc.run(
            [
                "git",
                "clone",
                "--quiet",
                "--branch",
                "2026.1.0",
                servers.git.clone_url(GIT_SOURCE),
                tmp_path / "c",
            ]
        )
        assert (tmp_path / "c" / "mariadb" / "Chart.yaml").is_file()


@pytest.mark.parametrize("pin", pins(), ids=lambda pin: pin.chart)
def test_what_pods_mount_is_made_by_the_chart_or_by_a_job(pin: Pin) -> None:
    facts = charts.tables()[pin.chart]
    made = {*facts.get("secrets", []), *(item["name"] for item in facts["objects"])}
    # By Rook, by jobs of ceph-adapter-rook, and by the charts' own storage-init jobs.
    elsewhere = {
        "rook-ceph-mon", "rook-ceph-mon-endpoints", "ceph-etc", "pvc-ceph-client-key", "images-rbd-keyring",
        "cinder-volume-rbd-keyring", "cinder-backup-rbd-keyring", "kube-prometheus-stack-grafana",
    }  # fmt: skip
    mounted = {name.removeprefix("cm/") for item in facts["objects"] for name in item.get("mounts", [])}
    assert mounted - made <= elsewhere
