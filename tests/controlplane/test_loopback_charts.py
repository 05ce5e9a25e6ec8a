"""The Helm repository and the OCI registry; with the real helm where it is there."""

from __future__ import annotations

import hashlib
import http.client
import json
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from openinfra_tui import proc
from openinfra_tui.errors import ToolError
from tests.controlplane.binaries import binary
from tests.controlplane.loopback.helm import HelmRepository, package_files
from tests.controlplane.loopback.oci import OciRegistry, digest_of

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


def _request(
    method: str, url: str, body: bytes = b"", kind: str = "application/octet-stream"
) -> tuple[int, dict[str, str], bytes]:
    where = urlsplit(url)
    with closing(http.client.HTTPConnection(where.netloc, timeout=10)) as client:
        client.request(
            method, url.removeprefix(f"http://{where.netloc}"), body or None, {"Content-Type": kind}
        )
        with client.getresponse() as answer:
            return answer.status, dict(answer.headers), answer.read()


def _get(url: str) -> bytes:
    status, _, body = _request("GET", url)
    assert status == 200
    return body


def test_index_and_package_agree(tmp_path: Path) -> None:
    with HelmRepository(tmp_path / "charts") as server:
        server.publish(CHART)
        entry = yaml.safe_load(_get(f"{server.url}/index.yaml"))["entries"]["small"][0]
        assert entry["version"] == "1.2.3+abc"
        package = _get(f"{server.url}/{entry['urls'][0]}")
        assert hashlib.sha256(package).hexdigest() == entry["digest"]


def test_nothing_outside_the_folder_is_served(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("a: 1")
    with HelmRepository(tmp_path / "charts") as server:
        for path in ("../secret.yaml", "%2e%2e/secret.yaml", "", "."):
            assert _request("GET", f"{server.url}/{path}")[0] == 404


def test_packages_are_equal_to_the_byte(tmp_path: Path) -> None:
    with HelmRepository(tmp_path / "one") as one, HelmRepository(tmp_path / "two") as two:
        assert one.publish(CHART).read_bytes() == two.publish(dict(reversed(CHART.items()))).read_bytes()


def test_oci_upload_in_pieces_and_manifest() -> None:
    config, layer = b"{}", b"chart"
    manifest = json.dumps(
        {"config": {"digest": digest_of(config)}, "layers": [{"digest": digest_of(layer)}]}
    ).encode()
    with OciRegistry() as registry:
        base = f"{registry.url}/v2/charts/small"
        assert _request("PUT", f"{base}/manifests/1.0.0", manifest)[0] == 404  # its blobs are not there
        for blob in (config, layer):
            status, headers, _ = _request("POST", f"{base}/blobs/uploads/")
            assert status == 202
            upload = registry.url + headers["Location"]
            assert _request("PATCH", upload, blob[:1])[0] == 202
            assert _request("PUT", f"{upload}?digest={digest_of(blob)}", blob[1:])[0] == 201
        assert (
            _request(
                "PUT", f"{base}/manifests/1.0.0", manifest, "application/vnd.oci.image.manifest.v1+json"
            )[0]
            == 201
        )
        status, headers, body = _request("GET", f"{base}/manifests/1.0.0")
        assert (status, body) == (200, manifest)
        assert headers["Docker-Content-Digest"] == digest_of(manifest)
        assert headers["Content-Type"] == "application/vnd.oci.image.manifest.v1+json"
        assert _request("GET", f"{base}/blobs/{digest_of(layer)}")[2] == layer
        assert json.loads(_request("GET", f"{base}/tags/list")[2]) == {
            "name": "charts/small",
            "tags": ["1.0.0"],
        }


def test_oci_refuses_what_a_registry_refuses() -> None:
    with OciRegistry() as registry:
        base = f"{registry.url}/v2/charts/small"
        status, _, body = _request("POST", f"{base}/blobs/uploads/?digest=sha256:{'0' * 64}", b"x")
        assert (status, json.loads(body)["errors"][0]["code"]) == (400, "DIGEST_INVALID")
        status, _, body = _request("PUT", f"{base}/manifests/1.0.0%2Babc", b"{}")
        assert (status, json.loads(body)["errors"][0]["code"]) == (400, "TAG_INVALID")
        assert _request("GET", f"{base}/manifests/none")[0] == 404
        assert _request("GET", f"{registry.url}/v2/never/pushed/tags/list")[0] == 404


def test_oci_tags_come_in_pages() -> None:
    with OciRegistry() as registry:
        base = f"{registry.url}/v2/small"
        for tag in ("a", "b", "c"):
            assert _request("PUT", f"{base}/manifests/{tag}", b"{}")[0] == 201
        _, headers, body = _request("GET", f"{base}/tags/list?n=2")
        assert json.loads(body)["tags"] == ["a", "b"]
        following = registry.url + headers["Link"].split(">")[0][1:]
        assert json.loads(_request("GET", following)[2])["tags"] == ["c"]


@pytest.mark.controlplane
def test_helm_reads_the_repository(tmp_path: Path, helm: Path) -> None:
    with HelmRepository(tmp_path / "charts") as server:
        server.publish(CHART)
        done = proc.run([helm, "template", "x", "small", "--repo", server.url, "--version", "1.2.3+abc"])
        assert b"a: hello" in done.stdout


@pytest.mark.controlplane
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


@pytest.mark.controlplane
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
