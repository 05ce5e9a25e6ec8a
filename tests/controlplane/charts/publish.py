"""Every chart that our skeletons pin, published on loopback servers the way its source is one."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from openinfra_tui import proc
from tests.controlplane import charts
from tests.controlplane.loopback.git import GitServer
from tests.controlplane.loopback.helm import HelmRepository, package_files
from tests.controlplane.loopback.oci import OciRegistry

SKELETONS = Path(__file__).parents[3] / "skeletons"
# Of this one a site has a GitRepository, and charts are folders in it (skeletons/openstack).
GIT_SOURCE = "openstack-helm-git"


@dataclass(frozen=True)
class Pin:
    """A chart as a component pins it."""

    chart: str
    version: str
    source: str
    url: str


@dataclass(frozen=True)
class ChartServers:
    """Where the charts are now.

    Args:
        helm: one Helm repository for all sources that are one.
        oci: the registry; a chart is at the path that its pinned address has.
        git: the Git server with the charts of `GIT_SOURCE`, one branch and one tag for each of their versions.
    """

    helm: HelmRepository
    oci: OciRegistry
    git: GitServer

    def address(self, url: str) -> str:
        """The loopback address in place of a source's own; the path of an OCI address stays."""
        if url.startswith("oci://"):
            return f"{self.oci.oci_url}/{_path(url)}"
        return self.git.clone_url(GIT_SOURCE) if url.startswith("https://opendev.org/") else self.helm.url


def pins(skeletons: Path = SKELETONS) -> tuple[Pin, ...]:
    """The charts that the skeletons pin and that we have facts of, each version once."""
    specs = [
        yaml.safe_load(path.read_text("utf-8"))["spec"] for path in sorted(skeletons.glob("*/component.yaml"))
    ]
    urls = {
        spec["chartSource"]["name"]: spec["chartSource"]["url"] for spec in specs if "chartSource" in spec
    }
    found = [
        Pin(chart["name"], chart["version"], chart["source"], urls.get(chart["source"], ""))
        for spec in specs
        for chart in (release["chart"] for release in spec.get("releases", []))
        if chart["name"] in charts.tables()
    ]
    return tuple(dict.fromkeys(found))


def next_version(version: str) -> str:
    """The next patch of a version, of the same build."""
    core, mark, build = version.partition("+")
    major, minor, patch = core.split(".")
    return f"{major}.{minor}.{int(patch) + 1}{mark}{build}"


@contextmanager
def chart_servers(
    wanted: Iterable[Pin] | None = None, kinds: Container[str] | None = None
) -> Iterator[ChartServers]:
    """The servers with the charts; they end with the block.

    Args:
        wanted: the charts; all that the skeletons pin when left out.
        kinds: of the charts' CRDs only those of these kinds; all when left out.

    Raises:
        Missing: CRDs that a chart brings are not on this machine.
    """
    wanted = tuple(pins() if wanted is None else wanted)
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="charts-")))
        servers = ChartServers(
            stack.enter_context(HelmRepository(root / "helm")),
            stack.enter_context(OciRegistry()),
            stack.enter_context(GitServer(root / "git")),
        )
        in_git: dict[str, dict[str, bytes]] = {}
        for pin in wanted:
            files = charts.chart(pin.chart, pin.version, kinds)
            if pin.source == GIT_SOURCE:
                in_git.setdefault(pin.version, {}).update(
                    {f"{pin.chart}/{path}": data for path, data in files.items()}
                )
            elif pin.url.startswith("oci://"):
                servers.oci.publish(f"{_path(pin.url)}/{pin.chart}", package_files(files, root))
            else:
                servers.helm.publish(files)
        if in_git:
            push_charts(servers.git, in_git, root / "work")
        yield servers


def _path(url: str) -> str:
    return url.removeprefix("oci://").partition("/")[2]


def push_charts(server: GitServer, versions: Mapping[str, Mapping[str, bytes]], work: Path) -> None:
    """Charts as folders of `GIT_SOURCE`: one commit and one tag for each version, on `main`."""
    url = server.create(GIT_SOURCE)
    author = {
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "charts", "GIT_AUTHOR_EMAIL": "charts@example.invalid",
        "GIT_COMMITTER_NAME": "charts", "GIT_COMMITTER_EMAIL": "charts@example.invalid",
    }  # fmt: skip

    def git(*words: str) -> None:
        proc.run(["git", "-C", work, *words], env=author)

    work.mkdir()
    git("init", "--quiet", "--initial-branch=main")
    for version, files in versions.items():
        for path, content in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(content)
        git("add", "--all")
        git("commit", "--quiet", "--message", f"Charts {version}")
        git("tag", version)
    git("push", "--quiet", url, "main", "--tags")
