"""The script that fills a mirror, run by the real skopeo between two registries, and killed on its way."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from openinfra_tui.flow.mirror_script import script
from openinfra_tui.flow.mirroring import Image, Needs
from openinfra_tui.plan.mirrors import Mirrors
from tests.controlplane.loopback.oci import OciRegistry, digest_of
from tests.controlplane.missing import tool
from tests.controlplane.waiting import eventually

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
COUNT = 12


def put_image(registry: OciRegistry, name: str, tag: str, text: str) -> str:
    """An image for two architectures of one layer each; the digest of its index."""
    parts = []
    for architecture in ("amd64", "arm64"):
        layer = f"{text} for {architecture}".encode()
        packed = gzip.compress(layer, mtime=0)
        config = json.dumps(
            {
                "architecture": architecture,
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": registry.put_blob(name, config, "application/vnd.oci.image.config.v1+json"),
                "layers": [registry.put_blob(name, packed, "application/vnd.oci.image.layer.v1.tar+gzip")],
            }
        ).encode()
        digest = registry.put(name, None, manifest, MANIFEST)
        parts.append(
            {
                "mediaType": MANIFEST,
                "digest": digest,
                "size": len(manifest),
                "platform": {"architecture": architecture, "os": "linux"},
            }
        )
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": parts}).encode()
    assert registry.put(name, tag, index, INDEX) == digest_of(index)
    return digest_of(index)


@pytest.fixture
def registries() -> Iterator[tuple[OciRegistry, OciRegistry]]:
    with ExitStack() as stack:
        yield stack.enter_context(OciRegistry()), stack.enter_context(OciRegistry())


def test_skopeo_fills_the_mirror_and_goes_on_where_it_was_killed(
    registries: tuple[OciRegistry, OciRegistry], tmp_path: Path
) -> None:
    tool("skopeo", "skopeo")
    source, mirror = registries
    digests = {
        f"a/image{number}": put_image(source, f"a/image{number}", "1", f"{number}") for number in range(COUNT)
    }
    # One is pinned by its digest too.
    references = [f"{name}:1" for name in digests]
    references[1] += f"@{digests['a/image1']}"
    images = tuple(
        Image(f"127.0.0.1:{source.port}/{one}", None, (), f"127.0.0.1:{mirror.port}/mirror/{one}")
        for one in references
    )
    text = script(Needs("fra1", Mirrors(images=f"127.0.0.1:{mirror.port}/mirror"), (), (), images, ()))
    # containers-registries.conf(5); the registries of loopback have no certificates.
    configuration = tmp_path / ".config" / "containers" / "registries.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(
        "".join(f'[[registry]]\nlocation = "127.0.0.1:{r.port}"\ninsecure = true\n' for r in registries)
    )
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MIRROR_WORK": str(tmp_path / "work"),
        "MIRROR_PAUSE": "0",
    }

    def start() -> subprocess.Popen[str]:
        words = [tool("bash", "bash"), "-c", text]
        return subprocess.Popen(
            words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def there() -> set[str]:
        """The images whose index the mirror has."""
        return {name for name, digest in digests.items() if digest in mirror.digests(f"mirror/{name}")}

    first = start()
    eventually(lambda: len(there()) >= 3, timeout=60)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    kept = there()
    assert 3 <= len(kept) < COUNT
    again = start()
    said, complaints = again.communicate(timeout=120)
    assert (again.returncode, complaints) == (0, "")
    assert said.count("there: ") == len(kept)
    assert said.count("copied: ") == COUNT - len(kept)
    assert said.splitlines()[-1] == "all there"
    assert there() == digests.keys()
    # Both architectures came with each.
    assert {len(mirror.digests(f"mirror/{name}")) for name in digests} == {3}
    third = start()
    said, complaints = third.communicate(timeout=120)
    assert (third.returncode, said.count("there: "), complaints) == (0, COUNT, "")
    put_image(source, "a/image5", "1", "moved")
    moved = start()
    said, complaints = moved.communicate(timeout=120)
    assert (moved.returncode, said.count("copied: "), complaints) == (0, 1, "")
