"""Who schedules against the rules is shown what breaks, and is refused, or lets it through with a reason."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.auth.users import add_user
from broadcast.tables import ProgrammeItem
from core.events import SYSTEM
from schedules.rule_tables import RuleOverride
from tests.api.scene import PASSWORD, Scene
from tests.api.site import Site
from tests.api.test_rules import put

MINUTE = 60_000


@pytest.fixture
def programme(site: Site, scene: Scene) -> str:
    """Ten minutes."""
    with site.db.writing() as session:
        sha = "0" * 64
        session.add(
            ProgrammeItem(programme_id=scene.programme, position=0, kind="chime", sha256=sha, duration_ms=10 * MINUTE)
        )
    return scene.programme


def body(programme: str, unit: str, at: str, **members: Any) -> dict[str, Any]:
    rule = {"kind": "daily", "first_date": "2026-07-28", "local_time": at}
    return {"title": "Bản tin", "programme_id": programme, "rule": rule, "unit_ids": [unit]} | members


def save(client: httpx.Client, given: dict[str, Any], status: int = 201) -> Any:
    answer = client.post("/api/v1/schedules", json=given)
    assert answer.status_code == status, answer.text
    return answer.json()


def check(client: httpx.Client, given: dict[str, Any]) -> Any:
    answer = client.post("/api/v1/rules/check", json=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def both(site: Site) -> httpx.Client:
    """Someone who schedules and answers for what is said."""
    with site.db.writing() as session:
        add_user(session, "chief", "Vũ Thị Mai", ["operator", "approver"], PASSWORD, SYSTEM, site.context.clock)
    return site.as_("chief")


def test_the_look_before_saving_tells_each_rule_once_with_places_and_what_mends_it(
    site: Site, scene: Scene, programme: str
) -> None:
    admin, operator = site.as_("admin"), site.as_("operator")
    put(admin, scene.communes[0], {"kind": "session_ms", "value": 8 * MINUTE})
    found = check(operator, body(programme, scene.province, "20:55"))
    assert (found["may_be_saved"], found["may_be_overridden"]) == (False, False)
    assert found["occurrences"] == 56
    night, long = found["violations"]
    assert (night["kind"], night["unit_count"], night["receivers"]) == ("quiet", 5, 10)
    assert (night["occurrences"], night["over"], night["can_be_overridden"]) == (56, 5 * MINUTE, False)
    assert (night["starts_at"], night["mend_starts_at"]) == ("2026-07-28T13:55:00Z", "2026-07-28T13:50:00Z")
    assert night["mend_shorter_ms"] == 5 * MINUTE
    assert "Có thể phát lúc 20:50 thứ Ba 28/07/2026, hoặc rút ngắn 5 phút." in night["vi"]
    assert (long["rule"], long["units"], long["over"]) == ("mỗi buổi dài nhất: 8 phút", ["Xã Đồng Bùi"], 2 * MINUTE)
    assert operator.get("/api/v1/schedules").json()["items"] == []
    assert check(operator, body(programme, scene.communes[1], "17:00"))["may_be_saved"]


def test_what_breaks_a_rule_is_refused_with_all_of_it(site: Site, scene: Scene, programme: str) -> None:
    operator = site.as_("operator")
    put(site.as_("admin"), scene.communes[0], {"kind": "session_ms", "value": 8 * MINUTE})
    problem = save(operator, body(programme, scene.province, "22:30"), 422)
    assert problem["type"] == "/problems/rules-broken"
    assert "rơi vào giờ yên tĩnh" in problem["detail"]
    assert "Và 1 quy định khác" in problem["detail"]
    assert [one["kind"] for one in problem["violations"]] == ["quiet", "session_ms"]
    assert operator.get("/api/v1/schedules").json()["items"] == []


def test_an_edit_and_a_move_are_held_against_the_rules_too(site: Site, scene: Scene, programme: str) -> None:
    operator, commune = site.as_("operator"), scene.communes[0]
    made = save(operator, body(programme, commune, "17:00"))
    at = f"/api/v1/schedules/{made['id']}"
    late = operator.patch(at, json={"rule": body(programme, commune, "22:30")["rule"]})
    assert (late.status_code, late.json()["type"]) == (422, "/problems/rules-broken")
    assert operator.get(at).json()["local_time"] == "17:00:00"
    assert operator.patch(at, json={"rule": body(programme, commune, "18:00")["rule"]}).status_code == 200
    span = {"since": "2026-07-28T01:00:00Z", "until": "2026-07-30T00:00:00Z"}
    first = next(one for one in operator.get("/api/v1/airings", params=span).json() if one["status"] == "scheduled")
    move = f"/api/v1/airings/{first['id']}/move"
    assert operator.post(move, json={"starts_at": "2026-07-28T15:00:00Z"}).status_code == 422
    assert operator.post(move, json={"starts_at": "2026-07-28T11:30:00Z"}).status_code == 200
    following = next(
        one
        for one in operator.get("/api/v1/airings", params=span).json()
        if one["status"] == "scheduled" and one["starts_at"] > "2026-07-28T12"
    )
    edit = operator.post(
        f"/api/v1/airings/{following['id']}/edit-following",
        json={"rule": body(programme, commune, "21:30")["rule"] | {"first_date": "2026-07-29"}},
    )
    assert edit.status_code == 422


def test_far_ahead_and_without_receivers_the_rules_of_the_units_count(site: Site, scene: Scene, programme: str) -> None:
    with site.db.writing() as session:
        from core import units

        empty = units.add(session, kind="commune", name="Xã Trống", parent=units.get(session, scene.province)).id
    night = body(programme, empty, "22:30", without_receivers=True)
    night["rule"]["first_date"] = "2027-03-01"
    assert save(site.as_("operator"), night, 422)["violations"][0]["unit_count"] == 1
    night["rule"]["local_time"] = "17:00"
    save(site.as_("operator"), night)


def test_a_limit_counts_what_others_have_there(site: Site, scene: Scene, programme: str) -> None:
    operator = site.as_("operator")
    put(site.as_("admin"), scene.province, {"kind": "sessions_a_day", "value": 1})
    save(operator, body(programme, scene.communes[0], "17:00"))
    found = check(operator, body(programme, scene.province, "11:00"))
    [one] = found["violations"]
    assert (one["units"], one["can_be_overridden"], found["may_be_overridden"]) == (["Xã Đồng Bùi"], True, True)
    # Right before or behind the other it is one session with it.
    assert one["mend_starts_at"] == "2026-07-28T09:50:00Z"
    assert check(operator, body(programme, scene.communes[0], "17:10"))["may_be_saved"]


def test_who_may_lets_it_through_with_a_reason_that_is_kept(site: Site, scene: Scene, programme: str) -> None:
    put(site.as_("admin"), scene.province, {"kind": "session_ms", "value": 8 * MINUTE})
    given = body(programme, scene.communes[0], "17:00")
    operator, chief = site.as_("operator"), both(site)
    assert save(operator, given, 422)["violations"][0]["can_be_overridden"]
    assert save(operator, given | {"override_reason": "Đại hội xã"}, 403)["type"] == "/problems/forbidden"
    save(chief, given, 422)
    made = save(chief, given | {"override_reason": "Đại hội xã"})
    with site.db.reading() as session:
        [row] = session.scalars(select(RuleOverride))
    assert (row.schedule_id, row.reason, row.allowed_by_name) == (made["id"], "Đại hội xã", "Vũ Thị Mai")
    events = site.as_("auditor").get("/api/v1/events", params={"subject_id": made["id"]}).json()["items"]
    assert "user:schedule:rules-overridden" in {one["kind"] for one in events}
    # Another title is the same schedule; another time must be allowed anew.
    at = f"/api/v1/schedules/{made['id']}"
    assert operator.patch(at, json={"title": "Bản tin đại hội"}).status_code == 200
    change = {"rule": body(programme, scene.communes[0], "18:00")["rule"]}
    assert operator.patch(at, json=change).status_code == 422
    assert chief.patch(at, json=change | {"override_reason": "Đổi giờ"}).status_code == 200


def test_nobody_lets_anything_through_in_quiet_hours(site: Site, scene: Scene, programme: str) -> None:
    chief = both(site)
    given = body(programme, scene.communes[0], "22:00", override_reason="Đại hội xã")
    problem = save(chief, given, 422)
    assert not problem["violations"][0]["can_be_overridden"]
    # The unit that set them changes them, for a day.
    quiet = {"kind": "quiet", "spans": [{"begins": "23:00", "ends": "05:00"}]}
    put(site.as_("admin"), scene.province, quiet | {"valid_from": "2026-07-29", "valid_to": "2026-07-30"})
    given["rule"] = {"kind": "once", "first_date": "2026-07-29", "local_time": "22:00"}
    save(chief, given)
