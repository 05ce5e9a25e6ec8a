"""Repositories broken on purpose: `openinfra-tui check` says so before, and Flux's controllers agree."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest

from openinfra_tui import proc
from tests.controlplane.missing import tool
from tests.controlplane.reconcile import states
from tests.controlplane.reconcile.cluster import ConvergedSite, FluxSite

ENTRY = "clusters/fra1/undercloud"
OPENSTACK = "sites/fra1/openstack"


@dataclass(frozen=True)
class Broken:
    """A fault of a repository.

    Args:
        breaks: makes the fault in a folder; the second argument is the file of the cluster's identity.
        step: the step that cannot be applied with it.
        check: what `openinfra-tui check` prints.
        engine: a pattern of what the step's Kustomization says.
    """

    breaks: Callable[[Path, Path], None]
    step: str
    check: str
    engine: str


def _replaced(file: str, before: str, after: str) -> Callable[[Path, Path], None]:
    def replace(folder: Path, identity: Path) -> None:
        path = folder / file
        text = path.read_text("utf-8")
        assert before in text
        path.write_text(text.replace(before, after), "utf-8")

    return replace


def _for_a_stranger(folder: Path, identity: Path) -> None:
    """Encrypt heat's secrets anew, for somebody else only."""
    sops, file = tool("sops", "sops"), folder / OPENSTACK / "heat" / "secrets.sops.yaml"
    clear = proc.run([sops, "decrypt", file], env={"SOPS_AGE_KEY_FILE": str(identity)}).stdout
    stranger = str(pyrage.x25519.Identity.generate().to_public())
    kinds = ["--input-type", "yaml", "--output-type", "yaml"]
    words = [sops, "--config", "/dev/null", "encrypt", "--age", stranger, *kinds, "/dev/stdin"]
    file.write_bytes(proc.run(words, stdin=clear).stdout)


BROKEN = {
    "a missing dependsOn": Broken(
        _replaced(f"{ENTRY}/metallb-configs.yaml", "  dependsOn:\n  - name: metallb\n", ""),
        "metallb-configs",
        "Kustomization flux-system/metallb-configs: does not depend on metallb",
        # On a new site; a controller that has known the kind asks the server for it.
        'no matches for kind "(IPAddressPool|L2Advertisement)"'
        "|metallb-system/.* the server could not find the requested resource",
    ),
    "an unknown field": Broken(
        _replaced("components/openstack/horizon/release.yaml", "spec:\n  interval:", "spec:\n  intervall:"),
        "horizon",
        "'intervall' was unexpected",
        "field not declared in schema",
    ),
    "a wrong API version": Broken(
        _replaced(
            "sites/fra1/cert-manager/configs/cluster-issuer.yaml",
            "cert-manager.io/v1",
            "cert-manager.io/v1beta9",
        ),
        "cert-manager-configs",
        "could not be validated: cert-manager.io/v1beta9/ClusterIssuer",
        'no matches for kind "ClusterIssuer" in version "cert-manager.io/v1beta9"',
    ),
    "a secret for somebody else": Broken(
        _for_a_stranger, "heat", "cannot be read by age1", "cannot get sops data key"
    ),
    "a missing namespace": Broken(
        _replaced(f"{OPENSTACK}/placement/kustomization.yaml", "namespace: openstack", "namespace: nowhere"),
        "placement",
        "namespace nowhere is made by nothing in this cluster",
        'namespaces "nowhere" not found',
    ),
}


def _check(folder: Path, *codes: int) -> str:
    done = proc.run([sys.executable, "-m", "openinfra_tui", "check", folder], ok_codes=codes)
    return done.stdout.decode() + done.stderr


@pytest.fixture
def copy(flux_site: FluxSite, tmp_path: Path) -> Path:
    """The repository that Flux reconciles."""
    folder = tmp_path / "copy"
    shutil.copytree(flux_site.repository.folder, folder, ignore=shutil.ignore_patterns(".git"))
    return folder


def test_check_has_nothing_against_the_repository_itself(copy: Path) -> None:
    assert " 0 faults" in _check(copy, 0)


@pytest.mark.parametrize("name", BROKEN)
def test_check_finds_it(flux_site: FluxSite, copy: Path, name: str) -> None:
    BROKEN[name].breaks(copy, flux_site.repository.identity)
    # 3: faults found; 7: something could not be validated.
    assert BROKEN[name].check in _check(copy, 3, 7)


@pytest.fixture
def broken_site(converged: ConvergedSite) -> Iterator[FluxSite]:
    """The site with all the faults in one commit; MetalLB is not there yet, as on a new site."""
    site = converged.site
    good = site.repository.git("rev-parse", "HEAD")
    late = [states.kustomizations(site.client)[name] for name in ("metallb", "metallb-configs")]
    for step in late:
        site.client.patch(step, {"spec": {"suspend": True}})
    site.remove("metallb")
    for fault in BROKEN.values():
        fault.breaks(site.repository.folder, site.repository.identity)
    site.push_for_suspended("Broken")
    site.client.patch(late[1], {"spec": {"suspend": None}})
    yield site
    site.client.patch(late[0], {"spec": {"suspend": None}})
    site.restore(good)


def test_the_engine_cannot_apply_it(broken_site: FluxSite) -> None:
    def wrong() -> dict[str, str]:
        said = {name: states.said(obj) for name, obj in states.kustomizations(broken_site.client).items()}
        return {
            name: said[fault.step]
            for name, fault in BROKEN.items()
            if not re.search(fault.engine, said[fault.step])
        }

    broken_site.wait(lambda: not wrong(), 240, lambda: f"{wrong()}")
