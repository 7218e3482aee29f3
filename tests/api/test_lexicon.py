"""Lexicons through the API: who may, what holds where, and what a change would alter."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from core import units
from core.units import Unit
from tests.api.scene import Scene
from tests.api.site import Site


def put(client: httpx.Client, unit: str, written: str, spoken: str, number: int = 0) -> httpx.Response:
    body = {"written": written, "spoken": spoken, "number": number}
    return client.put(f"/api/v1/units/{unit}/lexicon", json=body)


@pytest.fixture
def commune(any_site: Site) -> Unit:
    with any_site.db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh Sông Bùi")
        return units.add(session, kind="commune", name="Xã Suối Mơ", parent=province)


def _province(site: Site) -> str:
    with site.db.reading() as session:
        return session.scalars(select(Unit.id).where(Unit.kind == "province")).one()


def test_entries_are_set_listed_removed_and_restored(any_site: Site, commune: Unit) -> None:
    editor, province = any_site.as_("editor"), _province(any_site)
    at = f"/api/v1/units/{commune.id}/lexicon"
    assert put(editor, province, "Đồng Bùi", "đồng bùi").status_code == 200
    assert put(editor, commune.id, "Đồng Bùi", "đồng bụi").json()["entry"]["number"] == 1
    held: dict[str, Any] = editor.get(at).json()
    (entry,) = held["items"]
    assert (entry["spoken"], entry["own"], entry["unit_name"]) == ("đồng bụi", True, "Xã Suối Mơ")
    assert [one["spoken"] for one in entry["covers"]] == ["đồng bùi"]
    assert len(held["digest"]) == 64

    stale = put(editor, commune.id, "Đồng Bùi", "đồng buồi", 0)
    assert (stale.status_code, stale.json()["type"]) == (409, "/problems/lexicon-entry-changed")
    gone = editor.delete(at, params={"written": "Đồng Bùi", "number": 1})
    assert gone.json()["entry"]["spoken"] is None
    assert [one["own"] for one in editor.get(at).json()["items"]] == [False]
    assert editor.get(f"{at}/own").json() == []
    back = editor.post(f"{at}/restore", json={"written": "Đồng Bùi", "version": 1, "number": 2})
    assert (back.status_code, back.json()["entry"]["spoken"]) == (200, "đồng bụi")
    told = editor.get(f"{at}/history", params={"written": "Đồng Bùi"}).json()
    assert [(one["number"], one["spoken"], one["changed_by_name"]) for one in told] == [
        (1, "đồng bụi", "Nguyễn Thị Hoa"),
        (2, None, "Nguyễn Thị Hoa"),
        (3, "đồng bụi", "Nguyễn Thị Hoa"),
    ]
    before = editor.get(at, params={"at": "2020-01-01T00:00:00Z"}).json()
    assert before["items"] == []
    assert editor.delete(at, params={"written": "Không Có", "number": 1}).status_code == 404


def test_editors_set_readings_and_everyone_sees_them(site: Site, scene: Scene) -> None:
    at = f"/api/v1/units/{scene.province}/lexicon"
    for role in ("admin", "approver", "operator", "auditor"):
        client = site.as_(role)
        assert put(client, scene.province, "An", "an").status_code == 403
        assert client.delete(at, params={"written": "An", "number": 1}).status_code == 403
        restore = {"written": "An", "version": 1, "number": 1}
        assert client.post(f"{at}/restore", json=restore).status_code == 403
        assert client.get(at).json()["items"] == []
        assert client.post(f"{at}/preview", json={"changes": [{"written": "An", "spoken": "an"}]}).status_code == 200


def test_a_change_tells_what_it_would_alter_and_leaves_it(site: Site, scene: Scene) -> None:
    editor, approver = site.as_("editor"), site.as_("approver")
    body = {"title": "Họp thôn", "text": "Thôn Đồng Bùi họp.", "unit_id": scene.communes[0]}
    made = editor.post("/api/v1/bulletins", json=body).json()
    assert made["unit_id"] == scene.communes[0]
    version = made["versions"][0]["id"]
    spoken = editor.post(f"/api/v1/versions/{version}/render").json()
    editor.post(f"/api/v1/versions/{version}/submit")
    sha256s = [one["sha256"] for one in spoken["renditions"]]
    approver.post(f"/api/v1/versions/{version}/approve", json={"sha256s": sha256s})
    approved = editor.get(f"/api/v1/versions/{version}").json()
    assert approved["status"] == "approved"

    at = f"/api/v1/units/{scene.province}/lexicon"
    change = {"changes": [{"written": "Đồng Bùi", "spoken": "đồng bụi"}]}
    told = editor.post(f"{at}/preview", json=change).json()["altered"]
    assert [(one["version_id"], one["status"], one["stretches"]) for one in told] == [
        (version, "approved", [{"before": "thôn đồng bùi họp.", "after": "thôn đồng bụi họp."}])
    ]
    assert editor.get(at).json()["items"] == []  # a preview changes nothing
    assert put(editor, scene.province, "Đồng Bùi", "đồng bụi").json()["altered"] == told
    assert editor.get(f"/api/v1/versions/{version}").json() == approved

    again = editor.post(f"/api/v1/versions/{version}/edit", json={"text": "Thôn Đồng Bùi họp."}).json()["id"]
    anew = editor.post(f"/api/v1/versions/{again}/render").json()
    assert anew["spoken"] == "thôn đồng bụi họp."
    assert anew["lexicon"] == editor.get(f"/api/v1/units/{scene.communes[0]}/lexicon").json()["digest"]


def test_a_reading_with_figures_is_refused_in_both_languages(site: Site, scene: Scene) -> None:
    problem = put(site.as_("editor"), scene.province, "QL37", "quốc lộ 37").json()
    assert problem["type"] == "/problems/lexicon-spoken-not-plain"
    assert "“quốc lộ ba mươi bảy”" in problem["detail"]
    assert "“quốc lộ ba mươi bảy”" in problem["en"]
