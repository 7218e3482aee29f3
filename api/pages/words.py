"""Dates, durations, numbers and states as people say them, in Vietnamese."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật")


@dataclass(frozen=True, slots=True)
class StateWord:
    """How a state of a playout is shown: never by colour alone."""

    name: str
    word: str
    rank: int  # the least advanced, or worst, has the lowest: what a group of receivers is headlined by
    troubled: bool = False


STATES: dict[str, StateWord] = {
    state.name: state
    for state in (
        StateWord("missed", "không phát", 0, troubled=True),
        StateWord("refused", "từ chối", 1, troubled=True),
        StateWord("partial", "phát một phần", 2, troubled=True),
        StateWord("unconfirmed", "chưa xác nhận", 3, troubled=True),
        StateWord("playing", "đang phát", 4),
        StateWord("planned", "đã lên lịch", 5),
        StateWord("delivered", "đã gửi", 6),
        StateWord("ready", "sẵn sàng", 7),
        StateWord("finished", "phát đủ", 8),
        StateWord("cancelled", "đã hủy", 9),
    )
}

# Reasons that the system itself gives, as a person would say them; a reason not listed is shown as it is.
REASONS: dict[str, str] = {
    "quiet-hours": "trong giờ yên lặng",
    "cap-item": "bản tin dài quá mức cho phép",
    "cap-airing": "lần phát dài quá mức cho phép",
    "cap-day": "đã phát đủ số phút của ngày",
    "cap-emergency": "tin khẩn cấp dài quá mức cho phép",
    "muted": "đang tắt tiếng",
    "no-plan": "không có lịch",
    "plan-not-yet-valid": "lịch chưa tới ngày",
    "plan-expired": "lịch đã hết hạn",
    "cloned-card": "thẻ nhớ bị sao chép",
    "revoked": "bộ thu đã bị thu hồi",
    "output-lost": "cạc âm thanh bị treo giữa chừng",
    "no-audio": "chưa tải đủ âm thanh",
    "damaged-audio": "âm thanh bị hỏng",
    "busy": "đang phát lần khác",
    "preempted": "nhường tin ưu tiên hơn",
    "hard-end": "hết khung giờ",
    "power-off": "mất điện",
    "stopped": "đã được dừng",
    "not-accepted": "chưa nhận lịch",
    "refused": "từ chối",
    "offline": "mất kết nối",
    "relay-fallback": "không tiếp sóng được, đã phát âm thanh dự phòng",
    "relay-unsupported": "bộ thu không tiếp sóng được",
}


def sort_key(name: str) -> tuple[str, str]:
    """The order of a Vietnamese list: by letters without marks (đ after d), then by marks."""
    lower = name.casefold()
    plain = "".join(letter for letter in unicodedata.normalize("NFD", lower) if not unicodedata.combining(letter))
    return plain.replace("đ", "d\uffff"), lower


def state(name: str) -> StateWord:
    return STATES.get(name) or StateWord(name, name, 3, troubled=True)


def reason(code: str | None) -> str:
    return REASONS.get(code, code) if code else ""


def number(value: int) -> str:
    """1234567 as 1.234.567."""
    return f"{value:,}".replace(",", ".")


def duration(ms: int) -> str:
    """`2 phút 5 giây`; hours without seconds."""
    seconds = round(ms / 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = []
    if hours:
        parts.append(f"{hours} giờ")
    if minutes:
        parts.append(f"{minutes} phút")
    if (seconds and not hours) or not parts:
        parts.append(f"{seconds} giây")
    return " ".join(parts)


def span(gap: timedelta) -> str:
    """A waiting time, roughly: `12 phút`, `40 giây`, `3 giờ 5 phút`."""
    seconds = max(0, round(gap.total_seconds()))
    if seconds < 100:
        return f"{seconds} giây"
    return duration(round(seconds / 60) * 60_000)


def long_date(instant: datetime, zone: ZoneInfo) -> str:
    """`Thứ Năm, ngày 30 tháng 7 năm 2026`."""
    local = instant.astimezone(zone)
    return f"{WEEKDAYS[local.weekday()]}, ngày {local.day} tháng {local.month} năm {local.year}"


def short_date(instant: datetime, zone: ZoneInfo) -> str:
    """`30/7/2026`."""
    local = instant.astimezone(zone)
    return f"{local.day}/{local.month}/{local.year}"


def clock_time(instant: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    return instant.astimezone(zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def when(instant: datetime, now: datetime, zone: ZoneInfo) -> str:
    """When something will be, seen from now: `hôm nay 17:00`, `ngày mai 05:30`, `Thứ Năm 30/7 17:00`."""
    local = instant.astimezone(zone)
    ahead = (local.date() - now.astimezone(zone).date()).days
    near = {0: "hôm nay", 1: "ngày mai"}.get(ahead)
    return f"{near or f'{WEEKDAYS[local.weekday()]} {local.day}/{local.month}'} {local:%H:%M}"


def full_time(instant: datetime, zone: ZoneInfo) -> str:
    """The whole of it, for hovering and for print: `17:00:00 Thứ Năm 30/7/2026`."""
    local = instant.astimezone(zone)
    return f"{local:%H:%M:%S} {WEEKDAYS[local.weekday()]} {local.day}/{local.month}/{local.year}"


def ago(instant: datetime, now: datetime, zone: ZoneInfo) -> str:
    """When something was, seen from now: `vừa xong`, `5 phút trước`, `lúc 16:02`, `hôm qua 16:02`, `Thứ Năm 30/7`."""
    gap = now - instant
    if gap < timedelta(seconds=90):
        return "vừa xong"
    if gap < timedelta(minutes=60):
        return f"{round(gap.total_seconds() / 60)} phút trước"
    local, today = instant.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"lúc {local:%H:%M}"
    if local.date() == today - timedelta(days=1):
        return f"hôm qua {local:%H:%M}"
    return f"{WEEKDAYS[local.weekday()]} {local.day}/{local.month}"
