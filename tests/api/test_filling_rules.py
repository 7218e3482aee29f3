"""What slots are filled with is held against the rules like a schedule: refused with what breaks, or let through."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from schedules import rule_store
from schedules.rule_tables import RuleOverride
from tests.api.scene import Scene
from tests.api.site import Site
from tests.api.test_offers import made
from tests.api.test_preview import programme, usable
from tests.api.test_rules import put
from tests.api.test_rules_of_schedules import both

MINUTE = 60_000
__all__ = ["usable"]  # a fixture


def frame(client: httpx.Client, units: list[str], at: str = "17:00", **more: Any) -> Any:
    """A relay, and ten minutes that each commune fills."""
    slots = [
        {"kind": "relay", "title": "Tiếp sóng", "length_ms": 10 * MINUTE, "source": "vov1"},
        {"kind": "programme", "title": "Tin xã", "length_ms": 10 * MINUTE, "each_commune": True},
    ]
    rule = {"kind": "daily", "first_date": "2026-07-28", "local_time": at}
    return made(
        client.post("/api/v1/sessions", json={"title": "Chiều", "unit_ids": units, "rule": rule, "slots": slots} | more)
    )


def wish(session: Any, programme_id: str, on: str, *places: str) -> dict[str, Any]:
    return {
        "schedule_id": session["id"],
        "slot_id": session["slots"][1]["id"],
        "on": on,
        "place_ids": list(places),
        "programme_id": programme_id,
    }


def fill(client: httpx.Client, *wishes: Any, **more: Any) -> list[Any]:
    told: list[Any] = made(client.post("/api/v1/fillings", json={"fillings": list(wishes)} | more), 200)
    return told


@pytest.fixture
def places(scene: Scene) -> list[str]:
    return scene.communes[:2]


def test_what_breaks_a_rule_is_refused_by_itself_with_what_mends_it(site: Site, places: list[str]) -> None:
    operator = site.as_("operator")
    session = frame(operator, places)
    put(site.as_("admin"), places[0], {"kind": "item_ms", "value": 4 * MINUTE})
    long = programme(site, 6)
    shown = fill(operator, wish(session, long, "2026-07-29", *places), dry_run=True)
    told = fill(operator, wish(session, long, "2026-07-29", *places))
    for results in (shown, told):
        by_place = {one["place_id"]: one for one in results}
        refused, filled = by_place[places[0]], by_place[places[1]]
        assert (refused["ok"], refused["problem"], filled["ok"]) == (False, "rules-broken", True)
        (broken,) = refused["violations"]
        assert (broken["kind"], broken["rule_unit_name"], broken["units"]) == (
            "item_ms",
            "Xã Đồng Bùi",
            ["Xã Đồng Bùi"],
        )
        assert (broken["starts_at"], broken["over"]) == ("2026-07-29T10:10:00Z", 2 * MINUTE - 1000)
        assert broken["mend_shorter_ms"] == 2 * MINUTE - 1000
        assert "Xã Đồng Bùi quy định" in refused["refused"]
    held = made(operator.get("/api/v1/fillings", params={"since": "2026-07-28", "until": "2026-08-10"}), 200)
    assert [(one["place_id"], one["id"]) for one in held] == [
        (places[1], told[0]["filling_id"] or told[1]["filling_id"])
    ]


def test_many_days_are_looked_at_together_also_beyond_the_horizon(site: Site, places: list[str]) -> None:
    """The same bulletin at most twice in seven days: of five days the first two of each week may be filled."""
    operator = site.as_("operator")
    session = frame(operator, places)
    put(site.as_("admin"), places[0], {"kind": "repeats", "value": 2, "days": 7})
    short = programme(site, 5)
    days = ["2026-07-29", "2026-07-30", "2026-07-31", "2026-12-01", "2026-12-02", "2026-12-03"]
    told = fill(operator, *(wish(session, short, day, *places) for day in days))
    refused = {(one["on"], one["place_id"]) for one in told if not one["ok"]}
    assert refused == {("2026-07-31", places[0]), ("2026-12-03", places[0])}
    # A week is copied under the same rules.
    copy = {"week": "2026-07-29", "to": "2026-08-03", "schedule_ids": [session["id"]]}
    copied = made(operator.post("/api/v1/weeks/copy", json=copy), 200)
    assert {(one["on"], one["problem"]) for one in copied if one["place_id"] == places[0]} == {
        ("2026-08-05", None),
        ("2026-08-06", None),
    }


def test_who_may_lets_one_filling_through_and_only_that(site: Site, places: list[str]) -> None:
    operator, chief = site.as_("operator"), both(site)
    session = frame(operator, places)
    put(site.as_("admin"), places[0], {"kind": "item_ms", "value": 4 * MINUTE})
    long = programme(site, 6)
    first = wish(session, long, "2026-07-29", places[0])
    (denied,) = fill(operator, first, override_reason="Đại hội xã")
    assert (denied["ok"], denied["problem"]) == (False, "forbidden")
    (done,) = fill(chief, first, override_reason="Đại hội xã")
    assert done["ok"]
    with site.db.reading() as reading:
        (row,) = reading.scalars(select(RuleOverride))
        waived = rule_store.overridden(reading)
    assert (row.filling_id, row.reason, row.allowed_by_name) == (done["filling_id"], "Đại hội xã", "Vũ Thị Mai")
    assert [len(one) for one in (waived.schedules, waived.parts)] == [0, 1]
    assert not fill(operator, wish(session, long, "2026-07-30", places[0]))[0]["ok"]  # the next day is another matter
    shown = made(operator.get("/api/v1/heard", params={"unit": places[0], "date": "2026-07-29"}), 200)
    assert [(one["title"], one["state"]) for one in shown["items"]] == [
        ("Chiều: Tiếp sóng", "against_rules"),
        ("Chiều: Tin xã", "planned"),
    ]
    made(operator.post(f"/api/v1/fillings/{done['filling_id']}/undo"), 200)
    with site.db.reading() as reading:
        assert rule_store.overridden(reading).parts == {}


def test_a_frame_is_held_against_the_rules_slot_by_slot(site: Site, scene: Scene, places: list[str]) -> None:
    operator = site.as_("operator")
    put(site.as_("admin"), places[1], {"kind": "quiet", "spans": [{"begins": "17:15", "ends": "17:18"}]})
    body: dict[str, Any] = {
        "title": "Chiều",
        "unit_ids": places,
        "rule": {"kind": "daily", "first_date": "2026-07-28", "local_time": "17:00"},
        "slots": [
            {"kind": "relay", "title": "Tiếp sóng", "length_ms": 10 * MINUTE, "source": "vov1"},
            {"kind": "programme", "title": "Tin", "length_ms": 10 * MINUTE, "programme_id": programme(site, 4)},
        ],
    }
    # What stands in the second slot is over before the quiet begins.
    saved = made(operator.post("/api/v1/sessions", json=body))
    # Filled with something longer it would not be.
    longer = {key: value for key, value in wish(saved, programme(site, 9), "2026-07-29").items() if key != "place_ids"}
    (told,) = fill(operator, longer)
    assert [one["kind"] for one in told["violations"]] == ["quiet"]
    assert told["violations"][0]["starts_at"] == "2026-07-29T10:10:00Z"
    # Open, it could be filled to its end.
    del body["slots"][1]["programme_id"]
    refused = operator.post("/api/v1/sessions", json=body)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/rules-broken")
