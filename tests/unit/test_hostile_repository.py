"""A repository that was edited into nonsense, through `check`, `generate` and `site add`.

Each ends with a word for it, or does its work; a refusal leaves every file and ref as it was.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.cli.main import main

pytestmark = pytest.mark.usefixtures("git_author")

KEYSTONE = "sites/ber1/openstack/keystone"
Mutation = Callable[[Path], None]


def text(path: str, content: str | bytes) -> Mutation:
    def change(out: Path) -> None:
        place = out / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        )

    return change


def gone(*paths: str) -> Mutation:
    return lambda out: git(out, "rm", "-rqf", *paths)


def link(path: str, to: str) -> Mutation:
    def change(out: Path) -> None:
        place = out / path
        if place.is_dir() and not place.is_symlink():
            git(out, "rm", "-rqf", path)
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(to)

    return change


def folder_in_place_of(path: str) -> Mutation:
    def change(out: Path) -> None:
        git(out, "rm", "-qf", path)
        (out / path).mkdir(parents=True)
        (out / path / "x").write_text("x")

    return change


MUTATIONS: dict[str, Mutation] = {
    "broken-yaml": text(f"{KEYSTONE}/kustomization.yaml", "a: [b\n"),
    "broken-values": text(f"{KEYSTONE}/values.yaml", "a: b: c\n\t- x"),
    "conflict-markers": text(f"{KEYSTONE}/values.yaml", "<<<<<<< a\nx: 1\n=======\nx: 2\n>>>>>>> b\n"),
    "conflict-in-readme": text("README.md", "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n"),
    "binary": text(f"{KEYSTONE}/values.yaml", bytes(range(256)) * 40),
    "binary-site": text("sites/ber1/site.yaml", bytes(range(256))),
    "utf16": text(f"{KEYSTONE}/pin.yaml", "apiVersion: v1\n".encode("utf-16")),
    "latin1-record": text(".openinfra/sites/ber1.yaml", "answers: {region: \xe9}\n".encode("latin-1")),
    "record-of-another-kind": text(".openinfra/sites/muc1.yaml", "- 1\n"),
    "record-with-a-tag": text(".openinfra/sites/muc1.yaml", "fixed: !!python/name:os.system x\n"),
    "record-with-escapes": text(".openinfra/sites/muc1.yaml", 'fixed: {gitops.engine: "\\e[31mflux"}\n'),
    "record-with-recipients": text(".openinfra/sites/muc1.yaml", 'recipients: ["age1\\nx: y"]\n'),
    "record-deep": text(".openinfra/sites/muc1.yaml", "fixed: " + "[" * 3000),
    "record-missing": gone(".openinfra/sites/ber1.yaml"),
    "records-missing": gone(".openinfra"),
    "list-missing": gone(".openinfra/files/ber1.txt"),
    "list-of-everything": text(".openinfra/files/ber1.txt", "../../etc/passwd\n/etc/passwd\n.git/config\n\x1b[31m\n"),
    "record-with-a-strange-name": text(".openinfra/sites/..%2f\x1b[31m.yaml", "a: 1\n"),
    "link-out": link(f"{KEYSTONE}/values.yaml", "/etc/passwd"),
    "folder-link-out": link("components/openstack/keystone", "/etc"),
    "link-in-a-circle": link("sites/ber1/openstack", "openstack"),
    "link-in-place-of-the-site": link("sites/ham1", "/tmp"),
    "huge": text(f"{KEYSTONE}/values.yaml", "a: " + "x" * 20_000_000 + "\n"),
    "huge-record": text(".openinfra/sites/muc1.yaml", "fixed: {}\n" + "#" * 20_000_000),
    "deep-yaml": text(f"{KEYSTONE}/kustomization.yaml", "a: " + "[" * 100_000),
    "aliases": text(f"{KEYSTONE}/values.yaml", "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'},*{'a' if n == 0 else f'b{n - 1}'}]\n" for n in range(30))),
    "broken-secret": text(f"{KEYSTONE}/secrets.sops.yaml", "conf: plain\n"),
    "secret-with-a-broken-mac": text(f"{KEYSTONE}/secrets.sops.yaml", "a: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\nsops: 1\n"),
    "folder-in-place-of-a-file": folder_in_place_of("README.md"),
    "file-in-place-of-a-folder": lambda out: (gone("sites/muc1")(out), text("sites/muc1", "x")(out))[0],
    "kustomization-of-a-list": text(f"{KEYSTONE}/kustomization.yaml", "- 1\n- {kind: Kustomization}\n"),
    "kustomization-that-leaves": text(f"{KEYSTONE}/kustomization.yaml", "kind: Kustomization\nresources: [../../../../../../etc, 7, null]\n"),
    "objects-of-nothing": text(f"{KEYSTONE}/pin.yaml", "apiVersion: 1\nkind: [x]\nmetadata: 7\nspec: {chart: 3}\n"),
    "flux-of-nothing": text("clusters/ber1/undercloud/keystone.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: [], namespace: {}}\nspec: {dependsOn: 3, path: [], sourceRef: x}\n"),
    "helm-of-nothing": text("components/openstack/keystone/release.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: keystone}\nspec: {valuesFrom: {a: b}, chart: [], install: 1}\n"),
    "a-name-with-escapes": text("sites/ber1/\x1b[31mred\n.yaml", "a: [\n"),
    "empty-files": lambda out: [text(str(p.relative_to(out)), "")(out) for p in (out / "sites/ber1").rglob("*.yaml")][:0] and None,
    "sops-rules-gone": text(".sops.yaml", "creation_rules: 7\n"),
    "all-components-gone": gone("components"),
    "site-yaml-gone": gone("sites/ber1/site.yaml"),
}  # fmt: skip


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def state(folder: Path) -> dict[str, str]:
    """Every file and ref, but our own folder in `.git` and what Git keeps for itself."""
    refs = subprocess.run(["git", "for-each-ref"], cwd=folder / "out", check=True, capture_output=True).stdout
    out = {"refs": refs.decode()}
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", "cache")]
        for name in [*names, *(one for one in folders if (Path(top) / one).is_symlink())]:
            path = Path(top) / name
            link = path.is_symlink()
            out[str(path)] = str(path.readlink()) if link else hashlib.sha256(path.read_bytes()).hexdigest()
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the sites ber1 and muc1, to be copied; and a third site file."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        (folder / "gitconfig").write_text("[user]\nname = Op\nemail = op@cloud.example\n")
        patch.setenv("GIT_CONFIG_GLOBAL", str(folder / "gitconfig"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for name in ("ber1", "muc1", "ham1"):
            (folder / f"{name}.yaml").write_text(preset_text("lab").replace("name: lab", f"name: {name}", 1))
        out, key = str(folder / "out"), ["--age-key", str(folder / "key")]
        patch.setattr("sys.argv", ["x", "generate", str(folder / "ber1.yaml"), "--output", out, *key])
        main()
        patch.setattr("sys.argv", ["x", "site", "add", str(folder / "muc1.yaml"), "--repository", out, *key])
        main()
    return folder


@pytest.mark.parametrize("committed", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name",
    [
        name if number % 4 == 0 else pytest.param(name, marks=pytest.mark.slow)
        for number, name in enumerate(MUTATIONS)
    ],
)
def test_nonsense_is_answered_in_words(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    committed: bool,
) -> None:
    subprocess.run(["cp", "-a", *(str(path) for path in made.iterdir()), str(tmp_path)], check=True)
    out = tmp_path / "out"
    MUTATIONS[name](out)
    if committed:
        git(out, "add", "-A")
        git(out, "commit", "-qm", "nonsense", "--allow-empty")
    key = ["--age-key", str(tmp_path / "key")]
    for words in (
        ["check", str(out)],
        ["generate", str(tmp_path / "ber1.yaml"), "--output", str(out), "--dry-run", *key],
        ["generate", str(tmp_path / "ber1.yaml"), "--output", str(out), *key],
        ["site", "add", str(tmp_path / "ham1.yaml"), "--repository", str(out), *key],
        ["site", "list", "--repository", str(out)],
        ["site", "remove", "muc1", "--repository", str(out)],
    ):
        before = state(tmp_path)
        code = run(words, monkeypatch)
        shown = capsys.readouterr()
        assert code in (0, 2, 3, 4, 6, 7, 8), (words, shown.err)
        assert "Traceback" not in shown.err
        assert all(char.isprintable() or char in "\n\t" for char in shown.out + shown.err), words
        if code or words[0] == "check" or "--dry-run" in words:
            assert state(tmp_path) == before, words


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["openinfra-tui", *words])
    try:
        main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_there_are_enough_of_them() -> None:
    assert len(MUTATIONS) >= 20
