"""The real charts of OpenStack-Helm from a clone of it, at the commits that our skeletons pin.

A published version names its commit (`2026.1.19+55794356b`); what has no package is at a tag. The other charts
stay our own.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from openinfra_tui import proc
from tests.controlplane.binaries import binary
from tests.controlplane.charts.publish import GIT_SOURCE, ChartServers, chart_servers, pins, push_charts
from tests.controlplane.loopback.helm import package_folder, write_index
from tests.controlplane.missing import NotShipped

VARIABLE = "OPENSTACK_HELM_CHARTS"
_SOURCE = "openstack-helm"
# Every chart depends on it by `file://../helm-toolkit`.
_TOOLKIT = "helm-toolkit"


def checkout() -> Path:
    """The clone that the environment names.

    Raises:
        NotShipped: it names none.
    """
    if not (given := os.environ.get(VARIABLE)):
        raise NotShipped(f"the real charts are left out: {VARIABLE} names no clone of openstack-helm")
    return Path(given)


@contextmanager
def real_chart_servers() -> Iterator[ChartServers]:
    """The servers of `chart_servers`, with the charts of OpenStack-Helm from the clone.

    Raises:
        NotShipped: the environment names no clone.
        ToolError: it lacks a commit, or Helm cannot package a chart.
    """
    clone, wanted = checkout(), pins()
    ours = [pin for pin in wanted if pin.source not in {_SOURCE, GIT_SOURCE}]
    helm = binary("helm")
    with chart_servers(ours) as servers, TemporaryDirectory(prefix="openstack-helm-") as root:
        in_git: dict[str, dict[str, bytes]] = {}
        for pin in wanted:
            if pin.source == _SOURCE:
                folder = Path(root) / pin.version
                extract(clone, pin.version.partition("+")[2], (pin.chart, _TOOLKIT), folder)
                package_folder(helm, folder / pin.chart, servers.helm.folder, pin.version)
            elif pin.source == GIT_SOURCE:
                folder = Path(root) / pin.version
                extract(clone, pin.version, (pin.chart, _TOOLKIT), folder)
                in_git.setdefault(pin.version, {}).update(
                    {
                        str(path.relative_to(folder)): path.read_bytes()
                        for path in folder.rglob("*")
                        if path.is_file()
                    }
                )
        write_index(servers.helm.folder)
        push_charts(servers.git, in_git, Path(root) / "work")
        yield servers


def extract(clone: Path, commit: str, names: tuple[str, ...], folder: Path) -> None:
    """Put folders of a clone, as they are at a commit, into another folder.

    Raises:
        ToolError: the clone lacks the commit or a folder.
    """
    archive = proc.run(["git", "-C", clone, "archive", "--format=tar", commit, *names]).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
