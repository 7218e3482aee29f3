"""Rules in the database: set, replaced, interrupted and ended; history stays, and nothing gets laxer by the way."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from core import units
from core.clock import ManualClock
from core.database import Database
from core.errors import NotFound
from core.events import Event
from core.settings import Settings
from schedules import rule_store
from schedules.rule_errors import RuleAhead, RuleInThePast, RuleLaxer, RuleNotFound, RuleOver
from schedules.rule_tables import RuleRow
from schedules.rules import Effective, Kind, SoundRule, Span, Step, effective
from tests.schedules.support import DAY, OPERATOR, Cast, add, cast, daily

MINUTE = 60_000
TODAY = date(2026, 7, 28)
SITE = Settings(_env_file=None)  # type: ignore[call-arg]


@pytest.fixture
def people(db: Database, clock: ManualClock) -> Cast:
    return cast(db, clock)


def put(db: Database, clock: ManualClock, unit: str, kind: Kind, value: int = 0, **members: object) -> RuleRow:
    rule = SoundRule("", unit, kind, value, **({"valid_from": TODAY} | members))  # type: ignore[arg-type]
    with db.writing() as session:
        return rule_store.put(session, rule, settings=SITE, actor=OPERATOR, clock=clock)


def holds(db: Database, unit: str, day: date) -> Effective:
    with db.reading() as session:
        path = units.above(session, unit, on=day)
        return effective(rule_store.between(session, day, day), path, day, rule_store.defaults(SITE))


def values(db: Database, unit: str, kind: Kind, *days: date) -> list[int | None]:
    found = [next((rule.value for rule in holds(db, unit, day).rules if rule.kind == kind), None) for day in days]
    return list(found)


def quiet(begins: int, ends: int) -> tuple[Span, ...]:
    return (Span(time(begins), time(ends)),)


def test_the_site_setting_holds_until_the_top_sets_its_own(db: Database, clock: ManualClock, people: Cast) -> None:
    before = {rule.id: rule for rule in holds(db, people.village, TODAY).rules}
    assert set(before) == {"default:quiet", "default:emergency_ms"}
    assert before["default:quiet"].unit_id == people.province
    # The commune is stricter beside it, and the top may be laxer than the setting.
    put(db, clock, people.commune, "quiet", spans=quiet(12, 14))
    assert len([rule for rule in holds(db, people.village, TODAY).rules if rule.kind == "quiet"]) == 2
    put(db, clock, people.province, "quiet", spans=quiet(22, 4), valid_from=TODAY + DAY)
    assert "default:quiet" in {rule.id for rule in holds(db, people.village, TODAY).rules}
    after = holds(db, people.village, TODAY + DAY).rules
    assert "default:quiet" not in {rule.id for rule in after}
    assert {rule.spans for rule in after if rule.kind == "quiet"} == {quiet(12, 14), quiet(22, 4)}


def test_every_kind_comes_back_as_it_was_set(db: Database, clock: ManualClock, people: Cast) -> None:
    for kind, members in {
        "window": {"spans": (Span(time(5), time(6), (1, 5)), Span(time(17), time(18))), "classes": ("ordinary",)},
        "curve": {"steps": (Step(time(5), 80), Step(time(19), 50))},
        "repeats": {"value": 4, "days": 7},
        "gap_ms": {"value": 5 * MINUTE, "yields": True},
        "volume": {"value": 70},
    }.items():
        row = put(db, clock, people.commune, kind, **members)  # type: ignore[arg-type]
        [rule] = [rule for rule in holds(db, people.commune, TODAY).rules if rule.kind == kind]
        assert rule == SoundRule(row.id, people.commune, kind, valid_from=TODAY, valid_to=units.FOREVER, **members)  # type: ignore[arg-type]


def test_a_change_is_a_new_row_and_the_past_stays(db: Database, clock: ManualClock, people: Cast) -> None:
    first = put(db, clock, people.commune, "session_ms", 15 * MINUTE)
    clock.advance(timedelta(days=10))
    second = put(db, clock, people.commune, "session_ms", 20 * MINUTE, valid_from=TODAY + 12 * DAY)
    days = (TODAY, TODAY + 11 * DAY, TODAY + 12 * DAY)
    assert values(db, people.village, "session_ms", *days) == [15 * MINUTE, 15 * MINUTE, 20 * MINUTE]
    with db.reading() as session:
        told = rule_store.history(session, people.commune)
        assert [(row.id, row.valid_to) for row in told] == [
            (first.id, TODAY + 12 * DAY),
            (second.id, units.FOREVER),
        ]
        kinds = list(session.scalars(select(Event.kind).where(Event.kind.like("%:rule:%")).order_by(Event.seq)))
    assert kinds == ["user:rule:set", "user:rule:set"]


def test_set_again_on_the_same_day_the_first_never_held(db: Database, clock: ManualClock, people: Cast) -> None:
    first = put(db, clock, people.commune, "session_ms", 15 * MINUTE)
    put(db, clock, people.commune, "session_ms", 10 * MINUTE)
    assert values(db, people.commune, "session_ms", TODAY) == [10 * MINUTE]
    with db.reading() as session:
        assert rule_store.get(session, first.id).valid_to == TODAY


def test_what_a_rule_for_some_days_interrupts_goes_on_after_it(db: Database, clock: ManualClock, people: Cast) -> None:
    put(db, clock, people.commune, "session_ms", 15 * MINUTE)
    put(db, clock, people.commune, "session_ms", 5 * MINUTE, valid_from=TODAY + DAY, valid_to=TODAY + 3 * DAY)
    days = [TODAY + number * DAY for number in range(5)]
    assert values(db, people.commune, "session_ms", *days) == [one * MINUTE for one in (15, 5, 5, 15, 15)]


def test_of_one_unit_never_two_of_a_kind_hold_on_a_day(db: Database, clock: ManualClock, people: Cast) -> None:
    put(db, clock, people.commune, "session_ms", 15 * MINUTE, valid_from=TODAY + 5 * DAY)
    with pytest.raises(RuleAhead, match="02/08/2026"):
        put(db, clock, people.commune, "session_ms", 10 * MINUTE)
    put(db, clock, people.commune, "session_ms", 10 * MINUTE, valid_to=TODAY + 5 * DAY)
    put(db, clock, people.commune, "session_ms", 9 * MINUTE, classes=("ordinary",))  # another rule beside it
    assert values(db, people.commune, "session_ms", TODAY + 5 * DAY) == [15 * MINUTE]


def test_nothing_changes_for_days_that_have_passed(db: Database, clock: ManualClock, people: Cast) -> None:
    with pytest.raises(RuleInThePast):
        put(db, clock, people.commune, "session_ms", MINUTE, valid_from=TODAY - DAY)
    with pytest.raises(RuleInThePast):
        put(db, clock, people.commune, "session_ms", MINUTE, valid_from=TODAY + DAY, valid_to=TODAY + DAY)
    row = put(db, clock, people.commune, "session_ms", MINUTE)
    clock.advance(timedelta(days=3))
    with db.writing() as session, pytest.raises(RuleInThePast):
        rule_store.end(session, row.id, TODAY + DAY, actor=OPERATOR, clock=clock)
    with db.writing() as session:
        rule_store.end(session, row.id, TODAY + 3 * DAY, actor=OPERATOR, clock=clock)
    assert values(db, people.commune, "session_ms", TODAY + 2 * DAY, TODAY + 3 * DAY) == [MINUTE, None]
    with db.writing() as session, pytest.raises(RuleOver):
        rule_store.end(session, row.id, TODAY + 5 * DAY, actor=OPERATOR, clock=clock)
    with db.writing() as session, pytest.raises(RuleNotFound):
        rule_store.end(session, "01K00000000000000000000000", TODAY, actor=OPERATOR, clock=clock)


def test_a_laxer_one_is_refused_with_whose_rule_stands_against_it(
    db: Database, clock: ManualClock, people: Cast
) -> None:
    firm = put(db, clock, people.province, "session_ms", 15 * MINUTE)
    with pytest.raises(RuleLaxer) as refused:
        put(db, clock, people.commune, "session_ms", 20 * MINUTE)
    assert "Tỉnh Thử Nghiệm" in refused.value.text("vi")
    assert "15 phút" in refused.value.text("vi")
    assert "15 min" in refused.value.text("en")
    with pytest.raises(RuleLaxer):
        put(db, clock, people.commune, "quiet", spans=quiet(22, 4))  # within the setting's 21:00–05:00
    put(db, clock, people.commune, "quiet", spans=quiet(21, 5))  # as strict
    put(db, clock, people.commune, "quiet", spans=quiet(20, 4))  # from earlier on
    with pytest.raises(RuleLaxer):
        put(db, clock, people.village, "emergency_ms", 20 * MINUTE)
    put(db, clock, people.province, "session_ms", 15 * MINUTE, yields=True)
    put(db, clock, people.commune, "session_ms", 20 * MINUTE)
    assert values(db, people.village, "session_ms", TODAY) == [20 * MINUTE]
    # Once the province yields no more, the stricter counts: nothing below has to be changed for that.
    put(db, clock, people.province, "session_ms", 15 * MINUTE, valid_from=TODAY + DAY)
    assert values(db, people.village, "session_ms", TODAY, TODAY + DAY) == [20 * MINUTE, 15 * MINUTE]
    assert firm.id in {row.id for row in _history(db, people.province)}


def _history(db: Database, unit: str) -> list[RuleRow]:
    with db.reading() as session:
        return rule_store.history(session, unit)


def test_for_a_unit_that_is_not_there(db: Database, clock: ManualClock, people: Cast) -> None:
    with pytest.raises(NotFound):
        put(db, clock, "01K00000000000000000000000", "session_ms", MINUTE)
    assert _history(db, people.commune) == []


def test_what_was_let_through_ends_with_the_next_change(db: Database, clock: ManualClock, people: Cast) -> None:
    row = put(db, clock, people.commune, "sessions_a_day", 1)
    schedule = add(db, clock, people, daily())
    with db.writing() as session:
        rule = rule_store.rule_of(rule_store.get(session, row.id))
        rule_store.override(session, schedule.id, [rule, rule], "Đại hội xã", actor=OPERATOR, clock=clock)
    with db.reading() as session:
        assert rule_store.overridden(session).schedules == {schedule.id: frozenset({row.id})}
        event = session.scalars(select(Event).where(Event.kind == "user:schedule:rules-overridden")).one()
    assert (event.data["reason"], event.data["rules"]) == ("Đại hội xã", [row.id])
    with db.writing() as session:
        rule_store.end_overrides(session, schedule.id, clock.now())
        assert rule_store.overridden(session).schedules == {}
