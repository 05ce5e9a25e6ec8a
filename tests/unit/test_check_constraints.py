"""Each rule of the output refuses one set of objects and passes its nearest neighbour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.check.constraints import CONSTRAINTS, check_constraints
from openinfra_tui.check.report import Repository

Objects = list[dict[str, Any]]
CAPI = "operator.cluster.x-k8s.io/v1alpha2"
BMH = "metal3.io/v1alpha1"
PROTECTED = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
QCOW = "https://cloud.example/debian-13-generic-amd64.qcow2"
HASH = "0123456789abcdef"


def thing(api: str, kind: str, name: str = "a", **spec: Any) -> dict[str, Any]:
    annotations = PROTECTED if kind in ("BareMetalHost", "Cluster") else {}
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "annotations": annotations},
        "spec": spec,
    }


def bare(kind: str, api: str) -> Objects:
    return [{"apiVersion": api, "kind": kind, "metadata": {"name": "a"}, "spec": {}}]


def kept(objects: Objects, value: dict[str, str] = PROTECTED) -> Objects:
    return [{**item, "metadata": {"name": "a", "annotations": value}} for item in objects]


def release(chart: str, version: str) -> dict[str, Any]:
    spec = {"spec": {"chart": chart, "version": version}}
    return thing("helm.toolkit.fluxcd.io/v2", "HelmRelease", chart, chart=spec)


def application(chart: str, version: str) -> dict[str, Any]:
    sources = [{"chart": chart, "targetRevision": version}]
    return thing("argoproj.io/v1alpha1", "Application", chart, sources=sources)


def host(**image: str) -> Objects:
    whole = {"url": QCOW, "checksum": HASH, "checksumType": "sha512", **image}
    return [thing(BMH, "BareMetalHost", image={key: value for key, value in whole.items() if value})]


def template(**image: str) -> Objects:
    spec = {"spec": host(**image)[0]["spec"]}
    return [thing("infrastructure.cluster.x-k8s.io/v1beta1", "Metal3MachineTemplate", template=spec)]


def providers(core: str, metal3: str) -> Objects:
    return [
        thing(CAPI, "CoreProvider", "cluster-api", version=core),
        thing(CAPI, "InfrastructureProvider", "metal3", version=metal3),
    ]


CAPO = thing(CAPI, "InfrastructureProvider", "openstack", version="v0.14.7")
ORC = thing("apiextensions.k8s.io/v1", "CustomResourceDefinition", "images", group="openstack.k-orc.cloud")
MOVING = "https://cloud.debian.org/images/cloud/trixie/latest/SHA512SUMS"
DATED = "https://cloud.debian.org/images/cloud/trixie/20260601-1/SHA512SUMS"
NODES = bare("OpenStackDataPlaneNodeSet", "dataplane.openstack.org/v1beta1")
YAOOK = bare("KeystoneDeployment", "yaook.cloud/v1")
CLUSTER = bare("Cluster", "cluster.x-k8s.io/v1beta2")

CASES: list[tuple[str, Objects, Objects]] = [
    ("F37", [CAPO], [CAPO, ORC]),
    ("F37", bare("OpenStackCluster", "infrastructure.cluster.x-k8s.io/v1beta1"), []),
    ("F40", providers("v1.14.0", "v1.13.2"), providers("v1.13.4", "v1.13.2")),
    ("F41", host(url=f"{QCOW}.xz"), host()),
    ("F41", template(url=f"{QCOW}.xz"), template()),
    ("F42", host(checksumType=""), host()),
    ("F42", host(checksumType=""), host(checksumType="", url="oci://registry.example/a")),
    ("F42", template(checksumType=""), template(checksumType="", diskFormat="live-iso")),
    ("F43", host(checksum=MOVING), host(checksum=DATED)),
    ("F44", host(checksum=DATED, checksumType="sha256"), host(checksum=DATED)),
    ("F46", [release("rook-ceph", "v1.20.6")], [release("rook-ceph", "v1.19.10")]),
    ("F46", [release("rook-ceph", "v1.20.6")], [release("rook-ceph", "v1.20.6"), release("ceph-csi-drivers", "1.0.4")]),
    ("F46", [application("rook-ceph", "v1.20.6")], [application("rook-ceph", "v1.19.10")]),
    ("F60", NODES, kept(NODES)),
    ("F60", YAOOK, kept(YAOOK, {"argocd.argoproj.io/sync-options": "Delete=false, Prune=false"})),
    ("F60", CLUSTER, kept(CLUSTER)),
    ("F60", bare("BareMetalHost", BMH), host()),
]  # fmt: skip


def found(objects: Objects, texts: object = None) -> list[tuple[str, str]]:
    documents = {"sites/a/keystone/values.yaml": (texts,)}
    repository = Repository(Path(), documents, {"sites/a/x": tuple(objects)})
    faults, warnings = check_constraints(repository)
    assert all(fault.kind == "rule" for fault in faults + warnings)
    both = [("error", fault) for fault in faults] + [("warning", fault) for fault in warnings]
    return [(fault.message.split(":")[0], severity) for severity, fault in both]


@pytest.mark.parametrize(("name", "refused", "passing"), CASES)
def test_constraint(name: str, refused: Objects, passing: Objects) -> None:
    assert found(refused) == [(name, CONSTRAINTS[name].severity)]
    assert found(passing) == []


@pytest.mark.parametrize("tag", ["2026.1-ubuntu_resolute", "2026.2-ubuntu_noble", "2031.1-ubuntu_noble"])
def test_f17_an_image_that_does_not_exist(tag: str) -> None:
    values = {"images": {"tags": {"keystone_api": f"quay.io/airshipit/keystone:{tag}"}}}
    assert found([], values) == [("F17", "error")]


@pytest.mark.parametrize("tag", ["2026.1-ubuntu_noble", "2025.1-ubuntu_jammy", "2026.2-ubuntu_resolute"])
def test_f17_an_image_that_exists(tag: str) -> None:
    assert found([], {"images": {"tags": {"keystone_api": f"quay.io/airshipit/keystone:{tag}"}}}) == []


def test_sites_are_judged_apart() -> None:
    repository = Repository(Path(), {}, {"sites/a/x": (CAPO,), "sites/b/x": (ORC,)})
    (fault,), _ = check_constraints(repository)
    assert (fault.file, fault.message.split(":")[0]) == ("sites/a/x", "F37")


def test_every_constraint_has_a_case_a_reason_and_a_source() -> None:
    assert set(CONSTRAINTS) == {case[0] for case in CASES} | {"F17"}
    for one in CONSTRAINTS.values():
        assert one.because
        assert one.source.startswith("https://")
        assert one.check.__doc__
