"""A repository for Argo CD passes `check`; each thing broken in it is found, and named."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.check.run import check
from openinfra_tui.flow.generate import Request, generate

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = "clusters/lab/undercloud"
KEYSTONE = f"{ENTRY}/applications/keystone.yaml"
NAMESPACES = "sites/lab/namespaces/configs/namespaces.yaml"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: openstack}\n"
CIPHER = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]"
WAVE = "argocd.argoproj.io/sync-wave"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("argocd")
    (folder / "site.yaml").write_text(preset_text("lab"), "utf-8")
    settings = ("gitops.engine=argocd",)
    request = Request(
        folder / "site.yaml", folder / "out", settings, folder / "operator.agekey", commit=False
    )
    generate(request, date(2026, 11, 25), lambda _: None)
    return folder / "out"


def faults_with(repository: Path, file: str, text: str | None) -> list[tuple[str, str, str]]:
    """The faults with one file changed, made or (text None) taken away; the repository is put back."""
    place = repository / file
    before = place.read_text("utf-8") if place.is_file() else None
    try:
        if text is None:
            place.unlink()
        else:
            place.write_text(text, "utf-8")
        return [(fault.kind, fault.file, fault.message) for fault in check(repository).faults]
    finally:
        if before is None:
            place.unlink()
        else:
            place.write_text(before, "utf-8")


@pytest.mark.parametrize(
    ("kind", "message", "file", "old", "new"),
    [
        ("reference", "values file $values/gone.yaml does not exist", KEYSTONE, "$values/components/openstack/keystone/values.yaml", "$values/gone.yaml"),
        ("reference", "values file $value/sites/lab/openstack/keystone/values.yaml names a source that is not there", KEYSTONE, "$values/sites/lab/openstack/keystone/values.yaml", "$value/sites/lab/openstack/keystone/values.yaml"),
        ("reference", "project openstak does not exist", KEYSTONE, "project: openstack", "project: openstak"),
        ("reference", "project openstack does not permit the source https://charts.example", KEYSTONE, "repoURL: https://tarballs.opendev.org/openstack/openstack-helm", "repoURL: https://charts.example"),
        ("reference", "project openstack does not permit the namespace monitoring", KEYSTONE, "namespace: openstack", "namespace: monitoring"),
        ("reference", "namespace typo is made by nothing in this cluster", KEYSTONE, "namespace: openstack", "namespace: typo"),
        ("reference", "does not come after wave", KEYSTONE, 'sync-wave: "4"', 'sync-wave: "2"'),
        ("reference", "must be in the wave of neutron", f"{ENTRY}/applications/nova.yaml", 'sync-wave: "6"', 'sync-wave: "7"'),
        ("reference", "is defined 2 times", KEYSTONE, "name: keystone\n  namespace", "name: glance\n  namespace"),
        ("reference", "path sites/lab/gone does not exist", f"{ENTRY}/applications/metallb-configs.yaml", "sites/lab/metallb/configs", "sites/lab/gone"),
        ("reference", "is read by nothing", KEYSTONE, "      - $values/sites/lab/openstack/keystone/values.user.yaml\n", ""),
        ("reference", "the root Application leaves it out", f"{ENTRY}/root.yaml", "projects/*.yaml,", ""),
        ("reference", "no Application applies this folder", f"{ENTRY}/root.yaml", f"path: {ENTRY}", "path: sites"),
        ("reference", "takes from every repository", f"{ENTRY}/projects/openstack.yaml", "- https://opendev.org/openstack/openstack-helm", '- "*"'),
        ("reference", "writes everywhere", f"{ENTRY}/projects/openstack.yaml", "namespace: ceph", 'namespace: "*"'),
        ("reference", "makes every kind of object", f"{ENTRY}/projects/openstack.yaml", "kind: ClusterRoleBinding", 'kind: "*"'),
        ("reference", "does not permit Namespace openstack", f"{ENTRY}/projects/infrastructure.yaml", "kind: Namespace", "kind: PriorityClass"),
        ("reference", "give it an earlier sync wave", f"{ENTRY}/projects/openstack.yaml", 'sync-wave: "-1"', 'sync-wave: "5"'),
        ("secret", "a password that everyone knows", KEYSTONE, "      - $values/sites/lab/openstack/keystone/secrets.sops.yaml\n", ""),
        ("version", "chart version 2026.1.x", KEYSTONE, "targetRevision: \"2026.1.19+55794356b\"", "targetRevision: 2026.1.x"),
        ("version", "follows master of https://opendev.org", f"{ENTRY}/applications/mariadb.yaml", "targetRevision: c665eedfa3ae1b76a7e8438fffcb62aefaa30a46", "targetRevision: master"),
        ("version", "chart version v1", f"{ENTRY}/applications/cert-manager.yaml", "targetRevision: v1.21.1", "targetRevision: v1"),
        ("value", "depndencies is no key of the chart", "sites/lab/openstack/heat/values.argocd.yaml", "dependencies:", "depndencies:"),
        ("value", "volum is no key of the chart", "components/openstack/mariadb/values.yaml", "\nvolume:", "\nvolum:"),
        ("schema", "spec.syncPolicy.retry: Additional properties", KEYSTONE, "refresh: true", "refrsh: true"),
        ("schema", "sourceRepo", f"{ENTRY}/projects/openstack.yaml", "sourceRepos:", "sourceRepo:"),
        ("schema", "metadata: Additional properties", NAMESPACES, "  labels:\n    name: openstack", "  lables:\n    name: openstack"),
    ],
)  # fmt: skip
def test_one_thing_broken_is_found(
    repository: Path, kind: str, message: str, file: str, old: str, new: str
) -> None:
    text = (repository / file).read_text("utf-8")
    assert old in text
    found = faults_with(repository, file, text.replace(old, new, 1))
    assert [fault for fault in found if fault[0] == kind and message in fault[2]], found


def test_the_repository_as_it_is_has_no_faults(repository: Path) -> None:
    assert check(repository).faults == ()


def test_an_encrypted_secret_is_refused_where_the_ciphertext_would_be_the_value(repository: Path) -> None:
    text = f'{SECRET}stringData: {{a: "{CIPHER}"}}\nsops: {{mac: "{CIPHER}", age: [{{recipient: age1}}]}}\n'
    found = faults_with(repository, "sites/lab/namespaces/configs/secret.yaml", text)
    assert [kind for kind, _, message in found if "would apply the ciphertext" in message] == ["secret"]


def test_a_file_that_no_application_reads_is_named(repository: Path) -> None:
    found = faults_with(repository, "sites/lab/openstack/keystone/more.yaml", "{}\n")
    assert [fault[:2] for fault in found] == [("reference", "sites/lab/openstack/keystone/more.yaml")]


def test_a_values_file_that_is_gone_is_named(repository: Path) -> None:
    found = faults_with(repository, "sites/lab/openstack/keystone/values.user.yaml", None)
    assert [fault[:2] for fault in found] == [("reference", KEYSTONE)]
