"""The newsroom through the API alone: from a dispatch to a schedule whose receivers get plans, and back out again."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from sqlalchemy import delete, select

from audio.codec import decode
from broadcast import samples
from broadcast.tables import IssuedCommand, PlanRequest
from core.clock import ManualClock
from devices.keyring import Keyring
from devices.protocol.signing import VerifyKey
from tests.api.site import Site

TEXT = "Việc nhẹ lương cao thường là bẫy. Hãy gọi 111 trước khi đi xa."


def _made(answer: httpx.Response, status: int = 201) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def _requested(site: Site) -> set[str]:
    """Whose plans are to be looked at; and forgets it."""
    with site.db.writing() as session:
        found = set(session.scalars(select(PlanRequest.receiver_id)))
        session.execute(delete(PlanRequest))
    return found


def _units(site: Site) -> tuple[str, str, str]:
    admin = site.as_("admin")
    standing = admin.get("/api/v1/units?kind=province").json()["items"]  # there is never more than one
    body = {"kind": "province", "name": "Tỉnh Sông Bùi"}
    province = (standing or [_made(admin.post("/api/v1/units", json=body))])[0]["id"]
    communes = [
        _made(admin.post("/api/v1/units", json={"kind": "commune", "name": name, "parent_id": province}))["id"]
        for name in ("Xã Đồng Bùi", "Xã Suối Mơ")
    ]
    return province, communes[0], communes[1]


def _enrolled(site: Site, unit: str, name: str = "Nhà văn hóa") -> Any:
    if not site.context.settings.keys.exists():
        Keyring.create(site.context.settings.keys, site.context.clock.now())
    for secret in site.context.settings.keys.glob("*.key"):  # what a web process can't read, it can't leak
        secret.unlink()
    body = {"unit_id": unit, "name": name, "clusters": 2}
    return _made(site.as_("admin").post("/api/v1/receivers", json=body))


def _approved(site: Site) -> str:
    editor = site.as_("editor")
    bulletin = _made(editor.post("/api/v1/bulletins", json={"title": "Việc nhẹ lương cao", "text": TEXT}))
    version = bulletin["versions"][0]["id"]
    _made(editor.post(f"/api/v1/versions/{version}/render"), 200)
    spoken = _made(editor.post(f"/api/v1/versions/{version}/submit"), 200)
    body = {"sha256s": [one["sha256"] for one in spoken["renditions"]]}
    _made(site.as_("approver").post(f"/api/v1/versions/{version}/approve", json=body), 200)
    return str(version)


def _programme(site: Site, version: str) -> Any:
    items = [{"chime": "mở đầu"}, {"version_id": version}]
    return _made(site.as_("editor").post("/api/v1/programmes", json={"title": "Chiều", "items": items}))


def _scheduled(site: Site, programme: str, unit: str, at: str = "17:00", **rule: Any) -> Any:
    rule = {"kind": "daily", "first_date": "2026-07-28", "local_time": at, **rule}
    body = {
        "title": "Bản tin chiều",
        "programme_id": programme,
        "rule": rule,
        "unit_ids": [unit],
        "without_receivers": True,
    }
    return _made(site.as_("operator").post("/api/v1/schedules", json=body))


def _airings(site: Site, days: int = 2) -> list[Any]:
    now = site.context.clock.now()
    span = {"since": now.isoformat(), "until": (now + timedelta(days=days)).isoformat()}
    found: list[Any] = _made(site.as_("auditor").get("/api/v1/airings", params=span), 200)
    return found


def test_a_dispatch_is_read_and_kept(any_site: Site) -> None:
    editor = any_site.as_("editor")
    text = samples.dispatch_text()
    read = _made(editor.post("/api/v1/dispatches", content=text.encode()))
    again = _made(editor.post("/api/v1/dispatches", content=text.encode()))
    assert again["id"] == read["id"]
    assert read["subject"]
    assert (read["observance_day"], read["observance_month"]) == (30, 7)
    assert read["demands"]
    assert _made(editor.get(f"/api/v1/dispatches/{read['id']}"), 200)["sha256"] == read["sha256"]
    listed = _made(editor.get("/api/v1/dispatches"), 200)
    assert [one["id"] for one in listed["items"]] == [read["id"]]

    old = "KÕ ho¹ch vÒ viÖc phßng, chèng mua b¸n ng\xad\xb6i trªn ®Þa bµn tØnh".encode("latin-1")  # TCVN3
    refused = editor.post("/api/v1/dispatches", content=old)
    assert (refused.status_code, refused.headers["content-type"]) == (415, "application/problem+json")
    assert "TCVN3" in refused.json()["detail"]

    _province, commune, _other = _units(any_site)
    body = {"dispatch_id": read["id"], "unit_ids": [commune]}
    campaign = _made(editor.post("/api/v1/campaigns", json=body))
    assert campaign["title"]
    assert (campaign["first_date"], campaign["last_date"]) == ("2027-07-15", "2027-08-02")  # as the dispatch sets it


def test_enrolment_gives_the_secrets_once_and_needs_no_private_key(any_site: Site) -> None:
    _province, commune, other = _units(any_site)
    made = _enrolled(any_site, commune)
    identity = made["identity"]
    root = VerifyKey.from_hex((any_site.context.settings.keys / "root.pub").read_text().strip())
    assert identity["root"] == root.hex
    assert len(identity["certificates"]) == 4
    assert len(identity["key"]) == 64
    assert identity["broker_port"] == any_site.context.broker_port
    receiver = made["receiver"]["id"]
    assert _requested(any_site) == {receiver}

    auditor = any_site.as_("auditor")
    listed = _made(auditor.get("/api/v1/receivers", params={"unit_id": commune}), 200)["items"]
    assert [one["id"] for one in listed] == [receiver]
    assert not {"public_key", "broker_password"} & listed[0].keys()
    assert _made(auditor.get("/api/v1/receivers", params={"unit_id": other}), 200)["items"] == []
    assert _made(auditor.get("/api/v1/receivers", params={"online": "true"}), 200)["items"] == []

    admin = any_site.as_("admin")
    assert admin.post(f"/api/v1/receivers/{receiver}/revoke", json={"reason": ""}).status_code == 422
    revoked = _made(admin.post(f"/api/v1/receivers/{receiver}/revoke", json={"reason": "Mất trộm"}), 200)
    assert revoked["status"] == "revoked"
    assert admin.post(f"/api/v1/receivers/{receiver}/revoke", json={"reason": "Mất trộm"}).status_code == 409


def test_a_receiver_has_a_profile_that_can_be_changed(any_site: Site) -> None:
    _province, commune, _other = _units(any_site)
    admin = any_site.as_("admin")
    Keyring.create(any_site.context.settings.keys, any_site.context.clock.now())
    made: dict[str, Any] = {}
    wanted: dict[str, dict[str, Any]] = {"horns": {}, "station": {"clusters": 4}, "radio": {"profile": "full"}}
    for name, given in wanted.items():
        body = {"unit_id": commune, "name": name, **given}
        made[name] = _made(admin.post("/api/v1/receivers", json=body))["receiver"]
    assert {name: one["profile"] for name, one in made.items()} == {"horns": "horn", "station": "full", "radio": "full"}
    _requested(any_site)
    here = f"/api/v1/receivers/{made['horns']['id']}"
    assert _made(admin.post(f"{here}/profile", json={"profile": "full"}), 200)["profile"] == "full"
    assert _requested(any_site) == {made["horns"]["id"]}  # it gets another plan
    assert _made(any_site.as_("auditor").get(here), 200)["profile"] == "full"
    assert admin.post(f"{here}/profile", json={"profile": "stereo"}).status_code == 422
    assert any_site.as_("editor").post(f"{here}/profile", json={"profile": "horn"}).status_code == 403
    _made(admin.post(f"{here}/revoke", json={"reason": "Mất trộm"}), 200)
    assert admin.post(f"{here}/profile", json={"profile": "horn"}).status_code == 409


def test_a_bulletin_is_spoken_heard_and_approved_by_another(site: Site) -> None:
    editor = site.as_("editor")
    bulletin = _made(editor.post("/api/v1/bulletins", json={"title": "Cảnh giác", "text": TEXT, "class": "priority"}))
    assert bulletin["class"] == "priority"
    version = bulletin["versions"][0]["id"]
    early = editor.post(f"/api/v1/versions/{version}/submit")
    assert early.status_code == 409  # not spoken yet

    spoken = _made(editor.post(f"/api/v1/versions/{version}/render"), 200)
    assert [sound["profile"] for sound in spoken["renditions"]] == ["full", "horn"]
    assert "một trăm mười một" not in spoken["spoken"]  # 111 is a number to call
    for sound in spoken["renditions"]:
        assert sound["voice"].startswith("espeak")
        assert abs(sound["loudness_lufs"] + 16) <= 0.5
        whole = editor.get(f"/api/v1/versions/{version}/audio/{sound['sha256']}")
        assert whole.headers["content-type"] == "audio/ogg"
        assert hashlib.sha256(whole.content).hexdigest() == sound["sha256"]
        assert whole.headers["etag"] == f'"{sound["sha256"]}"'
        samples_, rate = soundfile.read(io.BytesIO(whole.content))
        assert abs(len(samples_) / rate * 1000 - sound["duration_ms"]) < 50
    part = editor.get(whole.url.path, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert editor.get(whole.url.path, headers={"range": "bytes=99999999-"}).status_code == 416
    assert editor.get(f"/api/v1/versions/{version}/audio/{'0' * 64}").status_code == 404

    _made(editor.post(f"/api/v1/versions/{version}/submit"), 200)
    heard = {"sha256s": [sound["sha256"] for sound in spoken["renditions"]]}
    own = editor.post(f"/api/v1/versions/{version}/approve", json=heard)
    assert own.status_code == 403
    approver = site.as_("approver")
    for other in (["0" * 64], heard["sha256s"][:1]):  # not what stands there, or not all of it
        assert approver.post(f"/api/v1/versions/{version}/approve", json={"sha256s": other}).status_code == 409
    done = _made(approver.post(f"/api/v1/versions/{version}/approve", json=heard), 200)
    assert done["status"] == "approved"
    assert done["decisions"][0]["decided_by_name"] == "Lê Quang Minh"

    reworded = _made(editor.post(f"/api/v1/versions/{version}/edit", json={"text": TEXT + " Đừng đi một mình."}))
    assert (reworded["number"], reworded["status"]) == (2, "draft")
    waiting = _made(editor.get("/api/v1/bulletins", params={"status": "submitted"}), 200)
    assert waiting["items"] == []


def test_who_wrote_it_cannot_approve_it_even_with_both_roles(site: Site) -> None:
    admin = site.as_("admin")
    me = site.as_("editor").get("/api/v1/me").json()["id"]
    _made(admin.post(f"/api/v1/users/{me}/grants", json={"role": "approver"}))
    both = site.as_("editor")
    version = _made(both.post("/api/v1/bulletins", json={"title": "Tin", "text": TEXT}))["versions"][0]["id"]
    spoken = _made(both.post(f"/api/v1/versions/{version}/render"), 200)
    _made(both.post(f"/api/v1/versions/{version}/submit"), 200)
    body = {"sha256s": [one["sha256"] for one in spoken["renditions"]]}
    answer = both.post(f"/api/v1/versions/{version}/approve", json=body)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_voice_that_the_site_did_not_choose_is_refused(site: Site) -> None:
    editor = site.as_("editor")
    version = _made(editor.post("/api/v1/bulletins", json={"title": "Tin", "text": TEXT}))["versions"][0]["id"]
    answer = editor.post(f"/api/v1/versions/{version}/render", json={"voice": "gtts"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/outside-voice-refused")


@pytest.mark.parametrize(("text", "slug"), [(" ", "invalid"), ("x" * 8001, "text-too-long")])
def test_texts_that_cannot_be_spoken(site: Site, text: str, slug: str) -> None:
    answer = site.as_("editor").post("/api/v1/bulletins", json={"title": "Tin", "text": text})
    assert answer.status_code == 422
    assert answer.json()["type"] == f"/problems/{slug}"


def _joined_as_receivers_play_it(site: Site, programme: Any) -> None:
    """In either profile and any format, without a gap, and with nothing left behind."""
    auditor, store = site.as_("auditor"), site.context.store
    for profile in ("full", "horn"):
        whole = np.concatenate([decode(store.read(item["sounds"][profile])) for item in programme["items"]])
        for form, kind in (("flac", "audio/flac"), ("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("opus", "audio/ogg")):
            asked = {"profile": profile, "format": form}
            answer = auditor.get(f"/api/v1/programmes/{programme['id']}/audio", params=asked)
            assert answer.headers["content-type"] == kind
            sound, _ = soundfile.read(io.BytesIO(answer.content), dtype="float32")
            assert abs(sound.size - whole.size) < 2 * 1152  # MP3 has frames of 24 ms
            assert form in {"mp3", "opus"} or np.abs(sound - whole).max() < 1.5 / 32768
    assert list((store.folder / "ex").iterdir()) == []
    assert auditor.get(f"/api/v1/programmes/{programme['id']}/audio", params={"format": "m4a"}).status_code == 422
    assert auditor.get(f"/api/v1/programmes/{'0' * 26}/audio").status_code == 404


def test_a_schedule_reaches_the_receivers_and_so_does_every_change(any_site: Site, clock: ManualClock) -> None:
    province, commune, other = _units(any_site)
    here = _enrolled(any_site, commune)["receiver"]["id"]
    there = _enrolled(any_site, other)["receiver"]["id"]
    _requested(any_site)
    programme = _programme(any_site, _approved(any_site))
    assert programme["duration_ms"] == sum(item["duration_ms"] for item in programme["items"])
    assert programme["problems"] == []
    joined = any_site.as_("auditor").get(f"/api/v1/programmes/{programme['id']}/audio")
    sound, rate = soundfile.read(io.BytesIO(joined.content))
    assert abs(len(sound) / rate * 1000 - programme["duration_ms"]) < 100
    _joined_as_receivers_play_it(any_site, programme)

    schedule = _scheduled(any_site, programme["id"], commune)
    assert _requested(any_site) == {here}
    airings = _airings(any_site)
    assert [one["starts_at"] for one in airings] == ["2026-07-28T10:00:00Z", "2026-07-29T10:00:00Z"]

    operator = any_site.as_("operator")
    change = {"unit_ids": [province], "version": schedule["version"]}
    edited = _made(operator.patch(f"/api/v1/schedules/{schedule['id']}", json=change), 200)
    assert edited["version"] == schedule["version"] + 1
    assert _requested(any_site) == {here, there}
    stale = operator.patch(f"/api/v1/schedules/{schedule['id']}", json=change)
    assert stale.status_code == 409

    first = next(one for one in _airings(any_site) if one["status"] == "scheduled")
    moved = _made(
        operator.post(f"/api/v1/airings/{first['id']}/move", json={"starts_at": "2026-07-28T18:30:00+07:00"}), 200
    )
    assert moved["starts_at"] == "2026-07-28T11:30:00Z"
    assert _requested(any_site) == {here, there}
    assert _made(operator.post(f"/api/v1/airings/{moved['id']}/cancel"), 200)["status"] == "cancelled"
    assert _requested(any_site) == {here, there}

    assert _made(operator.post(f"/api/v1/schedules/{schedule['id']}/cancel"), 200)["status"] == "cancelled"
    assert _requested(any_site) == {here, there}
    assert not [one for one in _airings(any_site) if one["status"] == "scheduled"]


def test_withdrawing_a_bulletin_asks_for_plans_without_it(site: Site) -> None:
    _province, commune, _other = _units(site)
    receiver = _enrolled(site, commune)["receiver"]["id"]
    version = _approved(site)
    programme = _programme(site, version)["id"]
    _scheduled(site, programme, commune)
    _requested(site)
    body = {"note": "Đường dây nóng đã đổi số"}
    withdrawn = _made(site.as_("approver").post(f"/api/v1/versions/{version}/withdraw", json=body), 200)
    assert withdrawn["status"] == "withdrawn"
    assert _requested(site) == {receiver}
    assert _made(site.as_("editor").get(f"/api/v1/programmes/{programme}"), 200)["problems"]
    rule = {"kind": "once", "first_date": "2026-07-29", "local_time": "05:00"}
    late = {"title": "Tin", "programme_id": programme, "rule": rule, "unit_ids": [commune]}
    assert site.as_("operator").post("/api/v1/schedules", json=late).status_code == 409


def test_stopping_writes_commands_that_the_leader_will_sign(any_site: Site, clock: ManualClock) -> None:
    province, commune, other = _units(any_site)
    _enrolled(any_site, commune)
    programme = _programme(any_site, _approved(any_site))["id"]
    _scheduled(any_site, programme, commune, "08:05")
    airing = _airings(any_site)[0]
    operator = any_site.as_("operator")
    clock.advance(timedelta(minutes=5, seconds=2))

    given = _made(operator.post(f"/api/v1/airings/{airing['id']}/stop", json={"reason": "Nhầm bản tin"}), 200)
    assert [one["audience"] for one in given] == [f"area/{commune}"]
    assert given[0]["published_at"] is None
    with any_site.db.reading() as session:
        command = session.scalars(select(IssuedCommand)).one()
    assert command.token is None  # nothing here can sign
    assert command.body["stops_airing"] == airing["id"]

    elsewhere = operator.post(f"/api/v1/airings/{airing['id']}/stop", json={"unit_id": other})
    assert elsewhere.status_code == 409
    narrower = _made(operator.post(f"/api/v1/airings/{airing['id']}/stop", json={"unit_id": province}), 200)
    assert [one["audience"] for one in narrower] == [f"area/{province}"]
    silence = _made(operator.post("/api/v1/commands/stop", json={"unit_id": commune}))
    assert silence["name"] == "stop"
    assert operator.post("/api/v1/commands/stop", json={}).status_code == 422
    listed = _made(operator.get("/api/v1/commands", params={"airing_id": airing["id"]}), 200)["items"]
    assert len(listed) == 2
    clock.advance(timedelta(hours=1))
    assert operator.post(f"/api/v1/airings/{airing['id']}/stop").status_code == 409


def test_the_audit_trail_tells_who_did_it_page_by_page(any_site: Site) -> None:
    _units(any_site)
    auditor = any_site.as_("auditor")
    seen: list[int] = []
    after: str | None = None
    for _ in range(50):
        params = {"limit": "2"} | ({"after": after} if after else {})
        page = _made(auditor.get("/api/v1/events", params=params), 200)
        seen += [event["seq"] for event in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) >= 4
    made = _made(auditor.get("/api/v1/events", params={"kind": "user:unit:"}), 200)["items"]
    assert [event["data"]["name"] for event in made] == ["Xã Suối Mơ", "Xã Đồng Bùi", "Tỉnh Sông Bùi"]
    assert {event["actor_name"] for event in made} == {"Trần Văn Bình"}
    assert auditor.get("/api/v1/events", params={"after": "x"}).status_code == 422
