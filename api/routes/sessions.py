"""Sessions (buổi phát): frames of slots, what these are filled with by date, and weeks of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.rules import ViolationOut
from api.routes.schedules import (
    OverrideReason,
    RuleIn,
    ScheduleOut,
    TargetsIn,
    materialise,
    require_receivers,
    rule_of,
    tell_receivers,
)
from api.routes.schemas import DateIn, DurationMs, Identifier, In, Instant, Out
from broadcast import slots as room
from core import units
from core.errors import Invalid, NotFound
from schedules import filling, series, sessions, timetable
from schedules.slot_tables import Filling, WeekTemplate
from schedules.slots import MOST_SLOTS, Fallback, SlotKind, SlotSpec, offsets
from schedules.tables import Airing, Schedule

router = api_router("sessions")
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]

LONGEST_LIST = timedelta(days=92)
FILLED_MOST = 4000
Ids = Annotated[list[Identifier] | None, Field(max_length=500)]


class SlotIn(In):
    id: Identifier | None = Field(None, description="When slots are changed: the one that stays; null: a new one")
    kind: SlotKind
    title: str = Field(min_length=1, max_length=200, examples=["Bản tin của xã"])
    length_ms: DurationMs = Field(examples=[300_000])
    owner_id: Identifier | None = Field(None, description="The unit that fills it")
    each_commune: bool = Field(False, description="Each commune of the targets fills its own")
    fill_by_min: int = Field(0, ge=0, description="So many minutes before its start it has to be filled")
    fallback: Fallback = Field(
        "silence", description="Of one that isn't filled: what filled it last, music, silence, or the session closes"
    )
    music_id: Identifier | None = Field(None, description="For music: this programme")
    programme_id: Identifier | None = Field(None, description="Stands in it whenever nobody fills it")
    source: str | None = Field(None, max_length=200, description="For relay: the pinned source", examples=["vov1"])

    @property
    def spec(self) -> SlotSpec:
        return SlotSpec(**self.model_dump(exclude={"id"}), id=self.id or "")


Slots = Annotated[list[SlotIn], Field(min_length=1, max_length=MOST_SLOTS)]


class SessionIn(TargetsIn):
    title: str = Field(min_length=1, max_length=300, examples=["Buổi sáng"])
    rule: RuleIn
    owner_id: Identifier | None = Field(None, description="The unit whose session it is; as with a schedule")
    without_receivers: bool = Field(False, description="Save it though no receiver is at its targets yet")
    slots: Slots
    override_reason: OverrideReason = None


class SlotsChange(In):
    slots: Slots
    override_reason: OverrideReason = None
    since_airing_id: Identifier | None = Field(
        None, description="From this airing's day on only: another session, which is the answer, goes on from there"
    )
    version: int | None = Field(None, description="The version this change was made on; another one is refused")


class SlotOut(Out):
    id: str
    position: int
    offset_ms: DurationMs = Field(description="When it begins, after the session's start")
    kind: str
    title: str
    length_ms: DurationMs
    owner_id: str | None
    each_commune: bool
    fill_by_min: int
    fallback: str
    music_id: str | None
    programme_id: str | None
    source: str | None


class SessionOut(ScheduleOut):
    slots: list[SlotOut]


class FillIn(In):
    schedule_id: Identifier = Field(description="The session")
    slot_id: Identifier
    on: DateIn = Field(description="The local day")
    at: time | None = Field(None, description="The session's start, where it airs more than once that day")
    place_ids: Annotated[list[Identifier], Field(max_length=500)] | None = Field(
        None, description="The communes, where each fills its own"
    )
    programme_id: Identifier
    cut: bool = Field(False, description="What is longer than the slot may be cut at its end")


class FillMany(In):
    fillings: list[FillIn] = Field(
        min_length=1,
        max_length=500,
        examples=[
            [
                {
                    "schedule_id": "01K0Q3V5K8E2Z6W7RBN4T9XYSD",
                    "slot_id": "01K0Q3V5K8E2Z6W7RBN4T9XYSE",
                    "on": "2026-07-30",
                    "place_ids": ["01K0Q3V5K8E2Z6W7RBN4T9XYSF", "01K0Q3V5K8E2Z6W7RBN4T9XYSG"],
                    "programme_id": "01K0Q3V5K8E2Z6W7RBN4T9XYSH",
                }
            ]
        ],
    )
    dry_run: bool = Field(False, description="Only tell what would become of it")
    override_reason: OverrideReason = None


class FillingOut(Out):
    id: str
    schedule_id: str
    slot_id: str
    place_id: str | None
    original_start: Instant = Field(description="Start of the session")
    programme_id: str | None
    cut: bool
    source: str = Field(description="owner; or by the fallback: previous, music, silence, close")
    filled_by: str
    filled_at: Instant
    ended_at: Instant | None = Field(description="Replaced, undone, or its programme may not air any more")
    end_reason: str | None


class FilledOut(Out):
    """What became of one slot on one day at one place."""

    schedule_id: str
    slot_id: str
    on: date
    at: time | None
    place_id: str | None
    programme_id: str
    ok: bool
    filling_id: str | None
    refused: str | None = Field(description="Why not, and the way out; Vietnamese")
    refused_en: str | None
    problem: str | None = Field(description="The kind of refusal", examples=["slot-too-long"])
    violations: list[ViolationOut] | None = Field(
        description="For rules-broken: each rule that it breaks, whose, when, by how much, and what would mend it"
    )


class ToFillOut(Out):
    airing_id: str
    schedule_id: str
    session: str
    slot_id: str
    title: str
    owner_id: str | None = Field(description="Who has to fill it: a unit, the commune where each fills its own")
    place_id: str | None
    starts_at: Instant
    fill_by: Instant
    length_ms: DurationMs
    why: str = Field(description="missing, overlong (for the slot as it is now) or withdrawn")
    fallback: str


class CopyWeek(In):
    week: DateIn = Field(description="Any day of the week that is copied", examples=["2026-07-20"])
    to: DateIn = Field(description="Any day of the week that is filled", examples=["2026-07-27"])
    schedule_ids: Ids = None
    dry_run: bool = Field(True, description="Only tell what would become of it, and what can't be copied")
    override_reason: OverrideReason = None


class TemplateIn(In):
    name: str = Field(min_length=1, max_length=200, examples=["Tuần có phiên chợ"])
    week: DateIn = Field(description="Any day of the week whose fillings it keeps")
    schedule_ids: Ids = None


class ApplyTemplate(In):
    to: DateIn = Field(description="Any day of the week that is filled")
    dry_run: bool = Field(True, description="Only tell what would become of it")
    override_reason: OverrideReason = None


class TemplateOut(Out):
    id: str
    name: str
    entries: int
    created_by: str
    created_at: Instant


@router.post("/sessions", summary="Set a session up", status_code=201, responses=responses(404, 409))
def create_session(context: Ctx, who: Planner, body: SessionIn) -> SessionOut:
    """A standing frame: when, where, and its slots in order. A schedule of one programme is its short form."""
    with context.db.writing() as session:
        schedule = timetable.add(
            session,
            title=body.title,
            rule=rule_of(body.rule, context),
            targets=body.targets,
            owner_id=body.owner_id,
            slots=_specs(session, body.slots),
            actor=who.actor,
            clock=context.clock,
        )
        rule_gate.require_schedule(session, context, who, schedule, body.override_reason)
        if not body.without_receivers:
            require_receivers(session, body.targets, units.date_of(context.clock.now()))
        tell_receivers(session, context, materialise(session, context, schedule.id))
        return _shown(session, schedule)


@router.get("/sessions/{schedule_id}", summary="A session with its slots", responses=responses(404))
def get_session(context: Ctx, _who: Reader, schedule_id: str) -> SessionOut:
    """Of a schedule of one programme it lists none. Title, rule and targets are changed as those of a schedule."""
    with context.db.reading() as session:
        return _shown(session, timetable.get(session, schedule_id))


@router.put("/sessions/{schedule_id}/slots", summary="Change a session's slots", responses=responses(404, 409))
def change_slots(context: Ctx, who: Planner, schedule_id: str, body: SlotsChange) -> SessionOut:
    """All slots, in their order; one that is left out is taken out. What they are filled with stays, where it fits."""
    with context.db.writing() as session:
        specs = _specs(session, body.slots)
        actor, clock, version = who.actor, context.clock, body.version
        if body.since_airing_id is None:
            changed = timetable.edit(
                session, schedule_id, slots=specs, expected_version=version, actor=actor, clock=clock
            )
            schedule = timetable.get(session, schedule_id)
        else:
            since = timetable.get_airing(session, body.since_airing_id)
            if since.schedule_id != schedule_id:
                raise NotFound(what="lần phát của buổi này / airing of this session", id=since.id)
            schedule, changed = series.edit_following(
                session, since.id, slots=specs, expected_version=version, actor=actor, clock=clock
            )
        rule_gate.require_schedule(session, context, who, schedule, body.override_reason, changed=True)
        changed += materialise(session, context, schedule.id)
        tell_receivers(session, context, changed)
        return _shown(session, schedule)


@router.get("/slots/to-fill", summary="Slots that wait for a programme, by their fill-by")
def list_to_fill(
    context: Ctx,
    _who: Reader,
    hours: Annotated[int, Query(ge=1, le=24 * 14, description="Beginning within so many hours")] = 48,
    unit_id: Annotated[str | None, Query(description="Only those that this unit has to fill")] = None,
) -> list[ToFillOut]:
    now = context.clock.now()
    with context.db.reading() as session:
        waiting = filling.to_fill(session, now=now, until=now + timedelta(hours=hours))
        shown = [_waiting(one) for one in waiting]
    return [one for one in shown if unit_id in {None, one.owner_id}]


@router.post("/fillings", summary="Fill slots by date", responses=responses())
def fill(context: Ctx, who: Planner, body: FillMany) -> list[FilledOut]:
    """One transaction for all of it. What can't be filled is told with its reason, and the rest is filled.

    What breaks a rule of sound is refused with its violations, or let through with a reason by who may.
    """
    wishes = [wish for one in body.fillings for wish in _wishes(one)]
    if len(wishes) > FILLED_MOST:
        raise Invalid(
            what=f"quá {FILLED_MOST} khung mục một lần; hãy chia ra / over {FILLED_MOST} slots at once; split"
        )
    with context.db.writing() as session:
        outcome = rule_gate.fill(session, context, who, wishes, body.override_reason, dry_run=body.dry_run)
        return _told(session, context, outcome)


@router.get("/fillings", summary="What slots are filled with")
def list_fillings(
    context: Ctx,
    _who: Reader,
    since: Annotated[DateIn, Query(description="First local day")],
    until: Annotated[DateIn, Query(description="Before this local day")],
    schedule_id: Annotated[str | None, Query()] = None,
) -> list[FillingOut]:
    if not timedelta() < until - since <= LONGEST_LIST:
        raise Invalid(what="khoảng thời gian phải từ 1 đến 92 ngày / the span must be 1 to 92 days")
    zone = context.settings.zone
    wanted = (
        select(Filling)
        .where(
            Filling.ended_at.is_(None),
            Filling.original_start >= datetime.combine(since, time(), zone),
            Filling.original_start < datetime.combine(until, time(), zone),
        )
        .order_by(Filling.original_start, Filling.id)
    )
    if schedule_id is not None:
        wanted = wanted.where(Filling.schedule_id == schedule_id)
    with context.db.reading() as session:
        return [FillingOut.model_validate(one) for one in session.scalars(wanted)]


@router.post("/fillings/{filling_id}/undo", summary="Take a filling back", responses=responses(404, 409))
def undo(context: Ctx, who: Planner, filling_id: str) -> FillingOut:
    """What it had replaced holds again; else the slot waits for a programme."""
    with context.db.writing() as session:
        undone, changed = room.undo(session, filling_id, actor=who.actor, clock=context.clock)
        tell_receivers(session, context, changed)
        return FillingOut.model_validate(undone)


@router.post("/weeks/copy", summary="Fill a week as another one was", responses=responses())
def copy_week(context: Ctx, who: Planner, body: CopyWeek) -> list[FilledOut]:
    with context.db.writing() as session:
        entries = room.week_of(session, _monday(body.week), context.settings.zone, body.schedule_ids)
        return _put(session, context, who, entries, body)


@router.get("/week-templates", summary="Kept weeks")
def list_templates(context: Ctx, _who: Reader) -> list[TemplateOut]:
    with context.db.reading() as session:
        return [_template(one) for one in session.scalars(select(WeekTemplate).order_by(WeekTemplate.name))]


@router.post("/week-templates", summary="Keep a week's fillings under a name", status_code=201, responses=responses())
def save_template(context: Ctx, who: Planner, body: TemplateIn) -> TemplateOut:
    with context.db.writing() as session:
        entries = room.week_of(session, _monday(body.week), context.settings.zone, body.schedule_ids)
        if not entries:
            raise Invalid(what="tuần đó chưa có khung mục nào được xếp / no slot is filled in that week")
        return _template(room.save_template(session, body.name, entries, actor=who.actor, now=context.clock.now()))


@router.post("/week-templates/{template_id}/apply", summary="Fill a week by a template", responses=responses(404))
def apply_template(context: Ctx, who: Planner, template_id: str, body: ApplyTemplate) -> list[FilledOut]:
    with context.db.writing() as session:
        template = session.get(WeekTemplate, template_id)
        if template is None:
            raise NotFound(what="mẫu tuần / week template", id=template_id)
        return _put(session, context, who, template.entries, body)


def _specs(session: Session, given: Iterable[SlotIn]) -> list[SlotSpec]:
    return [room.measured(session, one.spec) for one in given]


def _shown(session: Session, schedule: Schedule) -> SessionOut:
    held = sessions.slots_of(session, schedule.id)
    begins = offsets([slot.length_ms for slot in held])
    fields = [name for name in SlotOut.model_fields if name != "offset_ms"]
    shown = [
        SlotOut(**{name: getattr(slot, name) for name in fields}, offset_ms=begin)
        for slot, begin in zip(held, begins, strict=True)
    ]
    return SessionOut(**ScheduleOut.model_validate(schedule).model_dump(), slots=shown)


def _waiting(one: filling.ToFill) -> ToFillOut:
    airing, slot = one.airing, one.slot
    return ToFillOut(
        airing_id=airing.id,
        schedule_id=airing.schedule_id,
        session=one.title,
        slot_id=slot.id,
        title=slot.title,
        owner_id=airing.place_id or slot.owner_id,
        place_id=airing.place_id or None,
        starts_at=airing.starts_at,
        fill_by=airing.fill_by or airing.starts_at,
        length_ms=slot.length_ms,
        why=one.why,
        fallback=slot.fallback,
    )


def _wishes(one: FillIn) -> list[room.Fill]:
    return [
        room.Fill(one.schedule_id, one.slot_id, one.on, one.programme_id, one.at, place, one.cut)
        for place in (dict.fromkeys(one.place_ids) if one.place_ids else [None])
    ]


def _put(
    session: Session, context: Context, who: Principal, entries: list[dict[str, Any]], body: CopyWeek | ApplyTemplate
) -> list[FilledOut]:
    wishes = room.wishes_for(entries, _monday(body.to))
    return _told(
        session,
        context,
        rule_gate.fill(session, context, who, wishes, body.override_reason, dry_run=body.dry_run),
    )


def _told(session: Session, context: Context, outcome: room.Outcome) -> list[FilledOut]:
    tell_receivers(session, context, _present(outcome.changed))
    return [
        FilledOut(
            schedule_id=one.wish.schedule_id,
            slot_id=one.wish.slot_id,
            on=one.wish.on,
            at=one.wish.at,
            place_id=one.wish.place_id,
            programme_id=one.wish.programme_id,
            ok=one.refused is None,
            filling_id=one.filling.id if one.filling else None,
            refused=one.refused.text("vi") if one.refused else None,
            refused_en=one.refused.text("en") if one.refused else None,
            problem=one.refused.slug if one.refused else None,
            violations=one.refused.members.get("violations") if one.refused else None,
        )
        for one in outcome.filled
    ]


def _present(changed: Iterable[Airing]) -> list[Airing]:
    return list({airing.id: airing for airing in changed}.values())


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _template(one: WeekTemplate) -> TemplateOut:
    return TemplateOut(
        id=one.id, name=one.name, entries=len(one.entries), created_by=one.created_by, created_at=one.created_at
    )
