"""Whatever a library makes of a failed connection, it is said in words that tell what to look at."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from urllib.error import URLError

import pytest
import requests

from audio.voices._network import WORDS, kind_of


def wrapped(inner: Exception) -> Exception:
    """As requests and urllib3 do: an error in the arguments of an error, and another in its context."""
    try:
        try:
            raise inner
        except type(inner) as error:
            raise requests.ConnectionError(URLError(error)) from None
    except requests.ConnectionError as error:
        return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError("timed out"), "slow"),
        (URLError(TimeoutError("The read operation timed out")), "slow"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "refused"),
        (URLError(socket.gaierror(-2, "Name or service not known")), "name"),
        (wrapped(socket.gaierror(-3, "Temporary failure in name resolution")), "name"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no-way"),
        (ssl.SSLCertVerificationError("self-signed certificate"), "certificate"),
        (http.client.RemoteDisconnected("closed"), "broke-off"),
        (http.client.IncompleteRead(b""), "broke-off"),
        (http.client.BadStatusLine("SSH-2.0"), "unreadable"),
        (OSError("odd"), "unknown"),
    ],
)
def test_the_innermost_that_is_known_decides(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind
    assert str(error) not in "".join(WORDS[kind])
