"""TLS with a pinned CA, against a real mosquitto."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from devices.link import MqttLink
from tests.devices.support import ANA, eventually
from tests.support.mosquitto import Mosquitto

YEAR = timedelta(days=365)
NOW = datetime.now(UTC)  # what OpenSSL looks at


class Authority:
    """A CA that certifies loopback servers."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = Ed25519PrivateKey.generate()
        certificate = (
            self._builder(self._name, self._key, NOW - YEAR, NOW + YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, None)
        )
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(certificate.public_bytes(Encoding.PEM))

    def server(self, *, until: datetime = NOW + YEAR, address: str = "127.0.0.1") -> tuple[Path, Path]:
        """Files of a certificate for an address and of its key."""
        key = Ed25519PrivateKey.generate()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
        certificate = (
            self._builder(subject, key, NOW - YEAR, until)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
            .sign(self._key, None)
        )
        paths = self._folder / "server.crt", self._folder / "server.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths

    def _builder(
        self, subject: x509.Name, key: Ed25519PrivateKey, start: datetime, until: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(until)
        )


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


def outcome(broker: Mosquitto, ca: Path | str, *, dates: bool = True) -> str:
    """What comes of connecting: "connected", or why not."""
    link = MqttLink(
        host=broker.host,
        port=broker.port,
        client_id=ANA,
        username=ANA,
        password="of Ana",
        tls_ca=ca,
        tls_dates=dates,
    )
    link.start()
    try:
        eventually(lambda: link.connected or link.attempts > 0)
        return "connected" if link.connected else str(link.last_error)
    finally:
        link.stop()


def test_the_pinned_authority_is_trusted_as_a_file_and_as_text(tmp_path: Path, ours: Authority) -> None:
    with Mosquitto(tmp_path / "broker", {ANA: "of Ana"}, tls=ours.server()) as broker:
        assert outcome(broker, ours.path) == "connected"
        assert outcome(broker, ours.path.read_text()) == "connected"


def test_any_other_authority_is_not(tmp_path: Path, ours: Authority) -> None:
    other = Authority(tmp_path, "other")
    with Mosquitto(tmp_path / "broker", {ANA: "of Ana"}, tls=ours.server()) as broker:
        assert "CERTIFICATE_VERIFY_FAILED" in outcome(broker, other.path)
        assert "CERTIFICATE_VERIFY_FAILED" in outcome(broker, other.path, dates=False)


def test_a_certificate_for_another_address_is_not_trusted(tmp_path: Path, ours: Authority) -> None:
    with Mosquitto(tmp_path / "broker", {ANA: "of Ana"}, tls=ours.server(address="127.0.0.2")) as broker:
        assert "CERTIFICATE_VERIFY_FAILED" in outcome(broker, ours.path, dates=False)


def test_without_a_trustworthy_time_dates_are_not_looked_at(tmp_path: Path, ours: Authority) -> None:
    expired = ours.server(until=NOW - timedelta(days=1))
    with Mosquitto(tmp_path / "broker", {ANA: "of Ana"}, tls=expired) as broker:
        assert "expired" in outcome(broker, ours.path)
        assert outcome(broker, ours.path, dates=False) == "connected"
