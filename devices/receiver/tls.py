"""The box's own TLS key, and the request for a client certificate that it sends with it.

The key is apart from the one that reports are signed with, so that it can be another at each renewal, and on the curve
P-256, which every TLS library knows.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from devices.protocol.signing import BadMessage


def new_key() -> str:
    """PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def request_for(key_pem: str) -> str:
    """A certificate signing request for the key, PEM. It names nobody: the server knows who asks."""
    key = _private(key_pem)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode("ascii")


def fits(certificate_pem: str, key_pem: str) -> bool:
    """Is this certificate for this key?"""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode("ascii"))
        return certificate.public_key() == _private(key_pem).public_key()
    except (ValueError, BadMessage):
        return False


def half_life_ms(certificate_pem: str) -> int:
    """When half of its life is over, in Unix milliseconds. Raises `ValueError` for what is no certificate."""
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode("ascii"))
    start, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return int((start + end) / 2 * 1000)


def _private(key_pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(key_pem.encode("ascii"), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadMessage(reason="malformed")
    return key
