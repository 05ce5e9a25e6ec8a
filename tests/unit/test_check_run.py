"""A small repository in the shape that we write passes; each thing broken in it is found, and named."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from openinfra_tui.check.run import check
from openinfra_tui.check.values import union
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from openinfra_tui.check.report import Report

VERSION = "2026.1.19+55794356b"
CIPHER = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]"
KEYSTONE = "sites/a/openstack/keystone"
FILES = {
    "components/openstack/base/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: openstack}\n",
    "components/openstack/base/source.yaml": """apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: openstack-helm, namespace: openstack}
spec: {url: https://charts.cloud.example, interval: 1h}
""",
    "components/openstack/base/kustomization.yaml": "resources: [namespace.yaml, source.yaml]\n",
    "components/openstack/keystone/release.yaml": """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: keystone, namespace: openstack}
spec:
  interval: 1h
  releaseName: keystone
  install: {disableWait: true}
  upgrade: {disableWait: true}
  chart:
    spec: {chart: keystone, sourceRef: {kind: HelmRepository, name: openstack-helm}}
  valuesFrom:
  - {kind: ConfigMap, name: keystone-values}
  - {kind: Secret, name: keystone-secrets}
""",
    "components/openstack/keystone/values.yaml": "pod: {replicas: {api: 3}}\n",
    "components/openstack/keystone/kustomization.yaml": """resources: [release.yaml]
namespace: openstack
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator: [{name: keystone-values, files: [values.yaml]}]
""",
    "sites/a/openstack/base/kustomization.yaml": "resources: [../../../../components/openstack/base]\n",
    f"{KEYSTONE}/kustomization.yaml": """resources: [../../../../components/openstack/keystone]
namespace: openstack
generatorOptions: {disableNameSuffixHash: true}
secretGenerator: [{name: keystone-secrets, files: [values.yaml=secrets.sops.yaml]}]
patches: [{path: pin.yaml}]
""",
    f"{KEYSTONE}/pin.yaml": f"""apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: keystone, namespace: openstack}}
spec: {{chart: {{spec: {{version: {VERSION}}}}}}}
""",
    f"{KEYSTONE}/values.yaml": "conf: {keystone: {any: {thing: 1}}}\n",
    f"{KEYSTONE}/secrets.sops.yaml": f"""endpoints: {{identity: {{auth: {{admin: {{password: "{CIPHER}"}}}}}}}}
sops: {{mac: "{CIPHER}", age: [{{recipient: age1, enc: x}}]}}
""",
    "clusters/a/undercloud/openstack-base.yaml": """apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: openstack-base, namespace: flux-system}
spec: {path: ./sites/a/openstack/base, prune: true, interval: 1h, sourceRef: {kind: GitRepository, name: flux-system}}
""",
    "clusters/a/undercloud/keystone.yaml": f"""apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: keystone, namespace: flux-system}}
spec:
  dependsOn: [{{name: openstack-base}}]
  path: ./{KEYSTONE}
  prune: true
  interval: 1h
  sourceRef: {{kind: GitRepository, name: flux-system}}
""",
}
CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pools.x.example}
spec:
  group: x.example
  names: {kind: Pool, plural: pools}
  scope: Cluster
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer}
              month: {type: string, pattern: "^(a|(?i)b)$"}
              port: {x-kubernetes-int-or-string: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""


def run(folder: Path, crds: Path | None = None, **changes: tuple[str, str]) -> Report:
    """Check the repository with one replacement in each of some files (`keystone` is its last folder)."""
    files = dict(FILES)
    for file, (old, new) in changes.items():
        assert old in files.get(file, ""), f"{old!r} is not in {file}"
        files[file] = files[file].replace(old, new)
    return over(folder, files, crds)


def over(folder: Path, files: dict[str, str], crds: Path | None = None) -> Report:
    for file, text in files.items():
        place = folder / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return check(folder, kustomize=str(Path(sys.prefix) / "bin" / "kubectl"), crds=crds)


def test_good_repository_has_no_faults(tmp_path: Path) -> None:
    report = run(tmp_path)
    assert report.faults == ()
    assert (
        report.validated == 7
    )  # Namespace, ConfigMap, Secret, HelmRepository, HelmRelease, 2 Kustomizations
    assert report.unvalidated == {}


RELEASE = "components/openstack/keystone/release.yaml"
FLUX = "clusters/a/undercloud/keystone.yaml"
SECRETS = f"{KEYSTONE}/secrets.sops.yaml"


@pytest.mark.parametrize(
    ("kind", "message", "file", "old", "new"),
    [
        ("build", "gone.yaml", f"{KEYSTONE}/kustomization.yaml", "pin.yaml", "gone.yaml"),
        ("reference", "path ./sites/a/openstack/keystone2 does not exist", FLUX, KEYSTONE, f"{KEYSTONE}2"),
        ("reference", "path ../x does not exist", FLUX, f"./{KEYSTONE}", "../x"),
        ("reference", "depends on flux-system/nothing", FLUX, "name: openstack-base", "name: nothing"),
        ("reference", "circle, nothing of it would ever start: keystone -> keystone", FLUX, "name: openstack-base", "name: keystone"),
        ("reference", "source GitRepository flux-system/other does not exist", FLUX, "GitRepository, name: flux-system", "GitRepository, name: other"),
        ("reference", "source HelmRepository openstack/other does not exist", RELEASE, "name: openstack-helm", "name: other"),
        ("reference", "valuesFrom ConfigMap other is not in the same build", RELEASE, "ConfigMap, name: keystone-values", "ConfigMap, name: other"),
        ("reference", "has no key other", RELEASE, "name: keystone-secrets", "name: keystone-secrets, valuesKey: other"),
        ("reference", "namespace openstack is made by nothing", "components/openstack/base/namespace.yaml", "name: openstack", "name: typo"),
        ("schema", "metadata: Additional properties are not allowed ('nme'", "components/openstack/base/namespace.yaml", "{name: openstack}", "{name: openstack, nme: 1}"),
        ("version", "no chart version", f"{KEYSTONE}/pin.yaml", f"version: {VERSION}", "reconcileStrategy: Revision"),
        ("version", "chart version 2026.1.x", f"{KEYSTONE}/pin.yaml", VERSION, "2026.1.x"),
        ("version", "chart version >=1", f"{KEYSTONE}/pin.yaml", VERSION, '">=1"'),
        ("version", "conf.image is `latest`", f"{KEYSTONE}/values.yaml", "keystone: {any: {thing: 1}}", "image: q.example/a/b:latest"),
        ("value", "pod.replica is no key of the chart", "components/openstack/keystone/values.yaml", "replicas", "replica"),
        ("value", "pod must be a map", f"{KEYSTONE}/values.yaml", "conf: {keystone: {any: {thing: 1}}}", "pod: 3"),
        ("value", "endpoints.identty is no key", SECRETS, "identity", "identty"),
        ("secret", "no sops key", SECRETS, "sops:", "other:"),
        ("secret", "endpoints.identity.auth.admin.password is in clear", SECRETS, f'password: "{CIPHER}"', "password: hunter22"),
        ("secret", "encrypted for nobody", SECRETS, "age: [", "none: ["),
        ("secret", "not encrypted: values.yaml", f"{KEYSTONE}/kustomization.yaml", "values.yaml=secrets.sops.yaml", "values.yaml"),
        ("yaml", "not YAML in line", f"{KEYSTONE}/values.yaml", "{any:", "{any: ["),
    ],
)  # fmt: skip
def test_one_thing_broken_is_found(
    tmp_path: Path, kind: str, message: str, file: str, old: str, new: str
) -> None:
    report = run(tmp_path, **{file: (old, new)})
    found = [fault for fault in report.faults if fault.kind == kind and message in fault.message]
    assert found, report.faults
    assert not any("hunter22" in fault.message for fault in report.faults)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: hunter22}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: aHVudGVyMjI=}\n",
        "a: |\n  -----BEGIN OPENSSH " + "PRIVATE KEY-----\n",
        "a: AGE-SECRET-" + "KEY-1" + "Q" * 58 + "\n",
    ],
)
def test_secret_in_clear_anywhere_is_found_and_not_repeated(tmp_path: Path, text: str) -> None:
    faults = over(tmp_path, {**FILES, "docs/x.yaml": text}).faults
    assert [(fault.kind, fault.file) for fault in faults] == [("secret", "docs/x.yaml")]
    assert "hunter22" not in faults[0].message
    assert "aHVudGVyMjI" not in faults[0].message


def test_custom_resources_are_checked_strictly_with_their_definitions(tmp_path: Path) -> None:
    crds = tmp_path / "crds"
    crds.mkdir()
    (crds / "pool.yaml").write_text(CRD)
    pool = "apiVersion: x.example/v1\nkind: Pool\nmetadata: {{name: p}}\nspec: {{port: http, month: B, free: {{a: 1}}, {}}}\n"
    place = "clusters/a/undercloud/pool.yaml"
    good = over(tmp_path / "r", {**FILES, place: pool.format("size: 3")}, crds)
    assert good.faults == ()
    assert good.validated == 8
    for wrong, message in (
        ("size: '3'", "spec.size: '3' is not of type 'integer'"),
        ("sise: 3", "'sise' was unexpected"),
    ):
        faults = over(tmp_path / "r", {**FILES, place: pool.format(wrong)}, crds).faults
        assert [fault.kind for fault in faults] == ["schema"]
        assert message in faults[0].message


def test_common_values_are_held_against_all_charts(tmp_path: Path) -> None:
    place = "sites/a/openstack/common/values.yaml"
    good = {
        **FILES,
        place: "endpoints: {cluster_domain_suffix: cluster.local}\nmanifests: {job_bootstrap: false}\n",
    }
    assert over(tmp_path, good).faults == ()
    (fault,) = over(tmp_path, {**FILES, place: "endpoints: {cluster_domain_sufix: x}\n"}).faults
    assert (fault.kind, fault.file) == ("value", place)
    assert "endpoints.cluster_domain_sufix is no key" in fault.message


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({"a": "str"}, {"b": "int"}, {"a": "str", "b": "int"}),
        ({"a": {"b": "str"}}, {"a": {"c": "int"}}, {"a": {"b": "str", "c": "int"}}),
        ({"a": {"b": "str"}}, {"a": {}}, {"a": {}}),
        ({"a": {"b": "str"}}, {"a": "str"}, {"a": {}}),
    ],
)
def test_union_of_two_key_trees(one: object, other: object, both: object) -> None:
    assert union(one, other) == union(other, one) == both


@pytest.mark.parametrize(("answer", "used"), [("1.33", "1.33"), ("1.35.2", "1.35"), ("1.19", "1.25")])
def test_kubernetes_schemas_are_those_nearest_to_the_site(tmp_path: Path, answer: str, used: str) -> None:
    site = {**FILES, "sites/a/site.yaml": f"spec: {{kubernetes: {{version: '{answer}'}}}}\n"}
    report = over(tmp_path, site)
    assert report.faults == ()
    assert report.schemas == {".".join(answer.split(".")[:2]): used}


def test_chart_without_key_tree_is_counted(tmp_path: Path) -> None:
    report = run(tmp_path, **{f"{KEYSTONE}/pin.yaml": (VERSION, "2026.1.999")})
    assert report.faults == ()
    assert report.unvalidated["chart keystone 2026.1.999"] == 1


def test_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither clusters/ nor sites/"):
        check(tmp_path)


def test_kind_without_a_schema_is_counted(tmp_path: Path) -> None:
    thing = "apiVersion: y.example/v1\nkind: Thing\nmetadata: {name: t}\n"
    report = over(tmp_path, {**FILES, "clusters/a/undercloud/thing.yaml": thing})
    assert (report.faults, report.unvalidated) == ((), {"y.example/v1/Thing": 1})
