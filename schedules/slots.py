"""Sessions (buổi phát) as plain data: a standing frame of slots in order, and what a slot comes to on a day.

1. A slot begins where the one before it ends, by their lengths, and never later: it has a hard end. What is too long
   for it is refused, unless whoever fills it allows the end to be cut; so nothing ever shifts a relay that follows.
2. A programme slot is filled by date. Where nobody did, its standing programme airs; where it has none the slot is
   open, and at its fill-by its fallback decides. A relay is never filled, and never dropped.
3. A schedule of one programme is a session with one slot, as long as the programme, which stands in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, islice, pairwise
from typing import Any, Literal, Protocol, get_args
from zoneinfo import ZoneInfo

from schedules.recurrence import Rule, next_after, occurrences
from schedules.rrule import MOST_A_DAY
from schedules.slot_errors import BadSlot, NoSlots, SessionOverlapsItself, SessionTooLong

SlotKind = Literal["relay", "programme"]
Fallback = Literal["previous", "music", "silence", "close"]

MOST_SLOTS = 24
LEAST_MS = 5_000
LONGEST_MS = 12 * 60 * 60 * 1000
LONGEST_FILL_BY_MIN = 7 * 24 * 60
_FORESEEN = 8 * MOST_A_DAY  # occurrences that are looked at: every weekday with its times is among them


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """One slot as somebody wants it. `id` empty: a new one.

    `programme_id` stands in it on every day for which nobody fills it; `music_id` is what its fallback plays. Both
    come with their durations. `each_commune`: each commune of the targets fills its own, and `owner_id` is None.
    """

    kind: SlotKind
    title: str
    length_ms: int
    owner_id: str | None = None
    each_commune: bool = False
    fill_by_min: int = 0  # minutes before its start
    fallback: Fallback = "silence"
    music_id: str | None = None
    programme_id: str | None = None
    programme_ms: int = 0
    source: str | None = None  # of a relay: the name of a pinned source
    id: str = ""


class _Slot(Protocol):
    """What is read of a slot's row."""

    kind: Any
    length_ms: Any
    programme_id: Any
    programme_ms: Any


class _Filling(Protocol):
    programme_id: Any
    programme_ms: Any
    cut: Any


@dataclass(frozen=True, slots=True)
class Content:
    """What a slot comes to on a day: its airing's status, programme and length."""

    status: Literal["scheduled", "open"]
    programme_id: str | None
    duration_ms: int


def content(slot: _Slot, filling: _Filling | None) -> Content | None:
    """What airs in the slot with this filling, or with none. None: silence was decided."""
    if slot.kind == "relay":
        return Content("scheduled", None, slot.length_ms)
    if filling is None:
        if slot.programme_id is None:
            return Content("open", None, slot.length_ms)
        return Content("scheduled", slot.programme_id, min(slot.programme_ms, slot.length_ms))
    if filling.programme_id is None:
        return None
    if filling.programme_ms > slot.length_ms and not filling.cut:  # the slot was shortened since
        return Content("open", None, slot.length_ms)
    return Content("scheduled", filling.programme_id, min(filling.programme_ms, slot.length_ms))


def offsets(lengths_ms: Sequence[int]) -> list[int]:
    """When each slot begins, in milliseconds after the session's start."""
    return [0, *accumulate(lengths_ms)][: len(lengths_ms)]


def checked(specs: Sequence[SlotSpec]) -> list[SlotSpec]:
    """The slots, if they make a session; raises a subclass of `Invalid` that names the slot and the way out."""
    if not 1 <= len(specs) <= MOST_SLOTS:
        raise NoSlots(count=len(specs), most=MOST_SLOTS)
    for number, spec in enumerate(specs, 1):
        for vi, en in _wrong(spec):
            raise BadSlot(number=number, title=spec.title, vi_why=vi, en_why=en)
    total = sum(spec.length_ms for spec in specs)
    if total > LONGEST_MS:
        raise SessionTooLong(minutes=round(total / 60_000), most=LONGEST_MS // 60_000)
    return list(specs)


def require_apart(rule: Rule, total_ms: int, now: datetime) -> None:
    """Raises `SessionOverlapsItself` where the rule begins the session again before it is over."""
    first = next_after(rule, now)
    if first is None:
        return
    zone = ZoneInfo(rule.zone)
    for one, other in pairwise(islice(occurrences(rule, first, first + timedelta(weeks=8)), _FORESEEN)):
        if other - one < timedelta(milliseconds=total_ms):
            raise SessionOverlapsItself(
                minutes=-(-total_ms // 60_000),
                first=f"{one.astimezone(zone):%H:%M %d/%m/%Y}",
                second=f"{other.astimezone(zone):%H:%M %d/%m/%Y}",
                gap=(other - one) // timedelta(minutes=1),
            )


def _wrong(spec: SlotSpec) -> Iterator[tuple[str, str]]:
    """What is wrong with a slot, in both languages."""
    if spec.kind not in get_args(SlotKind) or spec.fallback not in get_args(Fallback):
        kinds, fallbacks = ", ".join(get_args(SlotKind)), ", ".join(get_args(Fallback))
        yield (
            f"loại hoặc cách dự phòng không có; hãy chọn loại trong {kinds}, dự phòng trong {fallbacks}",
            f"there is no such kind or fallback; choose a kind of {kinds}, a fallback of {fallbacks}",
        )
    if not LEAST_MS <= spec.length_ms <= LONGEST_MS:
        yield (
            f"dài {spec.length_ms} ms; hãy ghi từ {LEAST_MS // 1000} giây đến {LONGEST_MS // 3_600_000} giờ",
            f"{spec.length_ms} ms long; make it {LEAST_MS // 1000} seconds to {LONGEST_MS // 3_600_000} hours",
        )
    if not 0 <= spec.fill_by_min <= LONGEST_FILL_BY_MIN:
        yield (
            "hạn xếp: hãy ghi từ 0 phút đến 7 ngày trước giờ phát",
            "fill-by: give 0 minutes to 7 days before its start",
        )
    if spec.each_commune and spec.owner_id is not None:
        yield (
            "hoặc mỗi xã tự xếp, hoặc một đơn vị chủ trì; hãy bỏ một trong hai",
            "either each commune fills its own, or one unit owns it; leave one of the two out",
        )
    if spec.fallback == "music" and spec.music_id is None:
        yield (
            "chưa chọn chương trình nhạc dự phòng; hãy nêu chương trình (music_id), hoặc đổi cách dự phòng",
            "no programme is chosen for its music; name one (music_id), or choose another fallback",
        )
    if spec.kind == "relay":
        yield from _wrong_relay(spec)
    elif spec.source is not None:
        yield (
            "chỉ khung tiếp sóng mới có nguồn; hãy bỏ nguồn (source), hoặc đổi loại khung thành tiếp sóng (relay)",
            "only a relay has a source; leave the source out, or make the slot a relay",
        )
    elif spec.programme_id is not None and spec.programme_ms > spec.length_ms:
        yield (
            f"chương trình cố định dài {spec.programme_ms} ms, dài hơn khung; hãy chọn chương trình ngắn hơn",
            f"its standing programme is {spec.programme_ms} ms long, longer than the slot; choose a shorter one",
        )


def _wrong_relay(spec: SlotSpec) -> Iterator[tuple[str, str]]:
    if not spec.source:
        yield (
            "khung tiếp sóng chưa có nguồn; hãy nêu nguồn (source), ví dụ vov1, hoặc đổi loại khung thành programme",
            "a relay needs a source; name it (source), such as vov1, or make the slot one of kind programme",
        )
    if spec.each_commune or spec.programme_id is not None:
        yield (
            "khung tiếp sóng không do ai xếp chương trình; hãy bỏ chương trình (programme_id) và each_commune",
            "a relay is not filled by anybody; leave programme_id and each_commune out",
        )
    if spec.fallback not in {"silence", "music"}:
        yield (
            "khung tiếp sóng chỉ dự phòng bằng nhạc hoặc im lặng; hãy chọn music hoặc silence",
            "a relay falls back to music or silence only; choose one of them",
        )
