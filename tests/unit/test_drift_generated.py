"""Names of generated Secrets follow from what kustomize-controller decrypts before it builds."""

import base64

import pytest

from openinfra_tui import yamlio
from openinfra_tui.drift.desired import build, generated, sealed, source
from openinfra_tui.drift.model import Application, Desired, EngineRef, Key, ObjectVerdict
from openinfra_tui.drift.renames import paired
from openinfra_tui.drift.verdict import assess

ENGINE = EngineRef("Kustomization", "flux-system", "apps")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def built(folder, content):
    (folder / "app").mkdir(parents=True)
    (folder / "app/values.yaml").write_bytes(content)
    generator = {"secretGenerator": [{"name": "it", "files": ["values.yaml"]}]}
    (folder / "app/kustomization.yaml").write_text(yamlio.dump(generator))
    (secret,) = build.build(source.work_tree(folder), "app", {})
    return secret


@pytest.mark.parametrize("size", [0, 1, 50, 51, 52, 53, 104, 105, 500])
def test_the_name_is_the_one_that_kustomize_gives_to_other_content(tmp_path, size):
    cipher = built(tmp_path / "cipher", b"x" * (size + 1))
    plain = built(tmp_path / "plain", b"y" * size)
    opened = {**cipher, "data": {"values.yaml": base64.b64encode(b"y" * size).decode()}}
    old, new = cipher["metadata"]["name"], plain["metadata"]["name"]
    assert generated.names([(cipher, opened)]) == {old: new}
    user = {"spec": {"valuesFrom": [{"kind": "Secret", "name": old}, {"name": "other"}]}}
    there = {"spec": {"valuesFrom": [{"kind": "Secret", "name": new}, {"name": "other"}]}}
    assert generated.renamed(user, {old: new}) == (there, False)
    assert generated.renamed(user, {old: ""}) == (user, True)


def test_a_name_that_kustomize_did_not_make_stays():
    secret = {
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": "it-t8g2h42m82"},
        "data": {"a": "eA=="},
    }
    assert generated.names([(secret, secret)]) == {}


def test_an_encrypted_file_is_known_in_the_lines_that_kustomize_breaks_it_into(tmp_path):
    text = b"a: ENC[x]\nsops:\n  mac: ENC[AES256_GCM,data:" + b"x" * 100 + b"]\n"
    secret = built(tmp_path, text)
    assert "\n" in secret["data"]["values.yaml"]
    assert sealed.Opener(None).open(secret) == (secret, ("/data/values.yaml",))


def test_a_closed_secret_of_an_unknown_name_is_neither_missing_nor_extra():
    metadata = {"name": "it-t8g2h42m82", "namespace": "demo"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": "eA=="}}
    application = Application(ENGINE, "kustomize-controller", takes_over=True)
    desired = Desired(secret, application, sealed=("/data/a",), doubt=generated.DOUBT)
    found = assess(desired, None, None).verdict
    assert (found.verdict, found.next) == ("unverified", "create")
    old = ObjectVerdict("v1", Key("", "Secret", "demo", "it-577bk5d422"), "extra", "delete", "local", ENGINE)
    (left,) = paired([found, old], lambda _: secret, lambda *_: secret)
    assert (left.verdict, left.next, left.key.name) == ("unverified", "none", "it-t8g2h42m82")
    assert "it-577bk5d422 is there" in (left.reason or "")
