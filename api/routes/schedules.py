"""Schedules and their airings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import BeforeValidator, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.commands import CommandOut, StopIn, shown, stop_airing
from api.routes.schemas import (
    UNITS_MAX,
    After,
    DateIn,
    DurationMs,
    Identifier,
    In,
    Instant,
    InstantIn,
    Limit,
    Out,
    Page,
    page_of,
)
from broadcast import delivery, programmes
from core import units
from core.errors import Invalid
from schedules import series, timetable
from schedules.errors import NobodyHears
from schedules.localtime import read_exdate, read_start
from schedules.reach import default_owner, receivers_of, require_known, silent_parts
from schedules.recurrence import Rule
from schedules.tables import Airing, Schedule
from schedules.targets import Targets, targets_of

schedules = api_router("schedules")
airings = api_router("airings")

On = Annotated[date | None, Query(description="As of this local date; without it: of today")]
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]
OnDuty = Annotated[Principal, Depends(Needs(Right.STOP_SOUND))]

LONGEST_LIST = timedelta(days=92)
LISTED_MOST = 400  # dates added to a rule or taken out
SILENT_NAMED = 10

Targeted = Annotated[list[Identifier], Field(max_length=UNITS_MAX)]
OverrideReason = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=1000,
        description="Why it is let through against rules of airtime; takes the right to. Quiet hours and windows hold"
        " all the same: the unit that set them changes them",
    ),
]
OrEmpty = Annotated[list[str], BeforeValidator(lambda held: held or [])]


class RuleIn(In):
    """When it airs, in local wall time: once on `first_date`, every day, on weekdays, or by a rule of RFC 5545."""

    kind: Literal["once", "daily", "weekly", "rrule"]
    first_date: DateIn
    last_date: DateIn | None = Field(None, description="Inclusive; null: until it is cancelled")
    local_time: time = Field(examples=["17:00"])
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] | None = Field(
        None, max_length=7, description="For weekly: 1 (Monday) to 7 (Sunday)"
    )
    rrule: str | None = Field(
        None,
        max_length=500,
        description="For rrule: counts from first_date and local_time; its end is in it, as UNTIL or COUNT",
        examples=["FREQ=MONTHLY;BYDAY=1MO;BYHOUR=5,17"],
    )
    rdates: list[Annotated[str, Field(max_length=40)]] | None = Field(
        None, max_length=LISTED_MOST, description="Local times that it airs at too: 2026-07-28T17:00"
    )
    exdates: list[Annotated[str, Field(max_length=40)]] | None = Field(
        None, max_length=LISTED_MOST, description="Local days, or local times, at which it doesn't air"
    )


class TargetsIn(In):
    """Units, groups and receivers, minus exceptions, as they stand on the date of each airing."""

    unit_ids: Targeted = Field(default_factory=list, description="All receivers at or below these units")
    group_ids: Targeted = Field(default_factory=list, description="All that are at the members of these groups")
    receiver_ids: Targeted = Field(default_factory=list, description="These receivers")
    except_unit_ids: Targeted = Field(default_factory=list, description="But none at or below these units")
    except_receiver_ids: Targeted = Field(default_factory=list, description="And none of these")

    @property
    def targets(self) -> Targets:
        return targets_of(self)


class ScheduleIn(TargetsIn):
    title: str = Field(min_length=1, max_length=300, examples=["Bản tin chiều"])
    programme_id: Identifier
    rule: RuleIn
    owner_id: Identifier | None = Field(
        None, description="The unit whose schedule it is; null: the one commune of its targets, else the unit above all"
    )
    without_receivers: bool = Field(False, description="Save it though no receiver is at its targets yet")
    override_reason: OverrideReason = None


class ScheduleChange(In):
    """What is left out stays as it is."""

    title: str | None = Field(None, min_length=1, max_length=300)
    programme_id: Identifier | None = None
    rule: RuleIn | None = None
    unit_ids: Targeted | None = None
    group_ids: Targeted | None = None
    receiver_ids: Targeted | None = None
    except_unit_ids: Targeted | None = None
    except_receiver_ids: Targeted | None = None
    owner_id: Identifier | None = None
    without_receivers: bool = False
    override_reason: OverrideReason = None
    version: int | None = Field(None, description="The version this change was made on; another one is refused")

    def targets(self, before: Targets) -> Targets | None:
        """What the targets become; None: they stay."""
        after = before.changed(
            units=self.unit_ids,
            groups=self.group_ids,
            receivers=self.receiver_ids,
            except_units=self.except_unit_ids,
            except_receivers=self.except_receiver_ids,
        )
        return after if after != before else None


class TargetsOut(Out):
    unit_ids: list[str]
    group_ids: OrEmpty
    receiver_ids: OrEmpty
    except_unit_ids: OrEmpty
    except_receiver_ids: OrEmpty


class ReachOut(Out):
    """What targets come to on a date."""

    on: date
    owner_id: str | None = Field(description="Whose schedule it is if nobody says otherwise")
    receivers: int = Field(description="How many receivers in use are meant")
    silent_unit_ids: list[str] = Field(description="Targets without a receiver in use: nothing sounds there")
    silent_group_ids: list[str]
    silent_receiver_ids: list[str]


class ScheduleOut(TargetsOut):
    id: str
    title: str
    programme_id: str | None = Field(description="Null: it is a session with slots")
    duration_ms: DurationMs
    kind: str
    first_date: date
    last_date: date | None
    local_time: time
    timezone: str
    weekdays: list[int] | None
    rrule: str | None
    rdates: list[str] | None
    exdates: list[str] | None
    continues_id: str | None = Field(description="The schedule that this one goes on from")
    owner_id: str | None = Field(description="The unit whose schedule it is; null: no unit is above all of its targets")
    status: str = Field(description="active or cancelled")
    version: int
    created_by: str
    created_at: Instant


class AiringOut(TargetsOut):
    id: str
    schedule_id: str
    programme_id: str | None = Field(description="Null: a relay, or a slot that waits for its programme")
    slot_id: Annotated[str | None, BeforeValidator(lambda held: held or None)]
    place_id: Annotated[str | None, BeforeValidator(lambda held: held or None)] = Field(
        description="The commune that fills this part of the session for itself"
    )
    fill_by: Instant | None
    starts_at: Instant
    duration_ms: DurationMs
    status: str = Field(description="open (waits for a programme), scheduled, cancelled or closed")
    planned: bool = Field(description="Was in an issued plan, hence is history")
    replaces_id: str | None
    cancelled_at: Instant | None
    cancel_reason: str | None


class Moved(In):
    starts_at: InstantIn
    override_reason: OverrideReason = None


def rule_of(body: RuleIn, context: Context) -> Rule:
    """The rule in the site's time zone; raises what makes no sense in it."""
    return Rule(
        kind=body.kind,
        first_date=body.first_date,
        last_date=body.last_date,
        local_time=body.local_time,
        zone=context.settings.timezone,
        weekdays=tuple(body.weekdays or ()),
        rrule=body.rrule or "",
        rdates=tuple(read_start(text) for text in body.rdates or ()),
        exdates=tuple(read_exdate(text, context.settings.timezone) for text in body.exdates or ()),
    )


def tell_receivers(session: Session, context: Context, changed: Sequence[Airing]) -> None:
    """Let the plans of the receivers concerned be looked at, those within reach of a plan."""
    now = context.clock.now()
    horizon = timedelta(hours=context.settings.plan_hours)
    delivery.request_for_airings(session, changed, now, horizon=horizon)


@schedules.get("/schedules", summary="Schedules, newest first")
def list_schedules(
    context: Ctx,
    _who: Reader,
    status: Annotated[Literal["active", "cancelled"] | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ScheduleOut]:
    wanted = select(Schedule).order_by(Schedule.id.desc()).limit(limit + 1)
    if status:
        wanted = wanted.where(Schedule.status == status)
    if after:
        wanted = wanted.where(Schedule.id < after)
    with context.db.reading() as session:
        return page_of(session.scalars(wanted).all(), limit, ScheduleOut.model_validate, lambda one: one.id)


def require_receivers(session: Session, targets: Targets, on: date) -> None:
    """Raises `NobodyHears` where no receiver in use is meant at all."""
    if receivers_of(session, targets, on=on):
        return
    names = list(units.names(session, targets.units, on=on).values())
    names += [units.get_group(session, one).name for one in targets.groups] + list(targets.receivers)
    more = f" … (+{len(names) - SILENT_NAMED})" if len(names) > SILENT_NAMED else ""
    raise NobodyHears(names=", ".join(names[:SILENT_NAMED]) + more)


@schedules.post("/schedules/targets", summary="What targets come to", responses=responses())
def preview_targets(context: Ctx, _who: Reader, body: TargetsIn, on: On = None) -> ReachOut:
    """Before saving: how many receivers would play, and which of the targets would stay silent."""
    day = on or units.date_of(context.clock.now())
    with context.db.reading() as session:
        targets = require_known(session, body.targets)
        silent = silent_parts(session, targets, on=day)
        return ReachOut(
            on=day,
            owner_id=default_owner(session, targets, on=day),
            receivers=len(receivers_of(session, targets, on=day)),
            silent_unit_ids=list(silent.units),
            silent_group_ids=list(silent.groups),
            silent_receiver_ids=list(silent.receivers),
        )


@schedules.post("/schedules", summary="Schedule a programme", status_code=201, responses=responses(404, 409))
def create_schedule(context: Ctx, who: Planner, body: ScheduleIn) -> ScheduleOut:
    with context.db.writing() as session:
        programmes.require_usable(session, body.programme_id)
        schedule = timetable.add(
            session,
            title=body.title,
            programme_id=body.programme_id,
            rule=rule_of(body.rule, context),
            targets=body.targets,
            owner_id=body.owner_id,
            duration_ms=programmes.duration_ms(session, body.programme_id),
            actor=who.actor,
            clock=context.clock,
        )
        rule_gate.require_schedule(session, context, who, schedule, body.override_reason)
        if not body.without_receivers:
            require_receivers(session, body.targets, units.date_of(context.clock.now()))
        made = materialise(session, context, schedule.id)
        tell_receivers(session, context, made)
        return ScheduleOut.model_validate(schedule)


def _changed_targets(session: Session, context: Context, body: ScheduleChange, schedule: Schedule) -> Targets | None:
    targets = body.targets(schedule.targets)
    if targets is not None and not body.without_receivers:
        require_receivers(session, require_known(session, targets), units.date_of(context.clock.now()))
    return targets


def materialise(session: Session, context: Context, schedule_id: str) -> list[Airing]:
    now = context.clock.now()
    until = now + timedelta(days=context.settings.airing_days)
    return timetable.materialise(session, now=now, until=until, schedule_ids=[schedule_id])


@schedules.get("/schedules/{schedule_id}", summary="One schedule", responses=responses(404))
def get_schedule(context: Ctx, _who: Reader, schedule_id: str) -> ScheduleOut:
    with context.db.reading() as session:
        return ScheduleOut.model_validate(timetable.get(session, schedule_id))


@schedules.patch("/schedules/{schedule_id}", summary="Change a schedule", responses=responses(404, 409))
def edit_schedule(context: Ctx, who: Planner, schedule_id: str, body: ScheduleChange) -> ScheduleOut:
    """Changes what lies ahead. Airings that receivers already know of are cancelled and replaced, never re-timed."""
    with context.db.writing() as session:
        duration_ms = None
        if body.programme_id is not None:
            programmes.require_usable(session, body.programme_id)
            duration_ms = programmes.duration_ms(session, body.programme_id)
        targets = _changed_targets(session, context, body, timetable.get(session, schedule_id))
        changed = timetable.edit(
            session,
            schedule_id,
            title=body.title,
            programme_id=body.programme_id,
            rule=rule_of(body.rule, context) if body.rule else None,
            targets=targets,
            owner_id=body.owner_id,
            duration_ms=duration_ms,
            expected_version=body.version,
            actor=who.actor,
            clock=context.clock,
        )
        if body.rule is not None or body.programme_id is not None or targets is not None:
            schedule = timetable.get(session, schedule_id)
            rule_gate.require_schedule(session, context, who, schedule, body.override_reason, changed=True)
        changed += materialise(session, context, schedule_id)
        tell_receivers(session, context, changed)
        return ScheduleOut.model_validate(timetable.get(session, schedule_id))


@schedules.post("/schedules/{schedule_id}/cancel", summary="End a schedule", responses=responses(404, 409))
def cancel_schedule(context: Ctx, who: Planner, schedule_id: str) -> ScheduleOut:
    """Cancels every airing that lies ahead. What is on air goes on: stop it by itself."""
    with context.db.writing() as session:
        changed = timetable.cancel(session, schedule_id, actor=who.actor, clock=context.clock)
        tell_receivers(session, context, changed)
        return ScheduleOut.model_validate(timetable.get(session, schedule_id))


@airings.get("/airings", summary="Airings of a span of time, by their start", responses=responses(404))
def list_airings(
    context: Ctx,
    _who: Reader,
    since: Annotated[InstantIn, Query(description="Sounding at this instant or later")],
    until: Annotated[InstantIn, Query(description="Beginning before this instant, at most 92 days later")],
    unit_id: Annotated[
        list[str] | None, Query(max_length=100, description="With a target at, above or below one of these")
    ] = None,
) -> list[AiringOut]:
    if not timedelta() < until - since <= LONGEST_LIST:
        raise Invalid(what="khoảng thời gian phải từ 1 giây đến 92 ngày / the span must be 1 second to 92 days")
    with context.db.reading() as session:
        return [AiringOut.model_validate(one) for one in timetable.between(session, since, until, unit_id)]


@airings.get("/airings/{airing_id}", summary="One airing", responses=responses(404))
def get_airing(context: Ctx, _who: Reader, airing_id: str) -> AiringOut:
    with context.db.reading() as session:
        return AiringOut.model_validate(timetable.get_airing(session, airing_id))


@airings.post("/airings/{airing_id}/cancel", summary="Cancel one airing", responses=responses(404, 409))
def cancel_airing(context: Ctx, who: Planner, airing_id: str) -> AiringOut:
    """For one that lies ahead; one on air is to be stopped."""
    with context.db.writing() as session:
        airing = timetable.cancel_airing(session, airing_id, actor=who.actor, clock=context.clock)
        tell_receivers(session, context, [airing])
        return AiringOut.model_validate(airing)


@airings.post("/airings/{airing_id}/move", summary="Move one airing", responses=responses(404, 409))
def move_airing(context: Ctx, who: Planner, airing_id: str, body: Moved) -> AiringOut:
    """The airing is cancelled and another one replaces it; the answer is the one that holds."""
    with context.db.writing() as session:
        changed = timetable.move_airing(
            session, airing_id, starts_at=body.starts_at, actor=who.actor, clock=context.clock
        )
        rule_gate.require_airings(session, context, who, changed, body.override_reason)
        tell_receivers(session, context, changed)
        return AiringOut.model_validate(changed[-1] if changed else timetable.get_airing(session, airing_id))


@airings.post(
    "/airings/{airing_id}/edit-following",
    summary="Change a series from this airing on",
    status_code=201,
    responses=responses(404, 409),
)
def edit_following(context: Ctx, who: Planner, airing_id: str, body: ScheduleChange) -> ScheduleOut:
    """The series ends before this airing and another schedule, which is the answer, goes on from it."""
    with context.db.writing() as session:
        duration_ms = None
        if body.programme_id is not None:
            programmes.require_usable(session, body.programme_id)
            duration_ms = programmes.duration_ms(session, body.programme_id)
        before = timetable.get(session, timetable.get_airing(session, airing_id).schedule_id)
        targets = _changed_targets(session, context, body, before)
        schedule, changed = series.edit_following(
            session,
            airing_id,
            title=body.title,
            programme_id=body.programme_id,
            rule=rule_of(body.rule, context) if body.rule else None,
            targets=targets,
            owner_id=body.owner_id,
            duration_ms=duration_ms,
            expected_version=body.version,
            actor=who.actor,
            clock=context.clock,
        )
        rule_gate.require_schedule(session, context, who, schedule, body.override_reason)
        changed += materialise(session, context, schedule.id)
        tell_receivers(session, context, changed)
        return ScheduleOut.model_validate(schedule)


@airings.post("/airings/{airing_id}/stop", summary="Stop what is on air", responses=responses(404, 409))
def stop(context: Ctx, who: OnDuty, airing_id: str, body: StopIn | None = None) -> list[CommandOut]:
    """Silences this airing at once, everywhere or at one unit. Anyone on duty may, alone; the reason can follow."""
    with context.db.writing() as session:
        given = stop_airing(
            session,
            airing_id,
            unit_id=body.unit_id if body else None,
            reason=body.reason if body else "",
            actor=who.actor,
            clock=context.clock,
        )
        return [shown(session, command) for command in given]
