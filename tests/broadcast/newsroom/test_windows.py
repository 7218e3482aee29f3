"""The window that a dispatch's text sets: found, told from other spans, and used."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from broadcast import campaigns, dispatches, samples
from broadcast.campaigns import Window, window_for
from broadcast.dispatches import ParsedDispatch, parse
from core import units
from core.clock import ManualClock
from core.database import Database
from core.events import Event
from tests.broadcast.newsroom.cases import CASES
from tests.broadcast.newsroom.support import WRITER

HEAD = "SỞ Y TẾ\nSố: 5/SYT\nBắc Ninh, ngày 01 tháng 12 năm 2026\nV/v phòng bệnh sởi\n\nKính gửi: Các xã\n\n"


@pytest.mark.parametrize(
    ("body", "first", "last"),
    [
        ("Thời gian tuyên truyền: từ ngày 15/3/2025 đến ngày 30/4/2025.", (2025, 3, 15), (2025, 4, 30)),
        ("Phát trên loa từ ngày 01/7 đến hết ngày 31/7/2027.", (2027, 7, 1), (2027, 7, 31)),
        ("Thời gian: Tháng 7/2027", (2027, 7, 1), (2027, 7, 31)),
        ("Thời gian: trong tháng 2 năm 2028", (2028, 2, 1), (2028, 2, 29)),
        ("Thời gian thực hiện: từ tháng 11/2027 đến tháng 01/2028.", (2027, 11, 1), (2028, 1, 31)),
        ("Mở đợt cao điểm từ 15/5 đến 15/6/2027 trên toàn tỉnh.", (2027, 5, 15), (2027, 6, 15)),
        ("3. Thời gian tuyên truyền\n- Từ ngày 15 đến ngày 30/4/2027.", (2027, 4, 15), (2027, 4, 30)),
        ("Tuyên truyền từ ngày 20 tháng 12 năm 2026 đến ngày 05 tháng 01 năm 2027.", (2026, 12, 20), (2027, 1, 5)),
        ("Tuyên truyền từ 20/12 đến 05/01/2027.", (2026, 12, 20), (2027, 1, 5)),
        ("Thời gian: 15/5/2027 – 15/6/2027", (2027, 5, 15), (2027, 6, 15)),
        ("Thời gian: từ 07 giờ 00 ngày 15/3/2027 đến 17 giờ ngày 30/4/2027", (2027, 3, 15), (2027, 4, 30)),
        # Without a year: the first that isn't over when the dispatch is issued, on 1 December 2026.
        ("Tuyên truyền từ ngày 15/11 đến ngày 05/12.", (2026, 11, 15), (2026, 12, 5)),
        ("Tuyên truyền từ ngày 15/7 đến ngày 31/7.", (2027, 7, 15), (2027, 7, 31)),
        ("Thời gian: từ nay đến hết ngày 15/01/2027.", (2026, 12, 1), (2027, 1, 15)),
        # The label comes before what merely speaks about it.
        (
            "Tuyên truyền đợt 1 từ 1/1/2027 đến 5/1/2027.\n\nThời gian: từ 1/1/2027 đến 31/3/2027.",
            (2027, 1, 1),
            (2027, 3, 31),
        ),
    ],
)
def test_a_window_written_in_the_text(body: str, first: tuple[int, int, int], last: tuple[int, int, int]) -> None:
    assert parse(HEAD + body).window == (date(*first), date(*last))


@pytest.mark.parametrize(
    "body",
    [
        "Từ ngày 01/01/2026 đến ngày 30/6/2026, toàn tỉnh xảy ra 15 vụ, cần tuyên truyền thêm.",
        "Báo cáo kết quả tuyên truyền từ ngày 01/01/2027 đến ngày 30/6/2027.",
        "Thời gian nhận hồ sơ: từ ngày 01/01/2027 đến ngày 30/6/2027.",
        "Tuyên truyền giai đoạn từ 1/1/2026 đến 31/12/2026.",
        "Tuyên truyền cho người từ 18 đến 60 tuổi.",
        "Phát loa từ 7 giờ đến 11 giờ ngày 10/6/2027.",
        "Tuyên truyền từ ngày 31/6 đến ngày 45/7/2027.",
        "Thời gian: từ ngày 15/4/2027 đến ngày 15/3/2027.",
        "Thời gian: từ ngày 15/4/2027 đến ngày 15/3/2029.",
        "Thời gian: tháng 13/2027",
        "Ngừng cấp điện từ ngày 1/7 đến ngày 3/7/2027, đề nghị phát thanh.",
    ],
)
def test_other_spans_are_no_window(body: str) -> None:
    assert parse(HEAD + body).window is None


def test_without_any_year_there_is_none() -> None:
    assert parse("Thời gian tuyên truyền: từ ngày 15/3 đến ngày 30/4.").window is None


def test_of_the_other_texts_only_the_sample_sets_one() -> None:
    assert parse(samples.dispatch_text()).window == (date(2027, 7, 15), date(2027, 8, 2))
    assert [case.name for case in CASES if parse(case.text).window] == []


TODAY = date(2027, 3, 20)
WRITTEN = (date(2027, 3, 15), date(2027, 4, 30))
PAST = (date(2025, 3, 15), date(2025, 4, 30))


@pytest.mark.parametrize(
    ("parsed", "window", "remark"),
    [
        (ParsedDispatch(window=WRITTEN, observance_day=30, observance_month=7), Window(*WRITTEN, "text"), ""),
        (ParsedDispatch(window=(TODAY, TODAY)), Window(TODAY, TODAY, "text"), ""),
        (ParsedDispatch(), Window(TODAY, date(2027, 4, 3), "assumed"), "tự đặt, văn bản không nêu"),
        (
            ParsedDispatch(observance_day=30, observance_month=7),
            Window(date(2027, 7, 15), date(2027, 8, 2), "observance"),
            "đặt quanh ngày hưởng ứng, văn bản không nêu",
        ),
        (
            ParsedDispatch(window=PAST),
            Window(TODAY, date(2027, 4, 3), "assumed", PAST),
            "tự đặt, thời gian nêu trong văn bản (15/03/2025 – 30/04/2025) đã qua",
        ),
    ],
)
def test_where_a_window_comes_from_is_known(parsed: ParsedDispatch, window: Window, remark: str) -> None:
    assert window_for(parsed, TODAY) == window
    assert window.remark() == remark
    assert bool(window.remark("en")) is bool(remark)


@pytest.mark.parametrize(
    ("today", "first", "last", "source", "over"),
    [
        (date(2026, 12, 2), date(2027, 3, 15), date(2027, 4, 30), "text", None),
        (date(2027, 4, 30), date(2027, 3, 15), date(2027, 4, 30), "text", None),
        (date(2027, 5, 1), date(2027, 5, 1), date(2027, 5, 15), "assumed", ["2027-03-15", "2027-04-30"]),
    ],
)
def test_a_campaign_takes_the_text_s_window_until_it_is_over(
    sqlite_db: Database, today: date, first: date, last: date, source: str, over: list[str] | None
) -> None:
    clock = ManualClock(datetime(today.year, today.month, today.day, 3, 0, tzinfo=UTC))
    text = HEAD + "Thời gian tuyên truyền: từ ngày 15/3/2027 đến ngày 30/4/2027.\n"
    with sqlite_db.writing() as session:
        commune = units.add(session, kind="commune", name="Xã Lục Ngạn")
        dispatch = dispatches.import_dispatch(session, text, actor=WRITER, clock=clock)
        campaign = campaigns.create_campaign(
            session, dispatch_id=dispatch.id, unit_ids=[commune.id], actor=WRITER, clock=clock
        )
        assert (campaign.first_date, campaign.last_date) == (first, last)
        event = session.scalars(select(Event).where(Event.kind == "user:campaign:created")).one()
        assert (event.data["window_source"], event.data["window_over"]) == (source, over)
