"""What the engine does for the newsroom while this process leads: duties again and again, and firings of airings."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from audio.store import ObjectStore
from broadcast import (
    commands,
    content,
    delivery,
    issuing,
    offer_lists,
    partitions,
    playouts,
    readiness,
    rule_look,
    slots,
)
from broadcast.rule_look import Forbidding
from core import events
from core.clock import Clock
from core.database import Database
from core.settings import Settings
from devices import registry
from devices.keyring import Keyring
from devices.link import Link
from devices.tables import Receiver
from schedules import timetable
from schedules.engine import Duty, FiringHandler
from schedules.firings import Due
from schedules.lease import Leadership
from schedules.rule_words import rule_text
from schedules.tables import Airing

log = logging.getLogger(__name__)

PLANS_EVERY_S = 0.5
COMMANDS_EVERY_S = 0.2
CONTENT_EVERY_S = 30.0  # and whenever plans were issued
RENEW_EVERY_S = 60.0
EXPAND_EVERY_S = 300.0
OVERDUE_EVERY_S = 60.0
SWEEP_EVERY_S = 60.0
MONTHS_EVERY_S = 21_600.0
SILENT_AFTER = timedelta(minutes=5)  # receivers say how they are every minute
NAMED_MAX = 200  # receivers named in one event


class Duties:
    """The leader's work, for `schedules.engine.Engine`."""

    def __init__(
        self,
        db: Database,
        link: Link,
        keyring: Keyring,
        *,
        clock: Clock,
        store: ObjectStore,
        settings: Settings,
        leadership: Leadership,
    ) -> None:
        self._db = db
        self._link = link
        self._keyring = keyring
        self._clock = clock
        self._store = store
        self._settings = settings
        self._leadership = leadership
        self._content_at: float | None = None
        # The embedded broker lives and dies with this process and keeps nothing.
        self._broker_is_empty = settings.broker == "embedded"

    def duties(self) -> list[Duty]:
        return [
            Duty("expand", EXPAND_EVERY_S, self.expand),
            Duty("plans", PLANS_EVERY_S, self.plans),
            Duty("commands", COMMANDS_EVERY_S, self.commands),
            Duty("renew-plans", RENEW_EVERY_S, self.renew_plans),
            Duty("close-overdue", OVERDUE_EVERY_S, self.close_overdue),
            Duty("sweep-offline", SWEEP_EVERY_S, self.sweep_offline),
            Duty("months", MONTHS_EVERY_S, self.make_months),
        ]

    def firings(self) -> Mapping[str, FiringHandler]:
        return {
            "ready-30": self.tell_readiness,
            "ready-10": self.tell_readiness,
            "ready-2": self.tell_readiness,
            "close": self.close,
            "to-fill": self.tell_unfilled,
            "fill-by": self.fall_back,
        }

    def expand(self) -> None:
        """Make the airings of the coming days that are missing, and have the plans that they touch looked at."""
        now = self._clock.now()
        with self._db.writing() as session:
            self._leadership.check(session)
            made = timetable.materialise(session, now=now, until=now + timedelta(days=self._settings.airing_days))
            self._tell_forbidden(session, made, now)
            delivery.request_for_airings(session, made, now, horizon=timedelta(hours=self._settings.plan_hours))

    def _tell_forbidden(self, session: Session, made: Sequence[Airing], now: datetime) -> None:
        """What lies in quiet hours or outside of its windows will be left out of plans: who made it hears of it now.

        A schedule is held against the rules when it is saved; they may have been changed since.
        """
        silent: dict[str, list[Forbidding]] = defaultdict(list)
        for one in rule_look.forbidden(session, self._settings, made):
            silent[one.airing.schedule_id].append(one)
        for schedule_id, found in silent.items():
            log.warning("Airings lie where they may not sound", extra={"schedule": schedule_id, "airings": len(found)})
            events.record(
                session,
                "system:schedule:against-rules",
                actor=events.SYSTEM,
                at=now,
                subject=("schedule", schedule_id),
                rules=sorted({one.rule.id for one in found}),
                says=sorted({rule_text(one.rule) for one in found}),
                airings=len(found),
                starts=[one.airing.starts_at.isoformat() for one in found][:NAMED_MAX],
            )

    def plans(self) -> None:
        """Issue what was requested; then publish the audio that plans need, and the plans."""
        if self._broker_is_empty:
            with self._db.writing() as session:
                self._leadership.check(session)
                delivery.republish_all(session)
            self._broker_is_empty = False
        check = self._leadership.check
        issued = issuing.issue_requested(self._db, self._keyring, self._store, check, self._clock, self._settings)
        at = self._clock.monotonic()
        if issued or self._content_at is None or at - self._content_at >= CONTENT_EVERY_S:
            published = content.publish_needed(self._db, self._store, self._link, self._clock)
            # A full round may have left some, and without a connection there was none: look again at once.
            done = self._link.connected and published < content.OBJECTS_PER_ROUND
            self._content_at = at if done else None
        delivery.publish_pending(self._db, self._link, check, self._clock)

    def commands(self) -> None:
        commands.send_pending(self._db, self._keyring, self._link, self._leadership.check, self._clock)

    def renew_plans(self) -> None:
        """Have plans looked at of which less than half of their time is left, and receivers without any."""
        with self._db.writing() as session:
            self._leadership.check(session)
            delivery.request_due(session, self._clock.now(), self._settings.plan_hours)

    def close_overdue(self) -> None:
        with self._db.writing() as session:
            self._leadership.check(session)
            playouts.close_overdue(session, self._clock.now())

    def sweep_offline(self) -> None:
        """Receivers that were not heard for long, though no last will came, are offline."""
        silent_since = self._clock.now() - SILENT_AFTER
        with self._db.writing() as session:
            self._leadership.check(session)
            silent = select(Receiver.id).where(
                Receiver.online, or_(Receiver.heard_at.is_(None), Receiver.heard_at < silent_since)
            )
            for receiver in session.scalars(silent).all():
                registry.mark_offline(session, receiver, clock=self._clock)

    def make_months(self) -> None:
        """The months of play records, ahead of time."""
        with self._db.writing() as session:
            self._leadership.check(session)
            for name in partitions.make_ahead(session, self._clock.now()):
                log.info("A month of play records was made", extra={"table": name})

    def tell_readiness(self, session: Session, due: Due) -> None:
        """Some minutes before an airing: which of its receivers don't have it all yet, and what each lacks.

        The console's page of the day shows them from half an hour before on; this says it to whoever watches events.
        """
        airing = session.get(Airing, due.airing_id)
        if airing is None:
            return
        if due.kind == "ready-30":
            offer_lists.tell_untaken(session, airing.id, self._clock.now())
        receivers, waiting = readiness.of_airing(session, airing)
        reasons = Counter(why for one in waiting for why in one.why)
        if waiting:
            facts = {"airing": airing.id, "when": due.kind, "receivers": len(waiting), **reasons}
            log.warning("Receivers are not ready", extra=facts)
        events.record(
            session,
            "system:airing:readiness",
            actor=events.SYSTEM,
            at=self._clock.now(),
            subject=("airing", airing.id),
            when=due.kind,
            receivers=receivers,
            waiting=len(waiting),
            reasons=dict(sorted(reasons.items())),
            named={one.receiver_id: list(one.why) for one in waiting[:NAMED_MAX]},
        )

    def close(self, session: Session, due: Due) -> None:
        playouts.close(session, due.airing_id, self._clock.now())

    def tell_unfilled(self, session: Session, due: Due) -> None:
        slots.warn(session, due.airing_id, self._clock.now())

    def fall_back(self, session: Session, due: Due) -> None:
        now = self._clock.now()
        changed = slots.fall_back(session, due.airing_id, now)
        delivery.request_for_airings(session, changed, now, horizon=timedelta(hours=self._settings.plan_hours))
