"""Voices at the API: what there is, leave for one outside, rate, progress, and approving what a fallback spoke."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.turns import Renderings
from api.voices import agreed, chain_of
from audio.errors import VoiceFailed
from audio.voices import FakeVoice, Sound, VoiceChain
from core.clock import ManualClock
from core.database import Database
from core.settings import Settings
from tests.api.scene import add_cast
from tests.api.site import Site, make_context, running

TEXT = "Xin chào bà con."


class Broken(FakeVoice):
    def say(self, sentence: str, *, rate: int | None = None) -> Sound:
        super().say(sentence, rate=rate)
        raise VoiceFailed(voice=self.name, reason_vi="hỏng", reason_en="broken")


@pytest.fixture(params=[False, True], ids=["not-permitted", "permitted"])
def site(request: pytest.FixtureRequest, sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> Iterator[Site]:
    with sqlite_db.writing() as session:
        add_cast(session, clock)
    context = make_context(sqlite_db, clock, tmp_path, fallback_voices_permitted=request.param)
    context.studio.voices = VoiceChain([Broken("wanted"), FakeVoice("spare")])
    with running(context) as one:
        yield one


def test_what_a_fallback_spoke_is_shown_and_approved_only_where_the_site_permits_it(site: Site) -> None:
    editor, approver = site.as_("editor"), site.as_("approver")
    bulletin = editor.post("/api/v1/bulletins", json={"title": "A", "text": TEXT}).json()
    rated = editor.post(f"/api/v1/bulletins/{bulletin['id']}/rate", json={"rate_wpm": 100})
    assert (rated.status_code, rated.json()["rate_wpm"]) == (200, 100)
    assert editor.post(f"/api/v1/bulletins/{bulletin['id']}/rate", json={"rate_wpm": 5}).status_code == 422
    version = bulletin["versions"][0]["id"]
    assert editor.get(f"/api/v1/versions/{version}/rendering").json() == {"going_on": False, "share": None}
    sound, horn = editor.post(f"/api/v1/versions/{version}/render").json()["renditions"]
    assert (sound["voice"], sound["fallback"]) == ("spare", True)
    assert sound["duration_ms"] > 4 * 600 * 0.9  # four syllables at a hundred a minute
    editor.post(f"/api/v1/versions/{version}/submit")
    answer = approver.post(f"/api/v1/versions/{version}/approve", json={"sha256s": [sound["sha256"], horn["sha256"]]})
    permitted = site.context.settings.fallback_voices_permitted
    assert answer.status_code == (200 if permitted else 409), answer.text


def test_leave_is_an_administrators_is_recorded_and_can_be_taken_back(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    with sqlite_db.writing() as session:
        add_cast(session, clock)
    context = make_context(sqlite_db, clock, tmp_path)
    settings = Settings(_env_file=None, data_dir=tmp_path, voices=["gtts", "espeak"])  # type: ignore[call-arg]
    chain = chain_of(settings, agreed(settings, sqlite_db))
    assert not chain.allowed("gtts")
    with running(context) as site:
        admin, editor = site.as_("admin"), site.as_("editor")
        assert editor.post("/api/v1/voices/gtts/allow").status_code == 403
        assert admin.post("/api/v1/voices/espeak/allow").status_code == 422
        assert admin.post("/api/v1/voices/gtts/allow").status_code == 204
        assert chain.allowed("gtts")
        (gtts,) = [one for one in editor.get("/api/v1/voices").json() if one["name"] == "gtts"]
        assert (gtts["outside"], gtts["state"], gtts["allowed_by"]) == (True, "ready", "Trần Văn Bình")
        (event,) = admin.get("/api/v1/events", params={"subject_kind": "voice"}).json()["items"]
        assert (event["kind"], event["subject_id"]) == ("user:voice:allowed", "gtts")
        assert admin.post("/api/v1/voices/gtts/forbid").status_code == 204
        assert not chain.allowed("gtts")


def test_what_there_is_is_listed_in_the_sites_order_with_what_is_missing(site: Site) -> None:
    listed = site.as_("editor").get("/api/v1/voices").json()
    assert [(one["name"], one["place"], one["state"], one["fallback"]) for one in listed] == [
        ("piper", 1, "not-installed", False),
        ("espeak", 2, "ready", True),
        ("http", None, "not-configured", True),
        ("gtts", None, "not-allowed", True),
    ]


def test_a_named_voice_is_one_of_those_listed(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> None:
    with sqlite_db.writing() as session:
        add_cast(session, clock)
    context = make_context(sqlite_db, clock, tmp_path, fallback_voices_permitted=False)
    with running(context) as site:
        editor, approver = site.as_("editor"), site.as_("approver")
        bulletin = editor.post("/api/v1/bulletins", json={"title": "A", "text": TEXT}).json()
        render = f"/api/v1/versions/{bulletin['versions'][0]['id']}/render"
        for voice, slug in (("gtts", "outside-voice-refused"), ("spook", "unknown-voice"), ("piper", "voice-failed")):
            answer = editor.post(render, json={"voice": voice})
            assert answer.json()["type"] == f"/problems/{slug}", answer.text
        sounds = editor.post(render, json={"voice": "espeak"}).json()["renditions"]
        assert {(one["voice"], one["fallback"]) for one in sounds} == {("espeak", True)}
        sounds = editor.post(render).json()["renditions"]
        assert "truyenthanh voices install" in sounds[0]["passed_over"][0]
        editor.post(render.replace("render", "submit"))
        body = {"sha256s": [one["sha256"] for one in sounds]}
        assert approver.post(render.replace("render", "approve"), json=body).status_code == 409


def test_leave_for_one_address_is_none_for_another(sqlite_db: Database, clock: ManualClock, tmp_path: Path) -> None:
    from broadcast import consent
    from core.events import SYSTEM

    with sqlite_db.writing() as session:
        consent.allow(session, "http", address="https://tts.example", actor=SYSTEM, clock=clock)
        assert consent.given(session, "http", address="https://tts.example") is not None
        assert consent.given(session, "http", address="https://other.example") is None


def test_progress_is_told_while_it_goes_on() -> None:
    renderings = Renderings()
    with renderings.told("a") as first:
        first(0.4)
        with renderings.told("a") as second:
            second(0.1)
            assert renderings.share("a") == 0.1
        assert (renderings.share("a"), renderings.share("b")) == (0.4, None)
    assert renderings.share("a") is None
