"""What Flux would apply from a repository: builds, entry points, origins, sealed values, Helm releases."""

import base64
import gzip
import json
import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyrage import x25519

from openinfra_tui import yamlio
from openinfra_tui.build import kustomize as programs
from openinfra_tui.build.programs import copies
from openinfra_tui.drift import inventory
from openinfra_tui.drift.desired import build, flux, helm, source
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.drift.live import Admission
from openinfra_tui.drift.model import Key, ObjectVerdict
from openinfra_tui.drift.report import Report
from openinfra_tui.drift.writers import as_json
from openinfra_tui.errors import ToolError, UserError
from openinfra_tui.secret import age, sops


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


def kustomization(name="apps", path="./apps", namespace="flux-system", **spec):
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"path": path, "sourceRef": {"kind": "GitRepository", "name": "site"}, **spec},
    }


def overlay(**content):
    return [{"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **content}]


def rendered(root, **arguments):
    found = source.work_tree(root)
    return flux.render(found, flux.entry_points(found), lambda *_: None, **arguments)


def test_a_tree_is_followed_with_labels_and_origins(tmp_path):
    root = tmp_path / "r"
    write(
        root,
        {
            "clusters/c/root.yaml": [kustomization("root", "./clusters/c")],
            "clusters/c/apps.yaml": [kustomization()],
            "apps/a.yaml": [config_map("one"), config_map("two")],
        },
    )
    found = rendered(root)
    assert not found.problems
    by_name = {item.key.name: item for item in found.objects}
    assert set(by_name) == {"root", "apps", "one", "two"}
    labels = by_name["two"].object["metadata"]["labels"]
    assert labels["kustomize.toolkit.fluxcd.io/name"] == "apps"
    assert (by_name["two"].origin.file, by_name["two"].origin.line) == ("apps/a.yaml", 9)


def test_another_repository_is_not_followed(tmp_path):
    other = kustomization("other", "./x")
    other["spec"]["sourceRef"] = {"kind": "OCIRepository", "name": "elsewhere"}
    write(tmp_path, {"clusters/c/all.yaml": [kustomization("root", "./clusters/c"), other]})
    assert [ref.name for ref in rendered(tmp_path).problems] == ["other"]


def test_a_path_that_happens_to_hold_its_file_makes_no_entry_point(tmp_path):
    root, other = kustomization("site", "./clusters/c"), kustomization("other", "./")
    other["spec"]["sourceRef"] = {"kind": "GitRepository", "name": "elsewhere"}
    write(tmp_path, {"clusters/c/all.yaml": [root, other]})
    assert [item["metadata"]["name"] for item in flux.entry_points(source.Source(tmp_path))] == ["site"]


def test_without_one_that_holds_its_own_file_those_below_no_other_are_entry_points(tmp_path):
    files = {
        "start/one.yaml": [kustomization("one", "./apps")],
        "apps/two.yaml": [kustomization("two", "./apps/deep")],
        "apps/deep/three.yaml": [kustomization("three", "./elsewhere")],
        "apps-too/four.yaml": [kustomization("four", "./app")],
    }
    write(tmp_path, files)
    found = [item["metadata"]["name"] for item in flux.entry_points(source.Source(tmp_path))]
    assert sorted(found) == ["four", "one"]


def test_what_flux_asks_of_kustomize_and_adds_itself(tmp_path):
    spec = {
        "targetNamespace": "there",
        "namePrefix": "p-",
        "patches": [{"patch": "- {op: replace, path: /data/a, value: x}", "target": {"kind": "ConfigMap"}}],
        "commonMetadata": {"annotations": {"who": "me"}},
        "components": ["../part"],
    }
    write(
        tmp_path,
        {
            "root.yaml": [kustomization(path="./apps", **spec)],
            "apps/kustomization.yaml": overlay(resources=["a.yaml"]),
            "apps/a.yaml": [config_map()],
            "part/kustomization.yaml": [
                {
                    "apiVersion": "kustomize.config.k8s.io/v1alpha1",
                    "kind": "Component",
                    "commonAnnotations": {"part": "yes"},
                }
            ],
        },
    )
    (found,) = rendered(tmp_path).objects
    metadata = found.object["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("p-one", "there")
    assert found.object["data"]["a"] == "x"
    assert metadata["annotations"] == {"who": "me", "part": "yes"}


def test_a_build_that_fails_is_named_and_the_rest_goes_on(tmp_path):
    write(
        tmp_path,
        {
            "c/all.yaml": [
                kustomization("root", "./c"),
                kustomization("bad", "./bad"),
                kustomization("gone", "./no"),
            ],
            "bad/kustomization.yaml": overlay(resources=["missing.yaml"]),
        },
    )
    found = rendered(tmp_path)
    assert {ref.name for ref in found.problems} == {"bad", "gone"}
    assert len(found.objects) == 3


def test_a_path_out_of_the_repository_is_refused(tmp_path):
    with pytest.raises(UserError, match="leaves the repository"):
        source.Source(tmp_path).path("../..")


_NAMES = st.sampled_from(["one", "two", "y", "1", "a-b"])
_VALUES = st.sampled_from(["x", "0644", "y", "1e3", "a: b", "", "line\nline\n", "2001-01-01", "${a}"])
_OBJECTS = st.builds(
    lambda name, namespace, data: {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "data": data,
    },
    _NAMES,
    st.sampled_from(["", "default", "there"]),
    st.dictionaries(_NAMES, _VALUES, max_size=3),
)


def identity(manifest):
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace") or "", metadata["name"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_OBJECTS, min_size=1, max_size=3), min_size=1, max_size=3), st.booleans())
def test_what_is_built_without_a_process_is_what_kustomize_builds(tmp_path_factory, parts, nested):
    """The short way is either the same or not taken."""
    root = tmp_path_factory.mktemp("r")
    names = [f"f{index}.yaml" for index in range(len(parts))]
    folder = "deep/" if nested else ""
    for name, objects in zip(names, parts, strict=True):
        write(root, {f"top/{folder}{name}": objects})
    write(root, {f"top/{folder}kustomization.yaml": overlay(resources=names)})
    if nested:
        write(root, {"top/kustomization.yaml": overlay(resources=["deep"])})
    found = source.Source(root)
    try:
        short = build.plain(found, (root / "top").resolve())
    except build.NotPlain:
        return
    try:
        long, _ = build._process(found, root / "top", {}, None)
    except (ToolError, UserError) as error:
        pytest.fail(f"kustomize refuses what was built without it: {error.message}")
    assert sorted(short, key=identity) == sorted(long, key=identity)


def test_kustomize_decides_where_more_is_asked(tmp_path):
    write(
        tmp_path,
        {
            "a/kustomization.yaml": overlay(resources=["a.yaml"], namespace="there"),
            "a/a.yaml": [config_map()],
        },
    )
    with pytest.raises(build.NotPlain):
        build.plain(source.Source(tmp_path), (tmp_path / "a").resolve())
    assert build.build(source.Source(tmp_path), "a", {})[0]["metadata"]["namespace"] == "there"


def test_a_build_is_kept_by_content(tmp_path, monkeypatch):
    write(
        tmp_path / "r",
        {
            "a/kustomization.yaml": overlay(resources=["a.yaml"], namespace="there"),
            "a/a.yaml": [config_map()],
        },
    )
    first = build.build(source.Source(tmp_path / "r"), "a", {})
    monkeypatch.setattr(programs, "find", lambda *_: pytest.fail("built again"))
    assert build.build(source.Source(tmp_path / "r"), "a", {}) == first


def test_what_follows_from_the_files_is_kept_by_their_content(tmp_path, monkeypatch):
    root = tmp_path / "r"
    write(root, {"clusters/c/a.yaml": [kustomization(path="./clusters/c"), config_map()]})
    first = source.Source(root)
    told = (first.holding(flux.GROUP), first.origin("ConfigMap", "one", ""))
    monkeypatch.setattr(source.goyaml, "load_all", None)  # nothing is parsed again
    second = source.Source(root)
    assert (second.holding(flux.GROUP), second.origin("ConfigMap", "one", "")) == told
    assert told[1] == source.Origin("clusters/c/a.yaml", 13)
    monkeypatch.undo()
    write(root, {"clusters/c/b.yaml": [config_map("two")]})
    assert source.Source(root).origin("ConfigMap", "two", "") == source.Origin("clusters/c/b.yaml", 2)


def test_a_file_whose_name_is_no_text_is_a_file_like_others(tmp_path):
    root = tmp_path / "r"
    write(root, {"clusters/c/a.yaml": [kustomization(path="./clusters/c")]})
    (root / "clusters/c" / os.fsdecode(b"\xff.yaml")).write_text(yamlio.dump(config_map("odd")))
    (odd,) = [item for item in rendered(root).objects if item.key.name == "odd"]
    report = Report((ObjectVerdict("v1", odd.key, "missing", "create", None, None, odd.origin),))
    assert json.loads(as_json(report))["objects"][0]["origin"]["file"] == "clusters/c/\udcff.yaml"


def test_secret_values_are_opened_by_their_key_only(tmp_path):
    if not copies("sops"):
        pytest.fail("the sops program is a dependency of the tests")
    key = tmp_path / "key"
    identity, other_identity = (str(x25519.Identity.generate()) for _ in range(2))
    key.write_text(f"{identity}\n")
    public = age.public_recipient(identity)
    sealed_file = sops.encrypt({"password": "hunter2"}, [public])
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"values.yaml": base64.b64encode(sealed_file.encode()).decode(), "plain": "eA=="},
    }
    opened, closed = Opener(key).open(manifest)
    assert closed == ()
    assert base64.b64decode(opened["data"]["values.yaml"]) == b"password: hunter2\n"
    same, closed = Opener(None).open(manifest)
    assert (same, closed) == (manifest, ("/data/values.yaml",))
    other = tmp_path / "other"
    other.write_text(f"{other_identity}\n")
    assert Opener(other).open(manifest)[1] == ("/data/values.yaml",)


def test_a_release_is_read_from_its_secret():
    packed = gzip.compress(json.dumps({"manifest": "---\na: 1\n---\nkind: List\nitems: [{b: 2}]\n"}).encode())
    secret = {"data": {"release": base64.b64encode(base64.b64encode(packed)).decode()}}
    assert helm.manifest_of(secret) == [{"a": 1}, {"b": 2}]
    assert helm.manifest_of({"data": {"release": "AAAA"}}) is None
    assert helm.manifest_of({}) is None
    release = {"status": {"storageNamespace": "s", "history": [{"name": "n", "version": 3}]}}
    assert helm.storage_of(release) == ("s", "sh.helm.release.v1.n.v3")


def test_inventories_name_their_objects():
    ids = [
        "demo_web_apps_Deployment",
        "_system__node_rbac.authorization.k8s.io_ClusterRole",
        "default_s__Service",
    ]
    engine = {"status": {"inventory": {"entries": [{"id": item, "v": "v1"} for item in ids]}}}
    assert list(inventory.entries(engine)) == [
        Key("apps", "Deployment", "demo", "web"),
        Key("rbac.authorization.k8s.io", "ClusterRole", "", "system:node"),
        Key("", "Service", "default", "s"),
    ]


def hook(**more):
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}
    return Admission(({"webhooks": [{"rules": [rule], **more}]},), (), {"demo": {"team": "a"}})


@pytest.mark.parametrize(
    ("admission", "touches"),
    [
        (hook(), True),
        (hook(namespaceSelector={"matchLabels": {"team": "a"}}), True),
        (hook(namespaceSelector={"matchLabels": {"team": "b"}}), False),
        (
            hook(
                namespaceSelector={
                    "matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]
                }
            ),
            False,
        ),
        (hook(objectSelector={"matchLabels": {"x": "y"}}), False),
        (Admission(), False),
    ],
)
def test_which_webhooks_may_change_an_object(admission, touches):
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "demo"}}
    assert admission.touches(manifest, "deployments") is touches
    assert not admission.touches({**manifest, "apiVersion": "batch/v1"}, "jobs")


@pytest.mark.parametrize(
    ("selector", "touches"),
    [
        ({"matchLabels": {"kubernetes.io/metadata.name": "other"}}, False),
        ({"matchLabels": {"kubernetes.io/metadata.name": "demo"}}, True),
        ({"matchLabels": {"kubernetes.io/metadata.name": "other", "team": "a"}}, True),
    ],
)
def test_without_the_namespaces_only_their_names_are_known(selector, touches):
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    admission = Admission(({"webhooks": [{"rules": [rule], "namespaceSelector": selector}]},))
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "demo"}}
    assert admission.touches(manifest, "configmaps") is touches


def test_a_revision_is_read_without_the_work_tree(tmp_path):
    root = tmp_path / "r"
    write(root, {"a.yaml": [config_map("old")]})

    def git(*words):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
        subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True)

    git("init", "-q")
    assert source.work_tree(root).revision == ""
    git("add", "-A")
    git("commit", "-qm", "x")
    write(root, {"a.yaml": [config_map("new")]})
    assert source.work_tree(root).dirty
    old = source.at_revision(root, "HEAD", tmp_path / "old")
    assert "old" in (old.root / "a.yaml").read_text()
    assert source.has_commit(root, old.revision)
    assert not source.has_commit(root, "0" * 40)
    with pytest.raises(UserError, match="not in"):
        source.at_revision(root, "nothing", tmp_path / "none")
    with pytest.raises(UserError, match="not a revision"):
        source.at_revision(root, "--output=x", tmp_path / "none")


def test_a_source_that_a_controller_puts_together_is_told(tmp_path):
    artifact = {"kind": "ExternalArtifact", "name": "apps"}
    write(tmp_path, {"c/apps.yaml": [kustomization(path="./staging", sourceRef=artifact)]})
    (problem,) = rendered(tmp_path).problems.values()
    assert problem == "source: an ExternalArtifact, whose files another controller puts together"


def test_a_long_encrypted_file_of_a_secret_is_opened_however_kustomize_breaks_its_lines(tmp_path):
    if not copies("sops"):
        pytest.fail("the sops program is a dependency of the tests")
    identity = x25519.Identity.generate()
    (tmp_path / "key").write_text(f"{identity}\n")
    shut = sops.encrypt({"a": {"b": "x" * 90}}, [str(identity.to_public())])
    lines = base64.encodebytes(shut.encode()).decode()
    assert "\n" in lines.strip()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"secrets.yaml": lines},
    }
    opened, closed = Opener(tmp_path / "key").open(secret)
    assert closed == ()
    assert yamlio.load(base64.b64decode(opened["data"]["secrets.yaml"])) == {"a": {"b": "x" * 90}}
