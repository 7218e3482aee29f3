"""TLS to the broker: one CA is trusted and no other."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

_NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which `ssl` has no name for


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the base's signature
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def tls_context(ca: Path | str, *, check_dates: bool = True, client: tuple[str, str] | None = None) -> ssl.SSLContext:
    """A TLS context that trusts only these CA certificates (a file, or PEM text), TLS 1.2 or later.

    `client`: the PEM of our own certificate and of its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _ClosingSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if isinstance(ca, Path):
        context.load_verify_locations(cafile=str(ca))
    else:
        context.load_verify_locations(cadata=ca)
    if not check_dates:
        context.verify_flags |= _NO_CHECK_TIME
    if client is not None:
        load_client(context, *client)
    return context


def load_client(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """`ssl` reads certificates from files only: one that no one else can read, and gone at once."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{key}\n{certificate}")
        file.flush()
        context.load_cert_chain(file.name)
