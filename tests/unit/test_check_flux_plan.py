"""What Flux would not refuse, and would stand still on, is found before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.check.flux_plan import check_flux_plan
from openinfra_tui.check.report import Repository
from openinfra_tui.check.secrets import check_secrets

ENTRY = "clusters/a/undercloud"


def _kustomization(name: str, *needs: str) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {"path": f"./sites/a/{name}", "dependsOn": [{"name": need} for need in needs]},
    }


def _release(name: str, **spec: Any) -> dict[str, Any]:
    waits = {"install": {"disableWait": True}, "upgrade": {"disableWait": True}}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": "openstack"},
        "spec": {"releaseName": name, **waits, **spec},
    }


def _texts(root: Path, *steps: dict[str, Any], releases: tuple[dict[str, Any], ...] = ()) -> list[str]:
    documents = {f"{ENTRY}/{step['metadata']['name']}.yaml": (step,) for step in steps}
    builds = {f"sites/a/{release['metadata']['name']}": (release,) for release in releases}
    return [fault.message for fault in check_flux_plan(Repository(root, documents, builds))]


@pytest.mark.parametrize(
    ("needs", "missing"),
    [((), True), (("metallb",), False), (("between",), False)],
    ids=["none", "itself", "by way of another"],
)
def test_custom_resources_come_after_what_brings_their_kinds(
    tmp_path: Path, needs: tuple[str, ...], missing: bool
) -> None:
    steps = (
        _kustomization("metallb"),
        _kustomization("between", "metallb"),
        _kustomization("metallb-configs", *needs),
    )
    wanted = (
        "Kustomization flux-system/metallb-configs: does not depend on metallb, which must be ready before it"
    )
    assert _texts(tmp_path, *steps) == ([wanted] if missing else [])


def test_an_edge_among_those_whose_pods_wait_for_one_another_is_refused(tmp_path: Path) -> None:
    # Pods of nova wait for neutron's and libvirt's, those of neutron for nova's.
    steps = (_kustomization("nova"), _kustomization("neutron", "nova"))
    assert [text.partition(": ")[2] for text in _texts(tmp_path, *steps)] == [
        "must not depend on nova: their pods wait for one another"
    ]
    assert _texts(tmp_path, _kustomization("nova"), _kustomization("neutron")) == []


def test_a_release_must_not_wait_for_pods_that_wait_for_its_hooks(tmp_path: Path) -> None:
    step = _kustomization("keystone")
    assert _texts(tmp_path, step, releases=(_release("keystone"),)) == []
    (text,) = _texts(tmp_path, step, releases=(_release("keystone", install={}),))
    assert "install.disableWait is not true" in text


def test_custom_resources_are_not_applied_with_what_brings_their_kind(tmp_path: Path) -> None:
    pool = {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {"name": "public"}}
    steps = (_kustomization("metallb"), _kustomization("metallb-configs", "metallb"))
    documents = {f"{ENTRY}/{step['metadata']['name']}.yaml": (step,) for step in steps}

    def texts(*beside: dict[str, Any]) -> list[str]:
        builds = {"sites/a/metallb": (_release("metallb"), *beside), "sites/a/metallb-configs": (pool,)}
        return [fault.message for fault in check_flux_plan(Repository(tmp_path, documents, builds))]

    assert texts() == []
    (text,) = texts(pool)
    assert text.startswith("IPAddressPool public: is applied with the release that brings its kind")


def test_a_release_keeps_its_name(tmp_path: Path) -> None:
    release = _release("keystone")
    del release["spec"]["releaseName"]
    (text,) = _texts(tmp_path, _kustomization("keystone"), releases=(release,))
    assert "releaseName is not keystone" in text


def test_a_step_of_the_operators_own_is_left_alone(tmp_path: Path) -> None:
    assert _texts(tmp_path, _kustomization("own"), releases=(_release("own", releaseName="x"),)) == []


def test_a_secret_is_for_those_whom_the_rule_names(tmp_path: Path) -> None:
    cipher = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]"
    rules = {"creation_rules": [{"path_regex": r"sites/a/.*\.sops\.yaml$", "age": "age1b,age1a"}]}

    def texts(*recipients: str) -> list[str]:
        secret = {"a": cipher, "sops": {"mac": cipher, "age": [{"recipient": name} for name in recipients]}}
        documents = {".sops.yaml": (rules,), "sites/a/x/secrets.sops.yaml": (secret,)}
        return [
            fault.message.partition(",")[0] for fault in check_secrets(Repository(tmp_path, documents, {}))
        ]

    assert texts("age1a", "age1b") == []
    assert texts("age1a") == ["cannot be read by age1b"]
    assert texts("age1a", "age1b", "age1c") == ["can be read by age1c"]
