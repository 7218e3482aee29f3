"""A recording through the doors: handed in, told what is wrong, trimmed, mastered, approved by somebody else."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from api.auth import grants
from api.tables import User
from audio.codec import decode
from core.events import SYSTEM, Event
from tests.api.site import Site
from tests.audio.recordings.files import speech, video, wav, write
from tests.support.site import until

NOBODY = "01K00000000000000000000000"
GIVEN = {"language": "tyz", "speaker": "Hoàng Thị Mai"}


def _bulletin(editor: httpx.Client) -> str:
    answer = editor.post("/api/v1/bulletins", json={"title": "Tiêm phòng", "text": "Mời bà con đưa trẻ đi tiêm."})
    identifier: str = answer.json()["id"]
    return identifier


def _hand_in(client: httpx.Client, bulletin: str, path: Path, **given: str) -> httpx.Response:
    with path.open("rb") as file:
        return client.post(f"/api/v1/bulletins/{bulletin}/recordings", params=GIVEN | given, content=file)


def _left(site: Site) -> list[str]:
    return sorted(path.name for path in site.context.settings.originals.rglob("*") if path.is_file())


def test_the_whole_way(any_site: Site, tmp_path: Path) -> None:
    editor, approver = any_site.as_("editor"), any_site.as_("approver")
    bulletin = _bulletin(editor)
    late = np.concatenate([np.zeros(5 * 48_000, np.float32), speech()])
    path = write(tmp_path / "may-thu.3gp", "3gp", "libopencore_amrnb", late, 8_000)
    answer = _hand_in(editor, bulletin, path)
    assert answer.status_code == 201, answer.text
    recording = answer.json()
    assert recording["language_name"] == "Tiếng Tày"
    assert [one["kind"] for one in recording["checks"]] == ["silent-head"]
    assert any_site.context.settings.originals.joinpath(recording["sha256"][:2], recording["sha256"]).read_bytes() == (
        path.read_bytes()
    )
    version = f"/api/v1/versions/{recording['version_id']}"
    assert editor.post(f"{version}/submit").status_code == 409  # without a sound

    whole = editor.post(f"{version}/render").json()["renditions"][0]
    assert whole["voice"] == "recording: Hoàng Thị Mai"
    assert abs(whole["loudness_lufs"] + 16) <= 0.5
    second = _hand_in(editor, bulletin, wav(tmp_path / "b.wav", speech()), use="part").json()
    assert second["version_id"] is None
    parts = [
        {"recording_id": recording["id"], "start_ms": recording["checks"][0]["until_ms"]},
        {"recording_id": second["id"], "end_ms": 2000},
    ]
    assert editor.put(f"{version}/recipe", json={"parts": parts}).json()["number"] == 2
    assert editor.get(version).json()["renditions"] == []  # what was made of the earlier recipe isn't meant any more
    made = editor.post(f"{version}/render").json()["renditions"][0]
    expected_ms = recording["duration_ms"] - recording["checks"][0]["until_ms"] + 2000
    assert abs(made["duration_ms"] - expected_ms) < 50
    heard = decode(editor.get(f"{version}/audio/{made['sha256']}").content)
    assert np.abs(heard[:48_000]).max() > 0.05  # the silence is gone

    assert editor.post(f"{version}/recipes/1/restore").json()["number"] == 3
    again = editor.post(f"{version}/render").json()["renditions"][0]
    assert again["sha256"] == whole["sha256"]
    assert [one["number"] for one in editor.get(f"{version}/recipes").json()] == [1, 2, 3]

    assert editor.post(f"{version}/submit").json()["status"] == "submitted"
    assert editor.put(f"{version}/recipe", json={"parts": parts}).status_code == 409
    sounds = {"sha256s": [one["sha256"] for one in editor.get(version).json()["renditions"]]}
    assert editor.post(f"{version}/approve", json=sounds).status_code == 403
    assert approver.post(f"{version}/approve", json=sounds).json()["status"] == "approved"
    with any_site.db.reading() as session:
        kinds = [event.kind for event in session.query(Event).where(Event.subject_id == bulletin).order_by(Event.seq)]
    assert kinds.count("user:recording:added") == 2
    assert kinds.count("user:recording:recipe") == 3


def test_looking_at_one(site: Site, tmp_path: Path) -> None:
    editor, auditor = site.as_("editor"), site.as_("auditor")
    bulletin = _bulletin(editor)
    recording = _hand_in(editor, bulletin, wav(tmp_path / "a", speech())).json()
    here = f"/api/v1/recordings/{recording['id']}"
    picture = auditor.get(f"{here}/waveform.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "Tiếng Tày" in picture.text
    assert len(auditor.get(f"{here}/waveform").json()["rms"]) == 600
    assert auditor.get(f"{here}/checks").json() == []
    (over,) = auditor.get(f"{here}/checks", params={"limit_ms": 2000}).json()
    assert (over["kind"], over["severity"]) == ("over-slot", "blocks")
    assert [one["id"] for one in auditor.get(f"/api/v1/bulletins/{bulletin}/recordings").json()] == [recording["id"]]
    assert "tyz" in {one["tag"] for one in auditor.get("/api/v1/languages").json()}
    assert _hand_in(auditor, bulletin, tmp_path / "a").status_code == 403


def test_what_is_wrong_is_refused_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    editor = site.as_("editor")
    bulletin = _bulletin(editor)
    empty, text = tmp_path / "a.mp3", tmp_path / "b.mp3"
    empty.write_bytes(b"")
    text.write_text("Chỉ là chữ. " * 100)
    for path, slug in (
        (empty, "recording-empty"),
        (text, "recording-malformed"),
        (video(tmp_path / "c.mp3", sound=True), "recording-is-video"),
    ):
        answer = _hand_in(editor, bulletin, path)
        assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}"), answer.text
    sound = wav(tmp_path / "d", speech())
    assert _hand_in(editor, bulletin, sound, language="Tày").status_code == 422
    assert _hand_in(editor, bulletin, sound, speaker=" ").status_code == 422
    assert _hand_in(editor, NOBODY, sound).status_code == 404
    assert _left(site) == []
    assert len(editor.get(f"/api/v1/bulletins/{bulletin}").json()["versions"]) == 1


@pytest.mark.parametrize("said", [2_000_000_000, 100_000])
def test_an_upload_too_large_or_broken_off_leaves_nothing(site: Site, said: int) -> None:
    editor = site.as_("editor")
    bulletin = _bulletin(editor)
    host, port = site.url.removeprefix("http://").split(":")
    cookies = "; ".join(f"{one.name}={one.value}" for one in editor.cookies.jar)
    head = (
        f"POST /api/v1/bulletins/{bulletin}/recordings?language=tyz&speaker=Mai HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Cookie: {cookies}\r\nContent-Length: {said}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(head.encode() + b"RIFF" * 1000)
        if said < 1_000_000:
            line.shutdown(socket.SHUT_WR)
        answer = line.recv(1000)
    assert answer.startswith(b"HTTP/1.1 413") == (said > 1_000_000), answer
    assert editor.get(f"/api/v1/bulletins/{bulletin}/recordings").json() == []
    if said < 1_000_000:  # who breaks off gets no answer that could come after the tidying up
        until(lambda: _left(site) == [], 10, "what came of the upload is gone")
    assert _left(site) == []


def test_a_blocking_fault_stops_it_and_another_bulletins_recording_is_no_part(site: Site, tmp_path: Path) -> None:
    editor = site.as_("editor")
    bulletin, other = _bulletin(editor), _bulletin(editor)
    ruined = _hand_in(editor, bulletin, wav(tmp_path / "a", np.clip(speech() * 8, -1, 1))).json()
    version = f"/api/v1/versions/{ruined['version_id']}"
    refused = editor.post(f"{version}/render")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/recording-refused")
    assert "vỡ" in refused.json()["detail"]
    elsewhere = _hand_in(editor, other, wav(tmp_path / "b", speech())).json()
    for parts in (
        [{"recording_id": elsewhere["id"]}],
        [{"recording_id": ruined["id"], "start_ms": 500, "end_ms": 400}],
        [{"recording_id": ruined["id"], "end_ms": 80_000_000}],
        [],
    ):
        assert editor.put(f"{version}/recipe", json={"parts": parts}).status_code == 422, parts
    assert editor.put(f"{version}/recipe", json={"parts": [{"recording_id": NOBODY}]}).status_code == 404
    assert editor.post(f"{version}/recipes/9/restore").status_code == 404


def test_who_trimmed_a_recording_does_not_approve_it(site: Site, tmp_path: Path) -> None:
    with site.db.writing() as session:
        person = session.scalars(select(User).where(User.username == "approver")).one()
        grants.give(session, person.id, "editor", actor=SYSTEM, clock=site.context.clock)
    editor, both = site.as_("editor"), site.as_("approver")
    recording = _hand_in(editor, _bulletin(editor), wav(tmp_path / "a", speech())).json()
    version = f"/api/v1/versions/{recording['version_id']}"
    parts = [{"recording_id": recording["id"], "end_ms": 2000}]

    def approved() -> httpx.Response:
        sounds = {"sha256s": [one["sha256"] for one in editor.get(version).json()["renditions"]]}
        return both.post(f"{version}/approve", json=sounds)

    assert both.put(f"{version}/recipe", json={"parts": parts}).status_code == 200
    assert editor.post(f"{version}/render").status_code == 200
    editor.post(f"{version}/submit")
    refused = approved()
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/bulletin-own-approval")
    assert both.post(f"{version}/return", json={"note": "cắt lại"}).status_code == 200
    assert editor.put(f"{version}/recipe", json={"parts": parts}).status_code == 200
    editor.post(f"{version}/render")
    editor.post(f"{version}/submit")
    assert approved().status_code == 200


def test_a_language_version_far_longer_than_another_is_told(site: Site, tmp_path: Path) -> None:
    editor = site.as_("editor")
    bulletin = _bulletin(editor)
    short = _hand_in(editor, bulletin, wav(tmp_path / "a", speech()), language="nut").json()
    assert editor.post(f"/api/v1/versions/{short['version_id']}/render").status_code == 200
    long = _hand_in(editor, bulletin, wav(tmp_path / "b", np.tile(speech(), 3))).json()
    (differs,) = long["checks"]
    assert (differs["kind"], differs["severity"]) == ("lengths-differ", "warns")
    assert "Tiếng Nùng" in differs["vi"]
