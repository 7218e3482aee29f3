"""The command line: what it does, and what it says when it can't."""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile

from api.cli import main
from core import migrations, units
from core.database import Database


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run `truyenthanh …` in this process, its data in a folder of the test's own."""
    monkeypatch.setenv("TRUYENTHANH_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("TRUYENTHANH_HTTP_PORT", "0")
    monkeypatch.setenv("TRUYENTHANH_BROKER_PORT", "0")
    monkeypatch.chdir(tmp_path)
    # Commands send the logs of the whole process to their own standard error; other tests want theirs back.
    monkeypatch.setattr(logging.root, "handlers", logging.root.handlers[:])
    monkeypatch.setattr(logging.root, "level", logging.root.level)

    def run(*arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "argv", ["truyenthanh", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def migrated(command: Command) -> Command:
    assert command("db", "upgrade").status == 0
    return command


def test_read_prints_the_spoken_form(command: Command) -> None:
    done = command("read", "-", stdin="Gọi 111, 113. Ngày 30/7.".encode())
    assert done.status == 0
    assert "một một một, một một ba" in done.out
    assert "ba mươi tháng bảy" in done.out


def test_read_lines_gives_exactly_one_line_for_each(command: Command) -> None:
    done = command("read", "--lines", stdin="Điều 150\n\n5 km\n***\n".encode())
    assert done.status == 0
    assert done.out.splitlines() == ["điều một trăm năm mươi", "", "năm ki lô mét", ""]


def test_say_writes_a_sound(command: Command, tmp_path: Path) -> None:
    done = command("say", "-", "-o", "ra.ogg", stdin="Xin chào bà con.".encode())
    assert done.status == 0
    assert soundfile.info(tmp_path / "ra.ogg").duration > 0.5
    assert "LUFS" in done.out


@pytest.mark.parametrize(("name", "kind"), [("a.mp3", "MP3"), ("a.FLAC", "FLAC"), ("a.wav", "WAV"), ("a.opus", "OGG")])
def test_say_writes_what_the_name_says(command: Command, tmp_path: Path, name: str, kind: str) -> None:
    assert command("say", "-", "-o", name, stdin="Xin chào.".encode()).status == 0
    assert soundfile.info(tmp_path / name).format == kind


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "trống"),
        ("C«ng v¨n sè 12 vÒ viÖc tuyªn truyÒn phßng chèng mua b¸n ng\xadêi".encode("latin-1"), "TCVN3"),
        (b"%PDF-1.7 \x00\x01\x02", "PDF"),
        (b"*** --- ...", "không có"),
    ],
)
def test_say_refuses_what_is_no_text_and_writes_nothing(
    command: Command, tmp_path: Path, data: bytes, words: str
) -> None:
    done = command("say", "-", "-o", "ra.ogg", stdin=data)
    assert done.status == 1
    assert words.lower() in done.err.lower()
    assert "Traceback" not in done.err
    assert not (tmp_path / "ra.ogg").exists()


def test_a_text_over_the_limit_is_refused_with_both_numbers(command: Command) -> None:
    done = command("say", "-", "-o", "ra.ogg", stdin=("Bà con chú ý. " * 700).encode())
    assert done.status == 1
    assert "8000" in done.err.replace(".", "")


def test_a_file_that_is_not_there_is_named(command: Command) -> None:
    done = command("read", "khong-co.txt")
    assert done.status == 1
    assert "khong-co.txt" in done.err


def test_a_database_that_is_not_migrated_says_which_command_mends_it(command: Command) -> None:
    for arguments in (("report", "airtime"), ("user", "add", "an", "--name", "An", "--role", "admin"), ("serve",)):
        done = command(*arguments)
        assert done.status == 1
        assert "truyenthanh db upgrade" in done.err


def test_a_busy_port_is_named_with_its_setting(migrated: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setenv("TRUYENTHANH_HTTP_PORT", port)
        done = migrated("serve")
        assert done.status == 1
        assert port in done.err
        assert "TRUYENTHANH_HTTP_PORT" in done.err
        monkeypatch.setenv("TRUYENTHANH_HTTP_PORT", "0")
        monkeypatch.setenv("TRUYENTHANH_BROKER_PORT", port)
        done = migrated("serve")
        assert done.status == 1
        assert "TRUYENTHANH_BROKER_PORT" in done.err


def test_parts_that_do_not_exist_or_do_not_fit_are_refused(migrated: Command) -> None:
    assert "scheduler" in migrated("serve", "--only", "everything").err
    assert "TRUYENTHANH_BROKER=external" in migrated("serve", "--only", "web").err


def test_accounts(migrated: Command) -> None:
    added = migrated("user", "add", "an.nguyen", "--name", "Nguyễn Thị An", "--role", "admin")
    assert added.status == 0
    assert "Mật khẩu (chỉ hiện lần này): " in added.out
    assert migrated("user", "add", "an.nguyen", "--name", "Khác", "--role", "admin").status == 1
    short = migrated("user", "add", "binh", "--name", "B", "--role", "editor", "--password-stdin", stdin=b"ngan\n")
    assert short.status == 1
    assert "12" in short.err
    assert migrated("user", "add", "binh", "--name", "Bình", "--role", "vua").status == 1


def test_settings_tell_everything_but_secrets(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUYENTHANH_BROKER_PASSWORD", "never shown")
    done = command("settings")
    assert "TRUYENTHANH_QUIET_HOURS=21:00-05:00" in done.out
    assert "TRUYENTHANH_BROKER_PASSWORD=**" in done.out
    assert "never shown" not in done.out


def test_keys_are_made_once_and_exported_by_role(command: Command, tmp_path: Path) -> None:
    first = command("keys", "create").out
    assert command("keys", "create").out == first
    assert command("keys", "export", "--to", "web").status == 0
    assert command("keys", "export", "--to", "ingest", "ack", "time").status == 0
    assert not list((tmp_path / "web").glob("*.key"))
    assert {path.name for path in (tmp_path / "ingest").glob("*.key")} == {"ack.key", "time.key"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "ingest").glob("*.key"))


def test_a_receiver_gets_an_identity_file_of_its_own(migrated: Command, tmp_path: Path) -> None:
    migrated("keys", "create")
    db = Database(f"sqlite:///{tmp_path / 'var' / 'truyenthanh.db'}")
    migrations.check_migrated(db)
    with db.writing() as session:
        unit = units.add(session, kind="commune", name="Xã thử").id
    db.close()
    done = migrated("receiver", "add", unit, "Nhà văn hóa", "--identity", "bo-thu.json")
    assert done.status == 0, done.err
    identity = tmp_path / "bo-thu.json"
    assert identity.stat().st_mode & 0o077 == 0
    assert json.loads(identity.read_text())["receiver"] in done.out
    again = migrated("receiver", "add", unit, "Nhà văn hóa", "--identity", "bo-thu.json")
    assert again.status == 1
    assert migrated("receiver", "add", "khong-co", "X", "--identity", "x.json").status == 1
    assert not (tmp_path / "x.json").exists()


def test_an_empty_airtime_report(migrated: Command) -> None:
    done = migrated("report", "airtime", "--csv")
    assert done.status == 0
    assert done.out.lstrip("\ufeff").startswith("unit,name,first_date,last_date,airings,playouts,programme_s,cluster_s")
    assert migrated("report", "airtime", "--from", "2027-02-01", "--to", "2027-01-01").status == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "abc"),
        ("QUIET_HOURS", "xx"),
        ("DATABASE_URL", "nonsense"),
        ("TIMEZONE", "Mars/Olympus"),
        ("BROKER", "rabbit"),
    ],
)
def test_a_wrong_setting_is_named(command: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TRUYENTHANH_{name}", value)
    done = command("serve")
    assert done.status == 1
    assert f"TRUYENTHANH_{name}={value}" in done.err
    assert "Traceback" not in done.err


def test_a_database_that_is_away_is_said_in_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUYENTHANH_DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/none")
    done = command("report", "airtime")
    assert done.status == 1
    assert "TRUYENTHANH_DATABASE_URL" in done.err
    shown = command("settings").out
    assert "hunter2" not in done.err + shown
    assert "u:***@127.0.0.1" in shown


def test_units_from_the_command_line(migrated: Command) -> None:
    province = migrated("unit", "add", "province", "Tỉnh thử").out.strip()
    commune = migrated("unit", "add", "commune", "Xã thử", "--parent", province).out.strip()
    assert migrated("unit", "list").out.splitlines() == [f"{province}  Tỉnh thử", f"{commune}    Xã thử"]


def test_each_language_stands_by_itself(migrated: Command) -> None:
    vietnamese, english = migrated("serve", "--only", "everything").err.strip().splitlines()
    assert "no such part" not in vietnamese
    assert "không có phần" not in english


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (("sai",), "không có lệnh “sai”"),
        (("db",), ""),
        (("db", "upgrade", "them"), "thừa “them”"),
        (("say", "-"), "còn thiếu --output"),
        (("say", "-", "-o"), "-o cần một giá trị"),
        (("say", "-", "-o", "a.ogg", "--vioce", "x"), "không có tùy chọn --vioce; có phải --voice"),
        (("say", "-", "-o", "a.ogg", "--rate", "mau"), "--rate: phải là số nguyên"),
        (("say", "-", "-o", "a.ogg", "--rate", "9"), "--rate: phải từ 80 trở lên"),
        (("say", "-", "-o", "a.ogg", "--profile", "x"), "--profile: không có “x”, hãy chọn một trong: 'full', 'horn'"),
        (("recording", "check"), "còn thiếu TỆP"),
        (("read", "--lines=1"), "--lines không nhận giá trị"),
    ],
)
def test_a_command_that_is_typed_wrongly_is_told_in_both_languages(
    command: Command, typed: tuple[str, ...], says: str
) -> None:
    done = command(*typed)
    if not says:  # a group by itself shows its help
        assert "upgrade" in done.out
        return
    assert done.status == 2
    vietnamese, english = done.err.strip().splitlines()
    assert says in vietnamese
    assert "--help" in vietnamese
    assert not any(word in vietnamese for word in ("No such", "Missing", "Invalid", "not "))
    assert english.isascii() or "TỆP" in english


def test_where_nothing_can_be_written_is_told_before_any_work(command: Command, tmp_path: Path) -> None:
    (tmp_path / "thu-muc.ogg").mkdir()
    for out, why in (("khong-co/a.ogg", "không có thư mục"), ("thu-muc.ogg", "đây là thư mục")):
        done = command("say", "-", "-o", out, stdin="Chào.".encode())
        assert done.status == 1
        vietnamese, english = done.err.strip().splitlines()
        assert vietnamese.startswith("Không ghi được tệp")
        assert why in vietnamese
        assert "Can't write" in english
