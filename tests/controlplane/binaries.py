"""The programs of the control plane, built once from pinned Go modules into a cache outside the repository.

`python -m tests.controlplane.binaries` builds all that is missing and prints how long each took.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.missing import Missing

MODULES = Path(__file__).parent / "modules"
STRIPPED = "-s -w"
# Of the machine, read once: a test that gives the program a cache of its own does not build all of this anew.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@dataclass(frozen=True)
class Recipe:
    """How a program is built: folder of its go.mod, main package, and where its version is stamped."""

    module: str
    package: str
    stamps: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """The words of `go build` that decide what comes out."""
        words = " ".join((STRIPPED, *(f"-X {stamp}" for stamp in self.stamps)))
        return ("-trimpath", "-buildvcs=false", "-ldflags", words)


@dataclass(frozen=True)
class Built:
    """What a build cost: wall time, and the memory of its largest process."""

    name: str
    path: Path
    seconds: float
    peak_mib: int


_KUBERNETES = "k8s.io/component-base/version"
# Without these an API server calls itself v0.0.0, and clients that compare versions go astray.
_KUBERNETES_STAMPS = (
    f"{_KUBERNETES}.gitVersion=v1.36.3",
    f"{_KUBERNETES}.gitMajor=1",
    f"{_KUBERNETES}.gitMinor=36",
)


def _flux(name: str) -> Recipe:
    return Recipe(name, f"github.com/fluxcd/{name}")


def _kubernetes(name: str) -> Recipe:
    return Recipe("kubernetes", f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_STAMPS)


# In the order in which a first build is most useful: what every test needs comes first.
RECIPES: dict[str, Recipe] = {
    "etcd": Recipe("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": _kubernetes("kube-apiserver"),
    "source-controller": _flux("source-controller"),
    "kustomize-controller": _flux("kustomize-controller"),
    "helm-controller": _flux("helm-controller"),
    "helm": Recipe("helm", "helm.sh/helm/v4/cmd/helm", ("helm.sh/helm/v4/internal/version.version=v4.2.4",)),
    "kustomize": Recipe(
        "kustomize",
        "sigs.k8s.io/kustomize/kustomize/v5",
        ("sigs.k8s.io/kustomize/api/provenance.version=v5.8.1",),
    ),
    "kube-controller-manager": _kubernetes("kube-controller-manager"),
    "kube-scheduler": _kubernetes("kube-scheduler"),
    "notification-controller": _flux("notification-controller"),
    "argocd": Recipe("argo-cd", "github.com/argoproj/argo-cd/v3/cmd"),
}


def binary(name: str) -> Path:
    """The path of a program, built first where it is missing.

    Raises:
        Missing: there is no Go, or the build failed.
    """
    return find(name) or build(name).path


def find(name: str) -> Path | None:
    """The path of a program that is already there: of `KUBEBUILDER_ASSETS`, else of the cache."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (given := Path(assets, name)).is_file():
        return given
    if shutil.which("go") is None:
        return None
    cached = _target(name)
    return cached if cached.is_file() else None


def build(name: str) -> Built:
    """Build a program into the cache; a process that waits for the lock finds what another one built.

    Raises:
        Missing: there is no Go, or the build failed.
    """
    go()
    target = _target(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with _lock(name):
        if target.is_file():
            return Built(name, target, time.monotonic() - started, 0)
        _say(f"building {name} ...")
        started = time.monotonic()
        peak = _compile(RECIPES[name], target)
    seconds = time.monotonic() - started
    _say(f"built {name} in {seconds:.0f} s")
    return Built(name, target, seconds, peak)


def go() -> str:
    """The path of Go.

    Raises:
        Missing: it is not installed.
    """
    if found := shutil.which("go"):
        return found
    raise Missing("no control plane: install Go 1.26, or name a folder of its programs in KUBEBUILDER_ASSETS")


def cache_root() -> Path:
    """The folder that holds everything built or unpacked for these tests."""
    return CACHE / "openinfra-tui" / "controlplane"


def module_digest(folder: Path, *more: str) -> str:
    """A name for what a module folder gives: it changes when the pins, Go or `more` change."""
    digest = hashlib.sha256()
    for part in ((folder / "go.mod").read_bytes(), (folder / "go.sum").read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    digest.update("\0".join((_go_version(), *more)).encode())
    return digest.hexdigest()[:16]


def go_environment() -> dict[str, str]:
    """The environment of every call of Go: only the installed toolchain, no settings of the user's."""
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly",
    }


def _target(name: str) -> Path:
    recipe = RECIPES[name]
    return cache_root() / module_digest(MODULES / recipe.module, *recipe.flags) / name


@functools.cache
def _go_version() -> str:
    words = [go(), "env", "GOVERSION", "GOOS", "GOARCH"]
    return subprocess.run(words, env=go_environment(), check=True, capture_output=True, text=True).stdout


def _compile(recipe: Recipe, target: Path) -> int:
    """Build beside the target and rename: a killed build leaves no half program. Returns the peak in MiB."""
    part = target.with_name(f"{target.name}.part")
    words = [go(), "build", *recipe.flags, "-o", str(part), recipe.package]
    log = target.with_name(f"{target.name}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=MODULES / recipe.module, env=go_environment(), stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise Missing(f"{target.name} does not build: {last[0]} (whole log: {log})")
    part.replace(target)
    return usage.ru_maxrss // 1024


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """One build at a time on the machine: one alone uses all cores and up to 2 GB."""
    with (cache_root() / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"{name}: waiting for another build to finish")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(f"controlplane: {line}", file=sys.stderr, flush=True)  # noqa: T201 - progress of a long build


def main() -> int:
    """Build what is missing and print the costs; what cannot be built is named, and a failure only in CI."""
    rows, failed = [], False
    for name in RECIPES:
        try:
            path = find(name)
            rows.append(Built(name, path, 0.0, 0) if path else build(name))
        except Missing as error:
            _say(f"left out: {error}")
            failed = True
            if shutil.which("go") is None:
                break
    lines = [f"{'program':<26}{'built in s':>12}{'largest process MiB':>22}{'size MiB':>10}"]
    for row in rows:
        size = row.path.stat().st_size // 2**20
        lines.append(f"{row.name:<26}{row.seconds:>12.0f}{row.peak_mib:>22}{size:>10}")
    lines.append(f"{'all':<26}{sum(row.seconds for row in rows):>12.0f}")
    print("\n".join(lines))  # noqa: T201
    return 1 if failed and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
