"""Values sealed for the controller of Sealed Secrets, as `kubeseal` seals them.

The form (bitnami-labs/sealed-secrets, `pkg/crypto/crypto.go`): two bytes, big-endian, with the length of the
wrapped key; a fresh 32-byte key, wrapped by RSA-OAEP with SHA-256 and the label; the value by AES-256-GCM
under that key with a nonce of zeros. The label `NAMESPACE/NAME` is the strict scope: the controller opens a
value only for the Secret that it was sealed for.
"""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

_NONCE = bytes(12)


def read_certificate(pem: bytes, source: str) -> tuple[RSAPublicKey, bytes]:
    """The public key of a certificate, and the certificate alone, whatever else was in the file.

    Args:
        pem: what a file holds.
        source: what to call it.

    Raises:
        UserError: there is no certificate of an RSA key in it, or it has expired (`kubeseal` refuses it too).
    """
    hint = "`kubeseal --fetch-cert` prints the one of a running controller"
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except Exception as error:  # the library's parser raises classes that it does not document
        raise UserError(f"{source} holds no certificate in PEM ({type(error).__name__})", hint) from None
    if not isinstance(key, RSAPublicKey):
        raise UserError(f"{source}: the certificate is not for an RSA key", hint)
    end = certificate.not_valid_after_utc
    if end < datetime.now(UTC):
        raise UserError(f"{source}: the certificate has expired ({end:%Y-%m-%d})", hint)
    return key, certificate.public_bytes(serialization.Encoding.PEM)


def read_certificate_file(path: Path) -> bytes:
    """The certificate that a file holds, in PEM, without whatever else is in it.

    Raises:
        UserError: the file cannot be read, or holds no certificate that can be sealed for.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the certificate {path}: {error.strerror}") from error
    return read_certificate(content, str(path))[1]


def seal(value: str, key: RSAPublicKey, namespace: str, name: str) -> str:
    """One value, sealed for one Secret; base64 as it stands in `spec.encryptedData`."""
    session = os.urandom(32)
    label = f"{namespace}/{name}".encode()
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=label)
    wrapped = key.encrypt(session, oaep)
    # The key is used once, so the nonce may be fixed.
    sealed = AESGCM(session).encrypt(_NONCE, value.encode("utf-8"), None)
    return base64.b64encode(len(wrapped).to_bytes(2, "big") + wrapped + sealed).decode("ascii")
