"""Who is there and how it does: the hello at each connection, the retained status."""

from __future__ import annotations

from core.ids import new_id
from devices.protocol.reports import Hello, Status
from devices.receiver import machine
from devices.receiver.cache import Cache
from devices.receiver.clock import SignedClock
from devices.receiver.messenger import Messenger
from devices.receiver.player import Player
from devices.receiver.settings import CAPABILITIES, AgentSettings

NEVER = float("inf")
GOODBYE_S = 1.0


class Presence:
    """Used by the working thread only."""

    def __init__(
        self, *, messenger: Messenger, clock: SignedClock, cache: Cache, player: Player, settings: AgentSettings
    ) -> None:
        self._messenger = messenger
        self._clock = clock
        self._cache = cache
        self._player = player
        self._status_s = settings.status_s
        self._boot = new_id()
        self.machine = settings.machine if settings.machine is not None else machine.digest()
        self._due = 0.0
        self._shown: tuple[object, ...] = ()

    def hello(self, revision: int) -> None:
        self._messenger.hello(
            Hello(
                revision=revision,
                software=machine.software(),
                boot=self._boot,
                capabilities=list(CAPABILITIES),
                machine=self.machine,
                cache=self._cache.facts(),
                clock=self._clock.facts(),
            )
        )
        self._due = 0.0

    def tick(self, now_s: float) -> float:
        """Tell the status when it has changed, and now and then; in how many seconds to be called again."""
        if not self._messenger.online:
            return NEVER
        status = self.status()
        shown = (status.playing, status.item, status.volume, status.muted_until)
        if shown != self._shown or now_s >= self._due:
            self._shown = shown
            self._due = now_s + self._status_s
            self._messenger.status(status)
        return self._due - now_s

    def goodbye(self) -> None:
        """A clean end sends no last will, so it is said."""
        if self._messenger.online:
            self._messenger.status(Status(online=False, at=self._clock.stated_ms())).wait(GOODBYE_S)

    def status(self) -> Status:
        """As the server is told it."""
        job = self._player.sounding
        slot = next((slot for slot in job.slots if slot.started_at and not slot.closed), None) if job else None
        shown = job is not None and job.recorded
        return Status(
            online=True,
            at=self._clock.stated_ms(),
            playing=job.airing.airing if job and shown else None,
            item=slot.item.item if slot and shown else None,
            volume=slot.volume if slot else None,
            muted_until=self._player.muted_until or None,
            temperature_c=machine.temperature_c(),
            free_bytes=self._cache.free_bytes(),
            clock=self._clock.facts(),
        )
