"""Certificates that live as long as a test run."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK_NAMES = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Pair:
    """A certificate, its private key, and the certificate that vouches for it, all PEM."""

    certificate: bytes
    key: bytes
    authority: bytes


@dataclass(frozen=True)
class TlsFiles:
    """A pair as files, for servers and clients that read only files."""

    certificate: Path
    key: Path
    authority: Path

    def server_context(self) -> ssl.SSLContext:
        """The context of a server that presents this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_pair(names: Iterable[str], *, days: int = 90) -> Pair:
    """A new authority and a certificate of it for DNS names and addresses.

    The first name is also the common name, as cert-manager does with `commonName`.
    """
    names = tuple(names)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
    authority = (
        _builder(issuer, issuer, authority_key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        # Python 3.13 verifies strictly: who may limit a path must be allowed to sign.
        .add_extension(key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    # The common name of X.509 holds 64 characters at most (RFC 5280, ub-common-name).
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        _builder(subject, issuer, key, days)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        authority.public_bytes(serialization.Encoding.PEM),
    )


def write_pair(folder: Path, names: Iterable[str] = LOOPBACK_NAMES) -> TlsFiles:
    """Make a pair and write it into a folder; the key is readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    pair = make_pair(names)
    files = TlsFiles(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
    files.key.touch(mode=0o600)
    for path, content in (
        (files.key, pair.key),
        (files.certificate, pair.certificate),
        (files.authority, pair.authority),
    ):
        path.write_bytes(content)
    return files


def key_usage(*, authority: bool) -> x509.KeyUsage:
    """What the key of a certificate is for: to sign other certificates, or for connections."""
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of two programs on one machine agree, yet a fresh certificate must not be of the future.
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
