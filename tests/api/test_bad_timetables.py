"""What makes no sense in a timetable or in the tree, through the API: refused with the reason and the way out, and
nothing of it is left.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, update

from broadcast.tables import ProgrammeItem
from core.units import UnitLink
from schedules.tables import Airing, Schedule
from tests.api.site import Site
from tests.api.test_loop import TEXT, _airings, _approved, _enrolled, _made, _programme, _units


def _held(site: Site) -> tuple[int, ...]:
    with site.db.reading() as session:
        return tuple(session.scalar(select(func.count()).select_from(one)) or 0 for one in (Schedule, Airing, UnitLink))


def test_schedules_that_make_no_sense(any_site: Site) -> None:
    site = any_site
    _province, commune, other = _units(site)
    _enrolled(site, commune)
    programme = _programme(site, _approved(site))["id"]
    daily = {"kind": "daily", "first_date": "2026-07-29", "local_time": "17:00"}
    rule = {"kind": "rrule", "first_date": "2026-07-29", "local_time": "17:00"}
    good: dict[str, Any] = {"title": "Chiều", "programme_id": programme, "unit_ids": [commune], "rule": daily}
    before = _held(site)
    cases: list[tuple[dict[str, Any], int, str, str]] = [
        ({"rule": rule | {"rrule": "FREQ=SECONDLY"}}, 422, "schedule-too-many-airings", "BYHOUR=5,11,17"),
        ({"rule": rule | {"rrule": "FREQ=MINUTELY;COUNT=9000000"}}, 422, "schedule-too-many-airings", "BYHOUR"),
        ({"rule": daily | {"last_date": "2026-07-01"}}, 422, "schedule-ends-before-it-starts", "Hãy sửa"),
        ({"rule": rule | {"rrule": "FREQ=DAILY;UNTIL=20260701"}}, 422, "schedule-ends-before-it-starts", "Hãy sửa"),
        ({"unit_ids": [other]}, 409, "schedule-nobody-hears", "Xã Suối Mơ"),
        ({"unit_ids": []}, 422, "schedule-no-targets", "Hãy chọn"),
        ({"programme_id": "không có"}, 404, "not-found", "không có"),
    ]
    operator = site.as_("operator")
    for change, status, slug, said in cases:
        answer = operator.post("/api/v1/schedules", json=good | change)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text
        assert said in answer.json()["detail"], answer.text
    assert _held(site) == before
    # One that never ends is made for the fourteen days of the horizon only, of which the first is not its own.
    made = _made(operator.post("/api/v1/schedules", json=good | {"rule": rule | {"rrule": "FREQ=DAILY"}}))
    assert len([one for one in _airings(site, 90) if one["schedule_id"] == made["id"]]) == 13


def test_programmes_that_may_not_air(any_site: Site) -> None:
    site = any_site
    _province, commune, _other = _units(site)
    _enrolled(site, commune)
    editor, operator, approver = (site.as_(name) for name in ("editor", "operator", "approver"))
    draft = _made(editor.post("/api/v1/bulletins", json={"title": "Chưa duyệt", "text": TEXT}))["versions"][0]["id"]
    items = {"title": "Chiều", "items": [{"version_id": draft}]}
    refused = editor.post("/api/v1/programmes", json=items)
    assert refused.json()["type"] == "/problems/programme-item-refused", refused.text

    version = _approved(site)
    programmes = [_programme(site, version)["id"] for _ in range(2)]
    with site.db.writing() as session:  # bound to a sound that was not what was approved
        held = update(ProgrammeItem).where(
            ProgrammeItem.programme_id == programmes[1], ProgrammeItem.version_id == version
        )
        session.execute(held.values(sha256="0" * 64))
    body: dict[str, Any] = {
        "title": "Chiều",
        "unit_ids": [commune],
        "rule": {"kind": "daily", "first_date": "2026-07-28", "local_time": "17:00"},
    }

    def unusable(path: str, **given: Any) -> bool:
        answer = operator.post(path, json=given)
        return bool(answer.status_code == 409 and answer.json()["type"] == "/problems/programme-unusable")

    assert unusable("/api/v1/schedules", **body, programme_id=programmes[1])
    schedule = _made(operator.post("/api/v1/schedules", json=body | {"programme_id": programmes[0]}))["id"]
    first = next(one for one in _airings(site) if one["schedule_id"] == schedule)
    assert unusable(f"/api/v1/airings/{first['id']}/edit", programme_id=programmes[1])

    _made(approver.post(f"/api/v1/versions/{version}/withdraw", json={"note": "Sai số điện thoại"}), 200)
    told = [one for one in _airings(site, 20) if one["schedule_id"] == schedule]
    assert {(one["status"], one["cancel_reason"]) for one in told} == {("cancelled", "withdrawn")}
    assert unusable("/api/v1/schedules", **body, programme_id=programmes[0])
    assert unusable(f"/api/v1/airings/{first['id']}/restore")
    assert unusable(f"/api/v1/airings/{first['id']}/edit", programme_id=programmes[0])


def test_trees_that_make_no_sense(any_site: Site) -> None:
    site = any_site
    province, commune, other = _units(site)
    admin = site.as_("admin")
    before = _held(site)
    cases: list[tuple[str, dict[str, Any]]] = [
        (f"{province}/change", {"on": "2026-08-01", "parent_id": commune}),  # a cycle
        (f"{commune}/change", {"on": "2026-08-01", "parent_id": commune}),
        (f"{commune}/change", {"on": "2026-08-01", "parent_id": other}),
        (f"{province}/end", {"on": "2026-08-01", "successors": []}),  # with communes below it
        (f"{commune}/end", {"on": "2026-08-01", "successors": [commune]}),
    ]
    for path, body in cases:
        answer = admin.post(f"/api/v1/units/{path}", json=body)
        assert answer.status_code == 422, (path, answer.text)
        assert answer.json()["detail"] != answer.json().get("detail_en")
    assert _held(site) == before
    _made(admin.post(f"/api/v1/units/{commune}/end", json={"on": "2026-09-01", "successors": [other]}), 200)
    overlapping = admin.post(f"/api/v1/units/{commune}/end", json={"on": "2026-10-01", "successors": [other]})
    assert overlapping.status_code == 422, overlapping.text
