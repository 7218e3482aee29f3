"""Schedules and their airings: expansion, edits, cancelling and moving, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, time, timedelta

import pytest

from core.clock import ManualClock
from core.database import Database
from core.errors import Invalid
from core.events import Event
from schedules import airings, errors, timetable
from schedules.recurrence import Rule
from schedules.tables import Airing, Schedule
from schedules.targets import Targets
from tests.schedules.support import DAY, HANOI, OPERATOR, Cast, add, cast, daily, local, rows, standing


@pytest.fixture
def people(db: Database, clock: ManualClock) -> Cast:
    return cast(db, clock)


def starts(airings: list[Airing]) -> list[object]:
    return [airing.starts_at for airing in airings]


def expand(db: Database, clock: ManualClock, days: int) -> list[Airing]:
    with db.writing() as session:
        return timetable.materialise(session, now=clock.now(), until=clock.now() + days * DAY)


def edit(db: Database, clock: ManualClock, schedule: Schedule, **changes: object) -> list[Airing]:
    with db.writing() as session:
        return timetable.edit(session, schedule.id, actor=OPERATOR, clock=clock, **changes)  # type: ignore[arg-type]


def kinds(db: Database) -> list[str]:
    with db.reading() as session:
        return [event.kind for event in session.query(Event).order_by(Event.seq)]


# Expansion


def test_a_schedule_comes_to_airings(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(17)), days=3)
    airings = rows(db, schedule)
    assert starts(airings) == [local(28, 17), local(29, 17), local(30, 17)]
    assert all(row.original_start == row.starts_at and row.generation == 0 for row in airings)
    assert {(row.programme_id, row.duration_ms, *row.unit_ids) for row in airings} == {
        (people.programme, 90_000, people.commune)
    }
    assert kinds(db) == ["user:schedule:added", "system:schedule:materialised"]


def test_expanding_again_makes_only_what_is_missing(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(17)), days=3)
    assert expand(db, clock, 3) == []
    clock.advance(2 * DAY)
    assert starts(expand(db, clock, 3)) == [local(31, 17), local(32, 17)]
    assert len(rows(db, schedule)) == 5


def test_what_lies_in_the_past_is_not_made_up(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(7)), days=2)  # it is 08:00
    assert starts(rows(db, schedule)) == [local(29, 7), local(30, 7)]


def test_two_that_expand_at_once_make_each_airing_once(db: Database, clock: ManualClock, people: Cast) -> None:
    schedules = [add(db, clock, people, daily(time(hour)), days=0) for hour in range(9, 19)]
    together = threading.Barrier(4)
    made: list[Airing] = []

    def run() -> None:
        together.wait(10)
        made.extend(expand(db, clock, 5))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 50
    assert [len(rows(db, schedule)) for schedule in schedules] == [5] * 10


def test_the_unique_key_alone_holds_it_at_one(db: Database, clock: ManualClock, people: Cast) -> None:
    """Even where someone expands without the lock: the row that is there stays, and counts as not new."""
    from schedules.expansion import _insert, values_of

    schedule = add(db, clock, people, daily(time(17)), days=2)
    with db.writing() as session:
        values = [values_of(schedule, local(day, 17)) for day in (28, 29, 30)]
        assert starts(_insert(session, values)) == [local(30, 17)]
    assert len(rows(db, schedule)) == 3


def test_only_the_schedules_asked_for(db: Database, clock: ManualClock, people: Cast) -> None:
    one, other = (add(db, clock, people, daily(time(17)), days=0) for _ in range(2))
    with db.writing() as session:
        made = timetable.materialise(session, now=clock.now(), until=clock.now() + DAY, schedule_ids=[other.id])
    assert [row.schedule_id for row in made] == [other.id]
    assert rows(db, one) == []


# What is refused


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"title": "   "}, errors.NoTitle),
        ({"targets": Targets()}, errors.NoTargets),
        ({"targets": Targets(("01NOSUCHUNIT",))}, errors.UnknownUnits),
        ({"targets": Targets(groups=("01NOSUCHGROUP",))}, errors.UnknownGroups),
        ({"targets": Targets(receivers=("01NOSUCHBOX",))}, errors.UnknownReceivers),
        ({"owner_id": "01NOSUCHUNIT"}, errors.UnknownUnits),
        ({"programme_id": "01NOSUCHPROGRAMME"}, errors.UnknownProgramme),
        ({"duration_ms": 0}, errors.BadDuration),
        ({"duration_ms": timetable.LONGEST_MS + 1}, errors.BadDuration),
        ({"rule": Rule("once", date(2026, 7, 28), None, time(7, 59), HANOI)}, errors.InThePast),
        ({"rule": Rule("once", date(2026, 7, 28), None, time(8), HANOI)}, errors.InThePast),
        ({"rule": daily(first=date(2026, 7, 1), last=date(2026, 7, 27))}, errors.NeverAirs),
        ({"rule": Rule("weekly", date(2026, 7, 28), date(2026, 7, 29), time(9), HANOI, (7,))}, errors.NeverAirs),
    ],
)
def test_bad_input_is_refused(
    db: Database, clock: ManualClock, people: Cast, change: dict[str, object], error: type[Invalid]
) -> None:
    good: dict[str, object] = {
        "title": "Lịch",
        "programme_id": people.programme,
        "rule": daily(),
        "targets": Targets((people.commune,)),
        "duration_ms": 1,
    }
    with pytest.raises(error) as caught, db.writing() as session:
        timetable.add(session, actor=OPERATOR, clock=clock, **{**good, **change})  # type: ignore[arg-type]
    assert caught.value.status == 422
    assert caught.value.text("vi") != caught.value.text("en")
    assert "{" not in caught.value.text("vi") + caught.value.text("en")
    schedule = add(db, clock, people, daily())
    with pytest.raises(error):
        edit(db, clock, schedule, **change)
    assert len(standing(db, schedule)) == 3
    assert kinds(db) == ["user:schedule:added", "system:schedule:materialised"]


def test_what_is_not_there_is_named(db: Database, clock: ManualClock) -> None:
    acts: list[Callable[..., object]] = [timetable.cancel, timetable.edit]
    for act in acts:
        with pytest.raises(errors.ScheduleNotFound, match="01NONE"), db.writing() as session:
            act(session, "01NONE", actor=OPERATOR, clock=clock)
    with pytest.raises(errors.AiringNotFound, match="01NONE"), db.writing() as session:
        airings.cancel(session, "01NONE", actor=OPERATOR, clock=clock)


# Edits


@pytest.mark.parametrize("planned", [False, True])
def test_another_time_replaces_day_by_day(db: Database, clock: ManualClock, people: Cast, planned: bool) -> None:  # noqa: FBT001 - a parameter of the test
    schedule = add(db, clock, people, daily(time(17)), planned=planned)
    before = standing(db, schedule)
    touched = edit(db, clock, schedule, rule=daily(time(18)))
    after = standing(db, schedule)
    assert starts(after) == [local(28, 18), local(29, 18), local(30, 18)]
    assert [row.replaces_id for row in after] == [row.id for row in before]
    assert [row.planned for row in after] == [False] * 3
    assert {row.id for row in touched} == {row.id for row in [*before, *after]}
    # What was there is history: neither gone nor re-timed.
    old = [row for row in rows(db, schedule) if row.status == "cancelled"]
    assert [(row.id, row.starts_at, row.planned, row.cancel_reason, row.cancelled_by) for row in old] == [
        (row.id, row.starts_at, planned, "edited", OPERATOR.id) for row in before
    ]
    assert expand(db, clock, 3) == []
    assert starts(expand(db, clock, 4)) == [local(31, 18)]


def test_another_programme_has_the_next_generation(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), planned=True)
    before = standing(db, schedule)
    edit(db, clock, schedule, programme_id=people.other_programme, duration_ms=5_000)
    after = standing(db, schedule)
    assert [(row.original_start, row.generation, row.replaces_id) for row in after] == [
        (row.original_start, 1, row.id) for row in before
    ]
    assert {(row.programme_id, row.duration_ms) for row in after} == {(people.other_programme, 5_000)}
    assert {(row.programme_id, row.duration_ms) for row in rows(db, schedule) if row.status == "cancelled"} == {
        (people.programme, 90_000)
    }


def test_there_and_back_again(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(17)))
    edit(db, clock, schedule, rule=daily(time(18)))
    edit(db, clock, schedule, rule=daily(time(17)))
    assert [(row.starts_at, row.generation) for row in standing(db, schedule)] == [
        (local(day, 17), 1) for day in (28, 29, 30)
    ]
    assert expand(db, clock, 3) == []


def test_another_title_leaves_the_airings_alone(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily())
    before = [row.id for row in standing(db, schedule)]
    assert edit(db, clock, schedule, title="Tên khác") == []
    assert [row.id for row in rows(db, schedule)] == before
    with db.reading() as session:
        assert timetable.get(session, schedule.id).version == 2


def test_no_change_is_no_event(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily())
    assert edit(db, clock, schedule, rule=daily(), targets=Targets((people.commune,))) == []
    assert "user:schedule:edited" not in kinds(db)


def test_a_longer_rule_keeps_what_fits(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(last=date(2026, 7, 29)), days=5)
    before = [row.id for row in rows(db, schedule)]
    assert edit(db, clock, schedule, rule=daily(last=date(2026, 7, 31))) == []
    assert len(expand(db, clock, 5)) == 2
    assert [row.id for row in rows(db, schedule)][:2] == before


def test_a_shorter_rule_cancels_the_rest(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), days=3)
    touched = edit(db, clock, schedule, rule=daily(last=date(2026, 7, 28)))
    assert starts(touched) == [local(29, 17), local(30, 17)]
    assert starts(standing(db, schedule)) == [local(28, 17)]


def test_other_weekdays(db: Database, clock: ManualClock, people: Cast) -> None:
    tuesdays = Rule("weekly", date(2026, 7, 28), None, time(17), HANOI, (2,))
    fridays = Rule("weekly", date(2026, 7, 28), None, time(17), HANOI, (5,))
    schedule = add(db, clock, people, tuesdays, days=15)
    assert starts(standing(db, schedule)) == [local(28, 17), local(35, 17), local(42, 17)]
    edit(db, clock, schedule, rule=fridays)
    assert starts(standing(db, schedule)) == [local(31, 17), local(38, 17)]
    edit(db, clock, schedule, rule=tuesdays)
    assert starts(standing(db, schedule)) == [local(28, 17), local(35, 17), local(42, 17)]


def test_what_is_on_air_or_over_stays(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(17)), planned=True)
    on_air = rows(db, schedule)[0]
    clock.advance(timedelta(hours=9, seconds=30))  # 17:00:30, and it sounds for 90 s
    touched = edit(db, clock, schedule, programme_id=people.other_programme, duration_ms=5_000)
    assert on_air.id not in {row.id for row in touched}
    now = rows(db, schedule)[0]
    assert (now.id, now.status, now.programme_id) == (on_air.id, "scheduled", people.programme)
    assert len(timetable_cancel(db, clock, schedule)) == 2
    assert rows(db, schedule)[0].status == "scheduled"
    for act in (airings.cancel, move_to(local(29, 9))):
        with pytest.raises(errors.AiringBegun, match="17:00:00 28/07/2026"), db.writing() as session:
            act(session, on_air.id, actor=OPERATOR, clock=clock)


def timetable_cancel(db: Database, clock: ManualClock, schedule: Schedule) -> list[Airing]:
    with db.writing() as session:
        return timetable.cancel(session, schedule.id, actor=OPERATOR, clock=clock)


def move_to(starts_at: object) -> Callable[..., object]:
    def act(session: object, airing_id: str, **who: object) -> object:
        return airings.move(session, airing_id, starts_at=starts_at, **who)  # type: ignore[arg-type]

    return act


def test_once_can_be_put_off_and_stays_one(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, Rule("once", date(2026, 7, 30), None, time(8), HANOI), planned=True)
    (before,) = rows(db, schedule)
    edit(db, clock, schedule, rule=Rule("once", date(2026, 8, 20), None, time(9), HANOI))
    (after,) = standing(db, schedule)
    assert (after.starts_at, after.replaces_id) == (local(51, 9), before.id)
    assert expand(db, clock, 60) == []


def test_an_edit_of_what_someone_else_changed_is_refused(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily())
    edit(db, clock, schedule, title="Một", expected_version=1)
    with pytest.raises(errors.ScheduleChanged, match="version 2"):
        edit(db, clock, schedule, title="Hai", expected_version=1)


def test_an_edit_beside_an_expansion(db: Database, clock: ManualClock, people: Cast) -> None:
    """Whatever comes first, each day airs once and by the new rule."""
    schedule = add(db, clock, people, daily(time(17)), days=2)
    together = threading.Barrier(3)
    failures: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        together.wait(10)
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    acts: list[Callable[[], object]] = [
        lambda: expand(db, clock, 10),
        lambda: edit(db, clock, schedule, rule=daily(time(18))),
        lambda: edit(db, clock, schedule, targets=Targets((people.other_commune,))),
    ]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    expand(db, clock, 10)
    assert starts(standing(db, schedule)) == [local(day, 18) for day in range(28, 38)]
    assert {tuple(row.unit_ids) for row in standing(db, schedule)} == {(people.other_commune,)}


# One airing by hand


def test_cancelling_what_was_replaced_names_what_airs_instead(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), planned=True)
    first, second, third = rows(db, schedule)
    with db.writing() as session:
        moved = airings.move(session, second.id, starts_at=local(29, 9), actor=OPERATOR, clock=clock)[-1]
        last = airings.move(session, moved.id, starts_at=local(29, 10), actor=OPERATOR, clock=clock)[-1]
    for replaced in (second, moved):
        with pytest.raises(errors.AiringReplaced) as refused, db.writing() as session:
            airings.cancel(session, replaced.id, actor=OPERATOR, clock=clock)
        assert "10:00:00 29/07/2026" in refused.value.text("vi")
        assert refused.value.status == 409
    edit(db, clock, schedule, rule=daily(time(18), last=date(2026, 7, 28)))
    with pytest.raises(errors.AiringReplaced, match="18:00:00 28/07/2026"), db.writing() as session:
        airings.cancel(session, first.id, actor=OPERATOR, clock=clock)
    # Nothing airs instead: the day was given up, the successor was withdrawn.
    with db.writing() as session:
        standing = session.get_one(Airing, last.id)
        if standing.status == "scheduled":
            airings.cancel(session, last.id, actor=OPERATOR, clock=clock)
        for gone in (second, moved, third):
            assert airings.cancel(session, gone.id, actor=OPERATOR, clock=clock).status == "cancelled"


def test_one_airing_is_withdrawn(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), planned=True)
    second = rows(db, schedule)[1]
    with db.writing() as session:
        cancelled = airings.cancel(session, second.id, actor=OPERATOR, clock=clock)
        assert (cancelled.status, cancelled.cancel_reason, cancelled.cancelled_at) == (
            "cancelled",
            "withdrawn",
            clock.now(),
        )
        assert airings.cancel(session, second.id, actor=OPERATOR, clock=clock) is cancelled  # once is enough
    assert kinds(db).count("user:airing:cancelled") == 1
    assert expand(db, clock, 3) == []
    # The schedule changes; that day stays silent.
    edit(db, clock, schedule, rule=daily(time(18)), targets=Targets((people.other_commune,)))
    assert starts(standing(db, schedule)) == [local(28, 18), local(30, 18)]
    assert expand(db, clock, 3) == []


def test_one_airing_is_moved(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(17)), planned=True)
    second = rows(db, schedule)[1]
    with db.writing() as session:
        old, new = airings.move(session, second.id, starts_at=local(29, 9), actor=OPERATOR, clock=clock)
        assert (old.id, old.status, old.cancel_reason, old.starts_at) == (
            second.id,
            "cancelled",
            "moved",
            local(29, 17),
        )
        assert (new.starts_at, new.original_start, new.generation, new.replaces_id) == (
            local(29, 9),
            local(29, 17),
            1,
            second.id,
        )
        assert airings.move(session, new.id, starts_at=local(29, 9), actor=OPERATOR, clock=clock) == []
        with pytest.raises(errors.AiringNotScheduled):
            airings.move(session, old.id, starts_at=local(29, 10), actor=OPERATOR, clock=clock)
        with pytest.raises(errors.InThePast, match="07:00:00 28/07/2026"):
            airings.move(session, new.id, starts_at=local(28, 7), actor=OPERATOR, clock=clock)
    assert expand(db, clock, 3) == []
    # The schedule changes; the hand's decision about that day stands, but what airs is the new programme.
    edit(db, clock, schedule, rule=daily(time(18)), programme_id=people.other_programme)
    after = standing(db, schedule)
    assert starts(after) == [local(28, 18), local(29, 9), local(30, 18)]
    assert {row.programme_id for row in after} == {people.other_programme}
    assert expand(db, clock, 3) == []


def test_a_moved_once_obeys_a_new_time(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, Rule("once", date(2026, 7, 28), None, time(17), HANOI))
    (only,) = rows(db, schedule)
    with db.writing() as session:
        airings.move(session, only.id, starts_at=local(28, 18), actor=OPERATOR, clock=clock)
    edit(db, clock, schedule, programme_id=people.other_programme)
    assert starts(standing(db, schedule)) == [local(28, 18)]
    edit(db, clock, schedule, rule=Rule("once", date(2026, 7, 28), None, time(19), HANOI))
    assert starts(standing(db, schedule)) == [local(28, 19)]
    assert expand(db, clock, 3) == []


# The end of a schedule, and looking things up


def test_a_cancelled_schedule_airs_no_more(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(), planned=True)
    assert len(timetable_cancel(db, clock, schedule)) == 3
    assert {row.cancel_reason for row in rows(db, schedule)} == {"schedule"}
    assert expand(db, clock, 30) == []
    with pytest.raises(errors.ScheduleCancelled):
        timetable_cancel(db, clock, schedule)
    with pytest.raises(errors.ScheduleCancelled):
        edit(db, clock, schedule, title="Tên khác")
    assert kinds(db)[-1] == "user:schedule:cancelled"


def test_looking_up_what_sounds_in_a_span(db: Database, clock: ManualClock, people: Cast) -> None:
    schedule = add(db, clock, people, daily(time(17)))
    first, second, _ = rows(db, schedule)
    with db.reading() as session:

        def found(start: object, until: object, unit_ids: list[str] | None = None) -> list[str]:
            return [one.id for one in timetable.between(session, start, until, unit_ids)]  # type: ignore[arg-type]

        assert found(local(28, 0), local(30, 0)) == [first.id, second.id]
        assert found(local(28, 17, 1), local(28, 18)) == [first.id]  # it sounds until 17:01:30
        assert found(local(28, 17, 2), local(28, 18)) == []
        assert found(local(28, 16), local(28, 17)) == []
        for near in (people.province, people.commune, people.village):
            assert found(local(28, 0), local(29, 0), [near]) == [first.id]
        assert found(local(28, 0), local(29, 0), [people.other_commune]) == []


@pytest.mark.parametrize("planned", [False, True])
def test_what_nobody_knew_of_is_not_shown(db: Database, clock: ManualClock, people: Cast, planned: bool) -> None:  # noqa: FBT001 - a parameter of the test
    schedule = add(db, clock, people, daily(time(17)), planned=planned)
    edit(db, clock, schedule, rule=daily(time(18)))
    with db.reading() as session:
        shown = timetable.between(session, local(28, 0), local(31, 0))
    assert [row.status for row in shown] == (["cancelled", "scheduled"] * 3 if planned else ["scheduled"] * 3)
