"""Fresh certificates, asked for by the box itself: when, and what is done with the answer.

The server is asked over HTTP, on a thread of its own, when

- half of the client certificate's life is over, by signed time;
- the broker couldn't be reached for a quarter of an hour: the certificate may have run out while the box lay on a
  shelf, or the broker may have another address by now;
- something came that was signed by an unknown key, at most once in `UNKNOWN_KEY_S`, because whoever holds the broker
  can make such messages: the online keys may have been exchanged while the box was away.

What fails is tried again after waits that double, each with a random part, so that a province doesn't ask all at once.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.errors import TruyenThanhError
from devices.protocol.trust import Trust
from devices.receiver.identity import Identity

if TYPE_CHECKING:
    from devices.receiver.office import Renewed

log = logging.getLogger(__name__)

NEVER = float("inf")
OFFLINE_S = 900.0
UNKNOWN_KEY_S = 3600.0
RETRY_MIN_S = 300.0
RETRY_MAX_S = 21_600.0

Ask = Callable[[Identity, Trust, int], "Renewed"]


def ask_server(identity: Identity, trust: Trust, iat: int) -> Renewed:
    """Raises what `devices.receiver.office` raises."""
    from devices.receiver import machine, office  # noqa: PLC0415 - HTTP is loaded when it is needed, twice a year

    post = office.poster(identity.web_ca)
    return office.renew(identity, trust, post=post, this_machine=machine.digest(), iat=iat)


class Renewal:
    """Used by the working thread. `taken` is called on another thread with the answer, once for each."""

    def __init__(
        self,
        identity: Identity,
        trust: Callable[[], Trust],
        taken: Callable[[Renewed], None],
        *,
        now_s: float,
        ask: Ask = ask_server,
    ) -> None:
        self._trust = trust
        self._taken = taken
        self._ask = ask
        self._asking = threading.Event()
        self._failures = 0
        self._not_before_s = now_s
        self._online_s = now_s  # when there was last a connection
        self._unknown_key = False
        self._unknown_key_s = -UNKNOWN_KEY_S
        self.use(identity)

    def use(self, identity: Identity) -> None:
        """Ask for this identity from now on."""
        self._identity = identity
        self._due_ms = NEVER
        if identity.certificate:
            from devices.receiver import tls  # noqa: PLC0415 - only boxes with a certificate need it

            self._due_ms = tls.half_life_ms(identity.certificate)

    def unknown_key(self, now_s: float) -> None:
        """Something came that is signed by a key that isn't known."""
        if now_s - self._unknown_key_s >= UNKNOWN_KEY_S:
            self._unknown_key, self._unknown_key_s = True, now_s

    def tick(self, now_s: float, now_ms: float | None, *, online: bool) -> float:
        """Ask where it is time to; in how many seconds to be called again."""
        if not self._identity.url:
            return NEVER
        if online:
            self._online_s = now_s
        due = (
            self._unknown_key or (now_ms is not None and now_ms >= self._due_ms) or now_s - self._online_s >= OFFLINE_S
        )
        if due and now_s >= self._not_before_s and not self._asking.is_set():
            self._unknown_key = False
            self._begin(now_s, now_ms)
        return 60.0

    def _begin(self, now_s: float, now_ms: float | None) -> None:
        longest = min(RETRY_MAX_S, RETRY_MIN_S * 2 ** min(self._failures, 16))
        self._not_before_s = now_s + random.uniform(longest / 2, longest)  # noqa: S311 - spreads the load
        self._failures += 1
        self._asking.set()
        arguments = (self._identity, self._trust(), int((now_ms or 0) / 1000))
        threading.Thread(target=self._run, args=arguments, name="renewal", daemon=True).start()

    def _run(self, identity: Identity, trust: Trust, iat: int) -> None:
        try:
            renewed = self._ask(identity, trust, iat)
        except TruyenThanhError as error:
            log.warning("No fresh certificates: %s", error)
        except Exception:
            log.exception("Asking for fresh certificates failed")
        else:
            self._failures = 0
            self._taken(renewed)
        finally:
            self._asking.clear()
