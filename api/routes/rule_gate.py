"""Where schedules are saved: what breaks a rule is refused with all that it breaks, or let through by who may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from api.auth.guard import Principal
from api.auth.rights import RIGHT_NAMES, Right
from api.context import Context
from broadcast import drafts, facts, filling_rules, rule_look, slots
from broadcast.rule_look import Breach, Draft
from broadcast.slots import Fill, Filled, Outcome
from core import units
from core.clock import from_ms
from core.errors import Forbidden, Invalid, TruyenThanhError
from schedules import rule_store
from schedules.rule_words import rule_text
from schedules.tables import Airing, Schedule

NAMED_MOST = 20  # units and starts that are named of each rule; all are counted


class RulesBroken(Invalid):
    """`violations` of the problem has each rule with the places and times, and what would mend it."""

    slug = "rules-broken"
    vi = "Lịch này trái quy định phát: {what}{more}"
    en = "This schedule breaks rules of sound: {what}{more}"

    def __init__(self, breaches: Sequence[Breach], told: list[dict[str, Any]]) -> None:
        more = len(breaches) - 1
        super().__init__(
            what=f"{breaches[0].vi} / {breaches[0].en}",
            more=f" Và {more} quy định khác. /  And {more} other rules." if more else "",
        )
        self._told = told

    @property
    def members(self) -> dict[str, Any]:
        return {"violations": self._told}


def told(session: Session, breaches: Sequence[Breach], day: date) -> list[dict[str, Any]]:
    """The breaches as the API shows them."""
    named = {unit for one in breaches for unit in one.units}
    names = units.names(session, named, on=day)
    return [_told(one, names) for one in breaches]


def _told(breach: Breach, names: dict[str, str]) -> dict[str, Any]:
    first = breach.first
    mend = first.mend
    places = sorted(breach.units, key=lambda unit: names.get(unit, unit))
    return {
        "rule_id": breach.rule.id,
        "kind": breach.rule.kind,
        "rule": rule_text(breach.rule),
        "rule_en": rule_text(breach.rule, "en"),
        "rule_unit_id": breach.rule.unit_id,
        "rule_unit_name": breach.unit_name,
        "starts_at": _instant(first.entry.starts_at),
        "over": first.over,
        "mend_starts_at": _instant(mend.at) if mend and mend.at is not None else None,
        "mend_shorter_ms": mend.shorter_ms if mend else None,
        "vi": breach.vi,
        "en": breach.en,
        "starts": [_instant_of(one) for one in breach.starts[:NAMED_MOST]],
        "occurrences": len(breach.starts),
        "units": [names.get(unit, unit) for unit in places[:NAMED_MOST]],
        "unit_count": len(places),
        "receivers": breach.receivers,
        "can_be_overridden": breach.can_be_waived,
    }


def _instant(ms: int) -> str:
    return _instant_of(from_ms(ms))


def _instant_of(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def require_schedule(
    session: Session, context: Context, who: Principal, schedule: Schedule, reason: str | None, *, changed: bool = False
) -> None:
    """Refuse a schedule that breaks a rule anywhere in the coming weeks, unless it may be and is let through.

    `changed`: it is another one than before, so what it was let through against must be allowed anew. Raises
    RulesBroken, Forbidden.
    """
    if changed:
        rule_store.end_overrides(session, schedule.id, context.clock.now())
    now = context.clock.now()
    found = drafts.drafted(session, schedule, now, rule_look.FORESEEN, rule_look.STARTS_MOST, with_items=True)
    _require(session, context, who, schedule.id, Draft(found.frame, schedule_id=schedule.id), reason)


def require_airings(
    session: Session, context: Context, who: Principal, airings: Sequence[Airing], reason: str | None
) -> None:
    """The same for single airings that were given another time."""
    made = [airing.id for airing in airings if airing.status == "scheduled"]
    for one in facts.airings(session, made):
        _require(session, context, who, one.schedule_id, Draft([one], without=frozenset({one.id})), reason)


def fill(
    session: Session,
    context: Context,
    who: Principal,
    wishes: Sequence[Fill],
    reason: str | None,
    *,
    dry_run: bool,
) -> Outcome:
    """Fill what can be filled and breaks no rule, or may be and is let through; the rest is told with its violations.

    With `dry_run` nothing of it is left.
    """
    now = context.clock.now()
    attempt = session.begin_nested()
    outcome = slots.fill_many(session, wishes, actor=who.actor, clock=context.clock)
    broken = filling_rules.broken(session, context.settings, outcome, now)
    refused = {wish: _refusal(session, who, breaches, reason, now) for wish, breaches in broken.items()}
    errors = {wish: error for wish, error in refused.items() if error is not None}
    if errors or dry_run:
        attempt.rollback()
    else:
        attempt.commit()
    if dry_run:
        return Outcome([Filled(one.wish, refused=one.refused or errors.get(one.wish)) for one in outcome.filled], [])
    if errors:  # all of it anew, without these
        left = [wish for wish in wishes if wish not in errors]
        outcome = slots.fill_many(session, left, actor=who.actor, clock=context.clock)
        outcome.filled.extend(Filled(wish, refused=error) for wish, error in errors.items())
    for one in outcome.filled:
        if one.filling is not None and one.wish in broken:
            rules = [breach.rule for breach in broken[one.wish]]
            rule_store.override(
                session,
                one.wish.schedule_id,
                rules,
                reason or "",
                filling_id=one.filling.id,
                actor=who.actor,
                clock=context.clock,
            )
    return outcome


def _refusal(
    session: Session, who: Principal, breaches: Sequence[Breach], reason: str | None, now: datetime
) -> TruyenThanhError | None:
    """Why this isn't let through; None: it is, with the reason."""
    if not reason or not all(one.can_be_waived for one in breaches):
        return RulesBroken(breaches, told(session, breaches, units.date_of(now)))
    if not who.may(Right.OVERRIDE_RULES):
        return Forbidden(what=RIGHT_NAMES[Right.OVERRIDE_RULES])
    return None


def _require(
    session: Session, context: Context, who: Principal, schedule_id: str, draft: Draft, reason: str | None
) -> None:
    now = context.clock.now()
    breaches = rule_look.look(session, context.settings, draft, now)
    if not breaches:
        return
    refusal = _refusal(session, who, breaches, reason, now)
    if refusal is not None:
        raise refusal
    rules = [one.rule for one in breaches]
    rule_store.override(session, schedule_id, rules, reason or "", actor=who.actor, clock=context.clock)
