"""The TLS files of mosquitto: its own certificate, the authority of receivers, what is revoked.

They stand in mosquitto's folder under the names that `deploy/mosquitto/mosquitto.conf` has. Each is written whole or
not at all, because mosquitto may read it at any moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from devices.authority import BROKER_LIFE, Authority
from devices.keyring import BROKER_CA, RECEIVERS_CA, public_certificate
from devices.passwords import write_for_broker

REVOCATION_LIST = "receivers.crl"


def write_certificate(keys: Path, names: Sequence[str], into: Path, now: datetime) -> datetime:
    """Certify a broker under these names, with all else that its TLS listener needs; until when it is good.

    Needs the private key of the broker's authority, which stands with the root's. A list of revoked certificates that
    is there is kept. Raises `AuthorityMissing`, `KeyMissing`, `Invalid`, `DiskFull`.
    """
    certificate, key = Authority.load(keys, BROKER_CA).certify_broker(names, now)
    receivers = public_certificate(keys, RECEIVERS_CA)
    if not (into / REVOCATION_LIST).exists():
        write_revocation_list(Authority.load(keys, RECEIVERS_CA), (), into / REVOCATION_LIST, now)
    for name, text in (("broker.key", key), ("broker.crt", certificate), (f"{RECEIVERS_CA}.crt", receivers)):
        write_for_broker(into / name, text.encode("ascii"))
    return now + BROKER_LIFE


def write_revocation_list(
    authority: Authority, revoked: Iterable[tuple[str, datetime]], path: Path, now: datetime
) -> bool:
    """Make `path` the list of exactly these serials; False if it was so already, else mosquitto needs a SIGHUP."""
    wanted = dict(revoked)
    try:
        if authority.lists(path.read_bytes()) == set(wanted):
            return False
    except FileNotFoundError:
        pass
    write_for_broker(path, authority.revocation_list(wanted.items(), now).encode("ascii"))
    return True
