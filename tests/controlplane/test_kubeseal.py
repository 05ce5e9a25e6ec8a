"""What we seal, opened by kubeseal itself, with the code with which the controller does it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from openinfra_tui import proc, yamlio
from openinfra_tui.errors import ToolError
from tests.controlplane.binaries import binary
from tests.unit.test_secret_stores import KEYS, in_cluster
from tests.unit.test_stores_generate import contents, request_for, run


def unsealed(file: Path, key: Path) -> str:
    """The values file that the cluster gets from a SealedSecret."""
    words = [str(binary("kubeseal")), "--recovery-unseal", "--recovery-private-key", str(key)]
    secret = json.loads(proc.run(words, stdin=file.read_bytes()).stdout)
    return base64.b64decode(secret["data"]["values.yaml"]).decode()


def key_file(folder: Path, number: int) -> Path:
    place = folder / f"key{number}.pem"
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = KEYS[number].private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    place.write_bytes(pem)
    return place


def test_every_sealed_secret_of_a_site_is_opened_by_the_matching_key_only(
    git_author: None, tmp_path: Path
) -> None:
    request = request_for(tmp_path, "sealed-secrets")
    run(request)
    files = sorted(request.output.rglob("sealed-secret.yaml"))
    assert len(files) > 8
    wanted = in_cluster(
        {name.replace("/openstack/", "/"): content for name, content in contents(request.output).items()},
        KEYS[0],
    )
    right, wrong = key_file(tmp_path, 0), key_file(tmp_path, 1)
    for file in files:
        assert yamlio.load(unsealed(file, right).encode()) == wanted[file.parent.name], file
    with pytest.raises(ToolError, match="no key could decrypt secret"):
        unsealed(files[0], wrong)
    moved = tmp_path / "moved.yaml"
    text = (request.output / "sites/lab/openstack/keystone/sealed-secret.yaml").read_text()
    moved.write_text(text.replace("namespace: openstack", "namespace: elsewhere"))
    with pytest.raises(ToolError, match="no key could decrypt secret"):
        unsealed(moved, right)
