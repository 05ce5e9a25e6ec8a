"""Live values of Helm releases taken into their values, with the real helm and kustomize and no cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openinfra_tui.drift.desired import helm
from openinfra_tui.drift.desired.helm_head import Heads, by_name
from openinfra_tui.drift.desired.sealed import Opener
from openinfra_tui.drift.desired.source import Source
from openinfra_tui.drift.live import Live
from openinfra_tui.drift.model import (
    Application,
    Desired,
    Difference,
    EngineRef,
    Key,
    ObjectVerdict,
    Origin,
)
from openinfra_tui.errors import Refused
from openinfra_tui.flow.adopting_release import Change, change
from tests.controlplane.binaries import binary

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: {{ .Values.replicas }}
  paused: {{ .Values.paused }}
  minReadySeconds: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          env: [{name: WORD, value: {{ .Values.word | quote }}}]
"""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    # `spare` holds what `replicas` holds and is used nowhere.
    "values.yaml": (
        "spare: 1\nreplicas: 1\npaused: false\nword: plain\nimage:\n  repository: r/app\n  tag: '1'\n"
    ),
    "templates/deployment.yaml": DEPLOYMENT,
    "templates/map.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: words\ndata:\n  word: {{ .Values.word }}\n"
    ),
    "templates/secret.yaml": (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  word: {{ .Values.replicas | quote }}\n"
    ),
}
REF = EngineRef("HelmRelease", "shop", "web")
SCOPES = {("apps/v1", "Deployment"): True, ("v1", "ConfigMap"): True, ("v1", "Secret"): True}


@pytest.fixture(autouse=True)
def _own_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helm, kustomize = binary("helm"), binary("kustomize")  # found in the cache that the next lines leave
    monkeypatch.setenv("PATH", f"{helm.parent}:/usr/local/bin:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENINFRA_KUSTOMIZE", str(kustomize))


def release(**spec: Any) -> Desired:
    source = {"kind": "GitRepository", "name": "site"}
    manifest = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"chart": {"spec": {"chart": "charts/web", "sourceRef": source}}, **spec},
    }
    return Desired(manifest, Application(EngineRef("Kustomization", "shop", "apps"), "kustomize-controller"))


@pytest.fixture
def adopted(tmp_path: Path) -> Callable[..., Change]:
    """What becomes of a release after an edit of one of its objects."""

    def run(
        kind: str, path: str, edit: Callable[[Any], None], files: dict[str, str] = CHART, **spec: Any
    ) -> Change:
        for name, text in files.items():
            place = tmp_path / "site/charts/web" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        of = release(**spec)
        heads = Heads(
            Source(tmp_path / "site"),
            by_name([of]),
            frozenset({("shop", "site")}),
            lambda *_: None,
            Opener(None),
            Live(scopes=SCOPES),
            "1.34.0",
        )
        desired = next(item for item in heads.objects_of(of) if item.key.kind == kind)
        live = json.loads(json.dumps(desired.object))
        edit(live)
        found = ObjectVerdict(
            str(desired.object["apiVersion"]),
            desired.key,
            "drifted",
            "none",
            "local",
            REF,
            differences=tuple(Difference(one, "value", None, None) for one in path.split()),
        )
        return change(heads, of, desired, live, found)

    return run


def spec_of(found: Change) -> dict[str, Any]:
    return {k: v for k, v in found.release.object["spec"].items() if k != "chart"}


def test_the_key_is_taken_that_changes_one_leaf_alone(adopted: Callable[..., Change]) -> None:
    files = {name: text for name, text in CHART.items() if "secret" not in name}
    found = adopted("Deployment", "/spec/replicas", lambda live: live["spec"].update(replicas=3), files)
    assert spec_of(found) == {"values": {"replicas": 3}}
    assert found.operations == ({"op": "add", "path": "/spec/values", "value": {"replicas": 3}},)
    assert "values.replicas is 3" in found.why


def test_a_part_of_a_text_and_a_boolean_are_found(adopted: Callable[..., Change]) -> None:
    def edit(live: Any) -> None:
        live["spec"]["template"]["spec"]["containers"][0]["image"] = "r/app:2"
        live["spec"]["paused"] = True

    image = "/spec/template/spec/containers[name=app]/image"
    found = adopted("Deployment", f"/spec/paused {image}", edit, values={"image": {"repository": "r/app"}})
    assert spec_of(found) == {"values": {"image": {"repository": "r/app", "tag": "2"}, "paused": True}}


def test_a_value_that_reaches_further_becomes_a_post_renderer(adopted: Callable[..., Change]) -> None:
    found = adopted("ConfigMap", "/data/word", lambda live: live["data"].update(word="other"))
    (renderer,) = spec_of(found)["postRenderers"]
    (patch,) = renderer["kustomize"]["patches"]
    assert patch["target"] == {"version": "v1", "kind": "ConfigMap", "name": "words"}
    assert "value: other" in patch["patch"]
    assert "values" not in spec_of(found)
    assert "No value of the chart reaches /data/word alone" in found.why


def test_a_field_without_a_value_and_one_with(adopted: Callable[..., Change]) -> None:
    def edit(live: Any) -> None:
        live["spec"].update(minReadySeconds=9, paused=True, revisionHistoryLimit=2)

    found = adopted("Deployment", "/spec/minReadySeconds /spec/paused /spec/revisionHistoryLimit", edit)
    assert spec_of(found)["values"] == {"paused": True}
    (patch,) = spec_of(found)["postRenderers"][0]["kustomize"]["patches"]
    assert "minReadySeconds" in patch["patch"]
    assert "revisionHistoryLimit" in patch["patch"]
    # A second one goes behind it, and what stands there is rendered too.
    again = adopted(
        "Deployment",
        "/spec/minReadySeconds",
        lambda live: live["spec"].update(minReadySeconds=7),
        **spec_of(found),
    )
    assert len(spec_of(again)["postRenderers"]) == 2


def test_a_chart_that_rolls_dice_is_given_no_value_that_cannot_be_proved(
    adopted: Callable[..., Change],
) -> None:
    dice = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: dice\ndata:\n  word: {{ randAlphaNum 20 | quote }}\n"
    files = {**CHART, "templates/dice.yaml": dice}
    found = adopted("Deployment", "/spec/paused", lambda live: live["spec"].update(paused=True), files)
    assert "values" not in spec_of(found)
    assert spec_of(found)["postRenderers"]


def test_a_post_renderer_that_may_change_secrets_is_not_run(adopted: Callable[..., Change]) -> None:
    renderer = {"kustomize": {"patches": [{"target": {"kind": ".*"}, "patch": "[]"}]}}
    with pytest.raises(Exception, match="Secrets, which are never written to a file"):
        adopted("Deployment", "/spec/paused", lambda _: None, postRenderers=[renderer])


def test_what_git_renders_otherwise_is_refused(adopted: Callable[..., Change], tmp_path: Path) -> None:
    of = release()
    heads = Heads(
        Source(tmp_path), by_name([of]), frozenset({("shop", "site")}), lambda *_: None, Opener(None), Live()
    )
    desired = Desired(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}, helm.application_of({})
    )
    verdict = ObjectVerdict("v1", Key("", "ConfigMap", "", "x"), "drifted", "none", None, REF, Origin())
    with pytest.raises(Refused, match="cannot be rendered here"):
        change(heads, of, desired, {}, verdict)
