"""Rules of RFC 5545 through the API, and "this and following"."""

from __future__ import annotations

from typing import Any

from tests.api.site import Site
from tests.api.test_loop import _approved, _made, _programme, _scheduled, _units


def test_a_rule_of_rfc_5545_and_its_series_from_one_airing_on(site: Site) -> None:
    _province, commune, _other = _units(site)
    programme = _programme(site, _approved(site))["id"]
    operator = site.as_("operator")
    schedule = _scheduled(
        site,
        programme,
        commune,
        at="05:00",
        kind="rrule",
        rrule="FREQ=DAILY;BYHOUR=5,17;BYMINUTE=0",
        rdates=["2026-07-29T11:00"],
        exdates=["2026-07-30"],
    )
    assert (schedule["rrule"], schedule["exdates"]) == ("FREQ=DAILY;BYHOUR=5,17;BYMINUTE=0", ["2026-07-30"])

    def airings(schedule_id: str) -> list[Any]:
        span = {"since": "2026-07-28T17:00:00Z", "until": "2026-07-31T17:00:00Z"}
        found = operator.get("/api/v1/airings", params=span).json()
        return [one for one in found if one["schedule_id"] == schedule_id and one["status"] == "scheduled"]

    hours = [one["starts_at"][8:13] for one in airings(schedule["id"])]
    assert hours == ["28T22", "29T04", "29T10", "30T22", "31T10"]
    fourth = airings(schedule["id"])[3]
    new = _made(operator.post(f"/api/v1/airings/{fourth['id']}/edit-following", json={"title": "Từ nay"}))
    assert (new["title"], new["continues_id"], new["first_date"]) == ("Từ nay", schedule["id"], "2026-07-31")
    assert [one["starts_at"][8:13] for one in airings(schedule["id"])] == hours[:3]
    assert [one["starts_at"][8:13] for one in airings(new["id"])] == hours[3:]


def test_a_rule_that_makes_no_sense_is_told(site: Site) -> None:
    _province, commune, _other = _units(site)
    programme = _programme(site, _approved(site))["id"]
    rule = {"kind": "rrule", "first_date": "2026-07-28", "local_time": "17:00"}
    body = {"title": "Phút", "programme_id": programme, "unit_ids": [commune]}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"rrule": "FREQ=MINUTELY"}, "schedule-too-many-airings"),
        ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "schedule-never-occurs"),
        ({"rrule": "FREQ=DAILY;UNTIL=20260701"}, "schedule-ends-before-it-starts"),
        ({"rrule": "mỗi ngày"}, "schedule-bad-rule"),
        ({}, "schedule-bad-rule"),
        ({"rrule": "FREQ=DAILY", "exdates": ["mai"]}, "schedule-bad-local-time"),
    ]
    for more, slug in cases:
        answer = site.as_("operator").post("/api/v1/schedules", json=body | {"rule": rule | more})
        assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")


def test_the_calendar_tells_holidays_and_lunar_dates(site: Site) -> None:
    operator = site.as_("operator")
    days = operator.get("/api/v1/calendar", params={"since": "2026-02-17", "until": "2026-02-19"}).json()
    assert days[0] == {
        "day": "2026-02-17",
        "lunar_year": 2026,
        "lunar_month": 1,
        "lunar_leap": False,
        "lunar_day": 1,
        "lunar_feast": "mùng một",
        "holiday": "Tết Nguyên Đán",
    }
    assert [day["lunar_day"] for day in days] == [1, 2]
    assert operator.get("/api/v1/calendar", params={"since": "2026-02-17", "until": "2026-02-17"}).status_code == 422
