"""The rules of units in the database: read for a stretch of days, set, ended, with their whole history.

A change is a new row. The row before ends where the new one begins, and goes on after it (as another row) where the
new one is for some days only. Nothing changes for days that have passed, and a rule that would be laxer than one from
above that doesn't yield is refused instead of being kept without effect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session

from core import events, units
from core.clock import Clock, to_ms
from core.database import plain_rows
from core.events import Actor
from core.ids import new_id
from core.settings import Settings
from core.units import FOREVER
from schedules.conflicts import Class
from schedules.rule_errors import RuleAhead, RuleInThePast, RuleLaxer, RuleNotFound, RuleOver
from schedules.rule_tables import RuleOverride, RuleRow
from schedules.rule_words import rule_text
from schedules.rules import SPANNED, Kind, Place, SoundRule, Span, Step, effective, merged
from schedules.slot_tables import Filling

Rules = Mapping[str, Sequence[SoundRule]]

EMERGENCY_MS = 600_000
_DAY = timedelta(days=1)
_DAY_MS = 86_400_000


def defaults(settings: Settings) -> tuple[SoundRule, ...]:
    """What holds at the top of the tree as long as the unit there has set nothing of its own."""
    found = [SoundRule("default:emergency_ms", "", "emergency_ms", EMERGENCY_MS)]
    if settings.quiet_hours:
        begins, ends = (time.fromisoformat(text) for text in settings.quiet_hours.split("-"))
        found.append(SoundRule("default:quiet", "", "quiet", spans=(Span(begins, ends),)))
    return tuple(found)


def rule_of(row: RuleRow) -> SoundRule:
    """The rule that a row holds."""
    body = row.body
    return SoundRule(
        id=row.id,
        unit_id=row.unit_id,
        kind=cast("Kind", row.kind),
        value=body.get("value", 0),
        days=body.get("days", 0),
        classes=tuple(cast("list[Class]", body["classes"])),
        spans=tuple(
            Span(time.fromisoformat(one["begins"]), time.fromisoformat(one["ends"]), tuple(one["weekdays"]))
            for one in body.get("spans", ())
        ),
        steps=tuple(Step(time.fromisoformat(one["at"]), one["volume"]) for one in body.get("steps", ())),
        yields=row.yields,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def body_of(rule: SoundRule) -> dict[str, Any]:
    """What a rule says, as it is kept and shown."""
    body: dict[str, Any] = {"classes": list(rule.classes)}
    if rule.kind in SPANNED:
        body["spans"] = [
            {"begins": f"{one.begins:%H:%M}", "ends": f"{one.ends:%H:%M}", "weekdays": sorted(set(one.weekdays))}
            for one in rule.spans
        ]
    elif rule.kind == "curve":
        ordered = sorted(rule.steps, key=lambda one: one.at)
        body["steps"] = [{"at": f"{one.at:%H:%M}", "volume": one.volume} for one in ordered]
    else:
        body["value"] = rule.value
    if rule.days:
        body["days"] = rule.days
    return body


_BETWEEN = (
    select(RuleRow)
    .where(RuleRow.valid_from <= bindparam("until"), RuleRow.valid_to > bindparam("since"))
    .where(RuleRow.valid_from < RuleRow.valid_to)
    .order_by(RuleRow.id)
)
_OVERRIDDEN = (
    select(
        RuleOverride.schedule_id,
        RuleOverride.rule_id,
        RuleOverride.filling_id,
        Filling.slot_id,
        Filling.place_id,
        Filling.original_start,
    )
    .outerjoin(Filling, Filling.id == RuleOverride.filling_id)
    .where(RuleOverride.ended_at.is_(None), or_(RuleOverride.filling_id.is_(None), Filling.ended_at.is_(None)))
)


def between(session: Session, since: date, until: date) -> dict[str, list[SoundRule]]:
    """Every rule that holds on any day of since … until (inclusive), by its unit. There are few in a province."""
    found: dict[str, list[SoundRule]] = defaultdict(list)
    for row in session.scalars(_BETWEEN, {"since": since, "until": until}):
        found[row.unit_id].append(rule_of(row))
    return dict(found)


def history(session: Session, unit_id: str) -> list[RuleRow]:
    """Every rule that the unit ever set, in the order of their beginnings."""
    units.get(session, unit_id)
    wanted = select(RuleRow).where(RuleRow.unit_id == unit_id).order_by(RuleRow.valid_from, RuleRow.set_at, RuleRow.id)
    return list(session.scalars(wanted))


def get(session: Session, rule_id: str) -> RuleRow:
    row = session.get(RuleRow, rule_id)
    if row is None:
        raise RuleNotFound(id=rule_id)
    return row


def put(
    session: Session, rule: SoundRule, *, note: str | None = None, settings: Settings, actor: Actor, clock: Clock
) -> RuleRow:
    """Set a rule from `valid_from` to before `valid_to`; its id is given here.

    Raises `RuleInThePast`, `RuleLaxer`, and `RuleAhead` where a later one stands in its days already.
    """
    now = clock.now()
    units.get(session, rule.unit_id)
    valid_to = min(rule.valid_to, FOREVER)
    _require_coming(rule.valid_from, valid_to, now)
    rule = replace(rule, id=new_id(), valid_to=valid_to)
    _require_not_laxer(session, rule, settings)
    row = RuleRow(
        id=rule.id,
        unit_id=rule.unit_id,
        kind=rule.kind,
        body=body_of(rule),
        yields=rule.yields,
        valid_from=rule.valid_from,
        valid_to=valid_to,
        note=note or None,
        **_by(actor, now),
    )
    replaced = _give_way(session, rule, actor, now)
    session.add(row)
    session.flush()
    _record(session, "set", rule, actor, now, note=note, replaced=replaced)
    return row


def end(session: Session, rule_id: str, on: date, *, actor: Actor, clock: Clock) -> RuleRow:
    """Let a rule hold no longer from this date on. Raises `RuleInThePast`, `RuleOver`."""
    now = clock.now()
    row = session.scalar(_locked(RuleRow.id == rule_id))
    if row is None:
        raise RuleNotFound(id=rule_id)
    if on < units.date_of(now):
        raise RuleInThePast(day=_said(on), today=_said(units.date_of(now)))
    if row.valid_to <= on:
        raise RuleOver(day=_said(row.valid_to))
    row.valid_to = max(on, row.valid_from)
    session.flush()
    _record(session, "ended", rule_of(row), actor, now)
    return row


# --- Let through against a rule --------------------------------------------------------------------------------------


def override(
    session: Session,
    schedule_id: str,
    rules: Iterable[SoundRule],
    reason: str,
    *,
    filling_id: str | None = None,
    actor: Actor,
    clock: Clock,
) -> list[RuleOverride]:
    """Let a schedule through against these rules too, or only what one of its slots is filled with on a day."""
    now = clock.now()
    rows = [
        RuleOverride(
            schedule_id=schedule_id,
            filling_id=filling_id,
            rule_id=rule.id,
            reason=reason,
            allowed_by=actor.id,
            allowed_by_name=actor.name,
            allowed_at=now,
        )
        for rule in {rule.id: rule for rule in rules}.values()
    ]
    session.add_all(rows)
    session.flush()
    if rows:
        events.record(
            session,
            "user:schedule:rules-overridden",
            actor=actor,
            at=now,
            subject=("schedule", schedule_id),
            rules=[row.rule_id for row in rows],
            filling=filling_id,
            reason=reason,
        )
    return rows


def end_overrides(session: Session, schedule_id: str, now: datetime) -> None:
    """The schedule is another one now: what it was let through against must be allowed anew."""
    wanted = select(RuleOverride).where(RuleOverride.schedule_id == schedule_id, RuleOverride.ended_at.is_(None))
    for row in session.scalars(wanted):
        row.ended_at = now


@dataclass(frozen=True, slots=True)
class Waived:
    """The ids of rules that schedules, and parts of sessions on single days, are let through against."""

    schedules: Mapping[str, frozenset[str]]
    parts: Mapping[tuple[str, str, datetime], frozenset[str]]  # slot, place ("": all), start of the session

    def of(self, schedule_id: str, slot_id: str, place_id: str, original_start: datetime) -> frozenset[str]:
        """Of one airing."""
        whole = self.schedules.get(schedule_id, frozenset())
        return whole | self.parts.get((slot_id, place_id, original_start), frozenset())


def overridden(session: Session) -> Waived:
    """What is let through, and against what."""
    schedules: dict[str, set[str]] = defaultdict(set)
    parts: dict[tuple[str, str, datetime], set[str]] = defaultdict(set)
    for row in plain_rows(session, _OVERRIDDEN):
        if row.filling_id is None:
            schedules[row.schedule_id].add(row.rule_id)
        else:
            parts[row.slot_id, row.place_id or "", row.original_start].add(row.rule_id)
    return Waived(
        {schedule: frozenset(rules) for schedule, rules in schedules.items()},
        {part: frozenset(rules) for part, rules in parts.items()},
    )


# --- Inside ----------------------------------------------------------------------------------------------------------


def _require_coming(valid_from: date, valid_to: date, now: datetime) -> None:
    today = units.date_of(now)
    if valid_from < today or valid_to <= valid_from:
        day = valid_from if valid_from < today else valid_to
        raise RuleInThePast(day=_said(day), today=_said(max(today, valid_from)))


def _give_way(session: Session, rule: SoundRule, actor: Actor, now: datetime) -> list[str]:
    """End what the unit has of this key where the new rule begins, and let it go on where that one ends."""
    rows = session.scalars(
        _locked(
            RuleRow.unit_id == rule.unit_id,
            RuleRow.kind == rule.kind,
            RuleRow.valid_to > rule.valid_from,
            RuleRow.valid_from < rule.valid_to,
            RuleRow.valid_from < RuleRow.valid_to,
        )
    ).all()
    same = [row for row in rows if rule_of(row).key == rule.key]
    ahead = [row for row in same if row.valid_from > rule.valid_from]
    if ahead:
        raise RuleAhead(day=_said(min(row.valid_from for row in ahead)))
    for row in same:
        if row.valid_to > rule.valid_to:
            columns = ("unit_id", "kind", "body", "yields", "note")
            held = {name: getattr(row, name) for name in columns}
            dates = {"valid_from": rule.valid_to, "valid_to": row.valid_to}
            session.add(RuleRow(**held, **dates, continues_id=row.id, **_by(actor, now)))
        row.valid_to = rule.valid_from
    return [row.id for row in same]


def _require_not_laxer(session: Session, rule: SoundRule, settings: Settings) -> None:
    """On its first day, by the path of that day."""
    day = rule.valid_from
    path = units.above(session, rule.unit_id, on=day)
    held = between(session, day - _DAY, day + 8 * _DAY)
    own = [one for one in held.get(rule.unit_id, ()) if one.key != rule.key]
    given = defaults(settings)
    before = effective(held | {rule.unit_id: own}, path, day, given)
    after = effective(held | {rule.unit_id: [*own, rule]}, path, day, given)
    above = [one for one in before.rules if one.key == rule.key and one in after.rules]
    if rule.kind in SPANNED:
        laxer = bool(above) and _within(rule, above, settings)
    else:
        laxer = rule in after.idle and any(one.stricter_than(rule) for one in above)
    if laxer:
        said = f"{rule_text(above[0])} / {rule_text(above[0], 'en')}"
        raise RuleLaxer(unit=units.name(session, above[0].unit_id, on=day), rule=said)


def _within(rule: SoundRule, above: Sequence[SoundRule], settings: Settings) -> bool:
    """Whether all that it forbids in a week is forbidden already, and more than that."""
    begins = to_ms(datetime.combine(rule.valid_from, time(12), settings.zone))
    stretches = []
    for rules in ([rule], above):
        always = [replace(one, valid_from=date.min, valid_to=date.max) for one in rules]
        place = Place({"": always}, lambda _day: ("",), settings.zone)
        found = place.forbidden(rule.classes[0], begins, begins + 7 * _DAY_MS)
        stretches.append(merged((max(one.begins, begins), min(one.ends, begins + 7 * _DAY_MS)) for one in found))
    mine, theirs = stretches
    covered = all(any(one[0] <= begin and end <= one[1] for one in theirs) for begin, end in mine)
    return covered and mine != theirs


def _locked(*conditions: Any) -> Select[RuleRow]:
    return select(RuleRow).where(*conditions).with_for_update().execution_options(populate_existing=True)


def _by(actor: Actor, now: datetime) -> dict[str, Any]:
    return {"set_by": actor.id, "set_by_name": actor.name, "set_at": now}


def _said(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _record(session: Session, action: str, rule: SoundRule, actor: Actor, at: datetime, **data: Any) -> None:
    events.record(
        session,
        f"{'system' if actor.is_system else 'user'}:rule:{action}",
        actor=actor,
        at=at,
        subject=("unit", rule.unit_id),
        rule=rule.id,
        about=rule.kind,
        says=rule_text(rule),
        yields=rule.yields,
        valid_from=rule.valid_from.isoformat(),
        valid_to=rule.valid_to.isoformat() if rule.valid_to < FOREVER else None,
        **data,
    )
