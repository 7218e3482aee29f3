"""What comes in is refused where it can't be stored, reckoned with or answered in a page: never a 500."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.problems import ERRORS_MOST
from api.routes.schemas import UNITS_MAX
from core.clock import ManualClock
from core.events import Event
from tests.api.scene import Scene, add_airing
from tests.api.site import Site

NUL = "a\0b"
NOBODY = "01K00000000000000000000000"
ENDS = ("0001-01-01", "1999-12-31", "2200-01-01", "9999-12-31")
ENDS_AT = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-02T00:00:00Z", "2200-01-01T00:00:00Z")


def _refused(answer: httpx.Response, pointer: str = "") -> None:
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid"), answer.text
    if pointer:
        assert pointer in {one["pointer"] for one in answer.json()["errors"]}


def _schedule(**changes: Any) -> dict[str, Any]:
    rule = {"kind": "daily", "first_date": "2026-08-01", "local_time": "17:00", **changes}
    return {"title": "Tin", "programme_id": NOBODY, "unit_ids": [NOBODY], "rule": rule}


# --- Characters that can't be stored ---------------------------------------------------------------------------------


def test_nul_in_a_body_is_refused_on_every_database(any_site: Site) -> None:
    admin, editor, operator = any_site.as_("admin"), any_site.as_("editor"), any_site.as_("operator")
    _refused(admin.post("/api/v1/units", json={"kind": "commune", "name": NUL}), "/name")
    _refused(admin.post("/api/v1/units", json={"kind": "commune", "name": "Xã", "parent_id": NUL}), "/parent_id")
    _refused(editor.post("/api/v1/bulletins", json={"title": "Tin", "text": NUL}), "/text")
    _refused(editor.post("/api/v1/programmes", json={"title": "x", "items": [{"version_id": NUL}]}))
    _refused(operator.post("/api/v1/schedules", json=_schedule() | {"unit_ids": [NOBODY, NUL]}), "/unit_ids")
    _refused(any_site.client().post("/api/v1/login", json={"username": NUL, "password": "x"}), "/username")
    _refused(any_site.client().post("/internal/broker/login", json={"username": NUL, "password": "x"}), "/username")
    for coding in ("utf-8", "utf-16"):  # it is told as a binary file
        assert editor.post("/api/v1/dispatches", content="Công văn số 1\0".encode(coding)).status_code == 415


def test_nul_in_a_path_is_nowhere_and_in_a_query_is_refused(any_site: Site) -> None:
    client = any_site.as_("auditor")
    for path in ("/api/v1/units/a%00b", "/api/v1/airings/%00", "/api/v1/receivers/%00", "/static/%00"):
        assert client.get(path).status_code == 404, path
    for query in ("units?after=%00", "events?kind=a%00", "playouts?airing_id=%00", "airings?unit_id=%00"):
        assert client.get(f"/api/v1/{query}").status_code == 422, query
    cursor = f"2026-07-30T10:00:00+00:00~{NOBODY}~%00"
    assert client.get(f"/api/v1/playouts?after={cursor}").status_code == 422


def test_nul_in_a_form_is_refused(any_site: Site) -> None:
    client = any_site.client()
    form = re.findall(r'name="form" value="([^"]+)"', client.get("/dang-nhap").text)[0]
    sent = {"username": NUL, "password": "x", "form": form}
    assert client.post("/dang-nhap", data=sent).status_code == 422
    assert client.post("/dang-nhap", data=sent | {"username": "ab"}).status_code == 401


def test_one_line_takes_no_control_characters_and_a_text_takes_page_breaks(site: Site) -> None:
    editor, admin = site.as_("editor"), site.as_("admin")
    for character in "\x01\x07\x0c\x1b\x1f\u202e\u2066":
        _refused(editor.post("/api/v1/bulletins", json={"title": f"T{character}n", "text": "Nội dung."}), "/title")
        _refused(admin.post("/api/v1/units", json={"kind": "commune", "name": f"X{character}ã"}), "/name")
    _refused(editor.post("/api/v1/bulletins", json={"title": "\u200b\ufeff", "text": "Nội dung."}), "/title")
    pasted = editor.post("/api/v1/bulletins", json={"title": "Tin\u200b sáng", "text": "Nội dung."})
    assert pasted.json()["title"] == "Tin sáng"
    held = editor.post("/api/v1/bulletins", json={"title": "Tin\tsáng", "text": "Trang một.\x0cTrang hai."})
    assert held.status_code == 201, held.text


# --- Dates, instants and numbers out of range ------------------------------------------------------------------------


@pytest.mark.parametrize("at", ENDS_AT)
def test_instants_at_the_ends_of_the_calendar_are_refused(any_site: Site, at: str) -> None:
    client, auditor = any_site.as_("operator"), any_site.as_("auditor")
    _refused(client.post(f"/api/v1/airings/{NOBODY}/move", json={"starts_at": at}), "/starts_at")
    _refused(client.post("/api/v1/me/tokens", json={"name": "x", "expires_at": at}), "/expires_at")
    for path in ("events", "playouts"):
        for name in ("since", "until"):
            _refused(auditor.get(f"/api/v1/{path}", params={name: at}), f"?{name}")
    _refused(client.get("/api/v1/airings", params={"since": at, "until": at}), "?since")
    _refused(auditor.get("/api/v1/playouts", params={"after": f"{at}~{NOBODY}~{NOBODY}"}))
    _refused(auditor.get("/api/v1/playouts", params={"after": f"2026-07-30T10:00:00~{NOBODY}~{NOBODY}"}))


@pytest.mark.parametrize("day", ENDS)
def test_dates_at_the_ends_of_the_calendar_are_refused(any_site: Site, day: str) -> None:
    operator, editor, auditor = any_site.as_("operator"), any_site.as_("editor"), any_site.as_("auditor")
    _refused(operator.post("/api/v1/schedules", json=_schedule(first_date=day)), "/rule/first_date")
    _refused(operator.post("/api/v1/schedules", json=_schedule(last_date=day)), "/rule/last_date")
    for name in ("first_date", "last_date"):
        _refused(auditor.get("/api/v1/airtime", params={name: day}), f"?{name}")
        _refused(auditor.get("/api/v1/airtime.csv", params={name: day}), f"?{name}")
        _refused(editor.post("/api/v1/campaigns", json={"unit_ids": [NOBODY], name: day}), f"/{name}")
    _refused(editor.post("/api/v1/bulletins", json={"title": "T", "text": "Tin.", "review_by": day}), "/review_by")


def test_the_range_itself_is_answered(any_site: Site) -> None:
    auditor = any_site.as_("auditor")
    assert auditor.get("/api/v1/airtime?first_date=2000-01-01&last_date=2199-12-31").status_code == 200
    assert auditor.get("/api/v1/airtime?last_date=2000-01-01").status_code == 200
    span = {"since": "2000-01-01T00:00:00+14:00", "until": "2199-12-31T23:59:59-12:00"}
    assert auditor.get("/api/v1/events", params=span).status_code == 200


def test_numbers_beyond_their_column_are_refused(any_site: Site) -> None:
    auditor, admin = any_site.as_("auditor"), any_site.as_("admin")
    assert auditor.get(f"/api/v1/events?after={2**63 - 1}").status_code == 200
    for after in (str(2**63), "9" * 90, "-1", "x"):
        _refused(auditor.get("/api/v1/events", params={"after": after}))
    body = {"unit_id": NOBODY, "name": "Bộ thu", "clusters": 10**12}
    _refused(admin.post("/api/v1/receivers", json=body), "/clusters")


def test_an_airing_moves_within_a_year(site: Site, scene: Scene, clock: ManualClock) -> None:
    now = clock.now()
    with site.db.writing() as session:
        airing = add_airing(session, scene, clock, "Bản tin", now + timedelta(days=1)).id
    client = site.as_("operator")
    far = client.post(f"/api/v1/airings/{airing}/move", json={"starts_at": (now + timedelta(days=400)).isoformat()})
    assert (far.status_code, far.json()["type"]) == (422, "/problems/schedule-too-far-ahead")
    assert "366 ngày" in far.json()["detail"]
    near = (now + timedelta(days=300)).replace(hour=10)
    assert client.post(f"/api/v1/airings/{airing}/move", json={"starts_at": near.isoformat()}).status_code == 200


# --- Answers that grow with what was sent ----------------------------------------------------------------------------


def test_many_unknown_units_give_a_short_answer(any_site: Site) -> None:
    operator, editor = any_site.as_("operator"), any_site.as_("editor")
    many = [f"{number:026}" for number in range(40_000)]
    for client, path, body in (
        (operator, "/api/v1/schedules", _schedule()),
        (editor, "/api/v1/campaigns", {"title": "Đợt", "first_date": "2026-08-01", "last_date": "2026-08-02"}),
    ):
        answer = client.post(path, json=body | {"unit_ids": many})
        _refused(answer, "/unit_ids")
        assert str(UNITS_MAX) in answer.text
        assert len(answer.content) < 4_000
        fewer = client.post(path, json=body | {"unit_ids": many[:UNITS_MAX]})
        assert 400 <= fewer.status_code < 500
        assert len(fewer.content) < 6_000


def test_errors_echo_little_of_what_was_wrong(site: Site) -> None:
    editor = site.as_("editor")
    answer = editor.post("/api/v1/bulletins", json={f"{number}" * 300: 1 for number in range(300)})
    _refused(answer)
    assert len(answer.json()["errors"]) == ERRORS_MOST
    assert len(answer.content) < 30_000
    headers = {"content-type": "application/json"}
    _refused(editor.post("/api/v1/bulletins", content=b'{"\\ud800": 1}', headers=headers))
    assert len(editor.get("/api/v1/bulletins/" + "x" * 9_000).content) < 6_000


def test_an_event_is_still_found_by_its_cursor(any_site: Site) -> None:
    auditor = any_site.as_("auditor")
    with any_site.db.reading() as session:
        newest = max(event.seq for event in session.query(Event))
    found = auditor.get("/api/v1/events", params={"after": newest}).json()["items"]
    assert all(event["seq"] < newest for event in found)


# --- Headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//[", "http://]"])
def test_an_origin_that_is_none_is_another_site(site: Site, origin: str) -> None:
    client = site.as_("editor")
    answer = client.post("/api/v1/bulletins", json={"title": "T", "text": "Tin."}, headers={"origin": origin})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site-request")
