"""Short notices (thông báo nhanh): wordings with gaps that a commune's officer fills in. Pure.

A template is Vietnamese text with named gaps in braces; `{unit}` is the committee that speaks. Days and times are said
as people say them. A gap that may stay empty takes the words around it along: what stands between `[` and `]` is left
out with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Literal

from core.errors import Invalid, NotFound
from devices.protocol.plan import BroadcastClass

WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")
GAP_MAX = 1000  # characters
BLANK = "____"  # the reader marks it as a place where something is still to be filled in

_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_GAP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Gap:
    """Something to fill in. `example` shows what is meant."""

    name: str
    label: str
    kind: Literal["text", "long", "date", "time"] = "text"
    example: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    title: str
    text: str
    gaps: tuple[Gap, ...]
    class_: BroadcastClass = "ordinary"


_DAY = Gap("ngay", "Ngày", "date")
_FROM, _TO = Gap("tu", "Từ", "time"), Gap("den", "Đến", "time")
_PLACE = Gap("dia_diem", "Ở đâu", example="thôn Đông và thôn Đoài")
_MORE = Gap("them", "Nói thêm", "long", optional=True)

TEMPLATES: tuple[Template, ...] = (
    Template(
        "mat-dien",
        "Tạm ngừng cấp điện",
        "{unit} xin thông báo: {ngay}, từ {tu} đến {den}, tạm ngừng cấp điện tại {dia_diem}[ để {viec}]. Đề nghị bà "
        "con chủ động sắp xếp sinh hoạt và sản xuất.[ {them}] Xin cảm ơn bà con.",
        (_DAY, _FROM, _TO, _PLACE, Gap("viec", "Để làm gì", example="sửa chữa đường dây", optional=True), _MORE),
    ),
    Template(
        "mat-nuoc",
        "Tạm ngừng cấp nước",
        "{unit} xin thông báo: {ngay}, từ {tu} đến {den}, tạm ngừng cấp nước tại {dia_diem}. Đề nghị bà con trữ "
        "nước để dùng.[ {them}] Xin cảm ơn bà con.",
        (_DAY, _FROM, _TO, _PLACE, _MORE),
    ),
    Template(
        "moi-hop",
        "Mời họp",
        "{unit} trân trọng kính mời {ai} đến dự {viec}, vào hồi {tu}, {ngay}, tại {dia_diem}.[ {them}] Rất mong bà con "
        "đến đông đủ và đúng giờ.",
        (
            Gap("ai", "Mời ai", example="toàn thể bà con thôn Đông"),
            Gap("viec", "Việc gì", example="họp thôn bàn việc làm đường"),
            _DAY,
            Gap("tu", "Giờ", "time"),
            Gap("dia_diem", "Ở đâu", example="nhà văn hóa thôn Đông"),
            _MORE,
        ),
    ),
    Template(
        "tiem-chung",
        "Tiêm chủng, khám bệnh",
        "{unit} xin thông báo: {ngay}, từ {tu} đến {den}, tại {dia_diem}, tổ chức {viec} cho {ai}. Đề nghị bà con đến "
        "đúng giờ.[ {them}] Xin cảm ơn bà con.",
        (
            Gap("viec", "Việc gì", example="tiêm vắc-xin sởi"),
            Gap("ai", "Cho ai", example="trẻ từ 9 đến 24 tháng tuổi"),
            _DAY,
            _FROM,
            _TO,
            Gap("dia_diem", "Ở đâu", example="trạm y tế xã"),
            _MORE,
        ),
    ),
    Template(
        "thoi-tiet",
        "Mưa bão, lũ, nắng nóng",
        "{unit} xin thông báo: {tin}. Đề nghị bà con {lam}.[ Khi cần giúp đỡ, xin gọi số {so}.][ {them}]",
        (
            Gap("tin", "Tin gì", "long", example="từ chiều nay đến sáng mai có mưa rất to, đề phòng lũ quét"),
            Gap("lam", "Bà con cần làm gì", "long", example="không qua ngầm tràn, đưa người và của lên chỗ cao"),
            Gap("so", "Số gọi khi cần", example="112", optional=True),
            _MORE,
        ),
        "priority",
    ),
    Template(
        "tim",
        "Tìm người, tìm đồ",
        "{unit} xin thông báo: {tin}. Ai biết, xin báo cho {ai}[, số điện thoại {so}]. Xin cảm ơn bà con.",
        (
            Gap("tin", "Tìm ai, tìm gì", "long", example="cháu Nguyễn Văn An, 7 tuổi, mặc áo đỏ, lạc từ chiều nay"),
            Gap("ai", "Báo cho ai", example="công an xã"),
            Gap("so", "Số điện thoại", example="0204 3855 114", optional=True),
        ),
    ),
    Template("tu-viet", "Tự viết", "{tin}", (Gap("tin", "Loa đọc gì", "long"),)),
)


def named(name: str) -> Template:
    found = next((one for one in TEMPLATES if one.name == name), None)
    if found is None:
        raise NotFound(what="mẫu thông báo / template of a notice", id=name)
    return found


def speaker(unit_name: str) -> str:
    """The committee of a unit, as it calls itself: `Ủy ban nhân dân xã Đồng Bùi`."""
    return f"Ủy ban nhân dân {unit_name[:1].lower()}{unit_name[1:]}"


def missing(template: Template, filled: Mapping[str, str]) -> list[Gap]:
    """What has to be filled in and isn't."""
    return [gap for gap in template.gaps if not gap.optional and not filled.get(gap.name, "").strip()]


def compose(template: Template, filled: Mapping[str, str], *, unit_name: str) -> str:
    """The whole wording; what isn't filled in yet stands there as a blank. Raises Invalid for a day or a time."""
    said = {gap.name: _said(gap, " ".join(filled.get(gap.name, "").split())) for gap in template.gaps}
    said["unit"] = speaker(unit_name)

    def part(found: re.Match[str]) -> str:
        names = _GAP.findall(found[1])
        return found[1] if all(said.get(name) for name in names) else ""

    text = _OPTIONAL.sub(part, template.text)
    text = _GAP.sub(lambda found: said.get(found[1]) or BLANK, text)
    text = re.sub(r"([.!?])\s*\.", r"\1", text)  # who fills in a whole sentence writes its full stop too
    return text[:1].upper() + text[1:]


def _said(gap: Gap, value: str) -> str:
    """A value as it is spoken: `thứ Năm, ngày 30/7`, `7 giờ 30`."""
    if not value:
        return ""
    if len(value) > GAP_MAX:
        raise Invalid(what=f"“{gap.label}” dài quá {GAP_MAX} chữ cái, hãy viết ngắn lại / longer than {GAP_MAX}")
    try:
        if gap.kind == "date":
            day = date.fromisoformat(value)
            return f"{WEEKDAYS[day.weekday()]}, ngày {day.day}/{day.month}"
        if gap.kind == "time":
            at = time.fromisoformat(value)
            return f"{at.hour} giờ {at.minute}" if at.minute else f"{at.hour} giờ"
    except ValueError:
        raise Invalid(what=f"“{gap.label}” chưa đúng, hãy chọn lại / “{gap.name}” is not right, choose again") from None
    return value
