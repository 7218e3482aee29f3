"""Everything that the agent does, on one thread: what to make of each message, and what to do as time passes.

Nothing here waits or sleeps. Messages that come before there is trustworthy time (it takes one round trip) are put by,
and looked at when there is.
"""

from __future__ import annotations

import heapq
import itertools
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.clock import Clock
from devices.link.contract import Link
from devices.protocol import topics
from devices.protocol.reports import PlanAccepted
from devices.protocol.trust import Trust
from devices.receiver import machine
from devices.receiver.amplifier import Amplifier, Switch
from devices.receiver.board import Board
from devices.receiver.cache import Cache
from devices.receiver.clock import SignedClock
from devices.receiver.decisions import obeyed_areas
from devices.receiver.execution import Executor
from devices.receiver.hearing import Capture, Ear
from devices.receiver.identity import Identity
from devices.receiver.ledger import Ledger
from devices.receiver.messenger import Messenger
from devices.receiver.mixer import Event, Mixer
from devices.receiver.orders import Orders
from devices.receiver.outbox import Outbox
from devices.receiver.outputs import Output
from devices.receiver.planbook import Planbook, PlanNotAccepted
from devices.receiver.player import Player
from devices.receiver.postman import Postman, Receipts
from devices.receiver.presence import Presence
from devices.receiver.renewal import Renewal
from devices.receiver.settings import AgentSettings
from devices.receiver.standing import Standing
from devices.receiver.state import State
from devices.receiver.supply import Supply
from devices.receiver.timing import Lateness, Timekeeper
from devices.receiver.updates import Updates
from devices.receiver.upkeep import Upkeep

if TYPE_CHECKING:
    from devices.receiver.office import Renewed

log = logging.getLogger(__name__)

NEVER = float("inf")
HELD_MESSAGES = 64
CONTENT = f"{topics.ROOT}/content/"
AREA = f"{topics.ROOT}/area/"


class Control:
    """Made and used on the working thread. `receive` is where the link's topics go; `tell` takes the mixer's events."""

    def __init__(
        self,
        identity: Identity,
        folder: Path,
        *,
        output: Output,
        link: Link,
        mixer: Mixer,
        clock: Clock,
        settings: AgentSettings,
        receive: Callable[[str], None],
        forget: Callable[[str], None],
        tell: Callable[[Event], None],
        damaged: Callable[[str], None],
        restart: Callable[[], None] | None,
        renewed: Callable[[Renewed], None],
        keep: Callable[[Identity], None] | None,
        capture: Capture | None = None,
        switch: Switch | None = None,
        software: Path | None = None,
    ) -> None:
        self._identity, self._keep = identity, keep
        self._restart = restart
        self._receiver = identity.receiver
        self._capture, self._ear = capture, Ear() if capture is not None else None
        mixer.ear = self._ear
        self._receive, self._forget_topic = receive, forget
        self.state = State(folder / "state.db", synchronous=settings.synchronous)
        self.state.claim(self._receiver)
        self.clock = SignedClock(
            clock, folder / "clock.json", boot=machine.boot(), error_max_ms=settings.clock_error_max_ms
        )
        self._trust = identity.trust()
        self.planbook = Planbook(folder / "plan.jws", self.state, self._trust, receiver=self._receiver)
        self.outbox = Outbox(self.state)
        self.cache = Cache(folder / "objects", self.state, quota_bytes=settings.quota_bytes)
        self._messenger = Messenger(
            link,
            receiver=self._receiver,
            key=identity.signing_key(),
            root_kid=self._trust.issuer,
            clock=self.clock,
            settings=settings,
        )
        self._postman = Postman(self.outbox, self._messenger.plays, settings)
        self._receipts = Receipts(
            self._postman,
            self.outbox,
            self._trust,
            receiver=self._receiver,
            clock=self.clock,
            messenger=self._messenger,
            wonder=self._wonder,
        )
        self._ledger = Ledger(self.state, self.outbox, self.clock, disk_full=lambda: self._upkeep.disk_full())  # noqa: PLW0108 - made below
        self.amplifier = Amplifier(switch, lambda why: self._messenger.alarm("amplifier", why))
        self.player = Player(
            clock=self.clock,
            mixer=mixer,
            cache=self.cache,
            ledger=self._ledger,
            settings=settings,
            tell=tell,
            damaged=damaged,
            ahead_ms=lambda: output.ahead_ms,
            lead_ms=lambda: self.amplifier.lead_ms,
            ear=self._ear,
        )
        self._updates = Updates(
            software,
            state=self.state,
            trust=self._trust,
            cache=self.cache,
            player=self.player,
            messenger=self._messenger,
            settings=settings,
            restart=restart,
        )
        self._executor = Executor(
            state=self.state,
            player=self.player,
            ledger=self._ledger,
            planbook=self.planbook,
            cache=self.cache,
            refresh=self.connected,
            restart=restart,
            update=self._updates.offer,
        )
        self._orders = Orders(
            self.state,
            self._trust,
            receiver=self._receiver,
            execute=self._executor.execute,
            answer=self._messenger.report,
            refused=self._messenger.refused,
        )
        self._supply = Supply(
            cache=self.cache,
            clock=self.clock,
            messenger=self._messenger,
            planbook=self.planbook,
            player=self.player,
            executor=self._executor,
            release=lambda: self._updates.wanted,
            subscribe=receive,
            unsubscribe=forget,
            settings=settings,
        )
        self._presence = Presence(
            messenger=self._messenger, clock=self.clock, cache=self.cache, player=self.player, settings=settings
        )
        self._standing = Standing(identity, self._trust, player=self.player, messenger=self._messenger, link=link)
        self._timekeeper = Timekeeper(
            clock=self.clock,
            trust=self._trust,
            receiver=self._receiver,
            messenger=self._messenger,
            settings=settings,
            wonder=self._wonder,
            known=self._time_known,
        )
        self._upkeep = Upkeep(
            output=output,
            capture=capture,
            ledger=self._ledger,
            orders=self._orders,
            supply=self._supply,
            messenger=self._messenger,
            clock=self.clock,
            settings=settings,
            restart=restart,
        )
        self._board = Board(
            folder,
            identity,
            clock=self.clock,
            messenger=self._messenger,
            presence=self._presence,
            planbook=self.planbook,
            player=self.player,
            outbox=self.outbox,
            cache=self.cache,
            upkeep=self._upkeep,
        )
        # A copy of what is believed, because it asks on a thread of its own.
        self._renewal = Renewal(identity, self._trust_now, renewed, now_s=self._mono_s())
        self._lateness = Lateness(self.clock, self.planbook.airings)
        self._waiting: deque[tuple[str, bytes, float]] = deque(maxlen=HELD_MESSAGES)
        self._events: list[tuple[float, int, Event]] = []
        self._event_number = itertools.count()
        self._areas: set[str] = set()

    def begin(self) -> None:
        """Before the first message: what was sounding when power went is recorded, topics are subscribed."""
        if self.state.damaged:
            self._messenger.alarm("outbox-damaged", "the state was put aside and a new log begun")
        self.outbox.recover()
        self._updates.begin()
        self._standing.look_at_machine(self._presence.machine)
        self._standing.look_at_list()
        self.player.why_late = self._lateness.why
        self.player.plan_changed(self.planbook.plan)
        for name in topics.DOWN_NAMES:
            self._receive(topics.down(self._receiver, name))
        self._follow_areas()
        if self.clock.trusted:
            self._time_known()  # from before, within the same boot of the machine
        if self._capture is not None and self._ear is not None:
            self._capture.start(self._ear.caught)

    def _trust_now(self) -> Trust:
        return self._identity.trust(self.state.get("certificates", []), self.state.get("revocations"))

    def renewed(self, fresh: Renewed) -> None:
        """Certificates came: on the disk first, then in use from the next connection on."""
        if self._keep is None:
            return
        before = self._identity
        try:
            self._keep(fresh.identity)
        except OSError as error:
            self._messenger.alarm("disk", str(error))
            return  # asked for again after a while
        self._identity = fresh.identity
        self.planbook.learn(fresh.identity.certificates, fresh.revocations)
        self._standing.look_at_list()
        self._renewal.use(fresh.identity)
        log.info("Fresh certificates are in use")
        there = (before.broker_host, before.broker_port, before.ca)
        if there != (fresh.identity.broker_host, fresh.identity.broker_port, fresh.identity.ca) and self._restart:
            log.info("The broker has another address; the agent starts again")
            self._restart()

    # What comes in.

    def connected(self) -> None:
        """The link is up: say who we are and what we hold; all that may have been lost is said again."""
        self._presence.hello(self.planbook.revision)
        self._messenger.connected()
        self._timekeeper.connected()
        self._postman.connected()
        self._supply.connected()

    def message(self, topic: str, payload: bytes, arrived_mono_ms: float) -> None:
        """A message from the link. Whatever is in it, it does no more than be refused."""
        if topic.startswith(CONTENT):
            self._supply.chunk(topic, payload)
        elif topic == topics.down(self._receiver, "time"):
            self._timekeeper.answered(topic, payload, arrived_mono_ms)
        elif topic == topics.down(self._receiver, "ack"):
            self._receipts.take(topic, payload)
        elif not payload:
            return  # a retained plan that was cleared
        elif self.clock.now_ms() is None:
            self._waiting.append((topic, payload, arrived_mono_ms))
        elif topic == topics.down(self._receiver, "plan"):
            self._plan(payload, arrived_mono_ms)
        elif topic == topics.down(self._receiver, "command"):
            self._command(topic, payload, None)
        elif topic.startswith(AREA):
            self._command(topic, payload, topic.removeprefix(AREA).split("/")[0])

    def event(self, event: Event) -> None:
        """The mixer says what will sound; it is taken in when it does."""
        heapq.heappush(self._events, (event.mono_ms, next(self._event_number), event))

    def damaged(self, sha256: str) -> None:
        """An object on the disk no longer is what its name says."""
        self._supply.damaged(sha256)

    def _time_known(self) -> None:
        """There is trustworthy time: what waited for it."""
        now = self.clock.now_ms()
        if now is None or self._lateness.trusted_ms is not None:
            return
        self._lateness.trusted_ms = now
        log.info("The time is known", extra={"error_ms": round(self.clock.error_ms, 1)})
        if self.state.damaged:
            self._orders.begin_anew(now)
        for order in self._orders.unfinished():
            self._executor.take_up(order)
        # What was missed of the plan held until now is recorded before another plan can come.
        self.player.tick(now)
        self._supply.look()

    def _wonder(self, reason: str) -> None:
        """Whether the server's keys are others by now."""
        if reason == "unknown-key":
            self._renewal.unknown_key(self._mono_s())

    def _plan(self, payload: bytes, arrived_mono_ms: float) -> None:
        now = self.clock.now_ms() or 0.0
        try:
            fresh = self.planbook.offer(payload, now)
        except PlanNotAccepted as error:
            self._wonder(error.reason)
            self._messenger.plan_refused(error.reason, error.revision)
            return
        except OSError as error:
            self._messenger.plan_refused("disk", None)
            self._messenger.alarm("disk", str(error))
            return
        if fresh:
            self._lateness.came_ms = self.clock.unix_ms(arrived_mono_ms)
            log.info("A plan is in force", extra={"revision": self.planbook.revision})
            self._executor.plan_changed()
            self.player.plan_changed(self.planbook.plan)
            self._standing.look_at_list()
            self._follow_areas()
            self._supply.look()
        self._messenger.report(PlanAccepted(revision=self.planbook.revision))
        self._supply.report_ready()

    def _command(self, topic: str, payload: bytes, unit: str | None) -> None:
        now = self.clock.now_ms() or 0.0
        obeyed = unit is not None and unit in obeyed_areas(self.planbook.plan, now)
        self._orders.receive(topic, payload, unit=unit, obeyed=obeyed, now_ms=now)
        self._supply.look()

    def _follow_areas(self) -> None:
        plan = self.planbook.plan
        wanted = {topics.area_command(area.unit) for area in (plan.areas if plan else [])}
        for topic in self._areas - wanted:
            self._forget_topic(topic)
        for topic in wanted - self._areas:
            self._receive(topic)
        self._areas = wanted

    # The passage of time.

    def tick(self) -> float:
        """Do what is due; in how many seconds to be called again."""
        now_s = self._mono_s()
        wakes = [self._hear_events(), self._timekeeper.tick(now_s), self._standing.tick(now_s)]
        now_ms = self.clock.now_ms()
        if now_ms is not None:
            while self._waiting:
                self.message(*self._waiting.popleft())
            wakes.append(self.player.tick(now_ms) / 1000.0)
            wakes.append(self.amplifier.tick(now_s, self.player.next_sound_ms(now_ms)))
            well = self._messenger.online and not self._upkeep.output_wrong
            wakes.append(self._updates.tick(now_s, self.planbook.next_in_ms(now_ms), well=well))
        wakes.append(self._supply.tick())
        wakes.append(self._postman.tick(now_s, online=self._messenger.online) - now_s)
        wakes.append(self._presence.tick(now_s))
        if self._keep is not None and not self._standing.cloned:
            wakes.append(self._renewal.tick(now_s, now_ms, online=self._messenger.online))
        wakes.append(self._upkeep.tick(now_s))
        wakes.append(self._board.tick(now_s))
        return max(0.0, min(wakes))

    def _hear_events(self) -> float:
        mono = self.clock.mono_ms()
        while self._events and self._events[0][0] <= mono:
            self.player.happened(heapq.heappop(self._events)[2])
        return (self._events[0][0] - mono) / 1000.0 if self._events else NEVER

    def _mono_s(self) -> float:
        return self.clock.mono_ms() / 1000.0

    # The end.

    def end(self) -> None:
        """What is still open gets its record; say goodbye."""
        while self._events:
            self.player.happened(heapq.heappop(self._events)[2])
        self.player.close()
        self._postman.tick(self._mono_s(), online=self._messenger.online)
        self._presence.goodbye()
        if self._capture is not None:
            self._capture.stop()
        self.amplifier.stop()

    def close(self) -> None:
        self.clock.save()
        self.state.close()
