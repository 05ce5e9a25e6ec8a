"""Charts as Helm renders them, and the one place where charts are fetched and kept.

A chart is kept under the digest of its package, and what was asked for points to that digest, so it is
fetched once and two names of one package are one file. Nothing here talks to a cluster.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from openinfra_tui import proc
from openinfra_tui.build import programs
from openinfra_tui.cache import default_folder
from openinfra_tui.errors import ToolError

# A release must have a version that does not move: what moves is asked for again each time.
_FIXED = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?")


class NotFetched(ToolError):
    """A chart is neither here nor may or can it be fetched."""


@dataclass(frozen=True)
class Chart:
    """Where a chart comes from: an HTTP repository and a name, or an `oci://` address with the name in it."""

    url: str
    name: str
    version: str

    @property
    def fixed(self) -> bool:
        """Whether the version names one package, and not whatever is newest."""
        return _FIXED.fullmatch(self.version) is not None

    def __str__(self) -> str:
        place = self.url if self.url.startswith("oci://") else f"{self.url} {self.name}"
        return f"{place} {self.version}"


@dataclass(frozen=True)
class Release:
    """What Helm is told of a release.

    Attributes:
        name: of the release.
        namespace: of the release.
        kube_version: of the cluster, or an empty string.
        api_versions: of the cluster, as `group/version/Kind`.
        settings: words such as `--set-string` and what follows it, merged last.
        crds: whether the definitions of the chart are printed too.
        schema: whether values are checked against the chart's schema.
        tests: whether the test hooks are printed too.
    """

    name: str
    namespace: str
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    crds: bool = True
    schema: bool = True
    tests: bool = True


def find() -> Path:
    """The first helm, as `doctor` finds it.

    Raises:
        ToolError: there is none.
    """
    found = programs.copies("helm")
    if not found:
        raise ToolError("helm is not installed", "install Helm 3 or newer and put it on PATH")
    return found[0]


def charts_folder() -> Path:
    """Where charts are kept, beside the builds."""
    return default_folder("charts")


def fetch(chart: Chart, *, offline: bool = False) -> Path:
    """The package of a chart, from the cache or from its repository.

    Args:
        chart: what is wanted.
        offline: whether the network may not be used.

    Raises:
        NotFetched: it is not in the cache, and cannot or may not be fetched.
        ToolError: there is no helm to fetch it with.
    """
    folder = charts_folder()
    asked = hashlib.sha256(json.dumps([chart.url, chart.name, chart.version]).encode()).hexdigest()
    pointer = folder / f"{asked}.digest"
    if offline or chart.fixed:
        try:
            kept = folder / f"{pointer.read_text().strip()}.tgz"
            if hashlib.sha256(kept.read_bytes()).hexdigest() == kept.stem:
                return kept
        except OSError:
            pass  # not there yet
    if offline:
        raise NotFetched(f"{chart} is not in the cache, and --offline forbids to fetch it")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        oci = chart.url.startswith("oci://")
        words = [] if oci else ["--repo", chart.url]
        words += ["--version", chart.version, "--destination", temporary]
        try:
            # Names come from a repository: behind `--` none of them is an option.
            proc.run([find(), "pull", *words, "--", chart.url if oci else chart.name])
        except ToolError as error:
            raise NotFetched(f"{chart} cannot be fetched: {error.message}", error.hint) from error
        (package,) = Path(temporary).glob("*.tgz")
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        kept = package.replace(folder / f"{digest}.tgz")
        part = Path(temporary) / "digest"
        part.write_text(digest)
        part.replace(pointer)
    return kept


def template(chart: Path, release: Release, values: bytes) -> bytes:
    """What `helm template` prints, the file of each object in a comment above it.

    Args:
        chart: a package or a folder.
        release: what Helm is told.
        values: YAML or JSON, through a pipe because a value may be a secret.

    Raises:
        ToolError: there is no helm, or the chart does not render.
    """
    words: list[str | Path] = [find(), "template"]
    words += ["--namespace", release.namespace] if release.namespace else []
    words += ["--kube-version", release.kube_version] if release.kube_version else []
    for version in release.api_versions:
        words += ["--api-versions", version]
    words += ["--values", "-", *release.settings]
    words += ["--include-crds"] if release.crds else []
    words += [] if release.schema else ["--skip-schema-validation"]
    words += [] if release.tests else ["--skip-tests"]
    # Names come from a repository: behind `--` none of them is an option.
    return proc.run([*words, "--", release.name, chart], stdin=values).stdout


def defaults(chart: Path) -> bytes:
    """The values that a chart brings itself, as it writes them.

    Raises:
        ToolError: there is no helm, or it is no chart.
    """
    return proc.run([find(), "show", "values", "--", chart]).stdout
