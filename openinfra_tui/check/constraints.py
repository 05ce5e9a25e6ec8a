"""Rules of what was generated: constraints between objects, by the same ids as the rules of the answers.

A rule of the answers (`catalog/rules`) cannot see a chart version or an image of a host; these can. Each is a
function of the objects of one site and yields (folder, message) for each thing in the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from openinfra_tui.catalog.read import load_catalog, minor_of
from openinfra_tui.check.report import (
    Fault,
    dig,
    is_object,
    mapping,
    mappings,
    named,
)

if TYPE_CHECKING:
    from openinfra_tui.check.report import Repository

Place = tuple[str, dict[str, Any]]
Found = Iterator[tuple[str, str]]
Severity = Literal["error", "warning"]

_TAG = re.compile(r"(?:\S+/)?quay\.io/airshipit/[a-z0-9-]+:(20\d\d\.[12])-(ubuntu_[a-z]+)")
_MOVING = re.compile(r"(^|[/.-])(latest|current)([/.-]|$)")
_CAPO = ("OpenStackCluster", "OpenStackClusterTemplate", "OpenStackMachineTemplate")
_PRUNE = "kustomize.toolkit.fluxcd.io/prune"
_BARE_METAL = "https://github.com/metal3-io/baremetal-operator/blob/main/docs/api.md"


def _minor(version: str) -> tuple[int, int]:
    """As `minor_of`; (0, 0) of what is no version, which is another check's fault."""
    try:
        return minor_of(version)
    except ValueError:
        return 0, 0


@dataclass(frozen=True)
class Part:
    """The part of a repository that is about one site: its objects, and the texts of its values files."""

    objects: tuple[Place, ...]
    texts: tuple[tuple[str, str], ...]

    def of(self, group: str, *kinds: str) -> Iterator[Place]:
        """The objects of these kinds in one API group."""
        for folder, item in self.objects:
            if item["kind"] in kinds and item["apiVersion"].rpartition("/")[0] == group:
                yield folder, item

    @cached_property
    def charts(self) -> dict[str, tuple[str, str]]:
        """Chart name → (folder, version), of both engines."""
        out: dict[str, tuple[str, str]] = {}
        for folder, item in self.of("helm.toolkit.fluxcd.io", "HelmRelease"):
            spec = mapping(item, "spec.chart.spec")
            if spec.get("version"):
                out[str(spec.get("chart"))] = (folder, str(spec["version"]))
        for folder, item in self.of("argoproj.io", "Application"):
            for source in [mapping(item, "spec.source"), *mappings(item, "spec.sources")]:
                if source.get("chart"):
                    out[str(source["chart"])] = (folder, str(source.get("targetRevision", "")))
        return out


Check = Callable[[Part], Found]


@dataclass(frozen=True)
class Constraint:
    """A rule of the output: id, severity, reason, source, and the function."""

    id: str
    severity: Severity
    because: str
    source: str
    check: Check


CONSTRAINTS: dict[str, Constraint] = {}


def constraint(name: str, severity: Severity, *, because: str, source: str) -> Callable[[Check], Check]:
    """Register a function as the constraint of that id."""

    def register(check: Check) -> Check:
        CONSTRAINTS[name] = Constraint(name, severity, because, source, check)
        return check

    return register


def check_constraints(repository: Repository) -> tuple[list[Fault], list[Fault]]:
    """Faults and warnings of kind `rule`, site by site."""
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for part in _parts(repository):
        for one in CONSTRAINTS.values():
            found = [
                Fault("rule", folder, f"{one.id}: {message}; {one.because} ({one.source})")
                for folder, message in one.check(part)
            ]
            (faults if one.severity == "error" else warnings).extend(found)
    return sorted(set(faults)), sorted(set(warnings))


def _parts(repository: Repository) -> Iterator[Part]:
    """One part a site; what is in no site, such as `components/`, is built into the sites that use it."""
    objects: dict[str, list[Place]] = {}
    texts: dict[str, list[tuple[str, str]]] = {}
    for folder, items in repository.builds.items():
        objects.setdefault(_site(folder), []).extend((folder, item) for item in items if is_object(item))
    for file, documents in repository.documents.items():
        if file.startswith("clusters/"):
            objects.setdefault(_site(file), []).extend((file, item) for item in documents if is_object(item))
        elif file.startswith("sites/"):
            texts.setdefault(_site(file), []).extend(
                (file, text) for one in documents for text in _texts(one)
            )
    for name in sorted(objects.keys() | texts.keys()):
        yield Part(tuple(objects.get(name, ())), tuple(texts.get(name, ())))


def _site(path: str) -> str:
    return path.split("/")[1] if path.count("/") else path


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


@constraint(
    "F17",
    "error",
    because="OpenStack-Helm publishes an image for some pairs of series and Ubuntu only",
    source="https://github.com/openstack/openstack-helm/blob/master/README.rst",
)
def image_pairs(part: Part) -> Found:
    """The series and the Ubuntu of an OpenStack-Helm image belong together."""
    deployer = load_catalog().deployer("openstack-helm")
    known = deployer.images if deployer else {}
    for file, text in part.texts:
        match = _TAG.fullmatch(text)
        if match and match[2] not in known.get(match[1], ()):
            yield file, f"{text} does not exist"


@constraint(
    "F37",
    "error",
    because="from 0.12 on the OpenStack provider of Cluster API needs it, and does not install it",
    source="https://github.com/kubernetes-sigs/cluster-api-provider-openstack/blob/main/docs/book/src/clusteropenstack/configuration.md",
)
def orc_beside_capo(part: Part) -> Found:
    """The OpenStack resource controller stands beside the OpenStack provider of Cluster API."""
    users = [
        place
        for place in part.of("operator.cluster.x-k8s.io", "InfrastructureProvider")
        if dig(place[1], "metadata.name") == "openstack"
    ]
    users += part.of("infrastructure.cluster.x-k8s.io", *_CAPO)
    there = any(
        dig(item, "spec.group") == "openstack.k-orc.cloud"
        for _, item in part.of("apiextensions.k8s.io", "CustomResourceDefinition")
    )
    for folder, item in users[:1] if not there else ():
        yield folder, f"{named(item)} needs openstack-resource-controller, which nothing here installs"


@constraint(
    "F40",
    "error",
    because="each minor of the Metal3 provider is made for the same minor of Cluster API",
    source="https://github.com/metal3-io/cluster-api-provider-metal3/blob/main/README.md",
)
def metal3_pairs_cluster_api(part: Part) -> Found:
    """The Metal3 provider and Cluster API are of one minor."""
    group = "operator.cluster.x-k8s.io"
    core = {str(dig(item, "spec.version")) for _, item in part.of(group, "CoreProvider")} - {"None"}
    for folder, item in part.of(group, "InfrastructureProvider"):
        version = str(dig(item, "spec.version") or "")
        if dig(item, "metadata.name") == "metal3" and version:
            for other in sorted(core):
                if _minor(other) != _minor(version):
                    yield folder, f"{named(item)} is {version}, Cluster API is {other}"


def _images(part: Part) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Folder, name and image of each host and of each template of hosts."""
    for group, kind, path in (
        ("metal3.io", "BareMetalHost", "spec.image"),
        ("infrastructure.cluster.x-k8s.io", "Metal3MachineTemplate", "spec.template.spec.image"),
    ):
        for folder, item in part.of(group, kind):
            image = dig(item, path)
            if isinstance(image, dict):
                yield folder, named(item), image


@constraint(
    "F41",
    "error",
    because="Ironic reads raw, qcow2, vdi and vmdk; unpack it and host it yourself",
    source=_BARE_METAL,
)
def packed_images(part: Part) -> Found:
    """No packed image for a host."""
    for folder, name, image in _images(part):
        if str(image.get("url", "")).endswith(".xz"):
            yield folder, f"{name}: {image['url']} is packed"


def _bare(image: dict[str, Any]) -> bool:
    """Whether an image has no checksum: one in a registry, and a live ISO."""
    form = image.get("format") or image.get("diskFormat")
    return form == "live-iso" or str(image.get("url", "")).startswith("oci://")


@constraint(
    "F42",
    "error",
    because="without it the checksum is taken for MD5, which Ironic refuses",
    source="https://github.com/metal3-io/baremetal-operator/blob/main/apis/metal3.io/v1alpha1/baremetalhost_types.go",
)
def checksum_types(part: Part) -> Found:
    """Every image of a host says what its checksum is."""
    for folder, name, image in _images(part):
        if not image.get("checksumType") and not _bare(image):
            yield folder, f"{name}: the image has no checksumType"


@constraint(
    "F43",
    "warning",
    because="the image changes without a commit, and hosts made later differ; write the checksum out",
    source=_BARE_METAL,
)
def moving_checksums(part: Part) -> Found:
    """No checksum that is fetched from a place that moves."""
    for folder, name, image in _images(part):
        checksum = str(image.get("checksum", ""))
        if checksum.startswith("http") and _MOVING.search(checksum):
            yield folder, f"{name}: the checksum is fetched from {checksum}"


@constraint(
    "F44",
    "error",
    because="Debian publishes SHA512SUMS for its cloud images and nothing else",
    source="https://cloud.debian.org/images/cloud/",
)
def debian_checksums(part: Part) -> Found:
    """The published checksum of a Debian image is SHA-512; one that was computed may be another."""
    for folder, name, image in _images(part):
        published = str(image.get("checksum", "")).startswith("https://cloud.debian.org/")
        if published and image.get("checksumType") == "sha256":
            yield folder, f"{name}: the checksums of Debian are not sha256"


@constraint(
    "F46",
    "error",
    because="from 1.20 on the Rook operator deploys no CSI driver, so no volume would ever be attached",
    source="https://github.com/rook/rook/blob/v1.20.6/Documentation/Helm-Charts/csi-drivers-chart.md",
)
def csi_beside_rook(part: Part) -> Found:
    """The CSI drivers stand beside a Rook that does not bring them."""
    folder, version = part.charts.get("rook-ceph", ("", ""))
    if version and _minor(version) >= (1, 20) and "ceph-csi-drivers" not in part.charts:
        yield folder, f"rook-ceph {version} needs the chart ceph-csi-drivers"


@constraint(
    "F60",
    "warning",
    because="when it leaves the repository, by a slip or a rename, the engine deletes it and its machines",
    source="https://github.com/RPCU/argus",
)
def prune_protection(part: Part) -> Found:
    """What owns machines is protected against the pruning of the engine."""
    owners = [
        *part.of("cluster.x-k8s.io", "Cluster"),
        *part.of("dataplane.openstack.org", "OpenStackDataPlaneNodeSet"),
        *part.of("metal3.io", "BareMetalHost"),
        *part.of(
            "yaook.cloud", *(item["kind"] for _, item in part.objects if item["kind"].endswith("Deployment"))
        ),
    ]
    for folder, item in owners:
        marks = {**mapping(item, "metadata.labels"), **mapping(item, "metadata.annotations")}
        options = str(marks.get("argocd.argoproj.io/sync-options", "")).split(",")
        if marks.get(_PRUNE) != "disabled" and "Prune=false" not in [option.strip() for option in options]:
            yield folder, f"{named(item)} may be pruned: annotate {_PRUNE}: disabled or Prune=false"
