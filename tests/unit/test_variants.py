"""Sites that ask for what the presets do not: each builds, checks, and holds what was asked."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui import proc, yamlio
from openinfra_tui.catalog.built import BUILT_SERVICES
from openinfra_tui.check.run import check
from openinfra_tui.engine.waves import waves
from openinfra_tui.errors import UserError
from openinfra_tui.flow.generate import Request, generate
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.flow.stores import wanted_secrets
from openinfra_tui.plan.component import load_components
from openinfra_tui.site.load import load_site
from openinfra_tui.tree.model import Tree

TODAY = date(2026, 11, 25)
SITES = Path(__file__).parents[1] / "sites"


@cache
def tree_of(name: str, *overrides: str) -> Tree:
    plan, _ = plan_site(load_site(SITES / f"{name}.yaml", overrides), TODAY)
    return render_tree(plan, {"operator": "age1x"})


def values(tree: Tree, path: str) -> dict[str, Any]:
    found: dict[str, Any] = yamlio.load(tree.text(path))
    return found


@pytest.mark.parametrize("engine", ["flux", "argocd"])
@pytest.mark.parametrize("name", ["cilium", "calico", "external-ceph", "services"])
def test_a_variant_passes_every_check(tmp_path: Path, name: str, engine: str) -> None:
    given = {"ceph-client-key": tmp_path / "ceph.key"} if name == "external-ceph" else {}
    for file in given.values():
        file.write_text("AQ==\n", "utf-8")
    overrides = (f"gitops.engine={engine}",)
    request = Request(SITES / f"{name}.yaml", tmp_path / "out", overrides, commit=False, given=given)
    generate(request, TODAY, lambda _: None)
    report = check(tmp_path / "out")
    assert report.faults == ()
    assert report.unvalidated == {}


def test_every_service_passes_every_check_under_argo_cd_too(tmp_path: Path) -> None:
    request = Request(SITES / "services.yaml", tmp_path / "out", ("gitops.engine=argocd",), commit=False)
    generate(request, TODAY, lambda _: None)
    report = check(tmp_path / "out")
    assert report.faults == ()
    assert report.unvalidated == {}


def test_the_site_of_all_services_has_all_that_are_built() -> None:
    services = load_site(SITES / "services.yaml", ()).get("openstack.services")
    assert sorted(services) == sorted(BUILT_SERVICES["openstack-helm"])


def test_cilium_takes_the_range_the_mtu_and_the_address_of_the_api_from_the_site() -> None:
    found = values(tree_of("cilium"), "sites/fra1/cilium/values.yaml")
    assert found["ipam"]["operator"]["clusterPoolIPv4PodCIDRList"] == ["10.233.64.0/18"]
    assert found["MTU"] == 9000
    assert (found["k8sServiceHost"], found["kubeProxyReplacement"]) == ("10.20.0.10", "true")
    kept = values(
        tree_of("cilium", "clusters.undercloud.cni.replaceKubeProxy=false"), "sites/fra1/cilium/values.yaml"
    )
    assert "k8sServiceHost" not in kept
    assert "kubeProxyReplacement" not in kept


def test_calico_leaves_room_for_its_tunnel_and_looks_at_one_network() -> None:
    network = values(tree_of("calico"), "sites/fra1/calico/values.yaml")["installation"]["calicoNetwork"]
    assert network["mtu"] == 1480
    assert network["nodeAddressAutodetectionV4"] == {"cidrs": ["10.20.0.0/24"]}
    assert network["ipPools"] == [{"cidr": "10.233.64.0/18"}]


@pytest.mark.parametrize(("name", "namespace"), [("cilium", "kube-system"), ("calico", "tigera-operator")])
def test_the_pod_network_installed_by_hand_is_the_one_that_flux_adopts(name: str, namespace: str) -> None:
    tree = tree_of(name)
    release = next(
        item
        for item in yamlio.load_all(tree.text(f"components/{name}/release.yaml"))
        if item["kind"] == "HelmRelease"
    )
    assert release["spec"]["releaseName"] == name
    assert release["spec"]["storageNamespace"] == namespace
    command = re.search(rf"helm install {name} (.*?)\nkubectl", tree.text("sites/fra1/RUNBOOK.md"), re.DOTALL)
    assert command is not None
    assert f"--namespace {namespace}" in command[1]
    read = re.findall(r"--values (\S+)", command[1])
    order = [f"components/{name}/values.yaml"]
    assert read == [*order, f"sites/fra1/{name}/values.yaml", f"sites/fra1/{name}/values.user.yaml"]
    assert all(path in tree for path in read)


@pytest.mark.parametrize("engine", ["flux", "argocd"])
@pytest.mark.parametrize("name", ["cilium", "calico"])
def test_the_runbook_installs_the_version_that_the_engine_is_told(
    tmp_path: Path, name: str, engine: str
) -> None:
    tree = tree_of(name, f"gitops.engine={engine}")
    (command,) = re.findall(r'--version "\$\((.*)\)"', tree.text("sites/fra1/RUNBOOK.md"))
    (path,) = re.findall(r"\S+\.yaml", command)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(tree.text(path), "utf-8")
    # Given to a shell because the operator gives it to one.
    told = proc.run(["sh", "-c", f"cd {tmp_path} && {command}"]).stdout.decode().strip()
    assert told == load_components()[name].releases[0].version


def test_argo_cd_leaves_alone_what_a_pod_network_makes_at_random_or_fills_in() -> None:
    found = {
        name: values(
            tree_of(name, "gitops.engine=argocd"), f"clusters/fra1/undercloud/applications/{name}.yaml"
        )["spec"]
        for name in ("cilium", "calico")
    }
    assert {item["name"] for item in found["cilium"]["ignoreDifferences"]} == {
        "cilium-ca",
        "hubble-server-certs",
    }
    (pools,) = found["calico"]["ignoreDifferences"]
    assert all(path.startswith(".spec.calicoNetwork.ipPools[]?.") for path in pools["jqPathExpressions"])
    for spec in found.values():
        assert "RespectIgnoreDifferences=true" in spec["syncPolicy"]["syncOptions"]


@pytest.mark.parametrize(
    ("name", "component", "kinds", "namespaces"),
    [
        ("cilium", "cilium", {"Namespace", "ClusterRole"}, {"kube-system", "cilium-secrets"}),
        ("calico", "calico", {"Installation", "APIServer", "CustomResourceDefinition"}, {"tigera-operator"}),
        ("external-ceph", "ceph-csi-rbd", {"CSIDriver", "StorageClass"}, {"ceph"}),
        ("cilium", "gateway-api", {"CustomResourceDefinition"}, {"default"}),
    ],
)
def test_the_project_permits_what_a_component_makes(
    name: str, component: str, kinds: set[str], namespaces: set[str]
) -> None:
    tree = tree_of(name, "gitops.engine=argocd")
    application = values(tree, f"clusters/fra1/undercloud/applications/{component}.yaml")["spec"]
    project = values(tree, f"clusters/fra1/undercloud/projects/{application['project']}.yaml")["spec"]
    assert kinds <= {item["kind"] for item in project["clusterResourceWhitelist"]}
    assert namespaces <= {item["namespace"] for item in project["destinations"]}


def test_argo_cd_takes_the_definitions_of_the_gateway_from_one_commit_and_prunes_none() -> None:
    tree = tree_of("ha", "gitops.engine=argocd")
    path = "clusters/fra1/undercloud/applications/gateway-api.yaml"
    spec, manifests = values(tree, path)["spec"], load_components()["gateway-api"].manifests
    assert manifests is not None
    assert spec["source"] == {
        "repoURL": manifests.url,
        "path": manifests.path,
        "targetRevision": manifests.commit,
        "directory": {"recurse": True},
    }
    assert "sources" not in spec
    assert f"# {manifests.tag}, as a commit" in tree.text(path)
    assert {"Prune=false", "Delete=false", "ServerSideApply=true"} <= set(spec["syncPolicy"]["syncOptions"])
    project = values(tree, f"clusters/fra1/undercloud/projects/{spec['project']}.yaml")["spec"]
    assert manifests.url in project["sourceRepos"]
    dumps = values(tree, "clusters/fra1/undercloud/applications/mariadb-backup.yaml")["spec"]
    assert {"Prune=false", "Delete=false"} <= set(dumps["syncPolicy"]["syncOptions"])


def test_without_a_pod_network_of_ours_the_runbook_installs_none() -> None:
    tree = tree_of("ha")
    assert "helm install" not in tree.text("sites/fra1/RUNBOOK.md")
    assert not [path for path in tree if "cilium" in path or "tigera" in tree.text(path)]


def test_the_definitions_of_the_gateway_come_from_one_commit_and_are_never_pruned() -> None:
    tree = tree_of("ha")
    source, applied = yamlio.load_all(tree.text("components/gateway-api/manifests.yaml"))
    pin = values(tree, "sites/fra1/gateway-api/pin.yaml")
    assert pin["metadata"] == source["metadata"]
    assert re.fullmatch(r"[0-9a-f]{40}", pin["spec"]["ref"]["commit"])
    assert (applied["spec"]["prune"], applied["spec"]["wait"]) == (False, True)
    assert [applied["spec"]["path"]] == [f"./{path}" for path in source["spec"]["sparseCheckout"]]
    assert values(tree, "components/envoy-gateway/values.yaml")["crds"] == {"enabled": False}
    depends = values(tree, "clusters/fra1/undercloud/envoy-gateway.yaml")["spec"]["dependsOn"]
    assert {"name": "gateway-api"} in depends


def test_renovate_finds_every_pin() -> None:
    tree = tree_of("ha")
    rule = re.search(r'"(# renovate: .*)",\n', tree.text("renovate.json5"))
    assert rule is not None
    pattern = re.compile(rule[1].replace('\\"', '"').replace("\\\\", "\\").replace("(?<", "(?P<"))
    pins = [path for path in tree if path.endswith("/pin.yaml") and "# renovate" in tree.text(path)]
    assert len(pins) > 15
    found = {path: pattern.search(tree.text(path)) for path in pins}
    assert all(found.values())
    matches = {path: match for path, match in found.items() if match}
    assert not [path for path, match in matches.items() if '"' in match["currentValue"]]
    gateway = matches["sites/fra1/gateway-api/pin.yaml"]
    assert (gateway["depName"], len(gateway["currentDigest"])) == ("envoyproxy/gateway", 40)


def test_the_dump_reads_the_service_of_the_database_that_is_deployed() -> None:
    tree = tree_of("ha")
    hosts = values(tree, "components/openstack/mariadb-backup/values.yaml")["endpoints"]["oslo_db"]["hosts"]
    assert hosts == {"default": "mariadb", "direct": "mariadb-server"}
    depends = values(tree, "clusters/fra1/undercloud/mariadb-backup.yaml")["spec"]["dependsOn"]
    assert {"name": "mariadb"} in depends


def test_the_user_of_an_external_ceph_is_the_same_in_every_chart_and_no_job_needs_its_administrator() -> None:
    tree = tree_of("external-ceph")
    charts = ("cinder", "glance", "libvirt", "nova")
    found = {name: values(tree, f"sites/fra1/openstack/{name}/values.yaml") for name in charts}
    cinder, glance = found["cinder"], found["glance"]
    users = {
        values(tree, "sites/fra1/ceph-csi-rbd/values.yaml")["secret"]["userID"],
        cinder["conf"]["backends"]["rbd1"]["rbd_user"],
        cinder["conf"]["cinder"]["DEFAULT"]["backup_ceph_user"],
        glance["conf"]["glance"]["rbd"]["rbd_store_user"],
        found["libvirt"]["conf"]["ceph"]["cinder"]["user"],
        found["nova"]["conf"]["ceph"]["cinder"]["user"],
        found["nova"]["conf"]["nova"]["libvirt"]["rbd_user"],
    }
    assert users == {"cloud"}
    for chart in (cinder, glance):
        assert chart["manifests"]["job_storage_init"] is False
        waited = [job for part in chart["dependencies"]["static"].values() for job in part["jobs"]]
        assert not [job for job in waited if "storage-init" in job]
    assert cinder["manifests"]["job_backup_storage_init"] is False


def test_the_key_of_an_external_ceph_is_wanted_only_where_there_is_one() -> None:
    def names(site: str) -> dict[str, list[str]]:
        plan, _ = plan_site(load_site(SITES / f"{site}.yaml", ()), TODAY)
        wanted = wanted_secrets(plan)
        return {
            path: [place for place, spec in secrets.items() if spec.name == "ceph-client-key"]
            for path, secrets in wanted.items()
        }

    assert not any(names("ha").values())
    assert {path: places for path, places in names("external-ceph").items() if places} == {
        "sites/fra1/ceph-csi-rbd/secrets.sops.yaml": ["secret.userKey"],
        "sites/fra1/openstack/glance/secrets.sops.yaml": ["conf.ceph.admin_keyring"],
        "sites/fra1/openstack/libvirt/secrets.sops.yaml": ["conf.ceph.cinder.keyring"],
        "sites/fra1/openstack/nova/secrets.sops.yaml": ["conf.ceph.cinder.keyring"],
    }


def test_openstack_finds_the_external_ceph() -> None:
    made = {
        item["kind"]: item
        for item in values(tree_of("external-ceph"), "sites/fra1/openstack/glance/values.yaml")[
            "extraObjects"
        ]
    }
    assert (
        "mon_host = 10.22.0.21:6789,10.22.0.22:6789,10.22.0.23:6789" in made["ConfigMap"]["data"]["ceph.conf"]
    )
    assert made["Secret"]["stringData"] == {"key": "{{ .Values.conf.ceph.admin_keyring }}"}


def test_octavias_second_commit_is_in_the_runbook_and_passes_the_checks(tmp_path: Path) -> None:
    out = tmp_path / "out"
    generate(Request(SITES / "services.yaml", out, commit=False), TODAY, lambda _: None)
    runbook = (out / "sites/fra1/RUNBOOK.md").read_text("utf-8")
    section = runbook[runbook.index("## Octavia") : runbook.index("## Magnum")]
    assert "for node in ctl1.fra1.cloud.example ctl2.fra1.cloud.example ctl3.fra1.cloud.example;" in section
    block = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert block is not None
    (out / "sites/fra1/openstack/octavia/values.user.yaml").write_text(block[1], "utf-8")
    assert check(out).faults == ()
    mounts = yamlio.load(block[1])["pod"]["mounts"]
    assert len(mounts) == 5
    for name, mount in mounts.items():
        assert len(mount[name]["volumeMounts"]) == 5


def test_services_that_are_not_asked_for_are_not_in_the_runbook() -> None:
    text = tree_of("ha", "openstack.services=[keystone, glance, placement, neutron, nova]").text(
        "sites/fra1/RUNBOOK.md"
    )
    assert "Octavia" not in text
    assert "Magnum" not in text


def test_designate_and_its_name_servers_share_a_token_and_a_name() -> None:
    plan, _ = plan_site(load_site(SITES / "services.yaml", ()), TODAY)
    wanted = wanted_secrets(plan)
    place = "endpoints.powerdns.auth.service.token"
    names = {
        wanted[f"sites/fra1/openstack/{name}/secrets.sops.yaml"][place].name
        for name in ("designate", "powerdns")
    }
    assert names == {"powerdns-api-token"}
    tree = tree_of("services")
    assert values(tree, "components/openstack/powerdns/values.yaml")["manifests"]["service_api"] is True
    pools = values(tree, "sites/fra1/openstack/designate/values.yaml")["conf"]["pools"]
    assert "hostname: ns1.fra1.cloud.example.\n" in pools
    assert (
        '{{ tuple "powerdns" "service" . | include "helm-toolkit.endpoints.endpoint_token_lookup" }}' in pools
    )
    depends = values(tree, "clusters/fra1/undercloud/designate.yaml")["spec"]["dependsOn"]
    assert {"name": "powerdns"} in depends


def test_manilas_second_commit_is_in_the_runbook_and_passes_the_checks(tmp_path: Path) -> None:
    out = tmp_path / "out"
    generate(Request(SITES / "services.yaml", out, commit=False), TODAY, lambda _: None)
    assert values(tree_of("services"), "components/openstack/manila/values.yaml")["bootstrap"] == {
        "enabled": False
    }
    runbook = (out / "sites/fra1/RUNBOOK.md").read_text("utf-8")
    block = re.search(r"## Manila.*?```yaml\n(.*?)```", runbook, re.DOTALL)
    assert block is not None
    (out / "sites/fra1/openstack/manila/values.user.yaml").write_text(block[1], "utf-8")
    assert check(out).faults == ()


def test_the_tests_of_tempest_run_only_when_somebody_starts_them() -> None:
    tree = tree_of("services")
    found = values(tree, "components/openstack/tempest/values.yaml")
    assert found["manifests"]["job_run_tests"] is False
    assert found["jobs"]["run_tests"] == {"backoffLimit": 0, "restartPolicy": "Never"}
    (cron_job,) = found["extraObjects"]
    assert "suspend: true" in cron_job
    assert "--from=cronjob/tempest" in tree.text("sites/fra1/RUNBOOK.md")
    depending = [path for path in tree if path.startswith("clusters/") and "name: tempest" in tree.text(path)]
    assert depending == ["clusters/fra1/undercloud/tempest.yaml"]
    assert not [path for path in tree_of("ha") if "tempest" in path]


def test_the_alerts_of_the_cloud_are_no_templates_of_helm() -> None:
    tree = tree_of("services")
    monitor, rules = values(tree, "components/openstack/prometheus-openstack-exporter/values.yaml")[
        "extraObjects"
    ]
    assert monitor["kind"] == "ServiceMonitor"
    alerts = [alert for group in rules["spec"]["groups"] for alert in group["rules"]]
    assert len(alerts) > 3
    assert len({alert["alert"] for alert in alerts}) == len(alerts)
    for alert in alerts:
        assert alert["labels"]["severity"] in ("warning", "critical")
        assert "{{" not in str(alert)
    without = tree_of("services", "monitoring.enabled=false")
    assert not [path for path in without if "prometheus-openstack-exporter" in path]


def test_ironic_boots_machines_where_the_site_says_and_nova_has_a_hand_for_it() -> None:
    tree = tree_of("services")
    pxe = values(tree, "sites/fra1/openstack/ironic/values.yaml")["network"]["pxe"]
    assert pxe == {
        "device": "bond0.23",
        "neutron_provider_network": "physnet2",
        "neutron_subnet_cidr": "10.23.0.0/24",
        "neutron_subnet_gateway": "10.23.0.1",
        "neutron_subnet_alloc_start": "10.23.0.100",
        "neutron_subnet_alloc_end": "10.23.0.199",
        "neutron_subnet_dns_nameserver": "10.20.0.5",
    }
    assert values(tree, "sites/fra1/openstack/nova/values.yaml")["manifests"] == {
        "statefulset_compute_ironic": True
    }
    assert "manifests" not in values(tree_of("ha"), "sites/fra1/openstack/nova/values.yaml")


def test_ironic_without_its_network_is_refused() -> None:
    with pytest.raises(UserError, match=r"openstack.*ironic"):
        load_site(SITES / "ha.yaml", ("openstack.services=[keystone, glance, neutron, nova, ironic]",))


def test_what_waits_for_one_another_with_ironic_shares_a_wave() -> None:
    plan, _ = plan_site(load_site(SITES / "services.yaml", ("gitops.engine=argocd",)), TODAY)
    found = waves(plan)
    assert len({found[name] for name in ("ironic", "libvirt", "neutron", "nova")}) == 1


def test_ceilometer_asks_every_service_of_the_site_and_keeps_no_password_in_clear() -> None:
    text = tree_of("services").text("sites/fra1/openstack/ceilometer/values.yaml")
    (secret,) = [item for item in yamlio.load(text)["extraObjects"] if item["kind"] == "Secret"]
    lines = secret["stringData"]["notifications.conf"].splitlines()
    assert [line.rpartition("/")[2] for line in lines[1:]] == [
        "keystone",
        "glance",
        "nova",
        "neutron",
        "cinder",
        "heat",
    ]
    assert all("{{ .Values.endpoints.oslo_messaging.auth.admin.password }}" in line for line in lines[1:])
    common = values(tree_of("services"), "components/openstack/ceilometer/values.yaml")
    assert common["conf"]["ceilometer"]["notification"]["messaging_urls"] is None
    aodh = values(tree_of("services"), "components/openstack/aodh/values.yaml")
    assert aodh["endpoints"]["oslo_messaging"]["path"] == "/ceilometer"
    chosen = "openstack.services=[keystone, glance, placement, neutron, nova, ceilometer]"
    alone = values(tree_of("services", chosen), "sites/fra1/openstack/ceilometer/values.yaml")
    assert [item["kind"] for item in alone["extraObjects"]] == ["PodMonitor"]
    assert alone["manifests"] == {"deployment_notification": False}


def test_jobs_that_are_no_hooks_of_their_chart_become_some_for_flux() -> None:
    for name, count in (("aodh", 6), ("ceilometer", 2)):
        jobs = values(tree_of("services"), f"sites/fra1/openstack/{name}/values.yaml")["annotations"]["job"]
        assert len(jobs) == count
        assert {job["helm.sh/hook"] for job in jobs.values()} == {"post-install,post-upgrade"}
        argocd = tree_of("services", "gitops.engine=argocd")
        assert "annotations" not in values(argocd, f"sites/fra1/openstack/{name}/values.yaml")


def test_a_ca_of_the_operator_is_put_where_its_issuer_looks() -> None:
    tree = tree_of("services")
    issuer = values(tree, "sites/fra1/cert-manager/configs/cluster-issuer.yaml")
    name = issuer["spec"]["ca"]["secretName"]
    assert f"kubectl -n cert-manager create secret tls {name} " in tree.text("sites/fra1/RUNBOOK.md")
    assert "create secret tls" not in tree_of("ha").text("sites/fra1/RUNBOOK.md")


@pytest.mark.parametrize(
    ("provider", "largest", "each"),
    [
        ("[{name: physnet1, interface: bond1}]", 8950, "physnet1:1500"),
        ("[{name: a, interface: b1, mtu: 9000}, {name: b, interface: b2}]", 9000, "a:9000,b:1500"),
    ],
)
def test_a_provider_network_has_its_own_mtu_and_none_is_cut_to_the_tunnels(
    provider: str, largest: int, each: str
) -> None:
    tree = tree_of("ha", f"networks.provider={provider}")
    conf = values(tree, "sites/fra1/openstack/neutron/values.yaml")["conf"]
    assert conf["neutron"]["DEFAULT"]["global_physnet_mtu"] == largest
    assert conf["plugins"]["ml2_conf"]["ml2"]["physical_network_mtus"] == each
    assert conf["plugins"]["ml2_conf"]["ml2"]["path_mtu"] == 8950


def test_the_readme_lists_every_site_of_the_repository() -> None:
    plan, _ = plan_site(load_site(SITES / "ha.yaml", ()), TODAY)
    records = {
        ".openinfra/sites/ber1.yaml": b"fixed: {gitops.engine: flux, placement: openstack-on-k8s}\n",
        ".openinfra/sites/fra1.yaml": b"answers: {region: Old}\n",
        ".openinfra/sites/muc1.yaml": b'answers: {region: "a | b", openstack.series: "2025.2"}\n',
    }
    text = render_tree(plan, {"operator": "age1x"}, records).text("README.md")
    rows = [line for line in text.splitlines() if line.startswith("| [")]
    assert rows == [
        "| [ber1](sites/ber1/RUNBOOK.md) |  |  |  | flux | openstack-on-k8s |",
        "| [fra1](sites/fra1/RUNBOOK.md) | RegionOne | openstack-helm | 2026.1 | flux | openstack-on-k8s |",
        "| [muc1](sites/muc1/RUNBOOK.md) | a b |  | 2025.2 |  |  |",
    ]
