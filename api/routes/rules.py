"""Rules of sound: what may sound when at a unit and below it, who set it, and what a schedule would break."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import ConfigDict, Field, PlainSerializer
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router, rule_gate
from api.routes.schedule_bodies import RuleIn, TargetsIn, rule_of
from api.routes.schemas import DateIn, Identifier, In, Instant, Out
from broadcast import delivery, drafts, programmes, rule_look
from broadcast.rule_look import Draft
from broadcast.rules import RuleBook
from core import units
from core.units import FOREVER
from schedules import foresight, rule_store, timetable
from schedules.conflicts import Class
from schedules.reach import receivers_touched, require_known
from schedules.rule_tables import RuleRow
from schedules.rule_words import rule_text
from schedules.rules import BELOW_EMERGENCY, Kind, SoundRule, Span, Step
from schedules.targets import Targets

router = api_router("rules")
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Writer = Annotated[Principal, Depends(Needs(Right.WRITE_RULES))]

On = Annotated[DateIn | None, Query(description="What holds on this local date; not given: today")]
Clock = Annotated[time, PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str), Field(examples=["21:00"])]


class SpanBody(In):
    """From one local time to another; to an earlier or the same one: into the next day."""

    begins: Clock
    ends: Clock
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(
        [1, 2, 3, 4, 5, 6, 7], max_length=7, description="On which days it begins: 1 (Monday) to 7 (Sunday)"
    )


class StepBody(In):
    at: Clock
    volume: int = Field(ge=0, le=100, description="Per cent, from this time of day on")


class SoundRuleIn(In):
    """A rule of one kind. Which of `value`, `spans` and `steps` it has goes by the kind."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "quiet", "spans": [{"begins": "21:00", "ends": "05:00"}], "valid_from": "2026-08-01"},
                {"kind": "sessions_a_day", "value": 2, "valid_from": "2026-08-01", "note": "Quyết định 12/QĐ-UBND"},
                {"kind": "session_ms", "value": 900000, "classes": ["ordinary"], "valid_from": "2026-08-01"},
                {"kind": "repeats", "value": 4, "days": 7, "valid_from": "2026-08-01"},
            ]
        }
    )

    kind: Kind
    value: int = Field(0, ge=0, le=10**9, description="Milliseconds where the kind ends in _ms, else a number")
    days: int = Field(0, ge=0, le=1000, description="For repeats: in so many days that follow one another")
    classes: list[Class] = Field(list(BELOW_EMERGENCY), max_length=2, description="Which classes it limits")
    spans: list[SpanBody] = Field(default_factory=list, max_length=100, description="For quiet and window")
    steps: list[StepBody] = Field(default_factory=list, max_length=100, description="For curve")
    yields: bool = Field(False, description="Units below may set one of their own that is laxer")
    valid_from: DateIn | None = Field(None, description="From this local date on; null: from today on")
    valid_to: DateIn | None = Field(
        None, description="Until before this local date; what held before then goes on. Null: until it is changed"
    )
    note: str | None = Field(None, max_length=2000, description="Such as the decision that it rests on")


class EndIn(In):
    on: DateIn | None = Field(None, description="It holds no more from this local date on; null: from today on")


class RuleText(Out):
    """A rule and who set it."""

    id: str
    unit_id: str
    kind: str
    value: int | None = None
    days: int | None = None
    classes: list[str]
    spans: list[SpanBody] | None = None
    steps: list[StepBody] | None = None
    yields: bool
    valid_from: date | None = Field(description="Null: always")
    valid_to: date | None = Field(description="Null: until it is changed")
    text: str = Field(description="The rule in few Vietnamese words", examples=["giờ yên tĩnh: 21:00–05:00"])
    text_en: str = Field(description="The same in English")


class SetRule(RuleText):
    note: str | None
    continues_id: str | None = Field(description="The rule that this one goes on with")
    set_by: str
    set_by_name: str
    set_at: Instant


class HeldRule(RuleText):
    unit_name: str = Field(description="Whose rule it is")
    own: bool = Field(description="Of this unit itself; otherwise of one above it")
    default: bool = Field(description="Nobody has set it: it holds until the topmost unit sets its own")


class RulesOut(Out):
    unit_id: str
    on: date
    holds: list[HeldRule] = Field(description="What holds there: of limits the strictest")
    idle: list[HeldRule] = Field(description="What is set too and changes nothing there, because another decides")


class CheckIn(TargetsIn):
    """A schedule as it would be saved."""

    title: str = Field(min_length=1, max_length=300, examples=["Bản tin chiều"])
    programme_id: Identifier
    rule: RuleIn
    schedule_id: Identifier | None = Field(None, description="The schedule that it would be a change of")


class ViolationOut(Out):
    """One rule that the schedule breaks, wherever and whenever it does; times, `over` and mends are of the first."""

    rule_id: str
    kind: str
    rule: str = Field(examples=["mỗi buổi dài nhất: 15 phút"])
    rule_en: str
    rule_unit_id: str = Field(description="Whose rule it is")
    rule_unit_name: str
    starts_at: Instant = Field(description="The first airing that breaks it")
    over: int = Field(description="By how much: milliseconds, or a number where the rule counts")
    mend_starts_at: Instant | None = Field(description="A time at which it would break nothing; null: none was found")
    mend_shorter_ms: int | None = Field(description="So much shorter it would break nothing; null: that doesn't help")
    vi: str = Field(description="All this as a sentence")
    en: str
    starts: list[Instant] = Field(description="The airings that break it, the first of them")
    occurrences: int = Field(description="How many they are")
    units: list[str] = Field(description="Names of the units where it would, the first of them")
    unit_count: int
    receivers: int
    can_be_overridden: bool = Field(description="Who has the right may let it through, with a reason")


class CheckOut(Out):
    occurrences: int = Field(description="How many airings were looked at")
    first: Instant | None
    last: Instant | None
    may_be_saved: bool
    may_be_overridden: bool = Field(description="All that it breaks may be let through by who has the right")
    violations: list[ViolationOut]


def _shown(rule: SoundRule) -> dict[str, Any]:
    return {
        **rule_store.body_of(rule),
        "id": rule.id,
        "unit_id": rule.unit_id,
        "kind": rule.kind,
        "yields": rule.yields,
        "valid_from": rule.valid_from if rule.valid_from > date.min else None,
        "valid_to": rule.valid_to if rule.valid_to < FOREVER else None,
        "text": rule_text(rule),
        "text_en": rule_text(rule, "en"),
    }


def _row(row: RuleRow) -> SetRule:
    told = {name: getattr(row, name) for name in ("note", "continues_id", "set_by", "set_by_name", "set_at")}
    return SetRule.model_validate(_shown(rule_store.rule_of(row)) | told)


def _today(context: Context) -> date:
    return units.date_of(context.clock.now())


@router.get("/units/{unit_id}/rules", summary="What may sound when at a unit", responses=responses(404))
def held(context: Ctx, _who: Reader, unit_id: str, on: On = None) -> RulesOut:
    """The unit's own rules and those from above that hold there, each with who set it."""
    day = on or _today(context)
    with context.db.reading() as session:
        units.get(session, unit_id)
        path = tuple(units.above(session, unit_id, on=day))
        found = RuleBook(session, context.settings, day, day).at(path).on(day)
        names = units.names(session, {rule.unit_id for rule in (*found.rules, *found.idle)}, on=day)

        def shown(rules: tuple[SoundRule, ...]) -> list[HeldRule]:
            return [
                HeldRule(
                    **_shown(rule),
                    unit_name=names.get(rule.unit_id, ""),
                    own=rule.unit_id == unit_id,
                    default=rule.id.startswith("default:"),
                )
                for rule in rules
            ]

        return RulesOut(unit_id=unit_id, on=day, holds=shown(found.rules), idle=shown(found.idle))


@router.get("/units/{unit_id}/rules/history", summary="Every rule that a unit set", responses=responses(404))
def history(context: Ctx, _who: Reader, unit_id: str) -> list[SetRule]:
    """Past, present and coming, by the date from which on they hold. What a rule said is never changed."""
    with context.db.reading() as session:
        return [_row(row) for row in rule_store.history(session, unit_id)]


@router.post("/units/{unit_id}/rules", summary="Set a rule", status_code=201, responses=responses(404, 409))
def put(context: Ctx, who: Writer, unit_id: str, body: SoundRuleIn) -> SetRule:
    """Takes the place of the unit's rule of the same kind, classes and days from its first date on.

    It may be stricter than what is above, and laxer only where that yields. Plans are made anew; what breaks the rule
    from then on is left out of them and told.
    """
    rule = SoundRule(
        id="",
        unit_id=unit_id,
        kind=body.kind,
        value=body.value,
        days=body.days,
        classes=tuple(body.classes),
        spans=tuple(Span(one.begins, one.ends, tuple(one.weekdays)) for one in body.spans),
        steps=tuple(Step(one.at, one.volume) for one in body.steps),
        yields=body.yields,
        valid_from=body.valid_from or _today(context),
        valid_to=body.valid_to or FOREVER,
    )
    with context.db.writing() as session:
        row = rule_store.put(
            session, rule, note=body.note, settings=context.settings, actor=who.actor, clock=context.clock
        )
        _plans_anew(session, context, unit_id, row.valid_from)
        return _row(row)


@router.post("/rules/{rule_id}/end", summary="End a rule", responses=responses(404, 409))
def end(context: Ctx, who: Writer, rule_id: str, body: EndIn) -> SetRule:
    """It holds no more from that date on; what is above the unit holds alone. History stays."""
    with context.db.writing() as session:
        day = body.on or _today(context)
        row = rule_store.end(session, rule_id, day, actor=who.actor, clock=context.clock)
        _plans_anew(session, context, row.unit_id, day)
        return _row(row)


@router.post("/rules/check", summary="What a schedule would break", responses=responses(404))
def check(context: Ctx, _who: Reader, body: CheckIn) -> CheckOut:
    """Before saving: every rule that it breaks somewhere in the coming eight weeks, told once, with what mends it."""
    now = context.clock.now()
    with context.db.reading() as session:
        programmes.get(session, body.programme_id)
        if body.schedule_id is not None:
            timetable.get(session, body.schedule_id)
        schedule, _ = foresight.drafted(
            title=body.title,
            programme_id=body.programme_id,
            duration_ms=programmes.duration_ms(session, body.programme_id),
            rule=rule_of(body.rule, context),
            targets=require_known(session, body.targets),
            owner_id=None,
            schedule_id=body.schedule_id,
        )
        drafted = drafts.drafted(session, schedule, now, rule_look.FORESEEN, rule_look.STARTS_MOST, with_items=True)
        starts = drafted.starts
        draft = Draft(drafted.frame, schedule_id=body.schedule_id)
        breaches = rule_look.look(session, context.settings, draft, now)
        found = rule_gate.told(session, breaches, units.date_of(now))
    return CheckOut(
        occurrences=len(starts),
        first=starts[0] if starts else None,
        last=starts[-1] if starts else None,
        may_be_saved=not breaches,
        may_be_overridden=bool(breaches) and all(one.can_be_waived for one in breaches),
        violations=[ViolationOut.model_validate(one) for one in found],
    )


def _plans_anew(session: Session, context: Context, unit_id: str, since: date) -> None:
    """Have the plans below the unit looked at, if they reach to that date."""
    now = context.clock.now()
    if units.date_of(now + timedelta(hours=context.settings.plan_hours)) >= since:
        below = receivers_touched(session, [Targets(units=(unit_id,))], on=max(since, units.date_of(now)))
        delivery.request(session, below, now)
