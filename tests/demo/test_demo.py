"""The demo, run as a newcomer runs it: what it tells is there, is true, and can be heard."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import correlate

from audio.codec import decode
from audio.store import ObjectStore
from tests.demo.support import PROGRAM, Run, demo, demo_at, environment
from tests.support.site import until

pytestmark = pytest.mark.timeout(180)
RATE = 48_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One demo with everything at its defaults but for an earlier airtime."""
    done = demo(tmp_path_factory.mktemp("demo") / "kept", "--exit", "--json", "--seconds", "5")
    assert done.status == 0, done.stderr
    return done


def test_every_member_is_there(run: Run) -> None:
    told = run.told
    assert set(told) == {"dispatch", "campaign", "bulletins", "airings", "playouts", "airtime", "recordings"}
    assert {"number", "date", "issuer", "subject"} <= set(told["dispatch"])
    assert all(told["dispatch"][name] for name in ("number", "date", "issuer", "subject"))
    wanted = {"id", "title", "language", "voice", "duration_ms", "renditions", "approved_by"}
    assert all(wanted <= set(bulletin) for bulletin in told["bulletins"])
    assert len(told["bulletins"]) >= 10
    assert len(told["playouts"]) == len(told["recordings"]) == 6
    assert len({playout["unit"] for playout in told["playouts"]}) == 3


def test_all_were_spoken_at_the_same_loudness_and_approved_by_somebody_else(run: Run) -> None:
    for bulletin in run.told["bulletins"]:
        assert bulletin["voice"] == "espeak"
        assert {one["profile"] for one in bulletin["renditions"]} == {"full", "horn"}
        for one in bulletin["renditions"]:
            assert one["loudness_lufs"] == pytest.approx(-16, abs=0.5)
        assert bulletin["approved_by"] == "Trần Văn Duyệt (trình diễn)"


def test_the_programme_is_short_and_everybody_finished_it_on_time(run: Run) -> None:
    airing = run.told["airings"][0]
    assert airing["duration_ms"] <= 25_000
    for playout in run.told["playouts"]:
        assert playout["state"] == "finished"
        assert abs(instant(playout["started_at"]) - instant(playout["planned_at"])) <= timedelta(milliseconds=20)
        assert playout["planned_at"] == airing["starts_at"]
        assert playout["played_ms"] == pytest.approx(airing["duration_ms"], abs=60)


def test_airtime_keeps_programme_and_clusters_apart(run: Run) -> None:
    airing = run.told["airings"][0]
    assert len(run.told["airtime"]) == 3
    for row in run.told["airtime"]:
        assert (row["airings"], row["playouts"]) == (1, 2)
        assert row["programme_ms"] == pytest.approx(airing["duration_ms"], abs=60)
        assert row["cluster_ms"] == pytest.approx(2 * airing["duration_ms"], abs=120)


def test_the_recordings_hold_what_was_approved_sample_for_sample(run: Run) -> None:
    with sqlite3.connect(run.folder / "truyenthanh.db") as database:
        names = list(database.execute("SELECT sha256, horn_sha256 FROM programme_items ORDER BY position"))
        approved = {
            name for (names,) in database.execute("SELECT sha256s FROM approvals") for name in json.loads(names)
        }
    database.close()
    _chime, bulletin = names
    assert set(bulletin) <= approved
    store = ObjectStore(run.folder / "objects")
    sounds = zip(("full", "horn"), zip(*names, strict=True), strict=True)
    programmes = {profile: np.concatenate([decode(store.read(name)) for name in named]) for profile, named in sounds}
    profiles = {playout["receiver"]: playout["profile"] for playout in run.told["playouts"]}
    assert sorted(profiles.values()) == ["full"] * 3 + ["horn"] * 3
    for recording in run.told["recordings"]:
        programme = programmes[profiles[recording["receiver"]]]
        heard = sound_of(Path(recording["path"]))
        begins = int(np.argmax(correlate(heard, programme, mode="valid", method="fft")))
        found = heard[begins : begins + len(programme)]
        # What sounds is the programme at the plan's volume of 80 per cent, rounded to 16 bits; all else is silence.
        assert float(np.max(np.abs(found - np.float32(0.8) * programme))) < 1.5 / 32768
        assert not heard[:begins].any()
        assert not heard[begins + len(programme) :].any()


def test_the_screen_shows_progress_tables_and_the_voice(run: Run) -> None:
    for words in (
        "Đọc bản tin thành tiếng",
        "Duyệt (người thứ hai)",
        "Lượt phát theo bộ thu",
        "Giọng đọc: espeak",
        "loa nén",
        "đủ dải",
    ):
        assert words in run.stderr
    assert "không có giờ yên tĩnh" in run.stderr


OTHER_DISPATCH = """ỦY BAN NHÂN DÂN TỈNH MẪU
SỞ Y TẾ MẪU

Số: 88/SYT-MAU
Tỉnh Mẫu, ngày 02 tháng 4 năm 2027

V/v tuyên truyền tiêm chủng mở rộng cho trẻ em dưới 5 tuổi

Kính gửi: Ủy ban nhân dân các xã, phường.

Sở Y tế đề nghị Ủy ban nhân dân các xã, phường tuyên truyền trên loa truyền thanh các nội dung sau:

1. Lợi ích của việc tiêm đủ mũi, đúng lịch cho trẻ em dưới 5 tuổi.

2. Lịch tiêm tại trạm y tế vào ngày 25 hằng tháng.
"""


def test_it_works_at_night(tmp_path: Path) -> None:
    file = tmp_path / "tiem-chung.txt"
    file.write_text(OTHER_DISPATCH, encoding="utf-8")
    hours = ("02:00", "23:30")
    with ThreadPoolExecutor() as both:  # most of it is waiting
        runs = list(both.map(lambda hour: demo_at(hour, tmp_path / hour.replace(":", ""), file), hours))
    for hour, done in zip(hours, runs, strict=True):
        assert done.status == 0, done.stderr
        starts_at = instant(done.told["airings"][0]["starts_at"]) + timedelta(hours=7)
        assert starts_at.strftime("%H") == hour[:2]
        assert [playout["state"] for playout in done.told["playouts"]] == ["finished", "finished"]


def test_a_dispatch_about_something_else_gives_drafts_in_its_own_words(tmp_path: Path) -> None:
    file = tmp_path / "tiem-chung.txt"
    file.write_text(OTHER_DISPATCH, encoding="utf-8")
    done = demo(tmp_path / "kept", "--dispatch", str(file), "--exit", "--json", "--seconds", "4", "--receivers", "3")
    assert done.status == 0, done.stderr
    told = done.told
    assert told["dispatch"]["number"] == "88/SYT-MAU"
    assert told["dispatch"]["date"] == "2027-04-02"
    assert "tiêm chủng mở rộng" in told["dispatch"]["subject"]
    assert told["bulletins"]
    assert all(bulletin["drafted_from_dispatch"] for bulletin in told["bulletins"])
    assert not any("mua bán người" in bulletin["title"].lower() for bulletin in told["bulletins"])


def test_what_a_dispatch_does_not_say_is_null(tmp_path: Path) -> None:
    file = tmp_path / "trong.txt"
    file.write_text("Đề nghị các xã nhắc bà con dọn vệ sinh đường làng vào sáng Chủ nhật.\n", encoding="utf-8")
    done = demo(tmp_path / "kept", "--dispatch", str(file), "--exit", "--json", "--seconds", "4", "--receivers", "1")
    assert done.status == 0, done.stderr
    assert done.told["dispatch"]["number"] is None
    assert done.told["dispatch"]["date"] is None
    assert "không có trong văn bản" in done.stderr


def test_it_stays_until_ctrl_c_and_ends_cleanly(tmp_path: Path) -> None:
    file = tmp_path / "tiem-chung.txt"
    file.write_text(OTHER_DISPATCH, encoding="utf-8")
    with subprocess.Popen(
        [PROGRAM, "demo", *("--dir", str(tmp_path / "kept")), *("--dispatch", str(file)), "--seconds", "3"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        while not (lines and "Ctrl-C" in lines[-1]):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(line)
        assert re.search(r"http://127\.0\.0\.1:\d+", "".join(lines))
        assert re.search(r"Mật khẩu \(chỉ hiện lần này\): \S{12,}", "".join(lines))
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
        assert process.returncode == 0
    assert "Traceback" not in rest + errors
    recording = next((tmp_path / "kept" / "receivers").glob("*.wav"))
    assert soundfile.info(recording).duration > 10


def test_ended_before_anything_aired_it_still_tells_what_it_knows(tmp_path: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, "demo", "--dir", str(tmp_path / "kept"), "--seconds", "60", "--receivers", "1", "--json"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        database = tmp_path / "kept" / "truyenthanh.db"
        until(lambda: database.exists() and scheduled(database), 60, "an airing is scheduled")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
    assert "Traceback" not in errors


def scheduled(database: Path) -> bool:
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        found = connection.execute("SELECT count(*) FROM airings").fetchone()[0] > 0
        connection.close()
    except sqlite3.OperationalError:
        return False
    return bool(found)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def sound_of(path: Path) -> NDArray[Any]:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return np.asarray(samples)
