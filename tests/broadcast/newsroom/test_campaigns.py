"""Campaigns: their window and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from broadcast import campaigns, dispatches, samples
from broadcast.campaigns import CampaignInvalid, window_around
from broadcast.tables import Campaign
from core import units
from core.clock import ManualClock
from core.database import Database
from core.errors import NotFound
from core.events import Event
from tests.broadcast.newsroom.cases import CASES
from tests.broadcast.newsroom.support import WRITER


@pytest.mark.parametrize(
    ("day", "month", "today", "first", "last"),
    [
        (30, 7, date(2027, 3, 1), date(2027, 7, 15), date(2027, 8, 2)),
        (30, 7, date(2027, 7, 20), date(2027, 7, 20), date(2027, 8, 2)),  # never before today
        (30, 7, date(2027, 8, 2), date(2027, 8, 2), date(2027, 8, 2)),  # its last day is still this year's
        (30, 7, date(2027, 8, 3), date(2028, 7, 15), date(2028, 8, 2)),
        (2, 1, date(2026, 12, 25), date(2026, 12, 25), date(2027, 1, 5)),  # over the turn of the year
        (1, 1, date(2027, 1, 3), date(2027, 1, 3), date(2027, 1, 4)),
        (29, 2, date(2027, 1, 1), date(2027, 2, 13), date(2027, 3, 3)),  # no 29th in 2027
        (29, 2, date(2028, 1, 1), date(2028, 2, 14), date(2028, 3, 3)),
    ],
)
def test_the_window_around_a_day(day: int, month: int, today: date, first: date, last: date) -> None:
    assert window_around(day, month, today) == (first, last)


def test_a_campaign_from_a_dispatch(db: Database, clock: ManualClock) -> None:
    with db.writing() as session:
        commune = units.add(session, kind="commune", name="Xã Lục Ngạn")
        dispatch = dispatches.import_dispatch(session, samples.dispatch_text(), actor=WRITER, clock=clock)
        campaign = campaigns.create_campaign(
            session,
            dispatch_id=dispatch.id,
            unit_ids=[commune.id, commune.id],
            languages=["vi", "tyz"],
            actor=WRITER,
            clock=clock,
        )
        kept = campaign.id
    with db.reading() as session:
        campaign = campaigns.get(session, kept)
        assert campaign.title.startswith("Truyền thanh hưởng ứng Ngày thế giới")
        # As the text sets it; the clock stands at 28 July 2026.
        assert (campaign.first_date, campaign.last_date) == (date(2027, 7, 15), date(2027, 8, 2))
        assert campaign.unit_ids == [commune.id]
        assert campaign.languages == ["vi", "tyz"]
        kinds = session.scalars(select(Event.kind).order_by(Event.seq)).all()
        assert kinds == ["user:dispatch:imported", "user:campaign:created"]


def test_a_dispatch_without_a_day_is_spoken_about_for_15_days(sqlite_db: Database) -> None:
    late = ManualClock(datetime(2026, 12, 31, 18, 0, tzinfo=UTC))  # already 2027 in Vietnam
    with sqlite_db.writing() as session:
        commune = units.add(session, kind="commune", name="Xã Lục Ngạn")
        dispatch = dispatches.import_dispatch(session, CASES[1].text, actor=WRITER, clock=late)
        campaign = campaigns.create_campaign(
            session, dispatch_id=dispatch.id, unit_ids=[commune.id], actor=WRITER, clock=late
        )
        assert (campaign.first_date, campaign.last_date) == (date(2027, 1, 1), date(2027, 1, 15))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"title": " "}, "tên đợt"),
        ({"title": "a" * 301}, "300"),
        ({"first_date": None, "last_date": None}, "ngày đầu và ngày cuối"),
        ({"last_date": None}, "cả ngày đầu và ngày cuối"),
        ({"first_date": date(2026, 9, 2), "last_date": date(2026, 9, 1)}, "trước ngày đầu"),
        ({"first_date": date(2026, 7, 1), "last_date": date(2026, 7, 27)}, "đã qua"),
        ({"last_date": date(2028, 9, 1)}, "366"),
        ({"unit_ids": []}, "đơn vị"),
        ({"languages": []}, "ngôn ngữ"),
        ({"languages": ["tiếng Tày"]}, "tiếng Tày"),
    ],
)
def test_what_is_wrong_is_said(sqlite_db: Database, clock: ManualClock, given: dict[str, object], says: str) -> None:
    with sqlite_db.writing() as session:
        commune = units.add(session, kind="commune", name="Xã Lục Ngạn").id
    right: dict[str, object] = {
        "title": "Đợt tháng 8",
        "first_date": date(2026, 8, 1),
        "last_date": date(2026, 8, 10),
        "unit_ids": [commune],
    }
    with pytest.raises(CampaignInvalid) as caught, sqlite_db.writing() as session:
        campaigns.create_campaign(session, **(right | given), actor=WRITER, clock=clock)  # type: ignore[arg-type]
    assert says in caught.value.text("vi")
    with sqlite_db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Campaign)) == 0


def test_unknown_units_and_dispatches_are_named(sqlite_db: Database, clock: ManualClock) -> None:
    for given in ({"dispatch_id": "01J00000000000000000000000"}, {"unit_ids": ["01J00000000000000000000000"]}):
        wrong: dict[str, object] = {"title": "Đợt", "first_date": date(2026, 8, 1), "last_date": date(2026, 8, 2)}
        wrong |= {"unit_ids": []} | given
        with pytest.raises(NotFound), sqlite_db.writing() as session:
            campaigns.create_campaign(session, **wrong, actor=WRITER, clock=clock)  # type: ignore[arg-type]
