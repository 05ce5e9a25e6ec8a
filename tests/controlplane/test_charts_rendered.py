"""Our own charts as the real helm renders them: they must answer to the values that the real ones answer to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from openinfra_tui import proc
from tests.controlplane import charts
from tests.controlplane.binaries import binary
from tests.controlplane.client import Object
from tests.controlplane.crds import load

Rendered = dict[tuple[str, str], Object]


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Rendered]:
    """By kind and name, what a chart makes of values."""

    def run(name: str, values: Any = None) -> Rendered:
        for path, content in charts.chart(name, "1.0.0").items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(content)
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(values or {}))
        words = [
            binary("helm"),
            "template",
            name,
            tmp_path / name,
            "--namespace",
            "openstack",
            "--values",
            file,
        ]
        objects = yaml.load_all(proc.run(words).stdout, yaml.CSafeLoader)
        return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects if obj}

    return run


def _environment(workload: Object) -> dict[str, str]:
    init = workload["spec"]["template"]["spec"]["initContainers"][0]
    return {item["name"]: item["value"] for item in init["env"] if item["value"]}


def _mounts(workload: Object) -> set[str]:
    volumes = workload["spec"]["template"]["spec"]["volumes"]
    return {
        item["secret"]["secretName"] if "secret" in item else item["configMap"]["name"] for item in volumes
    }


@pytest.mark.parametrize("name", sorted(charts.tables()))
def test_every_chart_renders_with_its_defaults(name: str, render: Callable[..., Rendered]) -> None:
    assert render(name, {"crds": {"enabled": True}})


def test_passwords_come_from_where_the_real_chart_reads_them(render: Callable[..., Rendered]) -> None:
    values = {
        "endpoints": {
            "oslo_db": {"auth": {"nova": {"password": "canary"}}},
            "oslo_cache": {"auth": {"memcache_secret_key": "key"}},
        }
    }
    before, after = render("nova"), render("nova", values)
    content = after["Secret", "nova-etc"]["stringData"]
    assert content["oslo_db.nova"] == "canary"
    assert content["oslo_db.admin"] == "password"
    assert content["oslo_cache.memcache_secret_key"] == "key"
    # Changed values roll the Pods, as with the real charts' hash of their configuration.
    api = ("Deployment", "nova-api-osapi")
    assert before[api]["spec"]["template"] != after[api]["spec"]["template"]


def test_what_nova_waits_for_depends_on_the_network_backend(render: Callable[..., Rendered]) -> None:
    compute = ("DaemonSet", "nova-compute-default")

    def components(backend: str) -> list[str]:
        environment = _environment(render("nova", {"network": {"backend": [backend]}})[compute])
        return [item["labels"]["component"] for item in json.loads(environment["DEPENDENCY_POD_JSON"])]

    assert components("ovn") == ["libvirt", "ovn-controller"]
    assert components("openvswitch") == ["libvirt", "neutron-ovs-agent"]


def test_nova_and_neutron_wait_for_each_other(render: Callable[..., Rendered]) -> None:
    nova = _environment(render("nova")["DaemonSet", "nova-compute-default"])
    neutron = render("neutron", {"manifests": {"daemonset_ovn_metadata_agent": True}})
    agent = _environment(neutron["DaemonSet", "neutron-ovn-metadata-agent-default"])
    assert "openstack:neutron-server" in nova["DEPENDENCY_SERVICE"].split(",")
    assert "openstack:nova-metadata" in agent["DEPENDENCY_SERVICE"].split(",")


def test_hooks_are_the_charts_own_and_those_of_the_values(render: Callable[..., Rendered]) -> None:
    hook = {"helm.sh/hook": "post-install,post-upgrade", "helm.sh/hook-weight": "1"}
    plain, told = render("nova"), render("nova", {"annotations": {"job": {"nova_cell_setup": hook}}})
    assert plain["Job", "nova-db-sync"]["metadata"]["annotations"] == {
        "helm.sh/hook": "post-install,post-upgrade", "helm.sh/hook-weight": "-4",
    }  # fmt: skip
    assert "annotations" not in plain["Job", "nova-cell-setup"]["metadata"]
    assert told["Job", "nova-cell-setup"]["metadata"]["annotations"] == hook


def test_default_annotations_reach_all_jobs_but_those_that_hard_code_their_hook(
    render: Callable[..., Rendered],
) -> None:
    heat = render("heat", {"annotations": {"job": {"default": {"a.example/b": "c"}}}})
    assert heat["Job", "heat-ks-user"]["metadata"]["annotations"]["a.example/b"] == "c"
    assert "a.example/b" not in heat["Job", "heat-domain-ks-user"]["metadata"]["annotations"]


@pytest.mark.parametrize("chart", ["nova", "libvirt"])
def test_ceph_is_mounted_only_where_it_is_on(chart: str, render: Callable[..., Rendered]) -> None:
    workload = {"nova": "nova-compute-default", "libvirt": "libvirt-libvirt-default"}[chart]
    without = render(chart, {"conf": {"ceph": {"enabled": False}}})["DaemonSet", workload]
    assert {"ceph-etc", "pvc-ceph-client-key"} <= _mounts(render(chart)["DaemonSet", workload])
    assert not {"ceph-etc", "pvc-ceph-client-key"} & _mounts(without)


def test_what_is_switched_off_is_not_made(render: Callable[..., Rendered]) -> None:
    assert ("Job", "cinder-bootstrap") in render("cinder")
    assert ("Job", "cinder-bootstrap") not in render("cinder", {"manifests": {"job_bootstrap": False}})


def test_volumes_take_class_and_size_from_the_values(render: Callable[..., Rendered]) -> None:
    ovn = render("ovn", {"volume": {"ovn_ovsdb_nb": {"size": "9Gi"}}})
    for name, size in (("ovn-ovsdb-nb", "9Gi"), ("ovn-ovsdb-sb", "5Gi")):
        claim = ovn["StatefulSet", name]["spec"]["volumeClaimTemplates"][0]["spec"]
        assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("general", size)


def test_custom_resource_definitions_are_installed_and_kept_as_told(render: Callable[..., Rendered]) -> None:
    names = {crd["metadata"]["name"] for crd in load("cert-manager")}
    on = render("cert-manager", {"crds": {"enabled": True, "keep": True}})
    found = {name: obj for (kind, name), obj in on.items() if kind == "CustomResourceDefinition"}
    assert found.keys() == names
    assert {obj["metadata"]["annotations"]["helm.sh/resource-policy"] for obj in found.values()} == {"keep"}
    assert not [kind for kind, _ in render("cert-manager") if kind == "CustomResourceDefinition"]
