"""Rules and what breaks them, as sentences in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from core.clock import from_ms
from schedules.airtime_limits import Violation
from schedules.conflicts import CLASS_NAMES
from schedules.rules import BELOW_EMERGENCY, EVERY_DAY, SPANNED, Kind, SoundRule, Span

# What a rule of the kind is called, in Vietnamese and English.
NAMES: dict[Kind, tuple[str, str]] = {
    "quiet": ("giờ yên tĩnh", "quiet hours"),
    "window": ("khung giờ được phát", "allowed hours"),
    "item_ms": ("mỗi mục dài nhất", "longest item"),
    "session_ms": ("mỗi buổi dài nhất", "longest session"),
    "day_ms": ("thời lượng mỗi ngày", "airtime a day"),
    "week_ms": ("thời lượng mỗi tuần", "airtime a week"),
    "sessions_a_day": ("số buổi mỗi ngày", "sessions a day"),
    "days_a_week": ("số ngày phát mỗi tuần", "days a week"),
    "gap_ms": ("nghỉ giữa hai buổi", "pause between sessions"),
    "repeats": ("phát lại cùng bản tin", "repeats of a bulletin"),
    "volume": ("âm lượng cao nhất", "highest volume"),
    "curve": ("âm lượng theo giờ", "volume by the hour"),
    "emergency_ms": ("tin khẩn cấp dài nhất", "longest emergency"),
}
_DAYS_VI = ("T2", "T3", "T4", "T5", "T6", "T7", "CN")
_DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKDAYS_VI = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")


def rule_text(rule: SoundRule, language: str = "vi") -> str:
    """The rule in few words: “mỗi buổi dài nhất: 15 phút (thông thường)”."""
    vi = language == "vi"
    text = f"{NAMES[rule.kind][0 if vi else 1]}: {_substance(rule, vi=vi)}"
    if rule.classes != BELOW_EMERGENCY:
        named = CLASS_NAMES if vi else {"priority": "priority", "ordinary": "ordinary"}
        text += f" ({', '.join(named[one] for one in rule.classes)})"
    return text


def _substance(rule: SoundRule, *, vi: bool) -> str:
    if rule.kind in SPANNED:
        return "; ".join(_span_text(span, vi=vi) for span in rule.spans)
    if rule.kind == "curve":
        return "; ".join(f"{step.at:%H:%M} {step.volume} %" for step in sorted(rule.steps, key=lambda one: one.at))
    if rule.kind.endswith("_ms"):
        return span_text(rule.value, vi=vi)
    if rule.kind == "volume":
        return f"{rule.value} %"
    if rule.kind == "repeats":
        return f"{rule.value} lần trong {rule.days} ngày" if vi else f"{rule.value} times in {rule.days} days"
    return str(rule.value)


def _span_text(span: Span, *, vi: bool) -> str:
    text = f"{span.begins:%H:%M}–{span.ends:%H:%M}"
    if set(span.weekdays) != set(EVERY_DAY):
        names = _DAYS_VI if vi else _DAYS_EN
        text += f" {', '.join(names[day - 1] for day in sorted(set(span.weekdays)))}"
    return text


def span_text(ms: int, *, vi: bool = True) -> str:
    """A duration as people say it: “2 phút 5 giây”."""
    seconds = -(-ms // 1000)
    hours, minutes, seconds = seconds // 3600, seconds % 3600 // 60, seconds % 60
    parts = ((hours, "giờ", "h"), (minutes, "phút", "min"), (seconds, "giây", "s"))
    return " ".join(f"{count} {name if vi else short}" for count, name, short in parts if count) or (
        "0 giây" if vi else "0 s"
    )


def sentence(violation: Violation, unit: str, zone: ZoneInfo, language: str = "vi") -> str:
    """What it is, whose rule it breaks, by how much, and what would mend it. `unit` is the name of whose rule it is."""
    vi = language == "vi"
    entry, rule = violation.entry, violation.rule
    when = _when(entry.starts_at, zone, vi=vi)
    what = f"“{entry.title}” " if entry.title else ""
    text = rule_text(rule, language)
    if vi:
        said = f"{what}lúc {when} {_how(violation, vi=vi)} ({text}; {unit} quy định)."
    else:
        said = f"{what}at {when} {_how(violation, vi=vi)} ({text}; set by {unit})."
    return said + _mend_text(violation, zone, vi=vi)


def _how(violation: Violation, *, vi: bool) -> str:
    over, kind = violation.over, violation.kind
    if kind == "quiet":
        said = "rơi vào giờ yên tĩnh {}", "falls into the quiet hours for {}"
    elif kind == "window":
        said = "nằm ngoài khung giờ được phát {}", "is outside of the allowed hours for {}"
    elif kind == "gap_ms":
        said = "cách buổi bên cạnh ít hơn mức cần {}", "is nearer to the next session than it may be, by {}"
    elif kind == "repeats":
        said = "phát lại một bản tin quá {} lần", "repeats a bulletin {} times too often"
    elif kind == "sessions_a_day":
        said = "là buổi quá số cho phép trong ngày ({})", "is a session too many on that day ({})"
    elif kind == "days_a_week":
        said = "là ngày phát quá số cho phép trong tuần ({})", "is a day too many in that week ({})"
    else:
        said = "dài quá {}", "is too long by {}"
    amount = str(over) if kind in {"repeats", "sessions_a_day", "days_a_week"} else span_text(over, vi=vi)
    return said[0 if vi else 1].format(amount)


def _mend_text(violation: Violation, zone: ZoneInfo, *, vi: bool) -> str:
    mend = violation.mend
    if mend is None:
        return " Hãy bỏ lần phát này." if vi else " Leave this airing out."
    ways: list[str] = []
    if mend.at is not None:
        when = _when(mend.at, zone, vi=vi)
        ways.append(f"phát lúc {when}" if vi else f"air it at {when}")
    if mend.shorter_ms is not None:
        less = span_text(mend.shorter_ms, vi=vi)
        ways.append(f"rút ngắn {less}" if vi else f"make it {less} shorter")
    return f" Có thể {', hoặc '.join(ways)}." if vi else f" You can {', or '.join(ways)}."


def _when(at: int, zone: ZoneInfo, *, vi: bool) -> str:
    local = from_ms(at).astimezone(zone)
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return f"{clock} {_weekday(local, vi=vi)} {local:%d/%m/%Y}"


def _weekday(local: datetime, *, vi: bool) -> str:
    names: Sequence[str] = _WEEKDAYS_VI if vi else _DAYS_EN
    return names[local.weekday()]
