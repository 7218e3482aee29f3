"""What the demo shows on the terminal: progress while it works, then tables.

With --json all of it goes to standard error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.reports import airtime_table, spoken_ms
from broadcast.airtime import UnitAirtime
from core.profiles import PROFILE_VI

STATES = {
    "planned": "○ đã lên lịch",
    "delivered": "◔ đã gửi",
    "ready": "◑ sẵn sàng",
    "playing": "▶ đang phát",
    "finished": "● phát đủ",
    "partial": "◐ phát một phần",
    "missed": "✕ không phát",
    "refused": "⊘ từ chối",
    "unconfirmed": "? chưa xác nhận",
}


class Screen:
    """Plain sentences, progress bars and tables."""

    def __init__(self, *, to_stderr: bool, zone: ZoneInfo) -> None:
        self.console = Console(stderr=to_stderr, highlight=False)
        self.zone = zone

    def say(self, text: str) -> None:
        self.console.print(text)

    @contextmanager
    def progress(self, what: str, total: float, *, counted: bool = True) -> Iterator[Any]:
        """A bar; the block gets a function that sets how much is done."""
        columns: list[Any] = [TextColumn("{task.description:<34}"), BarColumn(bar_width=30)]
        columns += [MofNCompleteColumn()] if counted else [TimeElapsedColumn()]
        with Progress(*columns, console=self.console) as bars:
            task = bars.add_task(what, total=total)

            def done(amount: float) -> None:
                bars.update(task, completed=min(amount, total))

            yield done

    def facts(self, title: str, facts: dict[str, str | None]) -> None:
        """Names and values; what isn't there is said, not left out."""
        table = Table(title=title, title_justify="left", show_header=False, box=None)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(name, value or "[italic]không có trong văn bản[/italic]")
        self.console.print(table)

    def playouts(self, rows: Iterable[dict[str, Any]], names: dict[str, str]) -> None:
        """Planned beside actual, a line a receiver."""
        table = Table(title="Lượt phát theo bộ thu", title_justify="left")
        table.add_column("Xã, phường")
        table.add_column("Bộ thu")
        table.add_column("Bản phát", no_wrap=True)
        table.add_column("Hẹn", no_wrap=True)
        table.add_column("Lệch", justify="right", no_wrap=True)
        table.add_column("Đã phát", justify="right")
        table.add_column("Trạng thái")
        for row in rows:
            planned, started = row["planned_at"], row["started_at"]
            late_ms = (_instant(started) - _instant(planned)).total_seconds() * 1000 if started else None
            table.add_row(
                names.get(row["unit"], row["unit"]),
                names.get(row["receiver"], row["receiver"]),
                PROFILE_VI[row["profile"]],
                _instant(planned).astimezone(self.zone).strftime("%H:%M:%S"),
                f"{late_ms:+.0f} ms" if late_ms is not None else "–",
                spoken_ms(row["played_ms"]),
                STATES[row["state"]] + (f" ({row['reason']})" if row["reason"] else ""),
            )
        self.console.print(table)

    def airtime(self, rows: Sequence[UnitAirtime], day: date) -> None:
        self.console.print(airtime_table(rows, day, day))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
