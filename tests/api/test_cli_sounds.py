"""Chimes, programmes and profiles by the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from sqlalchemy import select

from audio.codec import decode
from audio.store import ObjectStore
from broadcast import bulletins, programmes, site_sounds
from core import units
from core.clock import SystemClock
from core.database import Database
from core.events import Event
from core.settings import Settings
from devices.tables import Receiver
from tests.api.test_cli import Command, command, migrated  # noqa: F401 - fixtures
from tests.api.test_sounds import tune
from tests.audio.recordings.files import wav
from tests.broadcast.newsroom.support import APPROVER, WRITER

if TYPE_CHECKING:
    from audio.studio import Studio

NAME = "Nhạc hiệu xã"


@pytest.fixture
def studio(migrated: Command) -> Studio:  # noqa: F811 - the fixture above
    from api.serve import make_studio

    return make_studio(Settings.load())


def data() -> Database:
    return Database(Settings.load().database)


def approved_programme(studio: Studio) -> str:
    """The site's chime and a bulletin that both were approved."""
    db, clock = data(), SystemClock()
    with db.writing() as session:
        version = bulletins.create(session, title="Họp", text="Mời bà con đi họp.", actor=WRITER, clock=clock).id
    made = bulletins.render(db, version, studio=studio, actor=WRITER, clock=clock)
    with db.writing() as session:
        bulletins.submit(session, version, actor=WRITER, clock=clock)
        heard = [one.sha256 for one in made.values()]
        bulletins.approve(session, version, actor=APPROVER, clock=clock, sha256s=heard, fallback_permitted=True)
        sound = site_sounds.named(session, "chime", NAME)
        heard = [one.sha256 for one in site_sounds.renditions(session, sound.id)]
        site_sounds.approve(session, sound.id, sha256s=heard, actor=APPROVER, clock=clock)
        items: list[programmes.Wanted] = [programmes.Chime(NAME), version, programmes.Chime("kết thúc điệu Nam")]
        programme = programmes.create(session, title="Sáng", items=items, studio=studio, actor=WRITER, clock=clock).id
    db.close()
    return programme


def test_a_chime_is_handed_in_listed_used_exported_and_retired(
    migrated: Command,  # noqa: F811
    studio: Studio,
    tmp_path: Path,
) -> None:
    wav(tmp_path / "chuong.wav", tune())
    added = migrated("chimes", "add", "chuong.wav", "--name", NAME)
    assert (added.status, "Chờ người có quyền duyệt" in added.out) == (0, True)
    listed = migrated("chimes").out
    assert "mở đầu trang trọng" in listed
    assert f"{NAME} (nhạc hiệu, 3.0 giây, chờ duyệt" in listed
    assert migrated("chimes", "add", "chuong.wav", "--name", NAME).status == 1

    programme = approved_programme(studio)
    db = data()
    for profile in ("full", "horn"):
        out = tmp_path / f"{profile}.wav"
        done = migrated("programme", "export", programme, "-o", out.name, "--profile", profile)
        assert done.status == 0, done.err
        with db.reading() as session:
            names = programmes.sha256s(session, programme, profile)
        store = ObjectStore(Settings.load().objects)
        whole = np.concatenate([decode(store.read(name)) for name in names])
        samples, _ = soundfile.read(out, dtype="float32")
        assert samples.size == whole.size
        assert np.abs(samples - whole).max() < 1.5 / 32768
        assert migrated("chimes", "save", NAME, "-o", f"chime-{profile}.flac", "--profile", profile).status == 0
        chime, _ = soundfile.read(tmp_path / f"chime-{profile}.flac", dtype="float32")
        assert np.abs(chime - samples[: chime.size]).max() < 1.5 / 32768
    db.close()
    assert migrated("programme", "export", programme, "-o", "a.m4a").status == 1
    assert migrated("programme", "export", programme, "-o", "khong/a.mp3").status == 1
    assert migrated("programme", "export", "01K00000000000000000000000", "-o", "a.mp3").status == 1

    refused = migrated("chimes", "delete", NAME)
    assert (refused.status, "ngừng dùng" in refused.err.lower()) == (1, True)
    assert migrated("chimes", "retire", NAME.upper()).status == 0
    assert "ngừng dùng" in migrated("chimes").out
    assert migrated("chimes", "save", NAME, "-o", "x.wav").status == 1
    assert migrated("programme", "export", programme, "-o", "again.mp3").status == 0  # what holds it plays on


def test_what_is_not_there_or_no_sound_is_said(migrated: Command, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "a.wav").write_text("không phải âm thanh")
    for arguments in (
        ("chimes", "add", "khong-co.wav", "--name", NAME),
        ("chimes", "add", "a.wav", "--name", NAME),
        ("chimes", "add", "a.wav", "--name", "Mở đầu"),
        ("chimes", "retire", NAME),
        ("chimes", "save", NAME, "-o", "b.wav"),
    ):
        done = migrated(*arguments)
        assert (done.status, done.out) == (1, ""), arguments
        assert done.err
    assert not (tmp_path / "b.wav").exists()


def test_a_receivers_profile_is_chosen_and_changed(migrated: Command) -> None:  # noqa: F811
    assert migrated("keys", "create").status == 0
    db = data()
    with db.writing() as session:
        unit = units.add(session, kind="commune", name="Xã Bắc").id
    made = {}
    for name, options in {"a": (), "b": ("--clusters", "4"), "c": ("--profile", "full")}.items():
        done = migrated("receiver", "add", unit, name, "--identity", f"{name}.json", *options)
        assert done.status == 0, done.err
        made[name] = done.out
    assert "loa nén" in made["a"]
    with db.reading() as session:
        held = {row.name: row.profile for row in session.execute(select(Receiver.name, Receiver.profile))}
        one = session.scalars(select(Receiver.id).where(Receiver.name == "a")).one()
    assert held == {"a": "horn", "b": "full", "c": "full"}
    assert "đủ dải" in migrated("receiver", "profile", one, "full").out
    assert migrated("receiver", "profile", "01K00000000000000000000000", "full").status == 1
    with db.reading() as session:
        assert session.get_one(Receiver, one).profile == "full"
        assert session.scalars(select(Event).where(Event.kind == "user:receiver:profile-set")).one().subject_id == one
    db.close()
