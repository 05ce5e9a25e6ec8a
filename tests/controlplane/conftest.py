"""Fixtures of the tests that need a real control plane; every test of this folder carries its mark."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.controlplane import crds as definitions
from tests.controlplane import plane as planes
from tests.controlplane.argocd import ArgoCD
from tests.controlplane.flux import Flux
from tests.controlplane.missing import Missing, leave_out
from tests.controlplane.plane import ControlPlane
from tests.controlplane.processes import Program
from tests.controlplane.reconcile.argo import ArgoSite, argo_site
from tests.controlplane.reconcile.cluster import ConvergedSite, FluxSite, converge
from tests.controlplane.reconcile.cluster import flux_site as start_flux_site

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("controlplane")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """What a fixture misses on this machine leaves out the test."""
    try:
        return (yield)
    except Missing as reason:
        leave_out(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """What a test misses on this machine leaves it out."""
    try:
        return (yield)
    except Missing as reason:
        leave_out(reason)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """A first run builds for minutes: let what is said about it through to the terminal."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    shown = capture is not None and fixturedef.scope == "session"
    with capture.global_and_fixture_disabled() if shown else nullcontext():
        return (yield)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """etcd and kube-apiserver, one for all tests of this worker."""
    with planes.running() as plane:
        yield plane


@pytest.fixture(scope="session")
def crds(control_plane: ControlPlane) -> Callable[..., None]:
    """`crds("flux", "cert-manager")` installs those groups, each once for all tests of this worker."""
    installed: set[str] = set()

    def install(*groups: str) -> None:
        definitions.install(control_plane.client(), [group for group in groups if group not in installed])
        installed.update(groups)

    return install


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A fresh namespace; it stays until the control plane goes, since only a controller could empty it."""
    name = f"test-{secrets.token_hex(4)}"
    control_plane.client().apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture(scope="session")
def controller_manager(control_plane: ControlPlane) -> Program:
    """kube-controller-manager, from here on."""
    return control_plane.start_controller_manager()


@pytest.fixture(scope="session")
def scheduler(control_plane: ControlPlane) -> Program:
    """kube-scheduler, from here on."""
    return control_plane.start_scheduler()


@pytest.fixture(scope="session")
def flux(control_plane: ControlPlane, crds: Callable[..., None]) -> Flux:
    """Flux with what reconciles, from here on; `flux.start(NOTIFIER)` adds the notification-controller."""
    crds("flux")
    engine = Flux(control_plane)
    engine.start()
    return engine


@pytest.fixture(scope="session")
def argocd(control_plane: ControlPlane, crds: Callable[..., None]) -> ArgoCD:
    """Argo CD with its repository server and application controller, from here on."""
    crds("argo-cd")
    engine = ArgoCD(control_plane)
    engine.start()
    return engine


@pytest.fixture(scope="session")
def flux_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FluxSite]:
    """The site of the preset on a cluster of its own, bootstrapped, its charts still on the internet."""
    with start_flux_site(tmp_path_factory.mktemp("flux-site")) as site:
        yield site


@pytest.fixture(scope="session")
def argocd_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgoSite]:
    """The site of the preset for Argo CD on a cluster of its own, bootstrapped with its charts on loopback."""
    with argo_site(tmp_path_factory.mktemp("argocd-site")) as site:
        yield site


@pytest.fixture(scope="session")
def converged(flux_site: FluxSite) -> ConvergedSite:
    """The same site after a commit that points its sources at loopback, all of it ready.

    A test that changes something leaves the site as it was.
    """
    return converge(flux_site, 1200)
