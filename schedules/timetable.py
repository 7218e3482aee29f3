"""The timetable: schedules, and the airings that they come to.

An airing that stands is never re-timed, rewritten or deleted, because a plan that holds it may be on its way to a
receiver at this moment: it is cancelled, with the reason, and another one `replaces` it. The rules:

1. A schedule comes to one airing for each occurrence of its rule. `materialise` makes those that are missing up to a
   horizon; the unique key (schedule, original start, generation) keeps it at one, whoever expands and how often.
2. A decision about one day wins over the schedule (`schedules.airings`, `schedules.session_days`): an airing withdrawn
   by hand stays withdrawn, one that was moved keeps its time, and one that was changed its programme, through every
   later edit that still has an occurrence on that local day.
3. An edit cancels the future airings that no longer fit and replaces them with those of the new rule, day by day.
   What is on air or over stays as it is; what a receiver sounds at this moment is stopped by a command, not from here.

Every function locks its schedule first, so that edits and expansions of one schedule go one after the other. None
commits. What is returned are the airings whose receivers need a new plan.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypedDict, Unpack

from sqlalchemy import column, func, or_, select, table
from sqlalchemy.orm import Session

from core import events
from core.clock import Clock
from core.events import SYSTEM, Actor
from core.units import Unit, date_of
from schedules import local_days, sessions
from schedules.errors import (
    BadDuration,
    InThePast,
    NeverAirs,
    NoTitle,
    ScheduleCancelled,
    ScheduleChanged,
    ScheduleNotFound,
    UnknownProgramme,
    UnknownUnits,
)
from schedules.expansion import BY_HAND, cancel_row, columns_of_rule, expand, locked, replace, rule_of
from schedules.localtime import told
from schedules.reach import NearBy, default_owner, require_known
from schedules.recurrence import Rule, next_after, require_occurrences
from schedules.slot_errors import HasSlots, NoSlotsHere
from schedules.slots import SlotSpec, checked, require_apart
from schedules.tables import Airing, Schedule
from schedules.targets import AIMED, Targets, columns_of

LONGEST_MS = 12 * 60 * 60 * 1000
_BATCH = 500

# The newsroom stands above this room; of its programmes only the key is known here.
_programmes = table("programmes", column("id"))


class Edits(TypedDict, total=False):
    """What can be changed of a schedule; what is left out, or None, stays."""

    title: str | None
    programme_id: str | None
    duration_ms: int | None  # of another programme
    rule: Rule | None
    targets: Targets | None
    owner_id: str | None
    slots: Sequence[SlotSpec] | None
    expected_version: int | None


def add(
    session: Session,
    *,
    title: str,
    programme_id: str | None = None,
    rule: Rule,
    targets: Targets,
    owner_id: str | None = None,
    duration_ms: int = 0,
    slots: Sequence[SlotSpec] = (),
    continues_id: str | None = None,
    actor: Actor,
    clock: Clock,
) -> Schedule:
    """A new schedule. It has no airings yet: call `materialise` in the same transaction for those of the horizon.

    It has one programme with its `duration_ms`, or `slots`. Without `owner_id` it belongs to the one commune of its
    targets, else to the lowest unit above them all.
    """
    now = clock.now()
    require_known(session, targets)
    schedule = Schedule(
        title=_title(title),
        programme_id=None if slots else _programme(session, programme_id),
        duration_ms=_duration(sum(slot.length_ms for slot in checked(slots)) if slots else duration_ms),
        **columns_of(targets),
        owner_id=_owner(session, owner_id) or default_owner(session, targets, on=date_of(now)),
        status="active",
        version=1,
        continues_id=continues_id,
        created_by=actor.id,
        created_at=now,
    )
    _apply(schedule, _in_time(rule, now))
    session.add(schedule)
    session.flush()
    if slots:
        require_apart(rule, schedule.duration_ms, now)
        sessions.set_slots(session, schedule, slots)
    _record(session, schedule, "added", actor, now, **_told(schedule))
    return schedule


def get(session: Session, schedule_id: str) -> Schedule:
    """The schedule; raises `ScheduleNotFound`."""
    schedule = session.get(Schedule, schedule_id)
    if schedule is None:
        raise ScheduleNotFound(id=schedule_id)
    return schedule


def materialise(
    session: Session, *, now: datetime, until: datetime, schedule_ids: Sequence[str] | None = None
) -> list[Airing]:
    """Make the airings of (now, until) that are missing, of all active schedules or of these; returns the new ones.

    Local days act on them at once, so that some of these may be cancelled, and others be there in their place.
    """
    local_days.hold(session)
    wanted = select(Schedule).where(Schedule.status == "active").order_by(Schedule.id)
    if schedule_ids is not None:
        wanted = wanted.where(Schedule.id.in_(schedule_ids))
    schedules = session.scalars(locked(wanted)).all()
    simple = [one for one in schedules if one.programme_id is not None]
    framed = [one for one in schedules if one.programme_id is None]
    made = expand(session, simple, now=now, until=until)
    touched = {airing.schedule_id for airing in made} | local_days.brought(session, now, until)
    settled = local_days.settle(session, [one for one in simple if one.id in touched], now=now, until=until)
    for changed in sessions.sync(session, framed, now=now, until=until, actor=SYSTEM):
        settled += changed
    return list({airing.id: airing for airing in (*made, *settled)}.values())


def edit(
    session: Session,
    schedule_id: str,
    *,
    ends: bool = False,
    actor: Actor,
    clock: Clock,
    **edits: Unpack[Edits],
) -> list[Airing]:
    """Change what is given (another programme brings its `duration_ms`); returns cancelled and new airings.

    Only airings that were made are replaced; `materialise` goes on from there by the new rule. With `expected_version`
    an edit of something that someone else has changed meanwhile is refused with `ScheduleChanged`. With `ends` the
    rule may be one without any airing ahead: another schedule goes on from it.
    """
    now = clock.now()
    local_days.hold(session)
    schedule = _lock_active(session, schedule_id)
    if edits.get("expected_version") not in {None, schedule.version}:
        raise ScheduleChanged(title=schedule.title, version=schedule.version)
    before = _told(schedule)
    framed = schedule.programme_id is None
    _change(session, schedule, edits, now, ends=ends)
    after = _told(schedule)
    if after == before and edits.get("slots") is None:
        return []
    schedule.version += 1
    settled: list[Airing] = []
    if framed:
        require_apart(rule_of(schedule), schedule.duration_ms, now)
        until = sessions.horizon_of(session, schedule, now)
        cancelled, made = sessions.sync(session, [schedule], now=now, until=until, actor=actor)
    else:
        cancelled, made = replace(session, schedule, now=now, actor=actor)
        until = _expanded_until(session, schedule)
        settled = local_days.settle(session, [schedule], now=now, until=until, actor=actor)
    changes = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    pairs = {airing.id: airing.replaces_id for airing in made}
    _record(
        session, schedule, "edited", actor, now, changes=changes, cancelled=[one.id for one in cancelled], made=pairs
    )
    return list({airing.id: airing for airing in (*cancelled, *made, *settled)}.values())


def _change(session: Session, schedule: Schedule, edits: Edits, now: datetime, *, ends: bool) -> None:
    """Put what is given into the schedule's row, and its slots."""
    title, programme_id, duration_ms = edits.get("title"), edits.get("programme_id"), edits.get("duration_ms")
    slots, rule = edits.get("slots"), edits.get("rule")
    framed = schedule.programme_id is None
    if title is not None:
        schedule.title = _title(title)
    if slots is not None or (framed and programme_id is not None):
        _set_slots(session, schedule, slots, framed=framed)
    elif programme_id is not None:
        schedule.programme_id = _programme(session, programme_id)
    if duration_ms is not None:
        schedule.duration_ms = _duration(duration_ms)
    _retarget(session, schedule, edits.get("targets"), _owner(session, edits.get("owner_id")), date_of(now))
    if rule is not None and rule != rule_of(schedule):
        _apply(schedule, rule if ends else _in_time(rule, now))


def cancel(session: Session, schedule_id: str, *, actor: Actor, clock: Clock) -> list[Airing]:
    """End the schedule for good; returns its future airings, all cancelled. What is on air goes on."""
    now = clock.now()
    schedule = _lock_active(session, schedule_id)
    schedule.status = "cancelled"
    schedule.version += 1
    coming = select(Airing).where(
        Airing.schedule_id == schedule.id, Airing.status.in_(("scheduled", "open")), Airing.starts_at > now
    )
    airings = list(session.scalars(locked(coming.order_by(Airing.starts_at))))
    for airing in airings:
        cancel_row(airing, "schedule", now=now, actor=actor)
    session.flush()
    _record(session, schedule, "cancelled", actor, now, cancelled=[airing.id for airing in airings])
    return airings


def follow_tree(session: Session, schedule_ids: Collection[str], *, now: datetime, actor: Actor) -> list[Airing]:
    """The tree of units, or a group, is another one: bring the airings of these schedules that there are in line."""
    local_days.hold(session)
    wanted = select(Schedule).where(Schedule.status == "active").order_by(Schedule.id)
    ordered = sorted(schedule_ids)
    changed: list[Airing] = []
    for start in range(0, len(ordered), _BATCH):
        schedules = session.scalars(locked(wanted.where(Schedule.id.in_(ordered[start : start + _BATCH])))).all()
        simple = [one for one in schedules if one.programme_id is not None]
        if simple:
            until = max(_expanded_until(session, one) for one in simple)
            changed += local_days.settle(session, simple, now=now, until=until, actor=actor)
        for one in schedules:
            if one.programme_id is None:
                until = sessions.horizon_of(session, one, now)
                for part in sessions.sync(session, [one], now=now, until=until, actor=actor):
                    changed += part
    return changed


def between(session: Session, start: datetime, until: datetime, unit_ids: Sequence[str] | None = None) -> list[Airing]:
    """The airings that sound at some time in [start, until), in order of their start.

    With `unit_ids`: those with a target at, above or below one of these units that isn't an exception there. Cancelled
    ones are among them, but for those that were replaced before any plan held them: nobody outside ever knew of these.
    """
    wanted = (
        select(Airing)
        .where(Airing.starts_at < until, Airing.starts_at > start - timedelta(milliseconds=LONGEST_MS))
        .order_by(Airing.starts_at, Airing.id)
    )
    near = None if unit_ids is None else NearBy(session, unit_ids, {date_of(start), date_of(until)})
    airings = session.scalars(wanted).all()
    replaced = {airing.replaces_id for airing in airings}
    return [
        airing
        for airing in airings
        if airing.starts_at + timedelta(milliseconds=airing.duration_ms) > start
        and (airing.planned or airing.cancel_reason not in {"edited", "moved", "changed"})
        and (
            airing.planned or airing.cancel_reason != "local-day" or not (airing.id in replaced or airing.local_day_id)
        )
        and (near is None or near.meant(airing.targets, on=date_of(airing.starts_at)))
    ]


def _expanded_until(session: Session, schedule: Schedule) -> datetime:
    """How far the schedule has its airings; what a hand decided about a day far ahead doesn't count."""
    made = select(func.max(Airing.original_start)).where(Airing.schedule_id == schedule.id, Airing.generation == 0)
    by_hand = Airing.cancel_reason.in_(BY_HAND)
    return session.scalar(made.where(or_(Airing.cancel_reason.is_(None), ~by_hand))) or schedule.created_at


def _apply(schedule: Schedule, rule: Rule) -> None:
    for name, value in columns_of_rule(rule).items():
        setattr(schedule, name, value)


def _title(title: str) -> str:
    if not title.strip():
        raise NoTitle
    return title.strip()


def _duration(duration_ms: int) -> int:
    if not 0 < duration_ms <= LONGEST_MS:
        raise BadDuration(duration_ms=duration_ms, longest_ms=LONGEST_MS)
    return duration_ms


def _set_slots(session: Session, schedule: Schedule, slots: Sequence[SlotSpec] | None, *, framed: bool) -> None:
    if not framed:
        raise NoSlotsHere(title=schedule.title)
    if slots is None:
        raise HasSlots(title=schedule.title)
    sessions.set_slots(session, schedule, slots)


def _programme(session: Session, programme_id: str | None) -> str:
    if programme_id is None or session.scalar(select(_programmes.c.id).where(_programmes.c.id == programme_id)) is None:
        raise UnknownProgramme(id=programme_id)
    return programme_id


def _owner(session: Session, owner_id: str | None) -> str | None:
    if owner_id is not None and session.get(Unit, owner_id) is None:
        raise UnknownUnits(ids=owner_id)
    return owner_id


def _retarget(session: Session, schedule: Schedule, targets: Targets | None, owner: str | None, today: date) -> None:
    if targets is not None:
        # An owner that nobody chose goes with the targets.
        chosen = schedule.owner_id != default_owner(session, schedule.targets, on=today)
        schedule.targets = require_known(session, targets)
        if not chosen:
            schedule.owner_id = default_owner(session, targets, on=today)
    if owner is not None:
        schedule.owner_id = owner


def _in_time(rule: Rule, now: datetime) -> Rule:
    if next_after(rule, now) is not None:
        return rule
    if rule.kind == "rrule":
        require_occurrences(rule)
    if rule.kind == "once":
        raise InThePast(at=told(rule.instant(rule.first_date), rule.zone), now=told(now, rule.zone))
    raise NeverAirs(last=rule.last_date or rule.text)


def _lock_active(session: Session, schedule_id: str) -> Schedule:
    schedule = session.scalar(locked(select(Schedule).where(Schedule.id == schedule_id)))
    if schedule is None:
        raise ScheduleNotFound(id=schedule_id)
    if schedule.status != "active":
        raise ScheduleCancelled(title=schedule.title)
    return schedule


def _told(schedule: Schedule) -> dict[str, Any]:
    """What an event tells of a schedule."""
    return {
        "title": schedule.title,
        "programme_id": schedule.programme_id,
        "duration_ms": schedule.duration_ms,
        "owner_id": schedule.owner_id,
        **{name: getattr(schedule, name) for name in AIMED},
        "repeats": schedule.kind,
        "first_date": schedule.first_date.isoformat(),
        "last_date": schedule.last_date.isoformat() if schedule.last_date else None,
        "local_time": schedule.local_time.isoformat(),
        "timezone": schedule.timezone,
        "weekdays": schedule.weekdays,
        "rrule": schedule.rrule,
        "rdates": schedule.rdates,
        "exdates": schedule.exdates,
        "continues": schedule.continues_id,
    }


def _record(session: Session, schedule: Schedule, action: str, actor: Actor, at: datetime, **data: Any) -> None:
    source = "system" if actor.is_system else "user"
    subject = ("schedule", schedule.id)
    events.record(session, f"{source}:schedule:{action}", actor=actor, at=at, subject=subject, **data)
