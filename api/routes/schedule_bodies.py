"""What the bodies of schedules, sessions and airings have in common, and what is done wherever one is saved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy.orm import Session

from api.context import Context
from api.routes.schemas import UNITS_MAX, DateIn, DurationMs, Identifier, In, Instant, Out
from broadcast import delivery, programmes
from core import units
from schedules import timetable
from schedules.errors import LongerThanProgramme, NobodyHears
from schedules.localtime import read_exdate, read_start
from schedules.reach import receivers_of, require_known
from schedules.recurrence import Rule
from schedules.tables import Airing, Schedule
from schedules.targets import Targets, targets_of
from schedules.timetable import Edits

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


class OneAiringChange(In):
    """Another programme for one airing, or another length of it; what is left out stays."""

    programme_id: Identifier | None = Field(
        None, description="What airs instead; all of it, unless `duration_ms` says less"
    )
    duration_ms: DurationMs | None = Field(None, description="It is cut there; at most the programme's length")
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


def require_receivers(session: Session, targets: Targets, on: date) -> None:
    """Raises `NobodyHears` where no receiver in use is meant at all."""
    if receivers_of(session, targets, on=on):
        return
    names = list(units.names(session, targets.units, on=on).values())
    names += [units.get_group(session, one).name for one in targets.groups] + list(targets.receivers)
    more = f" … (+{len(names) - SILENT_NAMED})" if len(names) > SILENT_NAMED else ""
    raise NobodyHears(names=", ".join(names[:SILENT_NAMED]) + more)


def materialise(session: Session, context: Context, schedule_id: str) -> list[Airing]:
    now = context.clock.now()
    until = now + timedelta(days=context.settings.airing_days)
    return timetable.materialise(session, now=now, until=until, schedule_ids=[schedule_id])


def edits_of(session: Session, context: Context, body: ScheduleChange, before: Schedule) -> Edits:
    """What a change comes to: a programme that may be aired with its length, and targets at which somebody hears it."""
    duration_ms = None
    if body.programme_id is not None:
        programmes.require_usable(session, body.programme_id)
        duration_ms = programmes.duration_ms(session, body.programme_id)
    targets = body.targets(before.targets)
    if targets is not None and not body.without_receivers:
        require_receivers(session, require_known(session, targets), units.date_of(context.clock.now()))
    return Edits(
        title=body.title,
        programme_id=body.programme_id,
        duration_ms=duration_ms,
        rule=rule_of(body.rule, context) if body.rule else None,
        targets=targets,
        owner_id=body.owner_id,
        expected_version=body.version,
    )


def require_usable(session: Session, changed: Sequence[Airing]) -> None:
    """Raises `ProgrammeUnusable` where something that is to air again may not any more."""
    for programme in {one.programme_id for one in changed if one.status != "cancelled"} - {None}:
        programmes.require_usable(session, str(programme))


def programme_of(session: Session, body: OneAiringChange, programme_id: str | None) -> tuple[str, int]:
    """The programme that one airing with this one is to have, and its length; ("", 0) for a part of a session."""
    wanted = body.programme_id or programme_id
    if wanted is None:
        return "", 0
    programmes.require_usable(session, wanted)
    whole = programmes.duration_ms(session, wanted)
    if body.duration_ms is not None and not 0 < body.duration_ms <= whole:
        raise LongerThanProgramme(duration_ms=body.duration_ms, programme_ms=whole)
    return wanted, body.duration_ms or whole
