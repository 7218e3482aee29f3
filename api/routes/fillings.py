"""What the slots of sessions are filled with by date, and weeks of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import things
from api.auth.errors import NotHere
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import RIGHT_NAMES, Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.rules import ViolationOut
from api.routes.schedule_bodies import (
    OverrideReason,
    tell_receivers,
)
from api.routes.schemas import DateIn, DurationMs, Identifier, In, Instant, Out
from broadcast import slots as room
from core.errors import Invalid, NotFound
from schedules import filling
from schedules.slot_errors import SameWeek
from schedules.slot_tables import Filling, Slot, WeekTemplate
from schedules.tables import Airing

router = api_router("sessions")
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]

LONGEST_LIST = timedelta(days=92)
FILLED_MOST = 4000
Ids = Annotated[list[Identifier] | None, Field(max_length=500)]


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


@router.get("/slots/to-fill", summary="Slots that wait for a programme, by their fill-by")
def list_to_fill(
    context: Ctx,
    who: Reader,
    hours: Annotated[int, Query(ge=1, le=24 * 14, description="Beginning within so many hours")] = 48,
    unit_id: Annotated[str | None, Query(description="Only those that this unit has to fill")] = None,
) -> list[ToFillOut]:
    now = context.clock.now()
    with context.db.reading() as session:
        waiting = filling.to_fill(session, now=now, until=now + timedelta(hours=hours))
        seen = {one.id for one in who.only(session, "airing", [one.airing for one in waiting])}
        shown = [_waiting(one) for one in waiting if one.airing.id in seen]
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
        if not all(_may_fill(session, who, wish) for wish in wishes):
            raise NotHere(what=RIGHT_NAMES[Right.WRITE_SCHEDULES])
        outcome = rule_gate.fill(session, context, who, wishes, body.override_reason, dry_run=body.dry_run)
        return _told(session, context, outcome)


@router.get("/fillings", summary="What slots are filled with")
def list_fillings(
    context: Ctx,
    who: Reader,
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
        wanted = wanted.where(who.sees(session, "filling"))
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
    if _monday(body.week) == _monday(body.to):
        raise SameWeek(monday=_monday(body.to))
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
    # Of a whole week, what is the person's to fill; the rest stays as it is.
    wishes = [wish for wish in room.wishes_for(entries, _monday(body.to)) if _may_fill(session, who, wish)]
    return _told(
        session,
        context,
        rule_gate.fill(session, context, who, wishes, body.override_reason, dry_run=body.dry_run),
    )


def _may_fill(session: Session, who: Principal, wish: room.Fill) -> bool:
    """A slot is filled by its commune, or whoever is over it; one for all by its owner, else the session's."""
    reach = who.reach(Right.WRITE_SCHEDULES)
    if reach.everywhere:
        return True
    if wish.place_id is not None:
        return reach.covers(wish.place_id)
    owner = session.scalar(select(Slot.owner_id).where(Slot.id == wish.slot_id))
    return reach.covers(owner) or things.held_at(session, "schedule", wish.schedule_id, reach)


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
