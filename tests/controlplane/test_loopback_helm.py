"""The Helm repository and the OCI registry, with the real helm as their client."""

from __future__ import annotations

from pathlib import Path

import pytest

from openinfra_tui import proc
from openinfra_tui.errors import ToolError
from tests.controlplane.binaries import binary
from tests.controlplane.loopback.helm import HelmRepository, package_files
from tests.controlplane.loopback.oci import OciRegistry

CHART = {
    "Chart.yaml": b"apiVersion: v2\nname: small\nversion: 1.2.3+abc\n",
    "values.yaml": b"greeting: hello\n",
    "templates/map.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: small}\ndata: {a: {{ .Values.greeting }}}\n",
}


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real helm, with folders of its own."""
    for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return binary("helm")


def test_helm_reads_the_repository(tmp_path: Path, helm: Path) -> None:
    with HelmRepository(tmp_path / "charts") as server:
        server.publish(CHART)
        done = proc.run([helm, "template", "x", "small", "--repo", server.url, "--version", "1.2.3+abc"])
        assert b"a: hello" in done.stdout


def test_helm_packages_a_folder_and_pulls_it(tmp_path: Path, helm: Path) -> None:
    chart = tmp_path / "source" / "small"
    library = tmp_path / "source" / "library"
    (library / "templates").mkdir(parents=True)
    (library / "Chart.yaml").write_text("apiVersion: v2\nname: library\nversion: 0.1.0\n")
    (library / "templates" / "_name.tpl").write_text('{{ define "greet" }}hi{{ end }}')
    for name, content in CHART.items():
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_bytes(content)
    (chart / "Chart.yaml").write_text(
        "apiVersion: v2\nname: small\nversion: 1.0.0\n"
        "dependencies: [{name: library, version: 0.1.0, repository: 'file://../library'}]\n"
    )
    with HelmRepository(tmp_path / "charts") as server:
        assert server.publish_folder(helm, chart, "2.0.0+pin").name == "small-2.0.0+pin.tgz"
        proc.run([helm, "pull", "small", "--repo", server.url, "--version", "2.0.0+pin", "-d", tmp_path])
        assert (tmp_path / "small-2.0.0+pin.tgz").exists()


def test_helm_pushes_and_pulls_oci(tmp_path: Path, helm: Path) -> None:
    plain = {**CHART, "Chart.yaml": b"apiVersion: v2\nname: small\nversion: 1.2.3\n"}
    package = package_files(plain, tmp_path)
    with OciRegistry() as registry:
        proc.run([helm, "push", package, f"{registry.oci_url}/charts", "--plain-http"])
        assert registry.tags("charts/small") == ["1.2.3"]
        pulled = tmp_path / "pulled"
        pulled.mkdir()
        proc.run(
            [
                helm,
                "pull",
                f"{registry.oci_url}/charts/small",
                "--version",
                "1.2.3",
                "--plain-http",
                "-d",
                pulled,
            ]
        )
        assert (pulled / "small-1.2.3.tgz").read_bytes() == package.read_bytes()
        with pytest.raises(ToolError):
            proc.run([helm, "pull", f"{registry.oci_url}/charts/small", "--version", "9.9.9", "--plain-http"])


def test_helm_pulls_what_was_published(tmp_path: Path, helm: Path) -> None:
    plain = {**CHART, "Chart.yaml": b"apiVersion: v2\nname: small\nversion: v1.2.3\n"}
    with OciRegistry() as registry:
        package = package_files(plain, tmp_path)
        registry.publish("jetstack/charts/small", package)
        words = [
            helm,
            "pull",
            f"{registry.oci_url}/jetstack/charts/small",
            "--version",
            "v1.2.3",
            "--plain-http",
        ]
        pulled = tmp_path / "pulled"
        pulled.mkdir()
        proc.run([*words, "-d", pulled])
        assert (pulled / package.name).read_bytes() == package.read_bytes()
        with pytest.raises(ValueError, match="not a tag"):
            registry.publish("small", package_files(CHART, tmp_path))
