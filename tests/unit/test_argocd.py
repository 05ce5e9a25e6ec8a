"""What an Argo CD repository must be, asserted on the tree."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.built import BUILT_SERVICES
from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.check.run import check
from openinfra_tui.engine import pins
from openinfra_tui.engine.waves import waves
from openinfra_tui.errors import UserError
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.plan.component import load_components
from openinfra_tui.plan.model import Plan, Step
from openinfra_tui.site.load import parse_site
from openinfra_tui.tree.model import Tree

TODAY = date(2026, 11, 25)
ENTRY = "clusters/fra1/undercloud"
HOOK = "argocd.argoproj.io/hook"


def plan_of(engine: str, preset: str = "openstack-helm-ha", *overrides: str) -> Plan:
    site = parse_site(preset_text(preset), "site.yaml", (f"gitops.engine={engine}", *overrides))
    plan, _ = plan_site(site, TODAY)
    return plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    services = f"openstack.services=[{', '.join(BUILT_SERVICES['openstack-helm'])}]"
    ironic = (
        "openstack.ironic={interface: bond0.23, network: physnet1, cidr: 10.23.0.0/24, gateway: 10.23.0.1, "
        "pool: 10.23.0.100-10.23.0.199, nameserver: 10.20.0.5}"
    )
    return plan_of("argocd", "openstack-helm-ha", services, ironic, "monitoring.enabled=true")


@pytest.fixture(scope="module")
def tree(plan: Plan) -> Tree:
    return render_tree(plan, {"operator": "age1x"})


@pytest.fixture(scope="module")
def flux_tree() -> Tree:
    return render_tree(plan_of("flux"), {"operator": "age1x"})


@pytest.fixture(scope="module")
def applications(tree: Tree) -> dict[str, dict[str, Any]]:
    folder = f"{ENTRY}/applications/"
    items = [yamlio.load(tree.text(path)) for path in tree if path.startswith(folder)]
    return {item["metadata"]["name"]: item for item in items}


@pytest.fixture(scope="module")
def projects(tree: Tree) -> dict[str, dict[str, Any]]:
    items = [yamlio.load(tree.text(path)) for path in tree if path.startswith(f"{ENTRY}/projects/")]
    return {item["metadata"]["name"]: item for item in items}


def wave(item: dict[str, Any]) -> int:
    return int(item["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])


def chart(item: dict[str, Any]) -> dict[str, Any]:
    source: dict[str, Any] = item["spec"]["sources"][0]
    return source


def options(item: dict[str, Any]) -> list[str]:
    found: list[str] = item["spec"]["syncPolicy"]["syncOptions"]
    return found


def values(tree: Tree, name: str) -> Any:
    return yamlio.load(tree.text(f"sites/fra1/openstack/{name}/values.argocd.yaml"))


def test_every_step_but_the_shared_one_is_an_application(plan: Plan, applications: dict[str, Any]) -> None:
    assert set(applications) == {step.name for step in plan.steps} - {"openstack"}


def test_nothing_of_flux_is_written(tree: Tree) -> None:
    names = {path.rsplit("/", 1)[-1] for path in tree if not path.startswith("argocd/")}
    assert not names & {
        "release.yaml",
        "kustomizeconfig.yaml",
        "kustomization.yaml",
        "pin.yaml",
        ".sourceignore",
    }
    assert not [path for path in tree if "toolkit.fluxcd.io" in tree.text(path)]


def test_nothing_of_argo_cd_is_written_for_flux(flux_tree: Tree) -> None:
    assert not [path for path in flux_tree if "argocd" in path]
    for path in flux_tree:
        if path.startswith(("components/", "sites/", "clusters/")) and path.endswith(".yaml"):
            assert "argocd.argoproj.io" not in flux_tree.text(path), path


def test_the_root_applies_projects_and_applications_and_not_itself(tree: Tree) -> None:
    root = yamlio.load(tree.text(f"{ENTRY}/root.yaml"))
    source = root["spec"]["source"]
    assert (source["path"], root["spec"]["project"]) == (ENTRY, "root")
    assert source["directory"] == {"recurse": True, "include": "{projects/*.yaml,applications/*.yaml}"}


def test_a_release_is_its_chart_and_its_values_files_in_order(applications: dict[str, Any]) -> None:
    keystone = applications["keystone"]["spec"]
    assert chart(applications["keystone"]) == {
        "repoURL": "https://tarballs.opendev.org/openstack/openstack-helm",
        "chart": "keystone",
        "targetRevision": load_components()["keystone"].releases[0].version,
        "helm": {
            "releaseName": "keystone",
            "valueFiles": [
                "$values/components/openstack/keystone/values.yaml",
                "$values/sites/fra1/openstack/common/values.yaml",
                "$values/sites/fra1/openstack/keystone/values.yaml",
                "$values/sites/fra1/openstack/keystone/values.argocd.yaml",
                "$values/sites/fra1/openstack/keystone/secrets.sops.yaml",
                "$values/sites/fra1/openstack/keystone/values.user.yaml",
            ],
        },
    }
    own = {
        "repoURL": "ssh://git@git.cloud.example/infra/clouds.git",
        "targetRevision": "main",
        "ref": "values",
    }
    assert keystone["sources"][1:] == [own]


def test_a_chart_without_a_package_comes_from_git_at_a_commit(applications: dict[str, Any]) -> None:
    source = chart(applications["mariadb"])
    assert (source["repoURL"], source["path"], source["targetRevision"]) == (
        pins.GIT_URL, "mariadb", pins.GIT_COMMIT,
    )  # fmt: skip
    assert "chart" not in source


def test_a_chart_of_a_registry_is_an_oci_source(tree: Tree, applications: dict[str, Any]) -> None:
    source = chart(applications["cert-manager"])
    assert source["repoURL"] == "oci://quay.io/jetstack/charts/cert-manager"
    assert (source["path"], "chart" in source) == (".", False)
    text = tree.text(f"{ENTRY}/applications/cert-manager.yaml")
    comment = "    # renovate: datasource=docker depName=quay.io/jetstack/charts/cert-manager\n"
    assert f"{comment}    targetRevision: {source['targetRevision']}\n" in text


def test_release_names_and_versions_are_those_of_flux(applications: dict[str, Any]) -> None:
    flux = {c.name: c.releases[0] for c in plan_of("flux").components if c.releases}
    for name, release in flux.items():
        source = chart(applications[name])
        assert source["helm"]["releaseName"] == release.name
        assert source["targetRevision"] in (release.version, pins.GIT_COMMIT)


def test_waves_follow_the_plan(plan: Plan, applications: dict[str, Any]) -> None:
    apart = {"nova", "neutron", "libvirt"}
    for step in plan.steps:
        for need in step.depends_on:
            if step.name in applications and need in applications and not {step.name, need} <= apart:
                assert wave(applications[need]) < wave(applications[step.name]), (need, step.name)
    assert sorted({wave(item) for item in applications.values()}) == list(
        range(max(map(wave, applications.values())) + 1)
    )


def test_what_nothing_waits_for_comes_last(plan: Plan, applications: dict[str, Any]) -> None:
    needed = {need for step in plan.steps for need in step.depends_on}
    last = max(map(wave, applications.values()))
    assert "mariadb-backup" in applications.keys() - needed
    custom = {step.name for step in plan.steps if step.configs}
    circle = {step.name for step in plan.steps if step.component.alongside}
    for name in applications.keys() - needed - circle - custom:
        assert wave(applications[name]) == last, name
    assert wave(applications["envoy-gateway-configs"]) < last
    assert wave(applications["nova"]) < last


def test_nova_neutron_and_libvirt_share_a_wave(applications: dict[str, Any]) -> None:
    assert len({wave(applications[name]) for name in ("nova", "neutron", "libvirt")}) == 1
    components = load_components()
    for component in components.values():
        for other in component.alongside:
            assert component.name in components[other].alongside


def test_what_waits_for_its_own_companions_is_refused(plan: Plan) -> None:
    nova, neutron = (next(s for s in plan.steps if s.name == name) for name in ("nova", "neutron"))
    between = Step(replace(nova.component, name="between", alongside=()), False, ("neutron",))
    steps = (neutron, between, replace(nova, depends_on=("between",)))
    with pytest.raises(UserError, match="the waves are a circle"):
        waves(replace(plan, steps=tuple(replace(s, depends_on=tuple(
            need for need in s.depends_on if need in ("between", "neutron")
        )) for s in steps)))  # fmt: skip


def test_custom_resources_are_an_application_of_a_later_wave(applications: dict[str, Any]) -> None:
    configs = applications["cert-manager-configs"]
    assert wave(configs) > wave(applications["cert-manager"])
    assert configs["spec"]["source"]["path"] == "sites/fra1/cert-manager/configs"


def test_no_application_is_pruned_or_takes_its_resources_along(applications: dict[str, Any]) -> None:
    for item in applications.values():
        assert (
            item["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
        )
        assert "finalizers" not in item["metadata"]


def test_what_holds_data_is_never_deleted(tree: Tree, applications: dict[str, Any]) -> None:
    for name in ("mariadb", "rabbitmq", "ovn", "rook-ceph-operator", "rook-ceph-cluster"):
        assert {"Prune=false", "Delete=false"} <= set(options(applications[name])), name
    assert "Prune=false" not in options(applications["keystone"])
    for file in ("namespaces/configs/namespaces.yaml", "node-labels/configs/nodes.yaml"):
        for item in yamlio.load_all(tree.text(f"sites/fra1/{file}")):
            annotations = item["metadata"]["annotations"]
            assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"


def test_a_sync_is_retried_for_ever_and_takes_what_mends_it(tree: Tree, applications: dict[str, Any]) -> None:
    for item in (*applications.values(), yamlio.load(tree.text(f"{ENTRY}/root.yaml"))):
        retry = item["spec"]["syncPolicy"]["retry"]
        assert (retry["limit"], retry["refresh"]) == (-1, True)
        assert retry["backoff"] == {"duration": "30s", "factor": 2, "maxDuration": "5m"}
        assert item["spec"]["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}


def test_server_side_apply_but_where_force_is_used(tree: Tree, applications: dict[str, Any]) -> None:
    for name, item in applications.items():
        path = f"sites/fra1/openstack/{name}/values.argocd.yaml"
        forced = path in tree and "Force=true" in tree.text(path)
        assert (options(item)[0] == "ServerSideApply=false") is forced, name
    assert "ServerSideApply=false" in options(applications["nova"])
    assert {"RespectIgnoreDifferences=true", "ApplyOutOfSyncOnly=true"} <= set(options(applications["nova"]))


def test_differences_that_a_chart_makes_itself_are_ignored(applications: dict[str, Any]) -> None:
    stack = applications["kube-prometheus-stack"]
    kinds = {item["kind"] for item in stack["spec"]["ignoreDifferences"]}
    assert kinds == {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
    assert "RespectIgnoreDifferences=true" in options(stack)


def test_hooks_are_on_named_jobs_only(tree: Tree) -> None:
    found = [path for path in tree if path.endswith("/values.argocd.yaml")]
    assert len(found) == 19
    for path in found:
        jobs = yamlio.load(tree.text(path))["annotations"]["job"]
        assert jobs
        assert "default" not in jobs
        for job in jobs.values():
            assert job[HOOK] == "Sync"
            assert job["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
    for path in tree:
        if path.endswith("/values.yaml"):
            assert HOOK not in tree.text(path), path


@pytest.mark.parametrize(
    ("name", "fixed"),
    [
        ("heat", {"heat-domain-ks-user", "heat-trusts"}),
        ("magnum", {"magnum-domain-ks-user"}),
        ("cinder", {"cinder-storage-init", "cinder-backup-storage-init"}),
    ],
)
def test_no_pod_waits_for_a_job_whose_hook_is_fixed(tree: Tree, name: str, fixed: set[str]) -> None:
    static = values(tree, name)["dependencies"]["static"]
    synced = {job.replace("_", "-") for job in values(tree, name)["annotations"]["job"]}
    for waiting in static.values():
        assert not fixed & set(waiting["jobs"])
        assert set(waiting["jobs"]) <= synced
    assert "heat_bootstrap" in values(tree, "heat")["annotations"]["job"]


def test_masakaris_tables_are_made_before_its_pods_must_be_healthy(tree: Tree) -> None:
    masakari = values(tree, "masakari")
    assert masakari["manifests"] == {"job_db_sync": False}
    route, job = masakari["extraObjects"]
    assert [route] == yamlio.load(tree.text("sites/fra1/openstack/masakari/values.yaml"))["extraObjects"]
    assert "job-db-sync.yaml" in job
    assert f'"\\"{HOOK}\\": Sync"' in job


def test_jobs_that_clean_up_are_off(tree: Tree) -> None:
    for name, job in (
        ("keystone", "job_credential_cleanup"),
        ("cinder", "job_clean"),
        ("glance", "job_clean"),
    ):
        files = [
            f"components/openstack/{name}/values.yaml",
            f"sites/fra1/openstack/{name}/values.argocd.yaml",
        ]
        merged = [yamlio.load(tree.text(file)).get("manifests", {}).get(job) for file in files]
        assert False in merged, name


def test_cinder_gets_its_keys_of_ceph_before_its_pods_must_be_healthy(tree: Tree) -> None:
    cinder = values(tree, "cinder")
    assert cinder["manifests"] == {"job_backup_storage_init": False, "job_storage_init": False}
    route, jobs = cinder["extraObjects"]
    shared = yamlio.load(tree.text("sites/fra1/openstack/cinder/values.yaml"))
    assert [route] == shared["extraObjects"]
    assert "job-storage-init" in jobs
    assert f'"\\"{HOOK}\\": Sync"' in jobs
    without = render_tree(
        plan_of("argocd", "openstack-helm-ha", "storage={backend: storage-class, storageClass: fast}"), {}
    )
    assert "extraObjects" not in values(without, "cinder")


def test_no_project_is_open_to_the_world(projects: dict[str, Any]) -> None:
    assert set(projects) == {"root", "infrastructure", "openstack"}
    for project in projects.values():
        assert "*" not in str(project["spec"])
        assert wave(project) == -1
    assert projects["root"]["spec"]["clusterResourceWhitelist"] == []
    kinds = {item["kind"] for item in projects["root"]["spec"]["namespaceResourceWhitelist"]}
    assert kinds == {"AppProject", "Application"}


def test_a_project_permits_what_its_components_need(
    projects: dict[str, Any], applications: dict[str, Any]
) -> None:
    for item in applications.values():
        spec = projects[item["spec"]["project"]]["spec"]
        assert item["spec"]["destination"] in spec["destinations"]
        for source in item["spec"].get("sources") or [item["spec"]["source"]]:
            assert source["repoURL"] in spec["sourceRepos"]
    infrastructure = projects["infrastructure"]["spec"]
    kinds = {(kind["group"], kind["kind"]) for kind in infrastructure["clusterResourceWhitelist"]}
    assert {("", "Namespace"), ("", "Node"), ("cert-manager.io", "ClusterIssuer")} <= kinds
    assert "apiextensions.k8s.io" not in str(projects["openstack"])
    spaces = {target["namespace"] for target in projects["openstack"]["spec"]["destinations"]}
    assert spaces == {"openstack", "ceph"}


def test_health_is_delivered_for_what_argo_cd_knows_wrong_or_not_at_all(tree: Tree) -> None:
    settings = yamlio.load(tree.text("argocd/argocd-cm.yaml"))["data"]
    prefix = "resource.customizations.health."
    assert {key.removeprefix(prefix) for key in settings} == {
        "PersistentVolumeClaim",
        "argoproj.io_Application",
        "ceph.rook.io_CephBlockPool",
        "ceph.rook.io_CephCluster",
        "gateway.networking.k8s.io_Gateway",
        "gateway.networking.k8s.io_HTTPRoute",
    }
    for word in ("comparedTo", "operationState", "Synced", "targetRevision"):
        assert word in settings[f"{prefix}argoproj.io_Application"]
    assert "HEALTH_WARN" in settings[f"{prefix}ceph.rook.io_CephCluster"]
    (certificate,) = yamlio.load_all(tree.text("sites/fra1/envoy-gateway/configs/certificate.yaml"))
    assert certificate["metadata"]["annotations"] == {"argocd.argoproj.io/ignore-healthcheck": "true"}


def test_repo_server_decrypts_with_the_key_as_a_file(tree: Tree) -> None:
    pod = yamlio.load(tree.text("argocd/repo-server.yaml"))["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {item["name"]: item["value"] for item in container["env"]}
    assert env["HELM_SECRETS_WRAPPER_ENABLED"] == "true"
    assert env["HELM_SECRETS_VALUES_ALLOW_ABSOLUTE_PATH"] == "true"
    assert env["SOPS_AGE_KEY_FILE"].startswith("/sops-age/")
    runbook = tree.text("sites/fra1/RUNBOOK.md")
    for words in (
        "kubectl apply --server-side --force-conflicts -k argocd",
        "create secret generic sops-age",
        "argocd app terminate-op root",
        "HELM_SECRETS_WRAPPER_ENABLED=true",
        "SOPS_AGE_KEY_FILE=/sops-age/age.agekey",
        "a commit that changes only values",
        "not healthy delays any upgrade of a later one",
    ):
        assert words in runbook
    assert "flux" not in runbook.lower()
    policy = yamlio.load(tree.text("argocd/argocd-rbac-cm.yaml"))["data"]
    assert policy["policy.default"] == ""


@pytest.mark.usefixtures("git_author")
@pytest.mark.parametrize("preset", preset_names())
def test_a_preset_has_no_faults_and_a_second_run_makes_no_commit(tmp_path: Path, preset: str) -> None:
    (tmp_path / "site.yaml").write_text(preset_text(preset), "utf-8")
    request = Request(
        tmp_path / "site.yaml",
        tmp_path / "out",
        ("gitops.engine=argocd",),
        age_key=tmp_path / "operator.agekey",
    )
    assert generate(request, TODAY, lambda _: None).commit
    assert generate(request, TODAY, lambda _: None).commit is None
    report = check(tmp_path / "out")
    assert report.faults == ()
    # Kolla-Ansible has runs in a cluster at most, and none where no cluster is named.
    assert report.validated >= {"kolla-all-in-one": 0, "kolla-ha": 10}.get(preset, 20)
    assert not [name for name in report.unvalidated if "argoproj.io" in name]
