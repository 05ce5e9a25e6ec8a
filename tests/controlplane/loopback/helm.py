"""A Helm repository: packaged charts and their index, served from a folder.

Source of the index: Helm documentation, "The Chart Repository Guide" (apiVersion v1, entries, digest, urls).
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from openinfra_tui import proc
from tests.controlplane.loopback.server import Handler, LoopbackServer
from tests.controlplane.loopback.tls import TlsFiles

# The packages of two runs are equal to the byte, so their digests are.
_MOMENT = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class HelmRepository(LoopbackServer):
    """Charts in a folder. `publish` adds one and renews the index."""

    def __init__(self, folder: Path, *, tls: TlsFiles | None = None) -> None:
        super().__init__(_HelmHandler, tls)
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        write_index(folder)

    def publish(self, files: Mapping[str, bytes]) -> Path:
        """Package a chart given as path → bytes; the package's path."""
        package = package_files(files, self.folder)
        write_index(self.folder)
        return package

    def publish_folder(self, helm: Path, chart: Path, version: str | None = None) -> Path:
        """Package a chart of a checkout with Helm itself, its `file://` dependencies included."""
        package = package_folder(helm, chart, self.folder, version)
        write_index(self.folder)
        return package


class _HelmHandler(Handler):
    server: HelmRepository

    def do_GET(self) -> None:  # noqa: N802
        self._serve()

    def do_HEAD(self) -> None:  # noqa: N802
        self._serve()

    def _serve(self) -> None:
        name = unquote(urlsplit(self.path).path).lstrip("/")
        # The listing holds no folder, so no name in it leads out of the folder.
        files = {path.name: path for path in self.server.folder.iterdir() if path.is_file()}
        if name not in files:
            self.answer(404)
            return
        kind = "application/yaml" if name.endswith(".yaml") else "application/gzip"
        self.answer(200, files[name].read_bytes(), kind)


def package_files(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write `NAME-VERSION.tgz` from a chart given as path → bytes."""
    metadata = yaml.safe_load(files["Chart.yaml"])
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        # Helm reads Chart.yaml whatever its place; first is where `helm package` puts it.
        for path in sorted(files, key=lambda path: (path != "Chart.yaml", path)):
            entry = tarfile.TarInfo(f"{metadata['name']}/{path}")
            entry.size = len(files[path])
            entry.mode = 0o644
            entry.mtime = int(_MOMENT.timestamp())
            tar.addfile(entry, io.BytesIO(files[path]))
    target = folder / f"{metadata['name']}-{metadata['version']}.tgz"
    target.write_bytes(buffer.getvalue())
    return target


def package_folder(helm: Path, chart: Path, folder: Path, version: str | None = None) -> Path:
    """Package a chart of a checkout with `helm package`, its dependencies built first."""
    proc.run([helm, "dependency", "build", chart], timeout=300)
    words: list[str | Path] = [helm, "package", chart, "--destination", folder]
    done = proc.run([*words, *(["--version", version] if version else [])], timeout=300)
    return Path(done.stdout.decode().strip().rpartition(": ")[2])


def write_index(folder: Path) -> None:
    """Write `index.yaml` for the packages of a folder."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for package in sorted(folder.glob("*.tgz")):
        metadata = read_metadata(package)
        entries.setdefault(metadata["name"], []).append(
            {
                **metadata,
                "created": _MOMENT.isoformat(),
                "digest": hashlib.sha256(package.read_bytes()).hexdigest(),
                "urls": [package.name],
            }
        )
    index = {"apiVersion": "v1", "entries": entries, "generated": _MOMENT.isoformat()}
    partial = folder / ".index.partial"
    partial.write_text(yaml.safe_dump(index), encoding="utf-8")
    partial.replace(folder / "index.yaml")


def read_metadata(package: Path) -> dict[str, Any]:
    """The Chart.yaml of a package."""
    with tarfile.open(package) as tar:
        for member in tar:
            if member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"):
                content = tar.extractfile(member)
                if content is not None:
                    return dict(yaml.safe_load(content))
    raise ValueError(f"{package.name} holds no Chart.yaml")
