"""`broken.py FAULT …`: our receiver with one fault, started as it is. For the test of the conformance kit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[3]))

from devices.protocol import signing, trust
from devices.receiver import cache, decisions, fetch, orders, outbox, planbook, player
from devices.receiver.__main__ import main


def believes_anybody() -> None:
    """Any key that the root certified may sign anything."""
    before = trust.Trust._key_for

    def key_for(self: trust.Trust, header: dict[str, Any], _role: trust.Role, now: Any) -> signing.VerifyKey | None:
        return next((key for role in trust.ROLES if (key := before(self, header, role, now))), None)

    patch.object(trust.Trust, "_key_for", key_for).start()


def hears_for_others() -> None:
    """What is for another receiver is obeyed as well."""
    before = trust.Trust.open

    def opened(self: trust.Trust, token: bytes, *, typ: str, audience: str, now: Any) -> signing.Claims:
        return before(self, token, typ=typ, audience=signing.peek(token).aud or audience, now=now)

    patch.object(trust.Trust, "open", opened).start()
    patch.object(planbook, "_check_facts", lambda *_args, **_named: None).start()


def knows_no_quiet() -> None:
    patch.object(decisions, "quiet_from", lambda _quiet, _at: 9_007_199_254_740_991).start()


def begins_late() -> None:
    before = player.Player._place
    patch.object(player.Player, "_place", lambda self, job, at_ms: before(self, job, at_ms + 300)).start()


def executes_again() -> None:
    """Each time it comes a command is a new one."""
    before = orders.Orders.receive

    def received(self: orders.Orders, *args: Any, **named: Any) -> None:
        self._state.run("DELETE FROM commands")
        before(self, *args, **named)

    patch.object(orders.Orders, "receive", received).start()


class Fits(str):
    """A digest that is whatever it is compared with."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, _other: object) -> bool:
        return True

    def __ne__(self, _other: object) -> bool:
        return False


def takes_any_chunk() -> None:
    def digest(*_anything: object) -> SimpleNamespace:
        return SimpleNamespace(hexdigest=Fits)

    for module in (fetch, cache):
        patch.object(module, "hashlib", SimpleNamespace(sha256=digest, file_digest=digest)).start()


def breaks_its_chain() -> None:
    patch.object(outbox, "canonical_sha256", lambda _value: "1" * 64).start()


def is_too_loud() -> None:
    before = decisions.volume_of
    patch.object(player, "volume_of", lambda airing, *rest: airing.volume or before(airing, *rest)).start()


FAULTS: dict[str, Callable[[], None]] = {
    "believes-anybody": believes_anybody,
    "hears-for-others": hears_for_others,
    "knows-no-quiet": knows_no_quiet,
    "begins-late": begins_late,
    "executes-again": executes_again,
    "takes-any-chunk": takes_any_chunk,
    "breaks-its-chain": breaks_its_chain,
    "is-too-loud": is_too_loud,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    raise SystemExit(main(sys.argv[2:]))
