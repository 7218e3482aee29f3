"""A site's own chimes and music through the doors: handed in, heard, approved by another, played, retired."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from audio.codec import decode
from audio.levels import loudness_lufs
from core.events import Event
from tests.api.site import Site
from tests.audio.recordings.files import speech, video, wav, write

NAME = "Nhạc hiệu xã Lục Ngạn"


def tune(seconds: float = 3.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A few notes, each struck and dying away."""
    t = np.arange(round(seconds * 48_000)) / 48_000
    return (0.4 * np.sin(2 * np.pi * 523 * t) * np.exp(-(t % 0.75) * 3)).astype(np.float32)


def hand_in(client: httpx.Client, path: Path, name: str = NAME, kind: str = "chime") -> httpx.Response:
    return client.post("/api/v1/sounds", params={"name": name, "kind": kind}, content=path.read_bytes())


def heard(sound: dict[str, Any]) -> dict[str, Any]:
    return {"sha256s": [one["sha256"] for one in sound["renditions"]]}


def approved(site: Site, path: Path, name: str = NAME, kind: str = "chime") -> dict[str, Any]:
    made = hand_in(site.as_("editor"), path, name, kind)
    assert made.status_code == 201, made.text
    answer = site.as_("approver").post(f"/api/v1/sounds/{made.json()['id']}/approve", json=heard(made.json()))
    assert answer.status_code == 200, answer.text
    sound: dict[str, Any] = answer.json()
    return sound


def approved_version(site: Site) -> str:
    editor = site.as_("editor")
    made = editor.post("/api/v1/bulletins", json={"title": "Tiêm phòng", "text": "Mời bà con đi tiêm."}).json()
    version: str = made["versions"][0]["id"]
    editor.post(f"/api/v1/versions/{version}/render")
    spoken = editor.post(f"/api/v1/versions/{version}/submit").json()
    assert site.as_("approver").post(f"/api/v1/versions/{version}/approve", json=heard(spoken)).status_code == 200
    return version


def left(site: Site) -> list[str]:
    return [path.name for path in site.context.settings.originals.rglob("*") if path.is_file()]


def test_the_whole_way(any_site: Site, tmp_path: Path) -> None:
    editor, approver = any_site.as_("editor"), any_site.as_("approver")
    path = write(tmp_path / "chuong.mp3", "mp3", "libmp3lame", tune())
    made = hand_in(editor, path)
    assert made.status_code == 201, made.text
    sound = made.json()
    here = f"/api/v1/sounds/{sound['id']}"
    assert (sound["name"], sound["kind"], sound["status"]) == (NAME, "chime", "waiting")
    assert [one["profile"] for one in sound["renditions"]] == ["full", "horn"]
    assert len({one["duration_ms"] for one in sound["renditions"]}) == 1
    for one in sound["renditions"]:
        listened = approver.get(f"{here}/audio", params={"profile": one["profile"]})
        assert hashlib.sha256(listened.content).hexdigest() == one["sha256"]
        assert abs(loudness_lufs(decode(listened.content)) + 16) <= 0.5
    assert left(any_site) == [hashlib.sha256(path.read_bytes()).hexdigest()]

    version = approved_version(any_site)
    wanted = {"title": "Sáng", "items": [{"chime": NAME.upper()}, {"version_id": version}]}
    early = editor.post("/api/v1/programmes", json=wanted)
    assert (early.status_code, early.json()["type"]) == (409, "/problems/site-sound-not-approved")
    assert editor.post(f"{here}/approve", json=heard(sound)).status_code == 403
    half = {"sha256s": heard(sound)["sha256s"][:1]}
    assert approver.post(f"{here}/approve", json=half).json()["type"] == "/problems/site-sound-others"
    assert approver.post(f"{here}/approve", json=heard(sound)).json()["approved_by_name"] == "Lê Quang Minh"
    assert approver.post(f"{here}/approve", json=heard(sound)).status_code == 409

    programme = editor.post("/api/v1/programmes", json=wanted).json()
    first = programme["items"][0]
    assert (first["kind"], first["name"], first["sound_id"]) == ("chime", NAME, sound["id"])
    assert first["sounds"] == {one["profile"]: one["sha256"] for one in sound["renditions"]}
    assert programme["problems"] == []

    used = editor.delete(here)
    assert (used.status_code, used.json()["type"]) == (409, "/problems/site-sound-in-use")
    assert editor.post(f"{here}/retire").json()["status"] == "retired"
    assert editor.post(f"{here}/retire").status_code == 409
    assert editor.post("/api/v1/programmes", json=wanted).status_code == 404
    assert editor.get(f"/api/v1/programmes/{programme['id']}").json()["problems"] == []  # it plays on
    again = hand_in(editor, path)  # the name is free again
    assert again.status_code == 201
    assert editor.delete(f"/api/v1/sounds/{again.json()['id']}").status_code == 204
    assert [one["id"] for one in editor.get("/api/v1/sounds").json()["sounds"]] == [sound["id"]]
    with any_site.context.db.reading() as session:
        told = session.scalars(select(Event.kind).where(Event.subject_id == sound["id"]).order_by(Event.seq)).all()
    assert told == ["user:sound:added", "user:sound:approved", "user:sound:retired"]


def test_music_and_the_projects_chimes_stand_in_one_programme(site: Site, tmp_path: Path) -> None:
    editor = site.as_("editor")
    music = approved(site, wav(tmp_path / "a.wav", tune(40)), "Quê hương", "music")
    listed = editor.get("/api/v1/sounds").json()
    assert "mở đầu điệu Bắc" in listed["chimes"]
    assert [one["name"] for one in listed["sounds"]] == ["Quê hương"]
    items = [{"chime": "mở đầu điệu Bắc"}, {"version_id": approved_version(site)}, {"music": "Quê hương"}]
    programme = editor.post("/api/v1/programmes", json={"title": "Chiều", "items": items}).json()
    assert [one["kind"] for one in programme["items"]] == ["chime", "bulletin", "music"]
    assert [one["name"] for one in programme["items"]] == ["mở đầu điệu Bắc", None, "Quê hương"]
    assert programme["items"][2]["duration_ms"] == music["duration_ms"] >= 40_000
    for profile, sha256 in programme["items"][0]["sounds"].items():
        chime = editor.get("/api/v1/chimes/mở đầu điệu Bắc/audio", params={"profile": profile})
        assert hashlib.sha256(chime.content).hexdigest() == sha256
    only = [{"chime": "mở đầu"}, {"music": "Quê hương"}]
    assert editor.post("/api/v1/programmes", json={"title": "Nhạc", "items": only}).status_code == 422
    missing = [{"music": NAME}, items[1]]
    assert editor.post("/api/v1/programmes", json={"title": "Chiều", "items": missing}).status_code == 404


@pytest.mark.parametrize("name", ["Mở đầu", "opening", " kết  thúc điệu Nam"])
def test_names_of_the_projects_chimes_are_taken(site: Site, tmp_path: Path, name: str) -> None:
    answer = hand_in(site.as_("editor"), wav(tmp_path / "a.wav", tune()), name)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/site-sound-name-taken")


def test_what_cannot_be_used_is_refused_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    editor = site.as_("editor")
    empty, words = tmp_path / "a.mp3", tmp_path / "b.mp3"
    empty.write_bytes(b"")
    words.write_text("Chỉ là chữ. " * 100)
    for path, slug in (
        (empty, "recording-empty"),
        (words, "recording-malformed"),
        (video(tmp_path / "c.mp3", sound=True), "recording-is-video"),
        (wav(tmp_path / "d.wav", np.zeros(96_000, np.float32)), "recording-refused"),
        (wav(tmp_path / "e.wav", tune(31)), "site-sound-length"),
        (wav(tmp_path / "f.wav", tune(0.2)), "site-sound-length"),
    ):
        answer = hand_in(editor, path)
        assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}"), answer.text
    sound = wav(tmp_path / "g.wav", tune())
    assert hand_in(editor, sound, "  ").status_code == 422
    assert hand_in(editor, sound, kind="jingle").status_code == 422
    assert hand_in(site.as_("operator"), sound).status_code == 403
    assert left(site) == []
    assert editor.get("/api/v1/sounds").json()["sounds"] == []
    assert hand_in(editor, sound).status_code == 201
    assert hand_in(editor, sound, NAME.lower()).json()["type"] == "/problems/site-sound-name-taken"
    assert hand_in(editor, sound, NAME, "music").status_code == 201  # a piece of music is another thing


def test_a_spoken_message_handed_in_as_music_still_needs_another_person(site: Site, tmp_path: Path) -> None:
    editor = site.as_("editor")
    sound = hand_in(editor, wav(tmp_path / "a.wav", speech()), "Bài hát", "music").json()
    assert editor.post(f"/api/v1/sounds/{sound['id']}/approve", json=heard(sound)).status_code == 403
    items = [{"music": "Bài hát"}, {"version_id": approved_version(site)}]
    assert editor.post("/api/v1/programmes", json={"title": "Chiều", "items": items}).status_code == 409
