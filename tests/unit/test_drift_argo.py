"""What Argo CD would apply from a repository: entry points, sources, sets, marks, ignore rules."""

import tarfile

import pytest

from openinfra_tui import yamlio
from openinfra_tui.build import helm, programs
from openinfra_tui.build.dice import dice
from openinfra_tui.drift.desired import argo, argo_apps, argo_entry, argo_marks, argo_sets, globs, source
from openinfra_tui.drift.desired.argo_source import Tools
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.drift.ignoring import Ignoring, NotUnderstood, evaluate, rules_of
from openinfra_tui.drift.live import Live
from openinfra_tui.drift.model import Application, Desired, EngineRef
from openinfra_tui.drift.switches import argo_hook
from openinfra_tui.errors import ToolError
from openinfra_tui.flow import entry

URL = "https://git.example/site.git"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else "---\n".join(map(yamlio.dump, content)))


def config_map(name="one", **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}, **more}


def application(name="apps", namespace="argocd", options=(), destination=None, **spec):
    policy = {"automated": {"prune": True, "selfHeal": True}, "syncOptions": list(options)}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "destination": destination or {"server": "https://kubernetes.default.svc", "namespace": "apps"},
            "syncPolicy": policy,
            **spec,
        },
    }


def at(path, **more):
    return {"repoURL": URL, "path": path, "targetRevision": "main", **more}


def application_set(generators, template, **spec):
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "set", "namespace": "argocd"},
        "spec": {"generators": generators, "template": template, **spec},
    }


def tools(files, **more):
    return Tools(Opener(None), own=frozenset({argo_apps.address(URL)}), **more)


def rendered(root, **more):
    files = source.work_tree(root)
    roots = argo_entry.entry_points(files, ())
    return argo.render(files, roots, tools(files, **more))


def test_a_tree_is_followed_from_the_application_that_nothing_else_applies(tmp_path):
    write(
        tmp_path,
        {
            "clusters/c/root.yaml": [
                application(
                    "root", source=at("clusters/c", directory={"include": "apps/*.yaml", "recurse": True})
                )
            ],
            "clusters/c/apps/web.yaml": [application("web", source=at("web"))],
            "web/all.yaml": [config_map("one"), config_map("two")],
            "web/deeper/not.yaml": [config_map("three")],
        },
    )
    files = source.work_tree(tmp_path)
    assert [item["metadata"]["name"] for item in argo_entry.entry_points(files, ())] == ["root"]
    found = rendered(tmp_path)
    assert not found.problems
    assert {ref.name for ref in found.engines} == {"root", "web"}
    names = {(item.application.ref.name, item.key.kind, item.key.name) for item in found.objects}
    assert names == {
        ("root", "Application", "web"),
        ("web", "ConfigMap", "one"),
        ("web", "ConfigMap", "two"),
    }
    one = next(item for item in found.objects if item.key.name == "one")
    assert (one.origin.file, one.origin.line) == ("web/all.yaml", 2)


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ({}, {"a"}),
        ({"recurse": True}, {"a", "b", "c"}),
        ({"recurse": True, "exclude": "sub/*"}, {"a"}),
        ({"recurse": True, "include": "{sub/b.yaml,a.yml}"}, {"a", "b"}),
        ({"recurse": True, "include": "*", "exclude": "{a.yml,sub/deep/**}"}, {"b"}),
    ],
)
def test_a_folder_of_manifests_as_argo_cd_reads_it(tmp_path, directory, expected):
    write(
        tmp_path,
        {
            "app.yaml": [application(source=at("apps", directory=directory))],
            "apps/a.yml": [config_map("a")],
            "apps/values.yaml": "replicas: 1\n",
            "apps/skipped.yaml": "# +argocd:skip-file-rendering\nkind: [",
            "apps/notes.txt": "kind: ConfigMap",
            "apps/sub/b.yaml": [{"apiVersion": "v1", "kind": "List", "items": [config_map("b")]}],
            "apps/sub/deep/c.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}',
        },
    )
    found = rendered(tmp_path)
    assert not found.problems
    assert {item.key.name for item in found.objects} == expected


@pytest.mark.parametrize(
    ("spec", "files", "problem"),
    [
        ({"source": at("gone")}, {}, "build: the path 'gone' is not in the repository"),
        ({"source": at("../..")}, {}, "build: the path '../..' leaves the repository"),
        ({"source": at("a", plugin={})}, {"a/x.yaml": ""}, "build: a config management plugin renders it"),
        ({"source": at("a")}, {"a/x.jsonnet": "{}"}, "build: x.jsonnet is Jsonnet"),
        (
            {"source": at("a")},
            {"a/x.yaml": "apiVersion: v1\nkind: A\nmetadata: {"},
            "build: x.yaml is not YAML",
        ),
        (
            {"source": {**at("a"), "repoURL": "https://git.example/other"}},
            {},
            "source: its files are in another repository: https://git.example/other",
        ),
        (
            {"source": at("a"), "destination": {"name": "far", "namespace": "x"}},
            {"a/x.yaml": [config_map()]},
            "source: its objects are in the cluster far",
        ),
    ],
)
def test_what_cannot_be_built_says_why(tmp_path, spec, files, problem):
    write(tmp_path, {"app.yaml": [application(**spec)], **files})
    files = source.work_tree(tmp_path)
    found = argo.render(files, [application(**spec)], tools(files))
    assert found.problems[EngineRef("Application", "argocd", "apps")].startswith(problem)


def test_a_chart_is_unread_when_it_may_not_be_fetched(tmp_path, monkeypatch):
    chart = {"repoURL": "https://charts.example", "chart": "web", "targetRevision": "1.2.3"}
    write(tmp_path, {"app.yaml": [application(sources=[chart, {"repoURL": URL, "ref": "values"}])]})
    files = source.work_tree(tmp_path)
    roots = argo_entry.entry_points(files, ())
    found = argo.render(files, roots, tools(files, offline=True))
    (problem,) = found.problems.values()
    assert problem.startswith("unread: https://charts.example web 1.2.3 is not in the cache")
    monkeypatch.setattr(programs, "copies", lambda _: ())
    (problem,) = argo.render(files, roots, tools(files)).problems.values()
    assert "helm is not installed" in problem


def test_a_kustomization_with_the_changes_of_its_source(tmp_path):
    write(
        tmp_path,
        {
            "app.yaml": [
                application(
                    source=at(
                        "k",
                        kustomize={
                            "namePrefix": "p-",
                            "namespace": "ns",
                            "commonAnnotations": {"n": "1"},
                            "images": ["app=registry.example:5000/other:2"],
                            "replicas": [{"name": "web", "count": "3"}],
                        },
                    )
                )
            ],
            "k/kustomization.yaml": "resources: [all.yaml]\n",
            "k/all.yaml": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "web"},
                    "spec": {
                        "selector": {"matchLabels": {"a": "b"}},
                        "template": {
                            "metadata": {"labels": {"a": "b"}},
                            "spec": {"containers": [{"name": "app", "image": "app:1"}]},
                        },
                    },
                }
            ],
        },
    )
    (found,) = rendered(tmp_path).objects
    assert found.object["metadata"] == {"name": "p-web", "namespace": "ns", "annotations": {"n": "1"}}
    assert found.object["spec"]["replicas"] == 3
    (container,) = found.object["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example:5000/other:2"


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://git.example/site", True),
        ("git@git.example:site.git", True),
        ("ssh://git@git.example/site.git", True),
        ("https://user:word@GIT.example/site.git/", True),
        ("https://git.example/sites", False),
        ("https://other.example/site", False),
    ],
)
def test_addresses_of_one_repository(url, same):
    assert (argo_apps.address(url) == argo_apps.address(URL)) is same


def test_sync_options_say_how_it_applies():
    plain = argo_apps.application_of(application())
    assert (plain.client_side, plain.prune, plain.enforces, plain.suspended) == (True, True, True, False)
    server = argo_apps.application_of(application(options=["ServerSideApply=true", "CreateNamespace=true"]))
    assert (server.client_side, server.makes_namespace, server.namespace) == (False, True, "apps")
    assert server.migrates == "kubectl-client-side-apply"
    kept = argo_apps.application_of(application(options=["ClientSideApplyMigration=false", "Prune=false"]))
    assert (kept.migrates, kept.prune) == ("", False)
    manual = application()
    manual["spec"]["syncPolicy"] = {"automated": {"enabled": False}}
    assert argo_apps.application_of(manual).suspended
    own = config_map()
    own["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "Prune=false, ServerSideApply=false"}
    assert argo_apps.for_object(server, own).client_side
    assert not argo_apps.for_object(server, config_map()).client_side


def test_marks_are_those_that_the_cluster_asks_for():
    ref = EngineRef("Application", "argocd", "web")
    desired = Desired(config_map(), Application(ref, "argocd-controller"))
    settings = {"data": {"application.resourceTrackingMethod": "annotation+label", "installationID": "x"}}
    metadata = argo_marks.marked(desired, argo_marks.tracking(settings, "argocd")).object["metadata"]
    assert metadata["annotations"] == {
        "argocd.argoproj.io/tracking-id": "web:/ConfigMap:/one",
        "argocd.argoproj.io/installation-id": "x",
    }
    assert metadata["labels"] == {"app.kubernetes.io/instance": "web"}
    marks = argo_marks.Tracking(namespace="elsewhere")
    marked = argo_marks.marked(desired, marks).object
    assert marked["metadata"]["annotations"] == {
        "argocd.argoproj.io/tracking-id": "argocd_web:/ConfigMap:/one"
    }
    copied = {**marked, "metadata": {**marked["metadata"], "name": "child"}}
    assert marks.owns(marked, ref)
    assert not marks.owns(copied, ref)


def cluster_wide(kind="Namespace", version="v1"):
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "one"}}


def test_a_mark_of_what_has_no_namespace_names_the_one_of_the_destination():
    # argo-cd 3.5.3, util/argo/resource_tracking.go: UnstructuredToAppInstanceValue; seen on the real one.
    ref = EngineRef("Application", "argocd", "web")
    marks = argo_marks.Tracking()
    desired = Desired(cluster_wide(), Application(ref, "argocd-controller", namespace="apps"))
    marked = argo_marks.marked(desired, marks).object
    assert marked["metadata"]["annotations"] == {"argocd.argoproj.io/tracking-id": "web:/Namespace:apps/one"}
    assert marks.owns(marked, ref)
    assert not marks.owns({**marked, "metadata": {**marked["metadata"], "name": "other"}}, ref)
    assert not marks.owns({**marked, "kind": "Node"}, ref)
    assert not marks.owns(marked, EngineRef("Application", "argocd", "we"))


def test_definitions_carry_no_mark():
    # argo-cd 3.5.3, reposerver/repository/repository.go: all but those is marked.
    ref = EngineRef("Application", "argocd", "web")
    definition = cluster_wide("CustomResourceDefinition", "apiextensions.k8s.io/v1")
    desired = Desired(definition, Application(ref, "argocd-controller", namespace="apps"))
    assert argo_marks.marked(desired, argo_marks.Tracking()) == desired


TEMPLATE = {
    "metadata": {"name": "{{name}}"},
    "spec": {
        "source": {"repoURL": URL, "path": "{{path}}"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "{{ values.space }}"},
    },
}


def test_sets_of_lists_folders_and_files(tmp_path):
    write(tmp_path, {f"apps/{name}/x.yaml": [config_map(name)] for name in ("a", "b", "c")})
    write(tmp_path, {"envs/d/env.json": '{"cloud": {"size": 3}}'})
    files = source.work_tree(tmp_path)

    def made(generators, template, **spec):
        found = application_set(generators, template, **spec)
        return [
            (item["metadata"]["name"], item["spec"]["source"]["path"])
            for item in argo_sets.applications(found, files, tools(files))
        ]

    elements = [{"name": "n1", "path": "apps/a", "values": {"space": "s"}}]
    assert made([{"list": {"elements": elements}}], TEMPLATE) == [("n1", "apps/a")]
    directories = {"repoURL": URL, "directories": [{"path": "apps/*"}, {"path": "apps/c", "exclude": True}]}
    template = {"metadata": {"name": "x-{{path.basename}}-{{path[0]}}"}, "spec": TEMPLATE["spec"]}
    assert made([{"git": directories}], template) == [("x-a-apps", "apps/a"), ("x-b-apps", "apps/b")]
    go = {
        "metadata": {"name": "{{ .path.basenameNormalized }}-{{ index .path.segments 0 }}"},
        "spec": {"source": {"repoURL": URL, "path": "{{.path.path}}"}},
    }
    assert made([{"git": directories}], go, goTemplate=True) == [("a-apps", "apps/a"), ("b-apps", "apps/b")]
    by_file = {"repoURL": URL, "files": [{"path": "envs/**/env.json"}]}
    sized = {
        "metadata": {"name": "s{{cloud.size}}"},
        "spec": {"source": {"repoURL": URL, "path": "{{path}}"}},
    }
    assert made([{"git": by_file}], sized) == [("s3", "envs/d")]
    matrix = {
        "matrix": {"generators": [{"git": directories}, {"list": {"elements": [{"z": "1"}, {"z": "2"}]}}]}
    }
    both = {
        "metadata": {"name": "{{path.basename}}{{z}}"},
        "spec": {"source": {"repoURL": URL, "path": "{{path}}"}},
    }
    assert [name for name, _ in made([matrix], both)] == ["a1", "a2", "b1", "b2"]
    with pytest.raises(argo_sets.NotEvaluated, match="clusters"):
        made([{"clusters": {}}], TEMPLATE)
    with pytest.raises(argo_sets.NotEvaluated, match="printf"):
        made([{"git": directories}], {"metadata": {"name": '{{ printf "%s" .path }}'}}, goTemplate=True)


def test_applications_of_a_set_are_followed_and_a_set_that_asks_is_told(tmp_path):
    generator = {"git": {"repoURL": URL, "directories": [{"path": "apps/*"}]}}
    template = {
        "metadata": {"name": "{{path.basename}}"},
        "spec": {
            **TEMPLATE["spec"],
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "x"},
        },
    }
    asks = application_set([{"clusters": {}}], template)
    asks["metadata"]["name"] = "asks"
    write(
        tmp_path,
        {
            "sets/a.yaml": [application_set([generator], template)],
            "sets/b.yaml": [asks],
            "apps/one/x.yaml": [config_map("one")],
        },
    )
    found = rendered(tmp_path)
    assert [(item.application.ref.name, item.key.name) for item in found.objects] == [("one", "one")]
    assert found.problems == {
        EngineRef("ApplicationSet", "argocd", "asks"): (
            "source: its generator clusters asks something outside of this repository"
        )
    }


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*.yaml", "a/b.yaml", True),
        ("{a,b}/*", "b/c", True),
        ("{a,b}/*", "c/c", False),
        ("?b", "ab", True),
        ("[!a]b", "ab", False),
        ("a.b", "axb", False),
        ("{a", "{a", True),
    ],
)
def test_globs(pattern, text, expected):
    assert globs.matches(pattern, text) is expected


POD = {"spec": {"containers": [{"name": "a", "env": [1, 2]}, {"name": "b"}]}, "data": {"a.b": 1}}


@pytest.mark.parametrize(
    ("expression", "pointers"),
    [
        (".spec.containers[].name", ["/spec/containers/0/name", "/spec/containers/1/name"]),
        ('.spec.containers[] | select(.name == "a") | .env', ["/spec/containers/0/env"]),
        ('.spec.containers[]? | select(.name != "a")', ["/spec/containers/1"]),
        ('.data["a.b"]', ["/data/a.b"]),
        ('.data."a.b"', ["/data/a.b"]),
        (".spec.containers[-1]", ["/spec/containers/1"]),
        (".spec.nothing[].x", []),
    ],
)
def test_paths_of_jq(expression, pointers):
    assert evaluate(expression, POD) == pointers


@pytest.mark.parametrize("expression", [".a | map(.b)", "..", ".a as $x | .b", '.a | test("x")'])
def test_what_is_more_than_a_path_is_not_understood(expression):
    with pytest.raises(NotUnderstood):
        evaluate(expression, POD)


def test_ignore_differences_select_by_glob_and_cut_both_sides():
    item = application(
        ignoreDifferences=[
            {"group": "", "kind": "ConfigMap", "name": "one", "jsonPointers": ["/data/a"]},
            {"group": "*", "kind": "*", "managedFieldsManagers": ["other"]},
            {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec"]},
        ]
    )
    rules = rules_of(Desired(config_map(), argo_apps.application_of(item)))
    assert rules == Ignoring(("/data/a",), (), ("other",))
    live = {
        **config_map(data={"a": "2", "b": "3", "c": "4"}),
    }
    live["metadata"] = {
        "name": "one",
        "managedFields": [
            {"manager": "other", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}},
        ],
    }
    assert rules.cut(live, live)["data"] == {"c": "4"}
    assert rules.cut(config_map(data={"a": "1", "b": "1", "c": "4"}), live)["data"] == {"c": "4"}
    assert not rules_of(Desired(config_map("two"), argo_apps.application_of(item))).pointers


@pytest.mark.parametrize(
    ("marks", "hook"),
    [
        ({"argocd.argoproj.io/hook": "PreSync"}, "PreSync"),
        ({"argocd.argoproj.io/hook": "Skip"}, ""),
        ({"helm.sh/hook": "post-install"}, "post-install"),
        ({"helm.sh/hook": "crd-install"}, ""),
        ({}, ""),
    ],
)
def test_hooks_are_told_as_argo_cd_tells_them(marks, hook):
    assert argo_hook(marks) == hook


def test_no_name_of_a_repository_becomes_an_option_of_helm(monkeypatch, tmp_path):
    seen = []

    def run(words, **_):
        seen.append([str(word) for word in words])
        raise ToolError("stopped")

    monkeypatch.setattr(helm.proc, "run", run)
    monkeypatch.setattr(helm, "find", lambda: "helm")
    with pytest.raises(helm.NotFetched):
        helm.fetch(helm.Chart("https://charts.example", "--keyring=/x", "1.0.0"))
    with pytest.raises(ToolError):
        helm.template(tmp_path, helm.Release("--post-renderer=/bin/true", "ns"), b"{}")
    for words in seen:
        assert [word for word in words[words.index("--") + 1 :] if word.startswith("--")]
        assert not {"--keyring=/x", "--post-renderer=/bin/true"} & set(words[: words.index("--")])


def test_applications_that_flux_delivers_are_no_entry_points(tmp_path):
    root = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "site", "namespace": "flux-system"},
        "spec": {"path": "./clusters", "sourceRef": {"kind": "GitRepository", "name": "site"}},
    }
    write(
        tmp_path,
        {
            "clusters/root.yaml": [root],
            "docs/example.yaml": [application(source=at("apps"))],
            "apps/x.yaml": [config_map()],
        },
    )
    files = source.work_tree(tmp_path)
    assert [entry.ref_of(item).kind for item in entry.roots(files, Live(), "", tmp_path)] == ["Kustomization"]
    live = Live()
    live.add([application(source=at("apps"))])
    kinds = [entry.ref_of(item).kind for item in entry.roots(files, live, "", tmp_path)]
    assert kinds == ["Kustomization", "Application"]


def test_templates_that_are_no_function_of_their_values_are_told_through_what_they_include(tmp_path):
    chart = tmp_path / "web"
    write(
        chart,
        {
            "templates/_a.tpl": '{{ define "a" }}{{ randAlphaNum 5 }}{{ end }}{{ define "b" }}x{{ end }}',
            "templates/_b.tpl": '{{- define "c" -}}{{ include "a" . }}{{- end -}}',
            "templates/rolls.yaml": '{{ template "c" . }}',
            "templates/still.yaml": '{{ include "b" . }} # randAlphaNum in a comment',
            "templates/clock.yaml": "{{ now }}",
            "templates/asks.yaml": '{{ (lookup "v1" "Secret" "a" "b") }}',
            "templates/deep/version.yaml": "{{ .Capabilities.KubeVersion.Minor }}",
        },
    )
    found = dice(chart)
    assert found.random == {"web/templates/rolls.yaml"}
    assert found.clock == {"web/templates/clock.yaml"}
    assert found.lookup == {"web/templates/asks.yaml"}
    assert found.capabilities == {"web/templates/deep/version.yaml"}
    with tarfile.open(tmp_path / "web.tgz", "w:gz") as package:
        package.add(chart, "web")
    assert dice(tmp_path / "web.tgz") == found


def test_an_argo_cd_that_manages_itself_begins_at_the_root(tmp_path):
    write(
        tmp_path,
        {
            "argocd/root.yaml": [application("root", source=at("argocd/apps"))],
            "argocd/apps/argocd.yaml": [application("argocd", source=at("argocd"))],
            "argocd/apps/web.yaml": [application("web", source=at("web"))],
            "argocd/kustomization.yaml": "resources: [root.yaml]\n",
            "web/all.yaml": [config_map()],
            "other/app.yaml": [application("other", source=at("web"))],
        },
    )
    files = source.work_tree(tmp_path)
    names = [item["metadata"]["name"] for item in argo_entry.entry_points(files, ())]
    assert names == ["root", "other"]
    assert {ref.name for ref in rendered(tmp_path).engines} == {"root", "argocd", "web", "other"}
