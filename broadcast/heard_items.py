"""What is told of one programme at a place: its state, its words, its times. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from core.clock import to_ms
from schedules.conflicts import CLASS_NAMES, Class, clock_time

State = Literal[
    "planned",
    "delivered",
    "ready",
    "playing",
    "finished",
    "partial",
    "missed",
    "refused",
    "unconfirmed",
    "cancelled",
    "gives_way",
    "against_rules",
    "declined",
    "unanswered",
]
WORDS: dict[State, str] = {
    "planned": "đã lên lịch",
    "delivered": "đã gửi tới bộ thu",
    "ready": "bộ thu đã sẵn sàng",
    "playing": "đang phát",
    "finished": "đã phát đủ",
    "partial": "đã phát một phần",
    "missed": "không phát",
    "refused": "bộ thu từ chối",
    "unconfirmed": "chưa xác nhận",
    "cancelled": "đã hủy",
    "gives_way": "không phát",
    "against_rules": "trái quy định phát, không phát",
    "declined": "xã không tiếp nhận, không phát",
    "unanswered": "xã chưa tiếp nhận, không phát",
}
SILENT: frozenset[State] = frozenset(
    {"missed", "refused", "cancelled", "gives_way", "against_rules", "declined", "unanswered"}
)


@dataclass(frozen=True, slots=True)
class Item:
    """One programme at a place. `starts_at` … `ends_at` is when it is planned there; `timetable_at` its own time."""

    kind: Literal["airing", "command"]
    id: str
    schedule_id: str | None
    title: str
    class_: Class
    starts_at: datetime
    ends_at: datetime
    timetable_at: datetime | None
    state: State
    told: str
    warnings: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    played_ms: int = 0
    receivers: int = 1

    @property
    def planned_ms(self) -> int:
        """What is or was to sound of it there."""
        return 0 if self.state in SILENT else round((self.ends_at - self.starts_at) / timedelta(milliseconds=1))


def told(
    title: str, class_: Class, begins: datetime, ends: datetime, state: State, zone: ZoneInfo, played_ms: int = 0
) -> str:
    """It as a Vietnamese sentence."""
    span = f"{clock_time(to_ms(begins), zone)}–{clock_time(to_ms(ends), zone)}"
    length = duration((ends - begins) // timedelta(milliseconds=1))
    proven = f" {duration(played_ms)}" if state == "partial" else ""
    return f"{span} “{title}” ({CLASS_NAMES[class_]}), {length}: {WORDS[state]}{proven}"


def duration(ms: int) -> str:
    """As people say it: “12 phút 5 giây”."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    return (
        " ".join(said for said in (f"{minutes} phút" if minutes else "", f"{seconds} giây" if seconds else "") if said)
        or "0 giây"
    )
