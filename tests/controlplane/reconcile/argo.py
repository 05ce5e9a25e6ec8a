"""A site under Argo CD: installed and bootstrapped by its runbook, its charts on loopback.

What an operator types is run as it stands. Three things cannot be had on a machine without internet and
containers: the manifests of Argo CD come from its Go module in place of GitHub, its processes run beside the
cluster (the Pods of its Deployments are the stand-in kubelet's), and helm-secrets is `helm_wrapper.py`, or the
real one where OPENINFRA_HELM_SECRETS names its folder.
"""

from __future__ import annotations

import base64
import functools
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane import charts as own_charts
from tests.controlplane import crds
from tests.controlplane.argocd import NAMESPACE, ArgoCD, Container
from tests.controlplane.binaries import binary
from tests.controlplane.charts.publish import GIT_SOURCE, ChartServers, chart_servers, next_version
from tests.controlplane.client import Client, Object
from tests.controlplane.cluster.effects import job_effects
from tests.controlplane.cluster.kubelet import Kubelet, Machine
from tests.controlplane.cluster.operators import Operators
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.missing import tool
from tests.controlplane.plane import ControlPlane, running
from tests.controlplane.reconcile.overlay import GATEWAY, publish_gateway
from tests.controlplane.reconcile.repository import Repository, generated
from tests.controlplane.reconcile.waves import Moment, Waves, revision

PRESET = "openstack-helm-ha"
# What a site has objects of. With each CRD Argo CD reads the schema of the whole API anew, for a second and more:
# all 64 would take longer than everything else.
KINDS = frozenset({
    "Alertmanager", "BackendTrafficPolicy", "CephBlockPool", "CephCluster", "CephFilesystem", "CephObjectStore",
    "Certificate", "ClusterIssuer", "EnvoyProxy", "Gateway", "GatewayClass", "HTTPRoute", "IPAddressPool", "Issuer",
    "L2Advertisement", "Prometheus", "PrometheusRule", "ServiceMonitor",
})  # fmt: skip
_MODULE = "github.com/argoproj/argo-cd/v3"
_REMOTE = re.compile(r"https://github\.com/argoproj/argo-cd/(manifests/[\w-]+)\?ref=(v[\d.]+)")
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_WRAPPER = Path(__file__).with_name("helm_wrapper.py")


@dataclass(frozen=True)
class ArgoSite:
    """A site that Argo CD reconciles.

    Args:
        plane: its control plane.
        repository: the clone of its operator.
        charts: what the internet has, on loopback.
        engine: Argo CD's processes.
        kubelet: its nodes; knows what each Pod waits for.
        waves: when each Application was asked for and done.
    """

    plane: ControlPlane
    repository: Repository
    charts: ChartServers
    engine: ArgoCD
    kubelet: Kubelet
    waves: Waves

    @functools.cached_property
    def client(self) -> Client:
        """An administrator."""
        return self.plane.client()

    @property
    def names(self) -> tuple[str, ...]:
        """The Applications of the plan, in the order of their waves."""
        there = {file.stem for file in (self.repository.entry / "applications").glob("*.yaml")}
        return tuple(step.name for step in self.repository.plan.steps if step.name in there)

    def waiting(self) -> str:
        """What Pods wait for."""
        return "\n".join(f"{pod}: {', '.join(why)}" for pod, why in self.kubelet.waiting().items())

    def wait_done(self, timeout: float) -> None:
        """Until every Application has what the clone holds, and is synced and healthy.

        Raises:
            TimeoutError: with what each of the others says, and what Pods wait for.
        """
        self.waves.wait([*self.names, "root"], timeout, self.waiting)

    def asked(self, name: str) -> Moment:
        """When the root asked for an Application as it is now."""
        return self.waves.asked[name, revision(self.waves.applications()[name])]

    def done(self, name: str) -> Moment:
        """When an Application as it is now was first done."""
        return self.waves.done[name, revision(self.waves.applications()[name])]

    def upgrade(self, *names: str) -> dict[str, str]:
        """Publish a newer version of charts and pin them all in one commit; the versions by name."""
        newer = {}
        for name in names:
            path = self.repository.entry / "applications" / f"{name}.yaml"
            now = self.waves.applications()[name]["spec"]["sources"][0]["targetRevision"]
            newer[name] = next_version(now)
            self.charts.helm.publish(own_charts.chart(name, newer[name]))

            def pin(item: dict[str, Any], name: str = name) -> None:
                item["spec"]["sources"][0]["targetRevision"] = newer[name]

            self.repository.edit(str(path.relative_to(self.repository.folder)), pin)
        self.repository.push(f"{', '.join(names)}: newer charts")
        self.engine.refresh("root")
        self.waves.wait_for_request(newer, 120)
        return newer


@contextmanager
def argo_site(folder: Path) -> Iterator[ArgoSite]:
    """Generate the preset, push it with its charts on loopback, and bootstrap as the runbook says.

    Raises:
        Missing: a program or a CRD is not on this machine.
        ToolError: a command of the runbook failed.
    """
    with ExitStack() as stack:
        plane = stack.enter_context(running())
        plane.start_controller_manager()
        plane.start_scheduler()
        client = plane.client()
        server = stack.enter_context(GitServer(folder / "git"))
        repository = generated(folder, server, PRESET, {"gitops.engine": "argocd"})
        charts = stack.enter_context(chart_servers(kinds=KINDS))
        (folder / "gateway").mkdir()
        publish_gateway(charts.git, folder / "gateway", kinds=KINDS)
        point_at_loopback(repository, charts)
        repository.push("The sources of this place")
        nodes = repository.plan.site.get("nodes")
        machines = [Machine(node["name"], node["addresses"]["management"]) for node in nodes]
        kubelet = stack.enter_context(Kubelet(client, machines, job_effects()))
        stack.enter_context(Operators(client))
        waves = stack.enter_context(Waves(client))
        engine = bootstrap(plane, repository, charts)
        stack.callback(engine.stop)
        yield ArgoSite(plane, repository, charts, engine, kubelet, waves)


def commands(repository: Repository) -> tuple[list[str], list[str]]:
    """The lines of kubectl in the runbook's bootstrap: up to a ready Argo CD, and after it.

    What only shows something for ever is left out.
    """
    text = (repository.folder / "sites" / repository.plan.site.name / "RUNBOOK.md").read_text("utf-8")
    (block,) = (
        block for block in BLOCK.findall(text) if "/root.yaml" in block and "create namespace" in block
    )
    lines = [line for line in block.replace("\\\n", " ").splitlines() if line.startswith("kubectl ")]
    lines = [line for line in lines if not line.endswith("--watch")]
    ready = next(number for number, line in enumerate(lines) if " rollout status " in line) + 1
    return lines[:ready], lines[ready:]


def bootstrap(plane: ControlPlane, repository: Repository, charts: ChartServers) -> ArgoCD:
    """Do what the runbook says, and start Argo CD's processes where its Pods would have come up.

    Raises:
        ToolError: a line of the runbook failed.
        Missing: a program is not here.
    """
    kubeconfig = plane.kubeconfig()
    before, after = commands(repository)
    with_local_manifests = repository.folder / "argocd" / "kustomization.yaml"
    generated = with_local_manifests.read_bytes()
    with_local_manifests.write_text(local(generated.decode(), with_local_manifests.parent), "utf-8")
    client = plane.client()
    try:
        for line in before[:-1]:
            repository.run(line, kubeconfig)
        # What an init container of redis makes, which every other Pod of Argo CD waits for.
        client.apply(_secret("argocd-redis", auth="a password of a stand-in"))
        repository.run(before[-1], kubeconfig)
    finally:
        with_local_manifests.write_bytes(generated)
    crds.settle(client, crds.load("argo-cd"))
    client.apply(_plain_registry(charts))
    engine = ArgoCD(plane, _container(client, plane))
    engine.start()
    for line in after:
        repository.run(line, kubeconfig)
    return engine


def point_at_loopback(repository: Repository, charts: ChartServers) -> None:
    """Write loopback addresses into Applications and projects; committing that is the caller's."""
    heads = {charts.git.clone_url(name): charts.git.head(name) for name in (GIT_SOURCE, GATEWAY)}

    def address(url: str) -> str:
        if url == repository.url:
            return url
        return charts.git.clone_url(GATEWAY) if url.endswith("envoyproxy/gateway") else charts.address(url)

    def change(item: dict[str, Any]) -> None:
        spec = item["spec"]
        for source in spec.get("sources") or [spec.get("source", {})]:
            if "repoURL" in source:
                source["repoURL"] = address(source["repoURL"])
                # A commit of loopback is another one.
                source["targetRevision"] = heads.get(source["repoURL"], source["targetRevision"])
        if "sourceRepos" in spec:
            spec["sourceRepos"] = sorted({address(url) for url in spec["sourceRepos"]})

    for file in sorted(repository.entry.rglob("*.yaml")):
        repository.edit(str(file.relative_to(repository.folder)), change)


def local(kustomization: str, folder: Path) -> str:
    """The kustomization of Argo CD with the manifests of its Go module, which are those of its tag."""
    root = crds.module_folder(_MODULE)
    found = _REMOTE.search(kustomization)
    if found is None or not root.name.endswith(f"@{found[2]}"):
        raise AssertionError(
            f"{root.name} is not what argocd/kustomization.yaml installs: pin the same in modules/"
        )
    return kustomization.replace(found[0], os.path.relpath(root / found[1], folder.resolve()))


def _plain_registry(charts: ChartServers) -> Object:
    """The registry of loopback speaks HTTP."""
    secret = _secret("loopback-registry", type="oci", url=charts.oci.oci_url, insecureOCIForceHttp="true")
    secret["metadata"]["labels"] = {"argocd.argoproj.io/secret-type": "repo-creds"}
    return secret


def _secret(name: str, **content: str) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content}


def _container(client: Client, plane: ControlPlane) -> Container:
    """The repository server's container as its Deployment describes it, with folders in place of its volumes."""
    pod = client.get("apps/v1", "Deployment", "argocd-repo-server", NAMESPACE)["spec"]["template"]["spec"]
    container = next(item for item in pod["containers"] if item["name"] == "argocd-repo-server")
    volumes = {item["name"]: item for item in pod["volumes"]}
    root = plane.run.subfolder("repo-server")
    places = {"/usr/local/bin/helm": binary("helm")}
    for mount in container["volumeMounts"]:
        secret = volumes[mount["name"]].get("secret", {}).get("secretName", "")
        found = client.find("v1", "Secret", secret, NAMESPACE) if secret else None
        if found is not None:
            places[mount["mountPath"]] = _files(root / mount["name"], found)
    places["/tools"] = _tools(root / "tools")
    env = {
        item["name"]: _in(places, item["value"])
        for item in container["env"]
        if item["name"].startswith(("HELM_SECRETS_", "HELM_PLUGINS", "SOPS_"))
    }
    # The mount of one file: what stands before Helm on the PATH of the image.
    (wrapper,) = (
        mount for mount in container["volumeMounts"] if mount["mountPath"] == "/usr/local/sbin/helm"
    )
    programs = root / "sbin"
    programs.mkdir()
    (programs / "helm").symlink_to(places["/tools"] / wrapper["subPath"])
    return Container(env, programs)


def _in(places: dict[str, Path], value: str) -> str:
    for mounted, place in places.items():
        if value == mounted or value.startswith(f"{mounted}/"):
            return f"{place}{value.removeprefix(mounted)}"
    return value


def _files(folder: Path, secret: Object) -> Path:
    folder.mkdir(mode=0o700)
    for name, content in secret["data"].items():
        (folder / name).write_bytes(base64.b64decode(content))
    return folder


def _tools(folder: Path) -> Path:
    """What the init container downloads."""
    folder.mkdir()
    (folder / "sops").symlink_to(tool("sops", "sops"))
    if real := os.environ.get("OPENINFRA_HELM_SECRETS"):
        (folder / "plugins").mkdir()
        (folder / "plugins" / "secrets").symlink_to(Path(real).resolve())
        (folder / "helm").symlink_to(Path(real).resolve() / "scripts" / "wrapper" / "helm.sh")
    else:
        (folder / "helm").write_text(f"#!{sys.executable}\n{_WRAPPER.read_text('utf-8')}", "utf-8")
        (folder / "helm").chmod(0o755)
    return folder
