"""The Git server, with the real git as its client."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openinfra_tui import proc
from openinfra_tui.errors import ToolError
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.loopback.tls import write_pair


@pytest.fixture(autouse=True)
def _author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Op\nemail = op@cloud.example\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")


def _commit(work: Path, content: bytes) -> str:
    (work / "site.yaml").write_bytes(content)
    proc.run(["git", "-C", work, "add", "."])
    proc.run(["git", "-C", work, "commit", "--quiet", "-m", "A change"])
    return proc.run(["git", "-C", work, "rev-parse", "HEAD"]).stdout.decode().strip()


def test_push_then_clone_then_fetch(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served") as server:
        url = server.create("site")
        work, copy = tmp_path / "work", tmp_path / "copy"
        proc.run(["git", "clone", "--quiet", url, work])
        first = _commit(work, b"a: 1\n")
        proc.run(["git", "-C", work, "push", "--quiet", "origin", "HEAD:main"])
        assert server.head("site") == first
        proc.run(["git", "clone", "--quiet", "--branch", "main", url, copy])
        assert (copy / "site.yaml").read_bytes() == b"a: 1\n"
        # Past http.postBuffer git sends chunks, and a long list of haves is sent gzipped.
        second = _commit(work, os.urandom(2 << 20))
        proc.run(["git", "-C", work, "-c", "http.postBuffer=65536", "push", "--quiet", "origin", "HEAD:main"])
        proc.run(["git", "-C", copy, "pull", "--quiet"])
        assert proc.run(["git", "-C", copy, "rev-parse", "HEAD"]).stdout.decode().strip() == second


def test_credentials_are_asked_for(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served", credentials=("flux", "sesame")) as server:
        url = server.create("site")
        with pytest.raises(ToolError):
            proc.run(["git", "ls-remote", url])
        proc.run(["git", "ls-remote", url.replace("http://", "http://flux:sesame@")])


def test_https(tmp_path: Path) -> None:
    tls = write_pair(tmp_path / "tls")
    with GitServer(tmp_path / "served", tls=tls) as server:
        url = server.create("site")
        with pytest.raises(ToolError):
            proc.run(["git", "ls-remote", url])
        proc.run(["git", "-c", f"http.sslCAInfo={tls.authority}", "ls-remote", url])


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served") as server, pytest.raises(ValueError, match="not a name"):
        server.create("../outside")
