"""What `generate` writes, reconciled by Flux's own controllers from bootstrap to the last Pod."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from openinfra_tui import proc
from openinfra_tui.cli.diff import command as diff
from tests.controlplane import users
from tests.controlplane.client import Object, condition
from tests.controlplane.missing import tool
from tests.controlplane.reconcile import states
from tests.controlplane.reconcile.cluster import ConvergedSite, FluxSite
from tests.controlplane.waiting import eventually

REPORTS = Path(__file__).parents[2] / "build" / "reports"
# Without internet these steps are ready; the following miss what is there, by their own source; and all others
# wait for one of them.
READY = {"namespaces", "node-labels"}
FROM_INTERNET = {
    "gateway-api": "https://github.com/envoyproxy/gateway",
    "metallb": "https://metallb.github.io/metallb",
    "openstack": "https://tarballs.opendev.org/openstack/openstack-helm",
    "prometheus-operator-crds": "https://prometheus-community.github.io/helm-charts",
    "rook-ceph-operator": "https://charts.rook.io/release",
}
RELEASES_FROM_INTERNET = {"metallb", "prometheus-operator-crds", "rook-ceph"}
_UNREACHABLE = "proxyconnect tcp: dial tcp 127.0.0.1:9: connect: connection refused"


def _sources(site: FluxSite) -> dict[str, str]:
    """By name of source, what its controller says of it."""
    kinds = ("HelmRepository", "GitRepository", "OCIRepository")
    return {
        obj["metadata"]["name"]: states.said(obj)
        for kind in kinds
        for obj in site.client.list(states.SOURCE, kind)
    }


def _waits(site: FluxSite) -> dict[str, str]:
    """The written list, each with the words of the controller: of its source, or of the step itself."""
    sources, unready = _sources(site), {}
    for name, obj in states.kustomizations(site.client).items():
        said = states.said(obj)
        url = FROM_INTERNET.get(name)
        about = next((text for text in sources.values() if url and url in text and _UNREACHABLE in text), "")
        if about or "dependency 'flux-system/" in said:
            unready[name] = about or said
    return unready


def test_without_internet_only_what_comes_from_there_is_missing(flux_site: FluxSite) -> None:
    revision = f"main@sha1:{flux_site.repository.server.head('clouds')}"
    rest = set(flux_site.steps) - READY
    assert FROM_INTERNET.keys() < rest

    waits: dict[str, str] = {}

    def settled() -> bool:
        nonlocal waits
        late, waits = states.unready(flux_site.client, revision, flux_site.steps), _waits(flux_site)
        return late.keys() == rest == waits.keys()

    flux_site.wait(settled, 240, lambda: f"{waits}")
    assert "True" in _sources(flux_site)["flux-system"]

    def said() -> dict[str, str]:
        return {name: states.said(release) for name, release in states.releases(flux_site.client).items()}

    def for_charts_only() -> bool:
        found = said()
        waiting = all(
            re.search(r"SourceNotReady: HelmChart '.*' is not ready", text) for text in found.values()
        )
        return waiting and found.keys() == RELEASES_FROM_INTERNET

    eventually(for_charts_only, timeout=60, say=lambda: f"{said()}")
    found = states.outcomes(flux_site.client, revision, flux_site.steps, waits)
    states.write_report(REPORTS / "reconcile-flux-without-internet.json", "flux", found)
    assert {outcome.name for outcome in found if outcome.state == "expected"} == rest
    assert not [outcome for outcome in found if outcome.state == "failed"]


def test_with_charts_the_whole_site_converges(converged: ConvergedSite) -> None:
    site = converged.site
    found = states.outcomes(site.client, converged.revision, site.steps, {})
    states.write_report(REPORTS / "reconcile-flux.json", "flux", found)
    assert {outcome.state for outcome in found} == {"ready"}
    assert all("True" in said for said in _sources(site).values())
    releases = states.releases(site.client)
    assert releases.keys() == {
        release.name for component in site.repository.plan.components for release in component.releases
    }
    for name, release in releases.items():
        # Not always the first: helm-controller cancels an installation whose chart is fetched anew meanwhile
        # (CancelHealthCheckOnNewRevision), and goes on with an upgrade.
        latest = release["status"]["history"][0]
        assert (latest["name"], latest["status"]) == (name, "deployed"), name
        assert condition(release)["status"] == "True", name
    # Flux waits for releases and their hooks, not for Pods: `disableWait`.
    eventually(lambda: site.kubelet.waiting() == {}, timeout=120, say=lambda: f"{site.kubelet.waiting()}")
    pods = site.client.list("v1", "Pod")
    assert {pod["status"]["phase"] for pod in pods} == {"Running", "Succeeded"}
    states.write_table(REPORTS / "reconcile-flux-releases.json", site.client, converged.seconds)


def test_each_step_began_when_what_it_depends_on_was_ready(converged: ConvergedSite) -> None:
    site, revision = converged.site, converged.revision
    pairs = [(step.name, needed) for step in site.repository.plan.steps for needed in step.depends_on]
    assert len(pairs) > 100
    for name, needed in pairs:
        began, ready = site.record.began[revision, name], site.record.ready[revision, needed]
        assert began.version > ready.version, (name, needed)
        assert began.at >= ready.at, (name, needed)


def test_all_that_was_applied_is_there(converged: ConvergedSite) -> None:
    client, count = converged.site.client, 0
    kinds: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for obj in states.kustomizations(client).values():
        for entry in obj["status"]["inventory"]["entries"]:
            namespace, name, group, kind = entry["id"].split("_")
            version = f"{group}/{entry['v']}" if group else entry["v"]
            if (version, kind, "") not in kinds:
                kinds[version, kind, ""] = {
                    (item["metadata"].get("namespace", ""), item["metadata"]["name"])
                    for item in client.list(version, kind)
                }
            # The engine writes a colon of a name as two underscores; no name of ours has one.
            assert (namespace, name) in kinds[version, kind, ""], entry
            count += 1
    assert count > 200
    assert {"ClusterIssuer", "Gateway", "Certificate", "IPAddressPool"} <= {kind for _, kind, _ in kinds}


def _hooks(jobs: list[Object]) -> Iterator[tuple[str, list[Object]]]:
    """By release, the jobs that Helm ran as hooks after an installation, in the order of their weights."""
    key = "meta.helm.sh/release-name"
    mark = "helm.sh/hook"

    def weight(job: Object) -> int:
        return int(job["metadata"]["annotations"].get(f"{mark}-weight", "0"))

    def release(job: Object) -> str:
        return str(job["spec"]["template"]["metadata"]["labels"]["release_group"])

    hooks = [job for job in jobs if "post-install" in job["metadata"].get("annotations", {}).get(mark, "")]
    assert not [job for job in hooks if key in job["metadata"]["annotations"]]
    for name, group in itertools.groupby(sorted(hooks, key=release), release):
        yield name, sorted(group, key=weight)


def test_hooks_ran_by_weight_each_after_the_end_of_the_one_before(converged: ConvergedSite) -> None:
    jobs = converged.site.client.list("batch/v1", "Job")
    ran = dict(_hooks(jobs))
    assert {"keystone", "glance", "nova", "neutron", "cinder", "heat", "octavia"} <= ran.keys()
    assert "nova-cell-setup" in {job["metadata"]["name"] for job in ran["nova"]}
    for release, hooks in ran.items():
        for before, after in itertools.pairwise(hooks):
            weights = [job["metadata"]["annotations"].get("helm.sh/hook-weight") for job in (before, after)]
            if weights[0] != weights[1]:
                assert before["status"]["completionTime"] <= after["metadata"]["creationTimestamp"], release
    assert all(job["status"].get("succeeded") == 1 for job in jobs)


def test_flux_decrypted_every_secret(converged: ConvergedSite) -> None:
    site = converged.site
    sops, folder = tool("sops", "sops"), site.repository.folder
    files = sorted((folder / "sites").rglob("secrets.sops.yaml"))
    assert len(files) > 8
    in_cluster = [
        yaml.safe_load(base64.b64decode(secret["data"]["values.yaml"]))
        for secret in site.client.list("v1", "Secret")
        if "values.yaml" in secret.get("data", {})
    ]
    for file in files:
        done = proc.run([sops, "decrypt", file], env={"SOPS_AGE_KEY_FILE": str(site.repository.identity)})
        assert yaml.safe_load(done.stdout) in in_cluster, file
    assert "ENC[" not in yaml.safe_dump(in_cluster)
    # And the chart has it where the real one bakes it in.
    secrets = folder / "sites" / "fra1" / "openstack" / "nova" / "secrets.sops.yaml"
    done = proc.run([sops, "decrypt", secrets], env={"SOPS_AGE_KEY_FILE": str(site.repository.identity)})
    password = yaml.safe_load(done.stdout)["endpoints"]["oslo_db"]["auth"]["nova"]["password"]
    nova = site.client.get("v1", "Secret", "nova-etc", "openstack")
    assert base64.b64decode(nova["data"]["oslo_db.nova"]).decode() == password


WATCHED = (
    ("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "Service"), ("v1", "Namespace"), ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"), ("batch/v1", "Job"),
    ("batch/v1", "CronJob"), ("gateway.networking.k8s.io/v1", "HTTPRoute"), ("ceph.rook.io/v1", "CephCluster"),
    states.RELEASE,
)  # fmt: skip


def _contents(site: FluxSite) -> dict[str, Any]:
    """What there is, by kind, namespace and name: who it is and what was asked of it."""
    found = {}
    for kind in WATCHED:
        for obj in site.client.list(*kind):
            meta = obj["metadata"]
            content = {key: value for key, value in obj.items() if key not in {"metadata", "status"}}
            identity = (meta["uid"], meta.get("generation"))
            found[f"{kind[1]} {meta.get('namespace', '')}/{meta['name']}"] = (identity, content)
    return found


def test_a_second_reconcile_changes_nothing(converged: ConvergedSite) -> None:
    site = converged.site
    before = _contents(site)
    assert len(before) > 300
    asked = [
        (kind, obj["metadata"], site.ask(obj))
        for kind in (states.KUSTOMIZATION, states.RELEASE)
        for obj in site.client.list(*kind)
    ]
    for kind, meta, token in asked:

        def done(obj: Object, token: str = token) -> bool:
            handled = obj["status"].get("lastHandledReconcileAt") == token
            return handled and condition(obj).get("status") == "True"

        site.client.wait_for(*kind, meta["name"], meta["namespace"], until=done, timeout=180)
    assert _contents(site) == before


def _objects(site: FluxSite, release: str) -> dict[str, str]:
    """What there is of a release that holds work or data: kind and name, and who it is."""
    kinds = (
        states.RELEASE,
        ("apps/v1", "Deployment"),
        ("v1", "PersistentVolumeClaim"),
        ("batch/v1", "CronJob"),
    )
    return {
        f"{kind[1]} {obj['metadata']['name']}": obj["metadata"]["uid"]
        for kind in kinds
        for obj in site.client.list(*kind)
        if obj["metadata"]["name"].startswith(release)
    }


def _versions(site: FluxSite) -> dict[str, int]:
    """By release, how often Helm installed or upgraded it."""
    return {
        name: obj["status"]["history"][0]["version"] for name, obj in states.releases(site.client).items()
    }


def test_a_changed_answer_is_reconciled(converged: ConvergedSite) -> None:
    site = converged.site
    good = site.repository.git("rev-parse", "HEAD")
    history = _versions(site)
    overlay = "sites/fra1/openstack/heat"
    site.repository.edit(f"{overlay}/values.user.yaml", lambda _: {"pod": {"replicas": {"api": 5}}})
    revision = site.push("Five")

    def has(count: int) -> Callable[[Object], bool]:
        return lambda obj: obj.get("status", {}).get("readyReplicas") == count

    api = ("apps/v1", "Deployment", "heat-api", "openstack")
    before = site.client.get(*api)["spec"]["replicas"]
    assert before != 5
    site.client.wait_for(*api, until=has(5), timeout=240)
    site.wait_converged(revision)
    after = _versions(site)
    assert after.pop("heat") == history.pop("heat") + 1
    assert after == history
    site.restore(good)
    assert site.client.get(*api)["spec"]["replicas"] == before


@pytest.mark.slow
def test_an_upgrade_of_two_services_in_one_commit_goes_in_order(converged: ConvergedSite) -> None:
    site, names = converged.site, ("keystone", "placement")
    good = site.repository.git("rev-parse", "HEAD")
    history = _versions(site)
    keys = ("v1", "Secret", "keystone-fernet-keys", "openstack")
    made = site.client.get(*keys)["metadata"]["uid"]
    newer = site.pin_newer(*names)
    revision = site.push(f"{', '.join(names)}: newer charts")
    site.wait_converged(revision)
    ready, began = site.record.ready[revision, "keystone"], site.record.began[revision, "placement"]
    assert ready.version < began.version
    assert ready.at <= began.at
    found = states.releases(site.client)
    latest = {name: found[name]["status"]["history"][0] for name in names}
    assert {name: (item["chartVersion"], item["status"]) for name, item in latest.items()} == {
        name: (newer[name], "deployed") for name in names
    }
    assert latest["keystone"]["lastDeployed"] < latest["placement"]["lastDeployed"]
    for name in names:
        deployment = site.client.get("apps/v1", "Deployment", f"{name}-api", "openstack")
        assert deployment["spec"]["template"]["metadata"]["annotations"]["chart-version"] == newer[name]
    # Made anew, every token would be void (osh-atmosphere.md A9, 4).
    assert site.client.get(*keys)["metadata"]["uid"] == made
    assert _versions(site) == history | {name: history[name] + 1 for name in names}
    site.restore(good)


def test_a_removed_component_stays_until_it_is_removed_for_good(converged: ConvergedSite) -> None:
    site, repository = converged.site, converged.site.repository
    good = repository.git("rev-parse", "HEAD")
    gone = ("heat", "mariadb-backup")
    before = {name: _objects(site, name) for name in gone}
    assert any("PersistentVolumeClaim" in name for name in before["mariadb-backup"])
    assert site.client.list("batch/v1", "Job", "openstack", labels="release_group=heat")
    for name in gone:
        (repository.entry / f"{name}.yaml").unlink()

    def without(content: Any) -> None:
        content["resources"] = [
            path for path in content["resources"] if path.removesuffix(".yaml") not in gone
        ]

    repository.edit(str(repository.entry.relative_to(repository.folder) / "kustomization.yaml"), without)
    site.push("Less")
    eventually(lambda: not states.kustomizations(site.client).keys() & set(gone), timeout=120)
    # What the step itself brought is pruned, what is protected is not.
    assert not [
        obj
        for obj in site.client.list("v1", "ConfigMap", "openstack")
        if obj["metadata"]["name"].startswith("heat-values-")
    ]
    assert {name: _objects(site, name) for name in gone} == before
    assert not [pod for pod in site.kubelet.waiting() if "/heat" in pod]
    site.remove("heat")
    assert _objects(site, "heat") == {}
    assert not site.client.list("batch/v1", "Job", "openstack", labels="release_group=heat")
    assert _objects(site, "mariadb-backup") == before["mariadb-backup"]
    site.restore(good)
    # The release that stayed was taken over, not made anew.
    assert _objects(site, "mariadb-backup") == before["mariadb-backup"]
    again = _objects(site, "heat")
    assert again.keys() == before["heat"].keys()
    assert not set(again.values()) & set(before["heat"].values())


def _report(site: FluxSite, user: str, folder: Path, *words: str) -> dict[str, Any]:
    """What `diff` says as a user, with caches that hold no chart."""
    config = str(site.plane.kubeconfig(user))
    arguments = [str(site.repository.folder), "--kubeconfig", config, "--output", "json", "--offline", *words]
    environment = {"XDG_CACHE_HOME": str(folder / "cache"), "HELM_CACHE_HOME": str(folder / "helm")}
    result = CliRunner().invoke(diff, arguments, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return dict(json.loads(result.stdout))


def _of_releases(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in report["objects"] if item["engine"]["kind"] == "HelmRelease"]


def test_every_object_of_every_release_is_verified_and_an_edit_in_one_is_found(
    converged: ConvergedSite, tmp_path: Path
) -> None:
    site = converged.site
    key = ["--age-key", str(site.repository.identity)]
    report = _report(site, users.ADMIN, tmp_path, *key)
    assert {item["verdict"] for item in report["objects"]} == {"in-sync"}
    inside = _of_releases(report)
    assert {item["engine"]["name"] for item in inside} == states.releases(site.client).keys()
    assert {item["proof"] for item in inside} == {"local", "dry-run"}
    assert len(inside) > 200

    live = site.client.get("apps/v1", "Deployment", "heat-api", "openstack")
    containers = live["spec"]["template"]["spec"]["containers"]
    image = containers[0]["image"]

    def set_image(name: str) -> None:
        changed = [{**containers[0], "image": name}, *containers[1:]]
        change = {"spec": {"template": {"spec": {"containers": changed}}}}
        site.client.patch(live, change, "kubectl-edit")

    set_image("registry.example/other:1")
    try:
        (found,) = (
            item
            for item in _report(site, users.ADMIN, tmp_path, *key)["objects"]
            if item["verdict"] != "in-sync"
        )
    finally:
        set_image(image)
    assert (found["kind"], found["name"], found["verdict"]) == ("Deployment", "heat-api", "drifted")
    (difference,) = found["differences"]
    assert difference["path"] == f"/spec/template/spec/containers[name={containers[0]['name']}]/image"
    assert (difference["desired"], difference["live"]) == (image, "registry.example/other:1")
    assert difference["blame"][0]["manager"] == "kubectl-edit"


def test_who_may_not_read_secrets_is_told_what_is_not_verified(
    converged: ConvergedSite, tmp_path: Path
) -> None:
    site = converged.site
    users.grant(site.client)  # again, as the site has brought kinds
    report = _report(site, users.NO_SECRETS, tmp_path)
    assert {item["verdict"] for item in report["objects"]} == {"in-sync", "unverified"}
    inside = _of_releases(report)
    assert {item["verdict"] for item in inside} == {"unverified"}
    assert {item["engine"]["name"] for item in inside} == states.releases(site.client).keys()
    said = "the release Secret cannot be read: only existence was compared"
    assert all(item["reason"].startswith(said) for item in inside)  # of Secrets not even that
