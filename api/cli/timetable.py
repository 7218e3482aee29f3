"""Commands of the timetable: see what a rule of repetition comes to."""

from __future__ import annotations

import sys
from datetime import datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from schedules.errors import BadRule, EndsBeforeItStarts
from schedules.localtime import instant_of, read_date, read_exdate, read_start
from schedules.recurrence import Rule, occurrences, require_occurrences


def register(app: typer.Typer) -> None:
    app.command("expand")(expand)


def expand(
    rrule: Annotated[str, typer.Option("--rrule", help="Quy tắc lặp / RRULE: FREQ=WEEKLY;BYDAY=MO,FR")],
    start: Annotated[str, typer.Option("--start", help="Lần đầu, giờ địa phương / local: 2026-07-28T17:00")],
    since: Annotated[str, typer.Option("--from", help="Từ ngày / from this local day: 2026-07-28")],
    until: Annotated[str, typer.Option("--to", help="Trước ngày / before this local day: 2026-08-28")],
    zone: Annotated[str, typer.Option("--tz", help="Múi giờ / zone")] = "Asia/Ho_Chi_Minh",
    exdate: Annotated[
        list[str] | None, typer.Option("--exdate", help="Bỏ một ngày hay một giờ phát / leave out; may be repeated")
    ] = None,
) -> None:
    """Các lần phát của một quy tắc lặp / the starts that a rule comes to, one a line, with their offset."""
    if not rrule.strip():
        raise BadRule(rule=rrule, why="đang để trống / it is empty")
    rule = Rule.of(rrule, read_start(start), zone)
    first, last = read_date(since), read_date(until)
    if last < first:
        raise EndsBeforeItStarts(first=first, last=last)
    require_occurrences(rule)
    left_out = [read_exdate(one, zone) for text in exdate or [] for one in text.split(",")]
    rule = Rule.of(rrule, rule.start, zone, exdates=left_out)
    there = ZoneInfo(zone)
    edges = [instant_of(datetime.combine(day, time()), zone) for day in (first, last)]
    for instant in occurrences(rule, *edges):
        sys.stdout.write(f"{instant.astimezone(there).isoformat()}\n")
