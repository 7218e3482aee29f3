"""Who may open a TLS connection to the broker, and which broker is the true one: two small certificate authorities.

- `broker-ca`: receivers pin it and it certifies the broker's own certificate. Its key stays with the root, offline.
- `receivers-ca`: the broker trusts it for client certificates. Its key is online, because receivers renew by
  themselves; all that it can give away is a place at the broker, where everything that sounds is signed by other keys.

A client certificate's common name is the receiver's identifier, which mosquitto takes for the user name, so that the
access rules hold. Certificates begin a day early, for clocks that are behind; keys are on the curve P-256, which every
TLS library of small boxes knows. Pure: files are the caller's, but for `load` and `create`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.errors import Invalid, TruyenThanhError

AUTHORITY_LIFE = timedelta(days=20 * 365)
BROKER_LIFE = timedelta(days=5 * 365)
CLIENT_LIFE = timedelta(days=365)
LIST_LIFE = timedelta(days=10 * 365)  # mosquitto turns everybody away when its list is out of date
EARLY = timedelta(days=1)


class AuthorityMissing(TruyenThanhError):
    slug = "authority-missing"
    status = 500
    vi = "Thiếu {name} trong {folder}. Hãy chạy “truyenthanh keys create” ở thư mục khóa gốc rồi xuất lại khóa."
    en = "{name} is missing in {folder}. Run “truyenthanh keys create” in the root's folder and export the keys again."


class RequestUnusable(TruyenThanhError):
    slug = "certificate-request-unusable"
    status = 422
    vi = "Yêu cầu chứng thư của bộ thu không dùng được: {why}."
    en = "The receiver's certificate request can't be used: {why}."


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate, and what is kept of it."""

    pem: str
    serial: str  # hexadecimal
    not_before: datetime
    not_after: datetime


class Authority:
    """A certificate authority with its key."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def load(cls, folder: Path, name: str) -> Authority:
        """Raises `AuthorityMissing`, also where a file is damaged or the two don't belong together."""
        try:
            key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise AuthorityMissing(name=f"{name}.key, {name}.crt", folder=folder) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise AuthorityMissing(name=f"{name}.key, {name}.crt", folder=folder)
        return cls(certificate, key)

    @classmethod
    def new(cls, name: str, now: datetime) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        own = _named(name)
        certificate = (
            _builder(own, own, key.public_key(), now - EARLY, now + AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @property
    def pem(self) -> str:
        """Its certificate."""
        return self._certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def key_pem(self) -> str:
        return private_pem(self._key)

    def certify_receiver(self, request: str, receiver: str, now: datetime) -> Issued:
        """A client certificate for the key of a certificate signing request, which proves that the asker holds it.

        What else the request states is not looked at. Raises `RequestUnusable`.
        """
        public = requested_key(request)
        made = (
            _builder(_named(receiver), self._certificate.subject, public, now - EARLY, now + CLIENT_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = made.public_bytes(Encoding.PEM).decode("ascii")
        return Issued(pem, serial_text(made), made.not_valid_before_utc, made.not_valid_after_utc)

    def certify_broker(self, names: Sequence[str], now: datetime) -> tuple[str, str]:
        """A certificate for the broker under these host names and addresses, and its key, both PEM."""
        if not names:
            raise Invalid(what="cần ít nhất một tên hoặc địa chỉ của máy chủ MQTT / name the broker's host")
        key = ec.generate_private_key(ec.SECP256R1())
        made = (
            _builder(_named(names[0]), self._certificate.subject, key.public_key(), now - EARLY, now + BROKER_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(Encoding.PEM).decode("ascii"), private_pem(key)

    def revocation_list(self, revoked: Iterable[tuple[str, datetime]], now: datetime) -> str:
        """The certificate list (CRL) of these serials and since when they don't count, PEM."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - EARLY)
            .next_update(now + LIST_LIFE)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for serial, at in sorted(revoked):
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(at).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")

    def lists(self, held: bytes) -> set[str] | None:
        """The serials in a certificate list of this authority; None where it is none."""
        try:
            found = x509.load_pem_x509_crl(held)
        except ValueError:
            return None
        if not found.is_signature_valid(self._key.public_key()):
            return None
        return {f"{entry.serial_number:x}" for entry in found}


def requested_key(request: str) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    """The key that a certificate signing request is for, and proves. Raises `RequestUnusable`."""
    try:
        read = x509.load_pem_x509_csr(request.encode("ascii"))
        valid, key = read.is_signature_valid, read.public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise RequestUnusable(why="không đọc được / it can't be read") from error
    if not valid:
        raise RequestUnusable(why="chữ ký không đúng / its signature doesn't hold")
    on_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    if not on_curve and not isinstance(key, ed25519.Ed25519PublicKey):
        raise RequestUnusable(why="khóa phải là P-256 hoặc Ed25519 / the key must be P-256 or Ed25519")
    return key  # type: ignore[return-value] # narrowed above, in two steps


def raw_public(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def serial_text(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _usage(*, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        raise Invalid(what=f"tên máy chủ “{name}” không dùng được / “{name}” can't be a host name") from error
