"""Play records by month: made ahead, and what lay elsewhere is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from broadcast import partitions, playlog
from broadcast.partitions import OTHER, make_ahead
from core.clock import ManualClock
from core.ids import new_id
from tests.broadcast.transmission.test_playlog import batch_of
from tests.broadcast.transmission.world import World


def test_a_month_that_is_made_late_takes_over_what_came_before_it(world: World, clock: ManualClock) -> None:
    if world.db.is_sqlite:
        with world.db.writing() as session:
            assert make_ahead(session, clock.now()) == []
        return
    year = datetime.now(UTC).year + 3  # no migration has made its months
    dates = [datetime(year, 1, 31, 23, 59, tzinfo=UTC) + timedelta(minutes=minutes) for minutes in (0, 1, 2)]
    records = [world.a.record(new_id(), world.items[0], date) for date in dates]

    def lies_in() -> list[str]:
        with world.db.reading() as session:
            return list(session.scalars(text("SELECT tableoid::regclass::text FROM play_records ORDER BY seq")))

    with world.db.writing() as session:
        playlog.take_in(session, [batch_of(world.a, records)], clock.now())
    assert lies_in() == [OTHER] * 3
    with world.db.writing() as session:
        made = make_ahead(session, datetime(year, 1, 15, tzinfo=UTC))
    assert made == [f"play_records_{year}_{month:02}" for month in (1, 2, 3, 4)]
    assert lies_in() == [made[0], made[1], made[1]]
    with world.db.writing() as session:
        assert make_ahead(session, datetime(year, 1, 15, tzinfo=UTC)) == []
    # And the same records again are the same.
    with world.db.writing() as session:
        assert playlog.take_in(session, [batch_of(world.a, records)], clock.now()).stored == 0


@pytest.mark.parametrize("year", [2026, 2027])
def test_the_months_go_over_the_turn_of_a_year(year: int) -> None:
    assert partitions._first(year * 12 + 12) == datetime(year + 1, 1, 1, tzinfo=UTC)
