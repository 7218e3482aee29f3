"""Reports as files and tables: the same for the API and the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rich.table import Table

from broadcast.airtime import UnitAirtime
from core.errors import Invalid

DEFAULT_DAYS = 30


def period(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """First and last local day of a report, both inclusive; without them the last 30 days. Raises Invalid."""
    last = last or today
    first = first or last - timedelta(days=DEFAULT_DAYS - 1)
    if last < first:
        raise Invalid(what="ngày cuối ở trước ngày đầu / the last date is before the first")
    return first, last


def instants(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The two instants between which the days lie."""
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def airtime_csv(rows: Sequence[UnitAirtime], first: date, last: date) -> str:
    """A sheet with a byte order mark, so that spreadsheets read the Vietnamese; durations in seconds."""
    out = io.StringIO(newline="")
    sheet = csv.writer(out)
    sheet.writerow(["unit", "name", "first_date", "last_date", "airings", "playouts", "programme_s", "cluster_s"])
    for row in rows:
        counts = [row.airings, row.playouts, round(row.programme_ms / 1000, 1), round(row.cluster_ms / 1000, 1)]
        sheet.writerow([row.unit_id, _cell(row.name), first, last, *counts])
    return "\ufeff" + out.getvalue()


def _cell(text: str) -> str:
    # A spreadsheet would run what begins like a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def airtime_table(rows: Sequence[UnitAirtime], first: date, last: date) -> Table:
    """For a terminal. Programme time and cluster time stand in columns of their own, never added together."""
    table = Table(title=f"Thời lượng phát đã được chứng minh, {first:%d/%m/%Y} – {last:%d/%m/%Y}", title_justify="left")
    table.add_column("Đơn vị")
    for heading in ("Lần phát", "Lượt phát", "Thời lượng chương trình", "Thời lượng theo cụm loa"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.name, str(row.airings), str(row.playouts), spoken_ms(row.programme_ms), spoken_ms(row.cluster_ms)
        )
    return table


def spoken_ms(duration_ms: int) -> str:
    """A duration as people say it: 1 phút 5,2 giây."""
    minutes, rest_ms = divmod(duration_ms, 60_000)
    rest = f"{rest_ms / 1000:.1f}".replace(".", ",") + " giây"
    return f"{minutes} phút {rest}" if minutes else rest
