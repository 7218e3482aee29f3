"""Which audio is needed, and which is ready: between the plan, the commands that wait, the fetcher and the cache."""

from __future__ import annotations

import logging
from collections.abc import Callable

from devices.protocol.plan import Manifest, PlanAiring
from devices.protocol.reports import Ready, Want
from devices.receiver.cache import Cache
from devices.receiver.clock import SignedClock
from devices.receiver.decisions import source_of
from devices.receiver.execution import Executor
from devices.receiver.fetch import Fetcher, Need
from devices.receiver.messenger import Messenger
from devices.receiver.outbox import DAY_MS
from devices.receiver.planbook import Planbook
from devices.receiver.player import Player
from devices.receiver.settings import AgentSettings

log = logging.getLogger(__name__)

NEVER = float("inf")
RELEASE_IN_MS = DAY_MS * 4
READY_MAX = 5_000  # names of objects in one report: some 450 kB as signed


def sources(airing: PlanAiring) -> set[str]:
    """The objects that an airing sounds."""
    return {sha256 for item in airing.items if (sha256 := source_of(item)) is not None}


class Supply:
    """Used by the working thread only."""

    def __init__(
        self,
        *,
        cache: Cache,
        clock: SignedClock,
        messenger: Messenger,
        planbook: Planbook,
        player: Player,
        executor: Executor,
        release: Callable[[], Manifest | None],
        subscribe: Callable[[str], None],
        unsubscribe: Callable[[str], None],
        settings: AgentSettings,
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._messenger = messenger
        self._planbook = planbook
        self._player = player
        self._executor = executor
        self._release = release
        self._keep: dict[str, float] = {}  # what mustn't be dropped, and in how many milliseconds it is needed
        self._fetcher = Fetcher(
            cache,
            subscribe=subscribe,
            unsubscribe=unsubscribe,
            want=lambda sha256, n: messenger.report(Want(sha256=sha256, n=n)),
            complete=self.report_ready,
            alarm=messenger.alarm,
            settings=settings,
        )

    def look(self) -> None:
        """What must be fetched, and what may not be dropped, as things are now."""
        now = self._clock.stated_ms()
        plan = self._planbook.plan
        manifests: dict[str, Manifest] = {manifest.sha256: manifest for manifest in (plan.objects if plan else [])}
        soonest: dict[str, float] = {pinned.sha256: DAY_MS * 30 for pinned in (plan.pinned if plan else [])}
        for airing in self._planbook.airings:
            if airing.ends_at > now:
                for sha256 in sources(airing):
                    soonest[sha256] = min(soonest.get(sha256, NEVER), airing.starts_at - now)
        release = self._release()
        if release is not None:
            manifests[release.sha256], soonest[release.sha256] = release, RELEASE_IN_MS  # what sounds comes first
        urgent: set[str] = set()
        for job in self._player.wanted():
            manifests |= self._executor.objects.get(job.command or "", {})
            urgent |= sources(job.airing)
        needs = [
            Need(manifests[sha256], 0.0 if sha256 in urgent else max(0.0, in_ms / 1000.0), urgent=sha256 in urgent)
            for sha256, in_ms in {**soonest, **dict.fromkeys(urgent, 0.0)}.items()
            if sha256 in manifests
        ]
        self._keep = {**soonest, **dict.fromkeys(urgent, 0.0)}
        self._fetcher.need(needs, keep=self._keep.keys(), now_s=self._now_s())

    def keep_spare(self) -> None:
        """Of the disk some room stays for records and the system, at the expense of what nothing needs."""
        self._cache.make_room(0, self._keep)

    def give_way(self) -> bool:
        """The disk is full: drop one object, of the least use first; False: there is none."""
        worst = self._cache.least_useful(self._keep)
        if worst is None:
            return False
        self._cache.drop(worst)
        return True

    def touch(self, now_ms: float) -> None:
        """All that the plan names is needed now."""
        self._cache.touch({sha256 for airing in self._planbook.airings for sha256 in sources(airing)}, int(now_ms))

    def report_ready(self, only: str | None = None) -> None:
        """Tell which audio is complete: of every airing that has all of its own, or of those that `only` is part of."""
        ready: set[str] = set()
        now = self._clock.stated_ms()
        for airing in [*self._planbook.airings, *(job.airing for job in self._player.wanted())]:
            needed = sources(airing)
            if airing.ends_at > now and (only is None or only in needed) and self._cache.complete(needed):
                ready |= needed
        told = sorted(ready)
        for at in range(0, len(told), READY_MAX):
            self._messenger.report(Ready(sha256=told[at : at + READY_MAX]))

    def damaged(self, sha256: str) -> None:
        """An object on the disk no longer is what its name says."""
        self._cache.drop(sha256)
        self._messenger.alarm("object-damaged", sha256)
        self.look()

    def chunk(self, topic: str, payload: bytes) -> None:
        self._fetcher.chunk(topic, payload, self._now_s(), self._clock.stated_ms())

    def connected(self) -> None:
        """What was asked for may have been lost; what is ready is said again."""
        self._fetcher.connected(self._now_s())
        self.report_ready()

    def tick(self) -> float:
        """In how many seconds to be called again."""
        if not self._messenger.online:
            return NEVER
        now_s = self._now_s()
        return self._fetcher.tick(now_s, self._clock.stated_ms()) - now_s

    def _now_s(self) -> float:
        return self._clock.mono_ms() / 1000.0
