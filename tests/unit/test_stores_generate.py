"""Whole repositories with each store: they pass the checks, hold no value in clear, and change stores."""

from __future__ import annotations

import base64
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from openinfra_tui import yamlio
from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.check.run import check
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.flow.generate import Generated, Request, generate
from openinfra_tui.flow.planning import plan_site
from openinfra_tui.flow.rendering import render_tree
from openinfra_tui.plan.component import load_components
from openinfra_tui.resources import skeletons_path
from openinfra_tui.secret import forms
from openinfra_tui.secret.seal import seal
from openinfra_tui.site.load import parse_site
from tests.unit.test_secret_stores import KEYS, certificate, in_cluster

pytestmark = pytest.mark.usefixtures("git_author")

TODAY = date(2026, 11, 25)
BIN = Path(sys.executable).parent
SERVER = 'secrets.externalSecrets={server: "https://bao.cloud.example:8200"}'
STORES = {
    "sops": ("secrets.backend=sops",),
    "external-secrets": ("secrets.backend=external-secrets", SERVER),
    "sealed-secrets": ("secrets.backend=sealed-secrets",),
}
FILES = {
    "sops": "secrets.sops.yaml",
    "external-secrets": "external-secret.yaml",
    "sealed-secrets": "sealed-secret.yaml",
}


def request_for(folder: Path, store: str, preset: str = "lab", engine: str = "flux") -> Request:
    (folder / "site.yaml").write_text(preset_text(preset), "utf-8")
    (folder / "cert.pem").write_bytes(certificate(KEYS[0]))
    return Request(
        folder / "site.yaml",
        folder / "out",
        (*STORES[store], f"gitops.engine={engine}"),
        age_key=folder / "operator.agekey",
        certificate=folder / "cert.pem",
    )


def run(request: Request) -> Generated:
    return generate(request, TODAY, lambda _: None)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def opened(request: Request, site: str) -> dict[str, str]:
    """The values of the store's own encrypted files, by name where names are kept, read by the real sops."""
    env = {**os.environ, "SOPS_AGE_KEY_FILE": str(request.age_key)}
    path = request.output / f"sites/{site}/store/values.sops.yaml"
    done = subprocess.run([BIN / "sops", "decrypt", path], capture_output=True, check=True, env=env)
    found: dict[str, str] = yamlio.load(done.stdout)
    return found


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every value that is made, told apart from all else."""
    made: list[str] = []

    def canary(_: str) -> str:
        made.append(f"Canary{len(made):04d}Zq")
        return made[-1]

    monkeypatch.setattr(forms, "generate", canary)
    return made


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("preset", [name for name in preset_names() if name.startswith("openstack-helm")])
def test_a_preset_passes_every_check_and_has_no_value_in_clear(
    tmp_path: Path, preset: str, store: str, canaries: list[str]
) -> None:
    request = request_for(tmp_path, store, preset)
    assert run(request).commit
    report = check(request.output)
    assert report.faults == ()
    assert report.unvalidated == {}
    files = contents(request.output)
    own = [path for path in files if path.endswith("/" + FILES[store])]
    assert len(own) == len([path for path in files if path.endswith(tuple(FILES.values()))]) > 10
    assert len(canaries) > 20
    for path, content in files.items():
        assert not [value for value in canaries if value.encode() in content], path
    assert run(request).commit is None


def test_what_the_sealed_secrets_become_holds_every_value(tmp_path: Path, canaries: list[str]) -> None:
    request = request_for(tmp_path, "sealed-secrets")
    run(request)
    made = in_cluster(
        {path.replace("/openstack/", "/"): content for path, content in contents(request.output).items()},
        KEYS[0],
    )
    keystone = made["keystone"]["endpoints"]
    assert keystone["identity"]["auth"]["admin"]["password"] in canaries
    assert made["nova"]["endpoints"]["identity"]["auth"]["admin"] == keystone["identity"]["auth"]["admin"]
    assert set(canaries) <= {leaf for tree in made.values() for leaf in leaves(tree)}


def leaves(value: object) -> set[str]:
    if isinstance(value, dict):
        return {leaf for item in value.values() for leaf in leaves(item)}
    return {str(value)}


@pytest.mark.parametrize("store", ["external-secrets", "sealed-secrets"])
def test_argo_cd_has_no_such_store_and_says_for_which_charts(tmp_path: Path, store: str) -> None:
    request = request_for(tmp_path, store, engine="argocd")
    with pytest.raises(
        UserError, match=rf"K1: Argo CD with {store}: the passwords of .*keystone.*mariadb.*nova"
    ):
        run(request)
    assert not request.output.exists()


def test_the_store_of_a_repository_changes_and_its_values_stay(tmp_path: Path) -> None:
    sops = request_for(tmp_path, "sops")
    run(sops)
    env = {**os.environ, "SOPS_AGE_KEY_FILE": str(sops.age_key)}
    path = sops.output / "sites/lab/openstack/keystone/secrets.sops.yaml"
    plain = yamlio.load(
        subprocess.run([BIN / "sops", "decrypt", path], capture_output=True, check=True, env=env).stdout
    )
    admin = plain["endpoints"]["identity"]["auth"]["admin"]["password"]

    external = request_for(tmp_path, "external-secrets")
    with pytest.raises(UserError, match="must be read") as caught:
        run(replace(external, age_key=None))
    assert "--age-key" in caught.value.hint
    done = run(external)
    assert "the values moved from sops to external-secrets" in done.notes
    assert opened(external, "lab")["keystone-admin-password"] == admin
    assert not [name for name in contents(sops.output) if name.endswith("secrets.sops.yaml")]
    assert check(sops.output).faults == ()

    back = run(sops)
    assert "the values moved from external-secrets to sops" in back.notes
    again = yamlio.load(
        subprocess.run([BIN / "sops", "decrypt", path], capture_output=True, check=True, env=env).stdout
    )
    assert again == plain

    sealed = request_for(tmp_path, "sealed-secrets")
    run(sealed)
    made = in_cluster(
        {name.replace("/openstack/", "/"): content for name, content in contents(sealed.output).items()},
        KEYS[0],
    )
    assert made["keystone"]["endpoints"] == plain["endpoints"]
    before = contents(sealed.output)
    with pytest.raises(Refused, match="controller in the cluster only"):
        run(sops)
    assert contents(sealed.output) == before


def test_values_move_from_external_to_sealed_secrets_and_from_there_to_no_store(tmp_path: Path) -> None:
    external = request_for(tmp_path, "external-secrets")
    run(external)
    values = opened(external, "lab")
    sealed = request_for(tmp_path, "sealed-secrets")
    assert "the values moved from external-secrets to sealed-secrets" in run(sealed).notes
    after = contents(sealed.output)
    assert not [path for path in after if path.endswith(("external-secret.yaml", "values.sops.yaml"))]
    made = in_cluster({path.replace("/openstack/", "/"): content for path, content in after.items()}, KEYS[0])
    assert {leaf for tree in made.values() for leaf in leaves(tree)} == set(values.values())
    assert check(sealed.output).faults == ()
    assert "the values cannot move to another store" in after["sites/lab/RUNBOOK.md"].decode()
    for other in (external, request_for(tmp_path, "sops")):
        with pytest.raises(Refused, match="controller in the cluster only") as caught:
            run(other)
        assert "kubectl get secret" in caught.value.hint
        assert contents(sealed.output) == after


def test_a_rotation_says_what_must_be_restarted_also_in_the_commit(tmp_path: Path) -> None:
    request = request_for(tmp_path, "external-secrets")
    run(request)
    before = opened(request, "lab")
    done = run(replace(request, rotate=("placement-db-password",)))
    (note,) = done.notes
    assert note.startswith("the secret placement-db-password is new")
    assert "`sh sites/lab/store/fill.sh placement-db-password`" in note
    assert note.endswith("must be restarted: placement")
    message = subprocess.run(
        ["git", "log", "-1", "--format=%B"], cwd=request.output, capture_output=True, check=True, text=True
    ).stdout
    assert "The secret placement-db-password is new" in message
    after = opened(request, "lab")
    assert {name for name in after if after[name] != before[name]} == {"placement-db-password"}


def test_a_changed_list_of_recipients_encrypts_anew_and_says_who_could_read(tmp_path: Path) -> None:
    request = request_for(tmp_path, "sops")
    run(request)
    before = {
        path: text for path, text in contents(request.output).items() if path.endswith("secrets.sops.yaml")
    }
    fewer = replace(request, overrides=(*request.overrides, "secrets.recipients={}"))
    first, second = run(fewer).notes
    assert first.startswith("encrypted anew for age1")
    assert "restarts nothing" in first
    assert second.count("age1") == 1
    assert "make them new with --rotate" in second
    after = contents(request.output)
    assert all(after[path] != text for path, text in before.items())
    assert run(fewer).notes == ()


def test_the_operators_may_read_where_a_component_needs_it() -> None:
    store = skeletons_path() / "external-secrets/{{cookiecutter.root}}/sites/{{cookiecutter.site.name}}"
    text = (store / "external-secrets/configs/store.yaml").read_text("utf-8")
    needed = {component.namespace for component in load_components().values() if component.secrets}
    assert f"namespaces: [{', '.join(sorted(filter(None, needed)))}]" in text


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """A client that keeps what it reads, refuses what is there when told `-cas=0`, and records its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    client = folder / "bao"
    client.write_text(
        '#!/bin/sh\nset -eu\necho "$*" >> "$VAULT_FOLDER/argv"\n'
        "for word; do case $word in -cas=0) cas=0 ;; value=-|kv|put|-*) ;; *) path=$word ;; esac; done\n"
        'at="$VAULT_FOLDER/$(basename "$path")"\n'
        'if [ "${cas-}" = 0 ] && [ -e "$at" ]; then\n'
        '  echo "* check-and-set parameter did not match the current version" >&2; exit 2\nfi\n'
        '[ ! -e "$VAULT_FOLDER/sealed" ] || { echo "* Vault is sealed" >&2; exit 2; }\n'
        'cat > "$at"\necho written to "$path"\n'
    )
    client.chmod(client.stat().st_mode | stat.S_IXUSR)
    (folder / "sops").symlink_to(BIN / "sops")
    return folder


def test_the_script_fills_the_store_and_shows_nothing(tmp_path: Path, vault: Path) -> None:
    request = request_for(tmp_path, "external-secrets")
    run(request)
    values = opened(request, "lab")
    there = tmp_path / "vault"
    there.mkdir()
    (there / "nova-db-password").write_text("kept")
    env = {
        "PATH": f"{vault}:{os.defpath}",
        "VAULT_FOLDER": str(there),
        "SOPS_AGE_KEY_FILE": str(request.age_key),
    }

    def fill(*names: str) -> subprocess.CompletedProcess[str]:
        words = ["sh", "sites/lab/store/fill.sh", *names]
        return subprocess.run(words, cwd=request.output, env=env, capture_output=True, text=True, check=False)

    done = fill()
    assert done.returncode == 0, done.stderr
    stored = {path.name: path.read_text() for path in there.iterdir() if path.name != "argv"}
    assert stored == {**values, "nova-db-password": "kept"}
    argv = (there / "argv").read_text()
    assert "kv put -mount=secret -cas=0 lab/keystone-admin-password value=-" in argv
    assert "nova-db-password: there already, left alone" in done.stdout
    for value in values.values():
        assert value not in argv + done.stdout + done.stderr
    assert fill("nova-db-password").returncode == 0
    assert (there / "nova-db-password").read_text() == values["nova-db-password"]

    (there / "sealed").touch()
    (there / "barbican-kek").unlink(missing_ok=True)
    refused = fill("nova-db-password")
    assert refused.returncode == 1
    assert "Vault is sealed" in refused.stderr
    (there / "sealed").unlink()
    env["SOPS_AGE_KEY_FILE"] = str(tmp_path / "nobody")
    (there / "keystone-admin-password").unlink()
    blind = fill()
    assert blind.returncode != 0
    assert not (there / "keystone-admin-password").exists()


def test_the_list_of_paths_names_each_reader(tmp_path: Path) -> None:
    request = request_for(tmp_path, "external-secrets")
    run(request)
    text = (request.output / "sites/lab/store/README.md").read_text("utf-8")
    for name in opened(request, "lab"):
        assert f"| secret/lab/{name} | " in text
    assert "| secret/lab/placement-db-password | placement |" in text


@pytest.mark.parametrize("store", ["external-secrets", "sealed-secrets"])
def test_what_the_operator_adds_to_an_object_of_the_store_stays(tmp_path: Path, store: str) -> None:
    request = request_for(tmp_path, store)
    run(request)
    path = request.output / "sites/lab/openstack/placement" / FILES[store]
    text = path.read_text("utf-8")
    text, count = re.subn(
        r"(?m)^( +)auth:$", r'\1auth:\n\1  mine: {{ index . "mine" | toJson }}', text, count=1
    )
    assert count == 1
    if store == "external-secrets":
        text += "  - secretKey: mine\n    remoteRef:\n      key: elsewhere/mine\n      property: value\n"
    else:
        sealed = seal("word", KEYS[0].public_key(), "openstack", "placement-secrets")
        text = text.replace("  encryptedData:\n", f"  encryptedData:\n    mine: {sealed}\n")
    path.write_text(text, "utf-8")
    subprocess.run(["git", "commit", "-qam", "mine"], cwd=request.output, check=True)
    done = run(replace(request, rotate=("placement-db-password",)))
    assert done.commit
    after = yamlio.load(path.read_bytes())
    assert 'index . "mine"' in str(after)
    names = after["spec"].get("encryptedData") or [entry["secretKey"] for entry in after["spec"]["data"]]
    assert {"mine", "placement-db-password"} <= set(names)
    assert check(request.output).faults == ()


def test_the_store_is_trusted_by_its_own_certificates() -> None:
    pem = certificate(KEYS[0]).decode()
    answers = yamlio.load(preset_text("lab"))
    answers["spec"]["secrets"] |= {
        "backend": "external-secrets",
        "externalSecrets": {
            "server": "https://bao.cloud.example:8200",
            "ca": pem,
            "mount": "kv",
            "role": "fra1",
        },
    }
    plan, _ = plan_site(parse_site(yamlio.dump(answers), "site.yaml"), TODAY)
    tree = render_tree(plan, {"operator": "age1x"})
    vault = yamlio.load(tree.text("sites/lab/external-secrets/configs/store.yaml"))["spec"]["provider"][
        "vault"
    ]
    assert base64.b64decode(vault["caBundle"]).decode() == pem
    assert (vault["path"], vault["auth"]["kubernetes"]["role"]) == ("kv", "fra1")
    assert "mount=kv\n" in tree.text("sites/lab/store/fill.sh")
