"""The build environment of Argo CD: what its variables are, and where they are put in."""

import pytest

from openinfra_tui import yamlio
from openinfra_tui.build import helm
from openinfra_tui.drift.desired import argo_apps, argo_env, argo_source, charts
from openinfra_tui.drift.desired.argo_source import Tools
from openinfra_tui.drift.desired.charts import Printed
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.drift.desired.source import Source
from openinfra_tui.errors import UserError

URL = "https://git.example/site.git"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$NAME", "web"),
        ("${NAME}", "web"),
        ("a-$NAME-b", "a-web-b"),
        ("$NAME.x", "web.x"),
        ("$NAMED", ""),
        ("$KUBE_VERSION", ""),
        ("$$NAME", "$NAME"),
        ("${$}", "$"),
        ("$1NAME", "NAME"),
        ("a${}b", "ab"),
        ("a${NAME", "aNAME"),
        ("100$", "100$"),
        ("$ NAME", "$ NAME"),
        ("$.x", "$.x"),
        ("no variable", "no variable"),
    ],
)
def test_variables_are_put_in_as_go_expands_them(text, expected):
    # Each was seen with os.Expand of Go and the mapping of argo-cd, Env.Envsubst.
    assert argo_env.Environment({"NAME": "web"}).put_in(text) == expected


def application(source, namespace="argocd", **spec):
    destination = {"server": "https://kubernetes.default.svc", "namespace": "apps"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"destination": destination, "sources": [source], **spec},
    }


def at(path, **more):
    return {"repoURL": URL, "path": path, "targetRevision": "main", **more}


def objects(root, item, source, *, dirty=False, revision=COMMIT):
    tools = Tools(Opener(None), own=frozenset({argo_apps.address(URL)}), home="argocd")
    return argo_source.objects(Source(root, revision, dirty), source, item, tools)


@pytest.fixture
def chart(tmp_path, monkeypatch):
    """A folder with a chart, and what Helm would have been told of it."""
    told = []

    def printed(_, release, values, **__):
        told.append((release, values.plain))
        return [Printed({"kind": "ConfigMap"})]

    monkeypatch.setattr(charts, "printed", printed)
    monkeypatch.setattr(helm, "fetch", lambda *_, **__: tmp_path)
    (tmp_path / "c" / "web").mkdir(parents=True)
    (tmp_path / "c" / "Chart.yaml").write_text("name: c\n")
    (tmp_path / "c" / "web" / "values.yaml").write_text(
        yamlio.dump({"from": "file", "kept": "$ARGOCD_APP_NAME"})
    )
    return tmp_path, told


def parameters(*names, **more):
    return {"parameters": [{"name": "p", "value": " ".join(f"${name}" for name in names), **more}]}


def test_parameters_of_a_chart(chart):
    root, told = chart
    names = [
        "ARGOCD_APP_NAME",
        "ARGOCD_APP_NAMESPACE",
        "ARGOCD_APP_PROJECT_NAME",
        "ARGOCD_APP_REVISION",
        "ARGOCD_APP_REVISION_SHORT",
        "ARGOCD_APP_REVISION_SHORT_8",
        "ARGOCD_APP_SOURCE_PATH",
        "ARGOCD_APP_SOURCE_REPO_URL",
        "ARGOCD_APP_SOURCE_TARGET_REVISION",
    ]
    source = at("./c", helm=parameters(*names, forceString=True))
    (found,) = objects(root, application(source, project="cloud"), source)
    told_of = f"p=web apps cloud {COMMIT} 0123456 01234567 ./c {URL} main"
    assert told[0][0].settings == ("--set-string", told_of)
    assert not found.doubt


def test_an_application_elsewhere_is_named_with_its_namespace_and_no_project_is_the_default(chart):
    root, told = chart
    source = at("c", helm=parameters("ARGOCD_APP_NAME", "ARGOCD_APP_PROJECT_NAME"))
    objects(root, application(source, "teams"), source)
    assert told[0][0].settings == ("--set", "p=teams_web default")
    assert told[0][0].name == "web"


def test_a_comma_of_a_variable_is_no_second_parameter(chart):
    root, told = chart
    source = at("c", targetRevision="a,b=c", helm=parameters("ARGOCD_APP_SOURCE_TARGET_REVISION"))
    objects(root, application(source), source)
    assert told[0][0].settings == ("--set", r"p=a\,b=c")


@pytest.mark.parametrize(
    "name",
    [
        "$ARGOCD_APP_NAME/values.yaml",
        "/c/${ARGOCD_APP_NAME}/values.yaml",
        "$values/c/$ARGOCD_APP_NAME/values.yaml",
    ],
)
def test_the_name_of_a_values_file_and_not_its_content(chart, name):
    root, told = chart
    source = at("c", helm={"valueFiles": [name], "fileParameters": [{"name": "f", "path": name}]})
    item = application(source)
    item["spec"]["sources"].append({"repoURL": URL, "ref": "values"})
    objects(root, item, source)
    release, values = told[0]
    assert values == {"from": "file", "kept": "$ARGOCD_APP_NAME"}
    assert release.settings == ("--set-file", f"f={(root / 'c/web/values.yaml').resolve()}")


def test_a_variable_leads_no_values_file_out_of_the_repository(chart):
    root, _ = chart
    source = at(
        "c", targetRevision="../../..", helm={"valueFiles": ["$ARGOCD_APP_SOURCE_TARGET_REVISION/passwd"]}
    )
    with pytest.raises(UserError):
        objects(root, application(source), source)


@pytest.mark.parametrize(
    ("source", "dirty", "revision", "doubtful"),
    [
        (at("c", helm=parameters("ARGOCD_APP_REVISION")), False, COMMIT, False),
        (at("c", helm=parameters("ARGOCD_APP_REVISION")), True, COMMIT, True),
        (at("c", helm=parameters("ARGOCD_APP_REVISION_SHORT")), False, "", True),
        (at("c", helm=parameters("ARGOCD_APP_NAME")), True, COMMIT, False),
        (
            {"chart": "c", "targetRevision": "1.2.3", "helm": parameters("ARGOCD_APP_REVISION")},
            True,
            "",
            False,
        ),
        (
            {"chart": "c", "targetRevision": "1.x", "helm": parameters("ARGOCD_APP_REVISION")},
            False,
            COMMIT,
            True,
        ),
    ],
)
def test_a_revision_that_is_not_known_yet_is_a_doubt(chart, source, dirty, revision, doubtful):
    root, told = chart
    source = {"repoURL": "https://charts.example", **source}
    (found,) = objects(root, application(source), source, dirty=dirty, revision=revision)
    assert bool(found.doubt) is doubtful
    if "chart" in source and not doubtful:
        assert told[0][0].settings == ("--set", "p=1.2.3")


@pytest.mark.parametrize(("asked", "mark"), [(True, "0123456"), (False, "$ARGOCD_APP_REVISION_SHORT")])
def test_images_and_labels_of_a_kustomization_and_annotations_on_request(asked, mark):
    changes = {
        "images": ["app=other:$ARGOCD_APP_REVISION_SHORT"],
        "commonLabels": {"of": "${ARGOCD_APP_NAME}"},
        "labelWithoutSelector": True,
        "commonAnnotations": {"revision": "$ARGOCD_APP_REVISION_SHORT"},
        "commonAnnotationsEnvsubst": asked,
        "namePrefix": "$ARGOCD_APP_NAME",
    }
    environment = argo_env.of(at("k"), application(at("k")), "web", COMMIT)
    assert argo_source._changes(changes, environment) == {
        "images": [{"name": "app", "newName": "other", "newTag": "0123456"}],
        "labels": [{"pairs": {"of": "web"}, "includeSelectors": False}],
        "commonAnnotations": {"revision": mark},
        "namePrefix": "$ARGOCD_APP_NAME",
    }
