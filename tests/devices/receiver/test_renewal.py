"""When a box asks for fresh certificates, without a clock that runs and without a server."""

from __future__ import annotations

import queue
from datetime import timedelta

import pytest

from core.clock import SystemClock, to_ms
from core.errors import Conflict
from devices.authority import CLIENT_LIFE, EARLY, Authority
from devices.protocol.signing import SigningKey
from devices.protocol.trust import Trust
from devices.receiver import tls
from devices.receiver.identity import Identity
from devices.receiver.office import Renewed
from devices.receiver.renewal import OFFLINE_S, RETRY_MAX_S, UNKNOWN_KEY_S, Renewal

NOW = SystemClock().now().replace(microsecond=0)
ROOT = SigningKey.generate()
RECEIVER = "01J00000000000000000000ANA"


def identity(*, url: str = "https://loa.vi.du") -> Identity:
    key = tls.new_key()
    issued = Authority.new("receivers", NOW).certify_receiver(tls.request_for(key), RECEIVER, NOW)
    return Identity(
        receiver=RECEIVER, key="01" * 32, root=ROOT.public.hex, certificate=issued.pem, tls_key=key, url=url
    )


class Asked:
    """A server that answers, or doesn't; each question comes out of the queue."""

    def __init__(self) -> None:
        self.questions: queue.Queue[Identity] = queue.Queue()
        self.answers: queue.Queue[Renewed] = queue.Queue()
        self.broken = False

    def __call__(self, who: Identity, _trust: Trust, _iat: int) -> Renewed:
        self.questions.put(who)
        if self.broken:
            raise Conflict(what="x")
        return Renewed(who, None)

    def renewal(self, who: Identity) -> Renewal:
        return Renewal(who, who.trust, self.answers.put, now_s=0.0, ask=self)

    def was(self) -> bool:
        """Was it asked? Waits for the thread that asks; a short while where nothing is to come."""
        try:
            self.questions.get(timeout=0.2)
        except queue.Empty:
            return False
        return True


@pytest.fixture
def asked() -> Asked:
    return Asked()


HALF_MS = to_ms(NOW + (CLIENT_LIFE - EARLY) / 2)


def test_at_half_life_by_signed_time(asked: Asked) -> None:
    renewal = asked.renewal(identity())
    renewal.tick(1.0, None, online=True)
    renewal.tick(2.0, HALF_MS - 60_000, online=True)
    assert not asked.was()
    renewal.tick(3.0, HALF_MS, online=True)
    assert asked.was()
    assert asked.answers.get(timeout=5).identity.receiver == RECEIVER


def test_a_fresh_certificate_rests(asked: Asked) -> None:
    renewal = asked.renewal(identity())
    renewal.tick(1.0, HALF_MS, online=True)
    fresh = asked.answers.get(timeout=5).identity
    key = tls.new_key()
    later = Authority.new("receivers", NOW).certify_receiver(tls.request_for(key), RECEIVER, NOW + timedelta(days=180))
    renewal.use(
        Identity(
            **{name: getattr(fresh, name) for name in fresh.__struct_fields__}
            | {
                "certificate": later.pem,
                "tls_key": key,
            }
        )
    )
    asked.was()
    renewal.tick(RETRY_MAX_S, HALF_MS, online=True)
    assert not asked.was()


def test_when_the_broker_is_away_for_long(asked: Asked) -> None:
    renewal = asked.renewal(identity())
    renewal.tick(OFFLINE_S - 1, None, online=False)
    assert not asked.was()
    renewal.tick(OFFLINE_S, None, online=False)
    assert asked.was()


def test_a_key_that_is_not_known_is_asked_about_once_an_hour(asked: Asked) -> None:
    renewal = asked.renewal(identity())
    at = RETRY_MAX_S
    renewal.unknown_key(at)
    renewal.tick(at, None, online=True)
    assert asked.was()
    asked.answers.get(timeout=5)
    renewal.unknown_key(at + UNKNOWN_KEY_S - 1)
    renewal.tick(at + UNKNOWN_KEY_S - 1, None, online=True)
    assert not asked.was()
    renewal.unknown_key(at + UNKNOWN_KEY_S)
    renewal.tick(at + UNKNOWN_KEY_S, None, online=True)
    assert asked.was()


def test_what_fails_is_tried_again_after_a_while(asked: Asked) -> None:
    asked.broken = True
    renewal = asked.renewal(identity())
    renewal.tick(1.0, HALF_MS, online=True)
    assert asked.was()
    renewal.tick(2.0, HALF_MS, online=True)
    assert not asked.was()
    renewal.tick(1.0 + RETRY_MAX_S, HALF_MS, online=True)
    assert asked.was()


def test_a_box_that_knows_no_server_asks_nobody(asked: Asked) -> None:
    renewal = asked.renewal(identity(url=""))
    renewal.tick(OFFLINE_S * 2, HALF_MS, online=False)
    assert not asked.was()
