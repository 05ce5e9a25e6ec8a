"""An OCI registry in memory: as much of the distribution specification as Helm and Flux use.

Source of the paths, codes and error bodies: OCI Distribution Specification 1.1, "Endpoints" and "Error Codes".
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.controlplane.loopback.helm import read_metadata
from tests.controlplane.loopback.server import Handler, LoopbackServer
from tests.controlplane.loopback.tls import TlsFiles

_PATH = re.compile(
    r"/v2/(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)/(?P<what>blobs/uploads|blobs|manifests|tags)/(?P<rest>[^/]*)"
)
# A tag cannot hold the `+` of a semantic version.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# Helm documentation, "Helm OCI MIME types".
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.cncf.helm.config.v1+json"
_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class _Call:
    """What a route needs to know of a request."""

    name: str
    rest: str
    query: dict[str, str]
    body: bytes


@dataclass
class _Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)


def digest_of(content: bytes) -> str:
    """The digest by which a registry knows a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


class OciRegistry(LoopbackServer):
    """Repositories appear with the first push, and go with the server."""

    def __init__(self, *, tls: TlsFiles | None = None) -> None:
        super().__init__(_OciHandler, tls)
        self.repositories: dict[str, _Repository] = {}

    @property
    def oci_url(self) -> str:
        """The URL in the form that Helm and Flux take."""
        return f"oci://127.0.0.1:{self.port}"

    def publish(self, name: str, package: Path) -> str:
        """Put a packaged chart into a repository under its version, as `helm push` does; its digest.

        Raises:
            ValueError: the version is no tag: `+` is not in the alphabet of tags.
        """
        metadata = read_metadata(package)
        tag = metadata["version"]
        if not _TAG.fullmatch(tag):
            raise ValueError(f"{tag} is not a tag")
        repository = self.repositories.setdefault(name, _Repository())
        config, layer = json.dumps(metadata).encode(), package.read_bytes()
        for blob in (config, layer):
            repository.blobs[digest_of(blob)] = blob
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _descriptor(_CONFIG, config),
                "layers": [_descriptor(_LAYER, layer)],
            }
        ).encode()
        return self.put(name, tag, manifest, _MANIFEST)

    def put(self, name: str, tag: str | None, manifest: bytes, media_type: str) -> str:
        """Put a manifest into a repository, under a tag where one is given; its digest."""
        repository = self.repositories.setdefault(name, _Repository())
        digest = digest_of(manifest)
        repository.manifests[digest] = (media_type, manifest)
        if tag is not None:
            repository.tags[tag] = digest
        return digest

    def put_blob(self, name: str, content: bytes, media_type: str) -> dict[str, str | int]:
        """Put a blob into a repository; the descriptor by which a manifest names it."""
        descriptor = _descriptor(media_type, content)
        self.repositories.setdefault(name, _Repository()).blobs[digest_of(content)] = content
        return descriptor

    def tags(self, name: str) -> list[str]:
        """The tags of a repository, in order; none when nothing was pushed."""
        return sorted(self.repositories[name].tags) if name in self.repositories else []

    def digests(self, name: str) -> frozenset[str]:
        """The digests of the manifests of a repository."""
        return frozenset(self.repositories[name].manifests) if name in self.repositories else frozenset()


class _OciHandler(Handler):
    server: OciRegistry

    def do_GET(self) -> None:  # noqa: N802
        self._serve()

    def do_HEAD(self) -> None:  # noqa: N802
        self._serve()

    def do_POST(self) -> None:  # noqa: N802
        self._serve()

    def do_PUT(self) -> None:  # noqa: N802
        self._serve()

    def do_PATCH(self) -> None:  # noqa: N802
        self._serve()

    def _serve(self) -> None:
        body = self.read_body()
        target = urlsplit(self.path)
        if target.path.rstrip("/") == "/v2":
            self.answer(200, b"{}", "application/json")
            return
        found = _PATH.fullmatch(target.path)
        method = "GET" if self.command == "HEAD" else self.command
        routes: dict[tuple[str, str], Callable[[_Call], None]] = {
            ("blobs/uploads", "POST"): self._start_upload,
            ("blobs/uploads", "PATCH"): self._append,
            ("blobs/uploads", "PUT"): self._finish_upload,
            ("blobs", "GET"): self._blob,
            ("manifests", "PUT"): self._put_manifest,
            ("manifests", "GET"): self._manifest,
            ("tags", "GET"): self._tags,
        }
        route = routes.get((found["what"], method)) if found else None
        if found is None or route is None:
            self._refuse(404, "UNSUPPORTED", f"{self.command} {target.path}")
            return
        query = {key: values[0] for key, values in parse_qs(target.query).items()}
        route(_Call(found["name"], found["rest"], query, body))

    def _repository(self, name: str) -> _Repository:
        return self.server.repositories.setdefault(name, _Repository())

    def _start_upload(self, call: _Call) -> None:
        repository = self._repository(call.name)
        upload = uuid.uuid4().hex
        repository.uploads[upload] = b""
        if "digest" in call.query:
            self._finish_upload(replace(call, rest=upload))
            return
        # `mount` may always be answered by an ordinary upload.
        self.answer(202, headers={"Location": f"/v2/{call.name}/blobs/uploads/{upload}", "Range": "0-0"})

    def _append(self, call: _Call) -> None:
        repository = self._repository(call.name)
        if call.rest not in repository.uploads:
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN", call.rest)
            return
        repository.uploads[call.rest] += call.body
        size = len(repository.uploads[call.rest])
        self.answer(
            202,
            headers={
                "Location": f"/v2/{call.name}/blobs/uploads/{call.rest}",
                "Range": f"0-{max(size - 1, 0)}",
            },
        )

    def _finish_upload(self, call: _Call) -> None:
        repository = self._repository(call.name)
        if call.rest not in repository.uploads:
            self._refuse(404, "BLOB_UPLOAD_UNKNOWN", call.rest)
            return
        content = repository.uploads.pop(call.rest) + call.body
        digest = digest_of(content)
        if call.query.get("digest") != digest:
            self._refuse(400, "DIGEST_INVALID", f"{call.query.get('digest')} is not {digest}")
            return
        repository.blobs[digest] = content
        self._created(f"/v2/{call.name}/blobs/{digest}", digest)

    def _blob(self, call: _Call) -> None:
        content = self._repository(call.name).blobs.get(call.rest)
        if content is None:
            self._refuse(404, "BLOB_UNKNOWN", call.rest)
            return
        self.answer(200, content, "application/octet-stream", {"Docker-Content-Digest": call.rest})

    def _put_manifest(self, call: _Call) -> None:
        repository = self._repository(call.name)
        digest = digest_of(call.body)
        if _DIGEST.fullmatch(call.rest):
            if call.rest != digest:
                self._refuse(400, "DIGEST_INVALID", f"{call.rest} is not {digest}")
                return
        elif not _TAG.fullmatch(call.rest):
            self._refuse(400, "TAG_INVALID", call.rest)
            return
        missing = [blob for blob in _references(call.body) if blob not in repository.blobs]
        if missing:
            self._refuse(404, "MANIFEST_BLOB_UNKNOWN", missing[0])
            return
        repository.manifests[digest] = (self.headers.get("Content-Type", ""), call.body)
        if call.rest != digest:
            repository.tags[call.rest] = digest
        self._created(f"/v2/{call.name}/manifests/{digest}", digest)

    def _manifest(self, call: _Call) -> None:
        repository = self._repository(call.name)
        digest = repository.tags.get(call.rest, call.rest)
        if digest not in repository.manifests:
            self._refuse(404, "MANIFEST_UNKNOWN", call.rest)
            return
        media_type, content = repository.manifests[digest]
        self.answer(200, content, media_type, {"Docker-Content-Digest": digest})

    def _tags(self, call: _Call) -> None:
        if call.rest != "list" or call.name not in self.server.repositories:
            self._refuse(404, "NAME_UNKNOWN", call.name)
            return
        tags = [tag for tag in self.server.tags(call.name) if tag > call.query.get("last", "")]
        page = tags[: int(call.query.get("n", len(tags)))]
        headers = {}
        if len(page) < len(tags) and page:
            headers["Link"] = f'</v2/{call.name}/tags/list?n={len(page)}&last={page[-1]}>; rel="next"'
        self.answer(200, json.dumps({"name": call.name, "tags": page}).encode(), "application/json", headers)

    def _created(self, location: str, digest: str) -> None:
        self.answer(201, headers={"Location": location, "Docker-Content-Digest": digest})

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, "application/json")


def _references(manifest: bytes) -> list[str]:
    """The blobs that an image manifest needs; an index names manifests instead."""
    content = json.loads(manifest)
    parts = [*content.get("layers", []), *([content["config"]] if "config" in content else [])]
    return [part["digest"] for part in parts]
