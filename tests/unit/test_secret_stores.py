"""The stores: what each writes, what the operators make of it, and how values move between them."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from pyrage import x25519

from openinfra_tui import yamlio
from openinfra_tui.errors import Refused, UserError
from openinfra_tui.secret import sops
from openinfra_tui.secret.encrypted import EncryptedFiles, SecretSpec
from openinfra_tui.secret.external import ExternalStore
from openinfra_tui.secret.seal import read_certificate, read_certificate_file, seal
from openinfra_tui.secret.sealed_store import SealedStore
from openinfra_tui.secret.sops_store import SopsStore
from openinfra_tui.secret.store import Holder, Store, values_template

IDENTITY = str(x25519.Identity.generate())
FILES = EncryptedFiles({"cluster": str(x25519.Identity.from_str(IDENTITY).to_public())}, IDENTITY)
ADMIN, OWN = SecretSpec("admin-password", "password"), SecretSpec("glance-key", "kek")
GIVEN = SecretSpec("ceph-key", "given")
PLACES = {
    "keystone": {"endpoints.identity.auth.admin.password": ADMIN},
    "glance": {"endpoints.identity.auth.admin.password": ADMIN, "conf.key": OWN},
}
FILL = "sites/fra1/store/values.sops.yaml"
KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def holders(file: str, ending: str, *names: str) -> list[Holder]:
    return [
        Holder(f"sites/fra1/{name}/{file}", f"{name}-{ending}", "openstack", PLACES[name])
        for name in names or PLACES
    ]


SOPS_HOLDERS = holders("secrets.sops.yaml", "secrets")
EXTERNAL_HOLDERS = holders("external-secret.yaml", "external")
SEALED_HOLDERS = holders("sealed-secret.yaml", "sealed")
SOPS: Store = SopsStore(FILES)
EXTERNAL: Store = ExternalStore(FILES, FILL, "fra1")


def certificate(key: Any, days: int = 30) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sealed-secrets")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=40))
        .not_valid_after(now + timedelta(days=days))
    )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return made.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


def sealer(key: Any = KEYS[0]) -> SealedStore:
    return SealedStore("sites/fra1/sealed-secrets.crt", certificate(key))


def unseal(sealed: str, key: rsa.RSAPrivateKey, label: str) -> str:
    """As the controller does it (pkg/crypto/crypto.go)."""
    raw = base64.b64decode(sealed, validate=True)
    end = 2 + int.from_bytes(raw[:2], "big")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label.encode())
    return AESGCM(key.decrypt(raw[2:end], oaep)).decrypt(bytes(12), raw[end:], None).decode()


def fill(template: str, values: dict[str, str]) -> Any:
    """What both operators make of our template: `index . NAME | toJson`."""
    return yamlio.load(
        re.sub(
            r'\{\{ index \. "([^"]+)" \| toJson \}\}', lambda found: json.dumps(values[found[1]]), template
        )
    )


def in_cluster(files: dict[str, bytes], key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """By component, the values that its SealedSecret becomes."""
    out = {}
    for path, content in files.items():
        if path.endswith("sealed-secret.yaml"):
            item = yamlio.load(content)
            meta, spec = item["metadata"], item["spec"]
            label = f"{meta['namespace']}/{meta['name']}"
            plain = {name: unseal(text, key, label) for name, text in spec["encryptedData"].items()}
            out[path.split("/")[2]] = fill(spec["template"]["data"]["values.yaml"], plain)
    return out


def test_a_value_is_opened_by_the_matching_key_for_its_own_secret_only() -> None:
    text = 'quote " and ü\n'
    sealed = seal(text, KEYS[0].public_key(), "openstack", "keystone-sealed")
    assert unseal(sealed, KEYS[0], "openstack/keystone-sealed") == text
    for key, label in ((KEYS[1], "openstack/keystone-sealed"), (KEYS[0], "openstack/other")):
        with pytest.raises(ValueError, match=r"ncryption|ecryption"):
            unseal(sealed, key, label)
    assert sealed != seal(text, KEYS[0].public_key(), "openstack", "keystone-sealed")


def test_sealed_values_are_one_a_name_and_stay_byte_for_byte() -> None:
    files = sealer().update({}, SEALED_HOLDERS)
    made = in_cluster(files, KEYS[0])
    password = made["keystone"]["endpoints"]["identity"]["auth"]["admin"]["password"]
    assert len(password) == 32
    assert made["glance"]["endpoints"]["identity"]["auth"]["admin"]["password"] == password
    assert made["glance"]["conf"]["key"] not in b"".join(files.values()).decode()
    assert SealedStore("sites/fra1/sealed-secrets.crt").update(files, SEALED_HOLDERS) == files


def test_rotation_seals_only_that_name_anew_everywhere() -> None:
    files = sealer().update({}, SEALED_HOLDERS)
    after = sealer().update(files, SEALED_HOLDERS, rotate=["admin-password"])
    before, now = in_cluster(files, KEYS[0]), in_cluster(after, KEYS[0])
    assert now["glance"]["conf"] == before["glance"]["conf"]
    assert now["glance"]["endpoints"] == now["keystone"]["endpoints"] != before["keystone"]["endpoints"]
    kept = [
        yamlio.load(content[path])["spec"]["encryptedData"]["glance-key"]
        for content in (files, after)
        for path in ("sites/fra1/glance/sealed-secret.yaml",)
    ]
    assert kept[0] == kept[1]


def test_a_new_reader_of_a_sealed_value_needs_it_given_or_made_anew() -> None:
    files = sealer().update({}, SEALED_HOLDERS[:1])
    with pytest.raises(UserError, match=r"admin-password, which is sealed in .*keystone") as caught:
        sealer().update(files, SEALED_HOLDERS)
    assert "--secret admin-password=FILE" in caught.value.hint
    assert "--rotate admin-password" in caught.value.hint
    told = in_cluster(sealer().update(files, SEALED_HOLDERS, given={"admin-password": "known"}), KEYS[0])
    assert {tree["endpoints"]["identity"]["auth"]["admin"]["password"] for tree in told.values()} == {"known"}


def test_a_new_certificate_is_for_new_values_only() -> None:
    files = sealer().update({}, SEALED_HOLDERS[:1])
    after = sealer(KEYS[1]).update(files, SEALED_HOLDERS, rotate=["admin-password"])
    assert after["sites/fra1/sealed-secrets.crt"] == certificate(KEYS[1])
    assert in_cluster(after, KEYS[1])
    untouched = sealer(KEYS[1]).update(files, SEALED_HOLDERS[:1])
    assert in_cluster(untouched, KEYS[0]) == in_cluster(files, KEYS[0])


def test_what_cannot_be_sealed_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no certificate to seal for") as caught:
        SealedStore("sites/fra1/sealed-secrets.crt").update({}, SEALED_HOLDERS)
    assert "--certificate" in caught.value.hint
    key = KEYS[0].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for pem, words in (
        (b"hidden", "no certificate in PEM"),
        (key, "no certificate in PEM"),
        (certificate(KEYS[0], days=-1), "has expired"),
        (certificate(ed25519.Ed25519PrivateKey.generate()), "not for an RSA key"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            read_certificate(pem, "x.crt")
        assert "hidden" not in str(caught.value)
    with pytest.raises(UserError, match="cannot read the certificate"):
        read_certificate_file(tmp_path / "missing.crt")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate(KEYS[0]) + key)
    assert b"PRIVATE" not in read_certificate_file(both)


@pytest.mark.parametrize("content", [b"a: [", b"[]", b"{}", b"spec: {encryptedData: 1}", b"\xff"])
def test_a_sealed_file_edited_into_nonsense_is_an_error_of_the_user(content: bytes) -> None:
    with pytest.raises(UserError, match=r"sites/fra1/keystone/sealed-secret\.yaml"):
        sealer().update({"sites/fra1/keystone/sealed-secret.yaml": content}, SEALED_HOLDERS)


def test_an_unknown_name_and_one_to_be_given() -> None:
    with pytest.raises(UserError, match="there is no secret nope"):
        sealer().update({}, SEALED_HOLDERS, rotate=["nope"])
    wants = [Holder("sites/fra1/nova/sealed-secret.yaml", "nova-sealed", "openstack", {"a.b": GIVEN})]
    with pytest.raises(UserError, match="yours to give"):
        sealer().update({}, wants)
    assert in_cluster(sealer().update({}, wants, given={"ceph-key": "AQ=="}), KEYS[0])["nova"] == {
        "a": {"b": "AQ=="}
    }


def test_the_external_store_writes_references_and_one_file_to_fill_from() -> None:
    files = EXTERNAL.update({}, EXTERNAL_HOLDERS)
    plain = sops.decrypt(files[FILL], IDENTITY)
    assert set(plain) == {"admin-password", "glance-key"}
    item = yamlio.load(files["sites/fra1/glance/external-secret.yaml"])
    assert item["spec"]["data"] == [
        {"secretKey": name, "remoteRef": {"key": f"fra1/{name}", "property": "value"}} for name in plain
    ]
    values = fill(item["spec"]["target"]["template"]["data"]["values.yaml"], plain)
    assert values["conf"]["key"] == plain["glance-key"]
    for name in plain:
        assert plain[name].encode() not in b"".join(files.values())
    assert EXTERNAL.update(files, EXTERNAL_HOLDERS) == files
    rotated = EXTERNAL.update(files, EXTERNAL_HOLDERS, rotate=["glance-key"])
    assert [path for path in files if rotated[path] != files[path]] == [FILL]


def test_values_move_and_are_never_made_anew() -> None:
    first = SOPS.update({}, SOPS_HOLDERS)
    values = SOPS.read(first, SOPS_HOLDERS)
    assert set(values) == {"admin-password", "glance-key"}
    external = EXTERNAL.update({}, EXTERNAL_HOLDERS, moved=values)
    assert sops.decrypt(external[FILL], IDENTITY) == values
    back = SOPS.update({}, SOPS_HOLDERS, moved=EXTERNAL.read(external, EXTERNAL_HOLDERS))
    assert SOPS.read(back, SOPS_HOLDERS) == values
    sealed = in_cluster(sealer().update({}, SEALED_HOLDERS, moved=values), KEYS[0])
    assert sealed["glance"]["conf"]["key"] == values["glance-key"]
    rotated = SOPS.update({}, SOPS_HOLDERS, moved=values, rotate=["glance-key"])
    now = SOPS.read(rotated, SOPS_HOLDERS)
    assert now["admin-password"] == values["admin-password"]
    assert now["glance-key"] != values["glance-key"]


def test_what_cannot_move_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused, match="controller in the cluster only") as caught:
        sealer().read({}, SEALED_HOLDERS)
    assert "kubectl get secret" in caught.value.hint
    files = SOPS.update({}, SOPS_HOLDERS)
    blind = SopsStore(EncryptedFiles(FILES.recipients))
    with pytest.raises(UserError, match="must be read") as caught_blind:
        blind.read(files, SOPS_HOLDERS)
    assert "--age-key" in caught_blind.value.hint
    path = "sites/fra1/glance/secrets.sops.yaml"
    plain = sops.decrypt(files[path], IDENTITY)
    plain["conf"]["capi"] = {"clientKeyData": "hidden", "empty": ""}
    added = {**files, path: sops.encrypt(plain, FILES.recipients.values()).encode()}
    with pytest.raises(
        UserError, match=r"glance/secrets\.sops\.yaml: conf\.capi\.clientKeyData"
    ) as caught_added:
        SOPS.read(added, SOPS_HOLDERS)
    assert "hidden" not in str(caught_added.value)


def test_a_template_needs_each_place_once() -> None:
    with pytest.raises(ValueError, match=r"a\.b is below another secret"):
        values_template({"a": ADMIN, "a.b": OWN})
    assert values_template({"on.y": ADMIN}) == '"on":\n  "y": {{ index . "admin-password" | toJson }}\n'
