"""What answers boxes that enrol or renew, out of the settings; each time anew, because keys may be exchanged."""

from __future__ import annotations

from core.clock import Clock
from core.errors import Invalid
from core.settings import Settings
from devices.authority import Authority
from devices.enrolment import Office
from devices.keyring import BROKER_CA, RECEIVERS_CA, Keyring, public_certificate
from devices.registry import BrokerAddress


def broker_address(settings: Settings, port: int | None = None) -> BrokerAddress:
    """Where receivers find the broker, and how they prove themselves there. `port` is that of the embedded one."""
    if settings.receiver_broker:
        if settings.broker == "embedded":
            raise Invalid(
                what="TRUYENTHANH_RECEIVER_BROKER cần TRUYENTHANH_BROKER=external: broker nhúng không có TLS"
                " / TRUYENTHANH_RECEIVER_BROKER needs TRUYENTHANH_BROKER=external: the embedded broker has no TLS"
            )
        host, _, number = settings.receiver_broker.rpartition(":")
        return BrokerAddress(host, int(number), ca=public_certificate(settings.keys, BROKER_CA))
    ca = settings.broker_tls_ca
    return BrokerAddress(settings.broker_host, port or settings.broker_port, str(ca) if ca else None)


def authority(settings: Settings) -> Authority | None:
    """What certifies receivers; None where the broker knows them by passwords. Raises `AuthorityMissing`."""
    return Authority.load(settings.keys, RECEIVERS_CA) if settings.receiver_broker else None


def office(settings: Settings, clock: Clock, port: int | None = None) -> Office:
    """Raises `KeyMissing`, `AuthorityMissing`: this process was not given what enrolling needs."""
    keyring = Keyring.load(settings.keys, ("enrol",))
    return Office(keyring, broker_address(settings, port), authority(settings), clock)
