"""Whether this box may sound at all, whatever it is told.

- A *cloned card*: the machine isn't the one that was enrolled. It comes to the broker under the name of the box that it
  was copied from, and cuts that one off; so it says what it is, once in a while, and stays away in between.
- *Revoked*: the root's revocation list names the box, by the kid of its signing key, or the whole place by the
  receiver's identifier. Whoever holds a stolen box, it falls silent as soon as the list reaches it, by whatever way,
  and is silent from its start on; what sounds fades out. A newer list without it gives it its voice back.

A silenced box goes on reporting: each item that it doesn't play is `refused` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.link.contract import Link
from devices.protocol.trust import Trust
from devices.receiver.identity import Identity
from devices.receiver.messenger import Messenger
from devices.receiver.player import Player

NEVER = float("inf")
CLONE_SAYS_S = 4.0  # how long a cloned card stays at the broker, and away from it
CLONE_RESTS_S = 3600.0


class Standing:
    """Used by the working thread only."""

    def __init__(self, identity: Identity, trust: Trust, *, player: Player, messenger: Messenger, link: Link) -> None:
        self._identity = identity
        self._names = {identity.receiver, identity.signing_key().kid}
        self._trust = trust
        self._player = player
        self._messenger = messenger
        self._link = link
        self.cloned = False
        self._resting_until_s, self._online_since_s = 0.0, NEVER

    def look_at_machine(self, machine: str) -> None:
        """Is it the one that was enrolled?"""
        self.cloned = bool(self._identity.machine) and machine != self._identity.machine
        if self.cloned:
            self._player.silenced = "cloned-card"
            self._messenger.alarm("cloned-card", "this is not the machine that was enrolled")

    def look_at_list(self, stopped: Callable[[], None] = lambda: None) -> None:
        """Does the root's list name this box? `stopped` is called when it newly does."""
        named = not self._names.isdisjoint(self._trust.revoked.receivers)
        silenced = self._player.silenced
        if named and not silenced:
            self._player.silenced = "revoked"
            self._player.stop("revoked")
            self._messenger.alarm("revoked", "the root's revocation list names this receiver; it is silent")
            stopped()
        elif not named and silenced == "revoked":
            self._player.silenced = ""

    def tick(self, now_s: float) -> float:
        """In how many seconds to be called again."""
        if not self.cloned:
            return NEVER
        if self._resting_until_s > now_s:
            return self._resting_until_s - now_s
        if self._resting_until_s:
            self._resting_until_s = 0.0
            self._link.start()
        if not self._messenger.online:
            self._online_since_s = NEVER
        elif self._online_since_s == NEVER:
            self._online_since_s = now_s
        elif now_s - self._online_since_s >= CLONE_SAYS_S:
            self._online_since_s = NEVER
            self._resting_until_s = now_s + CLONE_RESTS_S
            self._link.stop()
        return CLONE_SAYS_S / 4
