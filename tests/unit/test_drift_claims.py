"""An object that another engine object, or a Helm release, says is its own: noted, whatever the verdict."""

import pytest

from openinfra_tui.drift import claims
from openinfra_tui.drift.answer import Answer
from openinfra_tui.drift.desired import argo_apps, argo_marks
from openinfra_tui.drift.model import Application, Desired, EngineRef, IgnoreRule, Key, ObjectVerdict
from openinfra_tui.drift.verdict import assess, settle

FLUX = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller", takes_over=True)
ARGO = Application(EngineRef("Application", "argocd", "apps"), "argocd-controller", client_side=True)
HELM = Application(EngineRef("HelmRelease", "web", "web"), "helm-controller")
MARKS = argo_marks.Tracking()


def config_map(labels=None, annotations=None, namespace="web", data="1"):
    metadata = {
        "name": "it",
        "namespace": namespace,
        "labels": labels or {},
        "annotations": annotations or {},
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": data}}


def of_flux(name="apps", **more):
    owner = {"kustomize.toolkit.fluxcd.io/name": name, "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    return config_map(owner, **more)


def of_argo(mark, **more):
    return config_map(annotations={"argocd.argoproj.io/tracking-id": mark}, **more)


def of_helm(name="web", namespace="web", **more):
    names = {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}
    return config_map({"app.kubernetes.io/managed-by": "Helm"}, names, **more)


def applied(item, application):
    return argo_marks.marked(Desired(item, application), MARKS)


@pytest.mark.parametrize(
    ("desired", "live", "owner"),
    [
        (applied(of_flux(), FLUX), of_flux("b"), "Kustomization flux-system/b"),
        (applied(of_flux(), FLUX), of_helm(), "Helm release web/web"),
        (applied(of_flux(), FLUX), of_argo("b:/ConfigMap:web/it"), "Application b"),
        (applied(config_map(), ARGO), of_argo("b:/ConfigMap:web/it"), "Application b"),
        (applied(config_map(), ARGO), of_argo("teams_apps:/ConfigMap:web/it"), "Application teams_apps"),
        (applied(config_map(), ARGO), of_flux(), "Kustomization flux-system/apps"),
        (applied(of_helm(), HELM), of_helm("other"), "Helm release web/other"),
    ],
)
def test_who_else_applies_it_is_named(desired, live, owner):
    found = assess(desired, live, None).verdict
    assert f"conflict: marked as applied by {owner}" in found.reason
    after = {**live, "data": {"a": "2"}}
    settled = settle(desired, live, None, assess(desired, live, None), Answer(after)).reason
    assert settled.count("conflict: ") == 1


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        (applied(of_flux(), FLUX), of_flux()),
        (applied(of_flux(), FLUX), config_map()),
        (applied(config_map(), ARGO), of_argo("apps:/ConfigMap:web/it")),
        # A mark that names another object was copied by a controller.
        (applied(config_map(), ARGO), of_argo("b:/ConfigMap:web/parent")),
        (applied(config_map(), ARGO), of_argo("b:/Secret:web/it")),
        (applied(config_map(), ARGO), of_argo("no mark")),
        (applied(of_helm(), HELM), of_helm()),
        # What Helm's label alone says is that some chart wrote it, not that a release holds it.
        (applied(of_flux(), FLUX), config_map({"app.kubernetes.io/managed-by": "Helm"})),
    ],
)
def test_marks_of_its_own_or_of_nobody_are_no_conflict(desired, live):
    assert "conflict" not in (assess(desired, live, None).verdict.reason or "")


def test_what_has_no_namespace_is_named_with_that_of_the_destination():
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "it"}}
    mark = "b:rbac.authorization.k8s.io/ClusterRole:anywhere/it"
    live = {**role, "metadata": {"name": "it", "annotations": {"argocd.argoproj.io/tracking-id": mark}}}
    assert "Application b" in assess(applied(role, ARGO), live, None).verdict.reason


def test_a_definition_that_an_older_argo_cd_marked_is_its_own():
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "it"},
    }
    mark = "apps:apiextensions.k8s.io/CustomResourceDefinition:web/it"
    metadata = {"name": "it", "annotations": {"argocd.argoproj.io/tracking-id": mark}}
    found = assess(applied(definition, ARGO), {**definition, "metadata": metadata}, None).verdict
    assert "conflict" not in (found.reason or "")


def test_nothing_is_noted_on_what_is_ignored_or_not_there():
    ignored = Application(FLUX.ref, FLUX.manager, ignore=(IgnoreRule(("",)),))
    found = assess(Desired(of_flux(), ignored), of_flux("b"), None).verdict
    assert (found.verdict, "conflict" in found.reason) == ("ignored", False)
    assert assess(Desired(of_flux(), FLUX), None, None).verdict.reason is None


@pytest.mark.parametrize(
    ("options", "live", "verdict"),
    [
        (["FailOnSharedResource=true"], of_argo("b:/ConfigMap:web/it", data="2"), "blocked"),
        (["FailOnSharedResource=true"], of_argo("apps:/ConfigMap:web/it", data="2"), "drifted"),
        (["FailOnSharedResource=true"], of_flux(data="2"), "drifted"),
        ([], of_argo("b:/ConfigMap:web/it", data="2"), "drifted"),
    ],
)
def test_a_sync_that_must_not_share_is_refused(options, live, verdict):
    item = {
        "metadata": {"name": "apps", "namespace": "argocd"},
        "kind": "Application",
        "spec": {"syncPolicy": {"automated": {"selfHeal": True}, "syncOptions": options}},
    }
    desired = applied(config_map(), argo_apps.application_of(item))
    found = assess(desired, live, None).verdict
    assert (found.verdict, found.next) == (verdict, "blocked" if verdict == "blocked" else "update")
    assert found.differences
    assert ("FailOnSharedResource" in (found.reason or "")) == (verdict == "blocked")


@pytest.mark.parametrize(
    ("method", "value", "conflict"),
    [
        ("label", "b", True),
        ("label", "apps", False),
        ("label", "", False),
        # To the other methods it is a label like any other: charts put their own names there.
        ("annotation", "b", False),
        ("annotation+label", "b", False),
    ],
)
def test_an_argo_cd_that_goes_by_a_label_knows_others_by_it(method, value, conflict):
    marks = argo_marks.Tracking(method=method, label="example.com/app")
    desired = argo_marks.marked(Desired(config_map(), ARGO), marks)
    live = config_map({"example.com/app": value} if value else {})
    reason = assess(desired, live, None).verdict.reason or ""
    assert ("conflict: marked as applied by Application b" in reason) == conflict


def test_while_one_object_is_shared_nothing_of_its_application_is_applied():
    def verdict(name, what, following, engine=ARGO.ref, reason=None):
        return ObjectVerdict(
            "v1", Key("", "ConfigMap", "web", name), what, following, "local", engine, reason=reason
        )

    found = [
        verdict("a", "drifted", "update"),
        verdict("b", "missing", "create", reason="not there"),
        verdict("c", "in-sync", "none"),
        verdict("d", "extra", "delete"),
        verdict("e", "drifted", "update", engine=FLUX.ref),
        verdict("f", "blocked", "blocked", reason="itself"),
    ]
    after = claims.refused(found, {ARGO.ref})
    assert [(item.verdict, item.next) for item in after] == [
        ("blocked", "blocked"),
        ("blocked", "blocked"),
        ("in-sync", "none"),
        ("blocked", "blocked"),
        ("drifted", "update"),
        ("blocked", "blocked"),
    ]
    assert after[0].reason == "another object is shared: FailOnSharedResource has every sync fail"
    assert after[1].reason == "not there; FailOnSharedResource has every sync fail"
    assert after[5] == found[5]
    assert claims.refused(found, set()) == found
