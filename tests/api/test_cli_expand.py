"""`truyenthanh expand`, as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from api.cli import main

TRUYENTHANH = str(Path(sys.executable).with_name("truyenthanh"))


def expand(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TRUYENTHANH, "expand", *arguments], capture_output=True, text=True, check=False)


def test_one_start_a_line_with_its_offset() -> None:
    done = expand(
        *("--rrule", "FREQ=DAILY;BYHOUR=2,17;BYMINUTE=30", "--start", "2026-01-01T02:30", "--tz", "Europe/Berlin"),
        *("--from", "2026-03-28", "--to", "2026-03-31", "--exdate", "2026-03-30", "--exdate", "2026-03-28T17:30"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-29T17:30:00+02:00",
    ]


def test_the_first_day_counts_and_the_last_does_not() -> None:
    midnight = ("--rrule", "FREQ=DAILY", "--start", "2020-01-01T00:00")
    done = expand(*midnight, "--from", "2026-07-28", "--to", "2026-07-29")
    assert done.stdout == "2026-07-28T00:00:00+07:00\n"
    assert not expand(*midnight, "--from", "2026-07-28", "--to", "2026-07-28").stdout


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("--rrule", "FREQ=MINUTELY", "96 times a day"),
        ("--rrule", "", "it is empty"),
        ("--rrule", "FREQ=DAILY;UNTIL=20200101", "before the first"),
        ("--rrule", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never airs"),
        ("--start", "2026-02-30T05:00", "2026-02-30T05:00"),
        ("--start", "2026-07-28", "2026-07-28T17:00"),
        ("--start", "2026-07-28T17:00+07:00", "Give the zone apart"),
        ("--tz", "Asia/Bắc_Giang", "Asia/Ho_Chi_Minh"),
        ("--from", "28/07/2026", "28/07/2026"),
        ("--from", "0001-01-01", "outside the years 1900 to 2200"),
        ("--start", "0001-01-01", "outside the years 1900 to 2200"),
        ("--to", "2026-07-01", "Change one of the two"),
        ("--exdate", "tomorrow", "tomorrow"),
    ],
)
def test_bad_input_is_told_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, says: str
) -> None:
    good = {"--rrule": "FREQ=DAILY", "--start": "2026-07-28T17:00", "--from": "2026-07-28", "--to": "2026-08-28"}
    words = [word for pair in (good | {name: value}).items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["truyenthanh", "expand", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (1, "")
    assert len(said.err.splitlines()) == 2
    assert says in said.err.splitlines()[1]


def test_whoever_reads_no_further_hears_no_complaint() -> None:
    command = [TRUYENTHANH, "expand", "--rrule", "FREQ=DAILY", "--start", "1900-01-01T05:00"]
    with subprocess.Popen(
        [*command, "--from", "1900-01-01", "--to", "2200-01-01"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(b"1900-01-01T05:00:00+")
        process.stdout.close()
        assert process.stderr.read() == b""
