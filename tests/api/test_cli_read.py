"""`truyenthanh read`: what it prints in each shape, and what it says of input that can't be read."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from api.cli import main
from audio import lexicon
from core import units
from core.clock import SystemClock
from core.database import Database
from core.events import Actor

Run = Callable[..., tuple[int, str, str]]
PROGRAM = [sys.executable, "-c", "from api.cli import main; main()", "read"]
DAMAGED = (
    "Ủy ban nhân dân xã đề nghị bà con chủ động phòng, chống cháy rừng, phòng chống đuối nước ".encode() + b"\xe1\xbb\n"
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `truyenthanh …` in this process: exit status, output, errors."""
    monkeypatch.setenv("TRUYENTHANH_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.root, "handlers", logging.root.handlers[:])
    monkeypatch.setattr(logging.root, "level", logging.root.level)

    def call(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["truyenthanh", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_json_tells_every_span_and_doubt_with_its_place(run: Run) -> None:
    text = "Gọi 113.\nTại trạm XYZW, ngày 30/7."
    status, out, err = run("read", "--json", stdin=text.encode())
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert list(told) == ["spoken", "spans", "warnings"]
    assert told["spoken"].endswith("ngày ba mươi tháng bảy.")
    for span in told["spans"]:
        assert text[span["offset"] :].startswith(span["written"])
        assert set(span) == {"written", "spoken", "kind", "offset", "certainty"}
    (warning,) = told["warnings"]
    assert (warning["written"], warning["line"], warning["offset"]) == ("XYZW", 2, text.index("XYZW"))
    assert warning["suggestions"]
    assert warning["message"]["vi"].startswith("dòng 2")


def test_lines_of_json_are_one_object_for_each_line(run: Run) -> None:
    status, out, _ = run("read", "--lines", "--json", stdin=b"\xef\xbb\xbf5 km\r\n\r\nXYZW\n***")
    told = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [one["spoken"] for one in told][:2] == ["năm ki lô mét", ""]
    assert [doubt["line"] for doubt in told[2]["warnings"]] == [3]
    assert told[3]["spoken"] == ""


def test_what_holds_line_breaks_of_another_kind_stays_one_line(run: Run) -> None:
    status, out, _ = run("read", "--lines", stdin="Một đoạn.\x0b\u2028\u2029Hai đoạn.\x0c\rBa.\nHết\n".encode())
    assert status == 0
    assert len(out.splitlines()) == 2


def test_lines_of_utf16_are_read(run: Run) -> None:
    status, out, _ = run("read", "--lines", stdin="5 km\n\nngày 30/7\n".encode("utf-16"))
    assert (status, out) == (0, "năm ki lô mét\n\nngày ba mươi tháng bảy\n")


def test_doubts_of_lines_go_to_the_errors_with_the_number_of_the_line(run: Run) -> None:
    status, out, err = run("read", "--lines", stdin="Xin chào.\nTrạm XYZW.\n".encode())
    assert (status, len(out.splitlines())) == (0, 2)
    assert "dòng 2: “XYZW”" in err


def test_explain_is_a_table_with_the_doubts_below(run: Run) -> None:
    status, out, _ = run("read", "--explain", stdin="Ngày 30/7 tại [b]trạm[/b] XYZW".encode())
    assert status == 0
    assert out.index("ba mươi tháng bảy") < out.index("Loại") < out.index("ngày tháng") < out.index("Chưa chắc")
    assert "100%" in out
    assert "30%" in out


@pytest.mark.parametrize("other", ["--json", "--lines"])
def test_a_table_is_for_one_text_and_for_people(run: Run, other: str) -> None:
    status, _, err = run("read", "--explain", other, stdin=b"5 km")
    assert status == 1
    assert "--explain" in err


@pytest.mark.parametrize("shape", [(), ("--lines",), ("--json",), ("--explain",)])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "trống"),
        ("C«ng v¨n sè 12 vÒ viÖc tuyªn truyÒn phßng chèng mua b¸n ng\xadêi".encode("latin-1"), "TCVN3"),
        (b"%PDF-1.7 \x00\x01\x02", "PDF"),
        (b"Xin \x00\x01\x02\x03 \xff\xfe\x00", "nhị phân"),
        (DAMAGED, "hỏng"),
    ],
)
def test_what_is_no_text_is_refused_by_name(run: Run, shape: tuple[str, ...], data: bytes, words: str) -> None:
    status, out, err = run("read", *shape, stdin=data)
    assert (status, out) == (1, "")
    assert words.lower() in err.lower()
    assert "Traceback" not in err


@pytest.mark.parametrize("shape", ["--json", "--explain"])
def test_a_text_of_symbols_alone_is_refused(run: Run, shape: str) -> None:
    status, out, err = run("read", shape, stdin=b"*** --- ~~~")
    assert (status, out) == (1, "")
    assert "chỉ có ký hiệu" in err
    assert "only symbols" in err


def test_a_damaged_line_is_named_and_what_stands_before_it_was_printed(run: Run) -> None:
    status, out, err = run("read", "--lines", stdin=b"5 km\n" + DAMAGED + b"5 km\n")
    assert (status, out) == (1, "năm ki lô mét\n")
    assert "Dòng 2" in err


@pytest.mark.parametrize("shape", [(), ("--lines",)])
def test_a_file_or_folder_that_cannot_be_read_is_named(run: Run, tmp_path: Path, shape: tuple[str, ...]) -> None:
    for source in ("khong-co.txt", str(tmp_path)):
        status, _, err = run("read", source, *shape)
        assert status == 1
        assert source in err


def test_a_unit_reads_with_its_lexicon_by_id_and_by_name(run: Run) -> None:
    assert run("db", "upgrade")[0] == 0
    db = Database("sqlite:///var/truyenthanh.db")
    actor = Actor("user:an", "An")
    with db.writing() as session:
        unit_id = units.add(session, kind="province", name="Tỉnh Bắc Ninh", since=date(2020, 1, 1)).id
        lexicon.put(session, unit_id, written="XYZW", spoken="xanh", number=0, actor=actor, clock=SystemClock())
    db.close()
    for wanted in (unit_id, "Tỉnh Bắc Ninh"):
        assert run("read", "--unit", wanted, stdin="Trạm XYZW".encode())[:2] == (0, "trạm xanh\n")
    status, _, err = run("read", "--unit", "Xã Không Có", stdin=b"5 km")
    assert status == 1
    assert "Xã Không Có" in err


def test_each_line_is_answered_before_the_next_one_is_there() -> None:
    with subprocess.Popen([*PROGRAM, "--lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(b"5 km\n")
            process.stdin.flush()
            assert process.stdout.readline().decode() == "năm ki lô mét\n"
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_a_pipe_that_nobody_reads_any_more_is_left_quietly(tmp_path: Path) -> None:
    (tmp_path / "dai.txt").write_text("Ngày 30/7.\n" * 5000, encoding="utf-8")
    with subprocess.Popen(
        [*PROGRAM, "--lines", str(tmp_path / "dai.txt")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) != 0
