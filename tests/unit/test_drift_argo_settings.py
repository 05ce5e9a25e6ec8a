"""What `argocd-cm` has ignored in every Application: rules, aggregated roles, status; and where it is read."""

import asyncio

import pytest

from openinfra_tui import yamlio
from openinfra_tui.cluster.errors import ApiError
from openinfra_tui.drift.desired import argo_settings
from openinfra_tui.drift.desired.flux import Rendered
from openinfra_tui.drift.ignoring import Ignoring, rules_of
from openinfra_tui.drift.live import Live
from openinfra_tui.drift.model import (
    Application,
    Desired,
    Difference,
    EngineRef,
    IgnoreRule,
    Key,
    ObjectVerdict,
)
from openinfra_tui.drift.verdict import assess
from openinfra_tui.flow import argo_live

REF = EngineRef("Application", "argocd", "apps")
OF_APPLICATION = IgnoreRule(("/data/own",), {"kind": "ConfigMap"})
ARGO = Application(REF, "argocd-controller", namespace="apps", ignore=(OF_APPLICATION,))
FLUX = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller")
RULES = "resource.customizations.ignoreDifferences."


def manifest(kind="ConfigMap", version="v1", name="one", namespace="apps", **more):
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def ruled(data, item, application=ARGO):
    return argo_settings.comparing(data).applied_to(Desired(item, application))


def test_rules_of_the_whole_argo_cd_join_those_of_the_application():
    data = {
        f"{RULES}apps_Deployment": yamlio.dump(
            {
                "jsonPointers": ["/spec/replicas"],
                "jqPathExpressions": [".spec.x"],
                "managedFieldsManagers": ["hpa"],
            }
        ),
        f"{RULES}ConfigMap": yamlio.dump({"jsonPointers": ["/data/a"]}),
        f"{RULES}all": yamlio.dump({"managedFieldsManagers": ["kcm"]}),
    }
    deployment = ruled(data, manifest("Deployment", "apps/v1"))
    assert rules_of(deployment) == Ignoring(("/spec/replicas",), (".spec.x",), ("hpa", "kcm"))
    assert rules_of(ruled(data, manifest())) == Ignoring(("/data/own", "/data/a"), (), ("kcm",))
    assert rules_of(ruled(data, manifest("Deployment", "other/v1"))) == Ignoring((), (), ("kcm",))
    assert ruled(data, manifest(), FLUX) == Desired(manifest(), FLUX)


def test_the_older_key_holds_rules_too_and_one_with_a_key_of_its_own_wins():
    older = {
        "*.example.com/*": {"ignoreDifferences": "jsonPointers: [/spec/a]\nmanagedFieldsManagers: [x]\n"},
        "apps/Deployment": {"ignoreDifferences": "jsonPointers: [/spec/b]\n"},
        "/Secret": {"ignoreDifferences": "managedFieldsManagers: [x]\n"},
        "Service": {"ignoreDifferences": "managedFieldsManagers: [x]\n"},
    }
    data = {
        "resource.customizations": yamlio.dump(older),
        f"{RULES}apps_Deployment": "jsonPointers: [/spec/c]\n",
    }
    assert rules_of(ruled(data, manifest("Deployment", "apps/v1"))).pointers == ("/spec/c",)
    # Managers are found by the key as it is written: no glob, and a slash before a kind of the core.
    assert rules_of(ruled(data, manifest("Thing", "a.example.com/v1"))) == Ignoring(("/spec/a",), (), ())
    assert rules_of(ruled(data, manifest("Secret"))).managers == ("x",)
    assert rules_of(ruled(data, manifest("Service"))).managers == ()


def test_a_difference_that_a_rule_names_is_counted_as_ignored():
    data = {f"{RULES}ConfigMap": "jsonPointers: [/data/a]\n"}
    item = manifest(data={"a": "1"})
    there = manifest(data={"a": "2"})
    assert assess(ruled({}, item), there, None).verdict.verdict != "ignored"
    found = assess(ruled(data, item), there, None).verdict
    assert (found.verdict, found.next) == ("ignored", "none")


@pytest.mark.parametrize(("aggregated", "verdict"), [("true", "ignored"), ("false", "unverified")])
def test_rules_that_the_cluster_aggregates(aggregated, verdict):
    data = {"resource.compareoptions": f"ignoreAggregatedRoles: {aggregated}\n"}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "all"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
    }
    there = {**role, "rules": [{"verbs": ["get"]}]}
    found = assess(ruled(data, {**role, "rules": []}), there, None).verdict
    assert found.verdict == verdict
    plain = {name: value for name, value in role.items() if name != "aggregationRule"}
    found = ruled(data, plain)
    assert rules_of(found).cut(there, there).get("rules") == (
        None if aggregated == "true" else there["rules"]
    )
    assert rules_of(found).cut({**plain, "rules": [1]}, there)["rules"] == [1]


@pytest.mark.parametrize(
    ("options", "of_a_kind", "of_a_definition"),
    [
        ("", False, False),
        ("ignoreResourceStatusField: all", False, False),
        ("ignoreResourceStatusField: new", False, False),
        ("ignoreResourceStatusField: crd", True, False),
        ("ignoreResourceStatusField: none", True, True),
        ("ignoreResourceStatusField: off", True, True),
    ],
)
def test_a_status_in_git_is_doubtful_only_where_it_is_compared(options, of_a_kind, of_a_definition):
    data = {"resource.compareoptions": options}
    definition = manifest("CustomResourceDefinition", "apiextensions.k8s.io/v1", status={"a": 1})
    assert bool(ruled(data, manifest("Thing", "a.b/v1", status={"a": 1})).doubt) == of_a_kind
    assert bool(ruled(data, definition).doubt) == of_a_definition
    assert not ruled(data, manifest()).doubt


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{RULES}apps_Deployment", "jsonPointers: {"),
        (f"{RULES}apps_Deployment", "jsonPointers: /spec"),
        (f"{RULES}apps_Deployment", "- a"),
        (f"{RULES}apps_Deployment", "!!python/object:os.system {}"),
        (f"{RULES}apps_Deployment_x", "jsonPointers: [/a]"),
        ("resource.customizations", "a/b: text"),
        ("resource.compareoptions", "["),
    ],
)
def test_what_argo_cd_cannot_read_is_a_problem_that_names_the_key(name, text):
    found = argo_settings.comparing({name: text, f"{RULES}Secret": "jsonPointers: [/data]"})
    assert [rule.paths for rule in found.ignore] == [("/data",)]
    (problem,) = found.problems
    assert name in problem


class Reader:
    """Answers one GET."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def again(self, item):
        self.asked.append(item["metadata"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def argocd_cm(pointer, **metadata):
    data = {f"{RULES}ConfigMap": f"jsonPointers: [{pointer}]\n"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", **metadata},
        "data": data,
    }


def settings(reader, *in_git, live=()):
    cluster = Live()
    cluster.add(live)
    engine = Application(REF, "argocd-controller", namespace="argocd")
    head = Rendered([Desired(item, engine) for item in in_git], {REF: {}})
    return asyncio.run(argo_live.settings(cluster, reader, head))


FORBIDDEN = ApiError(403, "configmaps is forbidden")


@pytest.mark.parametrize(
    ("reader", "in_git", "live", "pointers", "problems"),
    [
        (Reader(argocd_cm("/live", namespace="argocd")), [argocd_cm("/git")], [], ["/live"], 0),
        (Reader(FORBIDDEN), [argocd_cm("/git")], [], ["/git"], 0),
        (Reader(None), [argocd_cm("/git")], [], ["/git"], 0),
        (Reader(None), [argocd_cm("/git", namespace="other")], [], [], 0),
        (Reader(FORBIDDEN), [], [], [], 1),
        (None, [argocd_cm("/git")], [argocd_cm("/dump", namespace="argocd")], ["/dump"], 0),
        (None, [argocd_cm("/git")], [], ["/git"], 0),
        (None, [], [], [], 1),
    ],
)
def test_the_one_of_the_cluster_counts_then_the_one_of_git(reader, in_git, live, pointers, problems):
    found = settings(reader, *in_git, live=live)
    assert [path for rule in found.comparing.ignore for path in rule.paths] == pointers
    assert len(found.problems) == problems
    if reader is not None:
        assert reader.asked == [{"namespace": "argocd", "name": "argocd-cm"}]


def test_nothing_is_asked_where_there_is_no_argo_cd():
    reader = Reader(None)
    found = asyncio.run(argo_live.settings(Live(), reader, Rendered()))
    assert (found, reader.asked) == (argo_live.Settings(), [])


def test_settings_that_are_no_mapping_are_those_of_a_new_installation():
    found = settings(Reader({**argocd_cm("/x"), "data": ["a"]}))
    assert (found.comparing, found.marks.method) == (argo_settings.Comparing(), "annotation")


@pytest.mark.parametrize(
    ("engine", "differences", "doubts"),
    [
        (REF, (Difference("/data/a", "value", "1", "2"),), ("unread",)),
        (REF, (), ()),
        (FLUX.ref, (Difference("/data/a", "value", "1", "2"),), ()),
    ],
)
def test_settings_that_cannot_be_read_matter_only_where_they_could_hide_a_difference(
    engine, differences, doubts
):
    key = Key("", "ConfigMap", "apps", "one")
    verdict = ObjectVerdict("v1", key, "drifted", "update", "local", engine, differences=differences)
    assert argo_live.Settings(problems=("unread",)).doubts([verdict]) == doubts
