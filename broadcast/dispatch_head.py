"""The head of a dispatch: number, date, issuer, kind and subject. See `dispatch_facts` for how it goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from broadcast.dispatch_facts import cells_of, tidy

HEAD_LINES_MAX = 60
_ISSUED_TEXT_MAX = 200
_ISSUER_MAX = 300

_KINDS = (
    "KẾ HOẠCH|CÔNG ĐIỆN|CHỈ THỊ|THÔNG BÁO|HƯỚNG DẪN|QUYẾT ĐỊNH|CHƯƠNG TRÌNH|PHƯƠNG ÁN|LỜI KÊU GỌI|THÔNG TRI|NGHỊ QUYẾT"
    "|TỜ TRÌNH|BÁO CÁO|ĐỀ CƯƠNG TUYÊN TRUYỀN|ĐỀ CƯƠNG|THƯ NGỎ|KẾT LUẬN|QUY ĐỊNH|CÔNG VĂN|ĐỀ ÁN|GIẤY MỜI|THƯ KÊU GỌI"
)
_KIND_LINE = re.compile(rf"^({_KINDS})(?![A-ZÀ-Ỹ])\s*(.*)$")
_KIND_LINE_MIXED = re.compile(rf"^({_KINDS})$", re.IGNORECASE)
_BODY_START = re.compile(
    r"^(?:Kính gửi|Gửi\s*:|Căn cứ|Thực hiện|Thi hành|Tiếp theo|Theo |Để |Nhằm |Trước |Hiện nay|Trong |Hưởng ứng |Ngày "
    r"|Qua |Xét |[IVX]{1,4}[.)]\s|\d{1,2}[.)]\s|[-+•]\s|Điều \d|Phần )",
)
_ABOUT = re.compile(r"^(?:V/v|v/v|Về việc|VỀ VIỆC|Vv)\s*[:.]?\s*", re.IGNORECASE)
_CODE = r"[A-ZĐ][A-Za-zĐđƯư0-9&.]{0,14}(?:\s?[-–/]\s?[A-ZĐ][A-Za-zĐđƯư0-9&.]{0,14}){0,4}"
_NUMBER = re.compile(
    rf"(?:^|(?<=\s))(?:Số|SỐ)\s*:?\s*(?P<digits>\d{{1,6}}[a-z]?)?[\s.…_]*(?P<year>/\s?\d{{4}})?\s*(?P<slash>[/-])\s*"
    rf"(?P<code>{_CODE})"
)
_BLANK = r"[\s.…_]*"
_DATE_LINE = re.compile(
    r"(?P<line>(?:(?P<place>[A-ZĐÀ-Ỹ][^\d,;:.]{1,40}),\s*)?(?:(?:hồi|lúc)\s[^,]{1,20}?,?\s*)?"
    rf"[Nn]gày{_BLANK}(?P<day>\d{{1,2}})?{_BLANK}"
    rf"(?:tháng{_BLANK}(?P<month>\d{{1,2}})?{_BLANK}năm{_BLANK}(?P<year>\d{{4}})?"
    r"|/\s?(?P<month2>\d{1,2})\s?/\s?(?P<year2>\d{4})))"
)
_ORGANISATION = re.compile(
    r"^(?:SỞ|UBND|ỦY BAN|UỶ BAN|BAN|CÔNG AN|CỤC|CHI CỤC|BỘ|TRUNG TÂM|ĐẢNG ỦY|TỈNH ỦY|THÀNH ỦY|XÃ ĐOÀN|HỘI|LIÊN ĐOÀN"
    r"|TỈNH ĐOÀN|PHÒNG|VĂN PHÒNG|HĐND|HỘI ĐỒNG|BCĐ|BCH|ĐÀI|VIỆN|TRƯỜNG|BỆNH VIỆN|THỦ TƯỚNG|CHÍNH PHỦ|CHỦ TỊCH|MTTQ"
    r"|MẶT TRẬN|ĐOÀN|ĐIỆN LỰC|CÔNG TY|TÒA ÁN|VIỆN KIỂM SÁT|TỔNG CỤC|BAN CHỈ HUY|BAN CHỈ ĐẠO)\b"
)
_ASKING = re.compile(
    r"(?:^|[,;.]\s+)(?P<issuer>(?:Sở|UBND|Ủy ban|Uỷ ban|Ban|Công an|Cục|Chi cục|Bộ|Trung tâm|Đảng ủy|Tỉnh ủy|Hội"
    r"|Chủ tịch|Liên đoàn|Tỉnh đoàn|Văn phòng|Mặt trận)\s[^,;.:()\d]{1,90}?)\s+"
    r"(?:trân trọng\s+)?(?:đề nghị|kính đề nghị|yêu cầu|hướng dẫn|thông báo|ban hành|xây dựng|đã ban hành|kêu gọi)\b"
)


@dataclass(slots=True)
class Head:
    cells: list[str]  # "" stands for a blank line
    body_from: int


def head_of(lines: Sequence[str]) -> Head:
    """Everything before the body. A first cell per line decides; columns are already pulled apart."""
    cells: list[str] = []
    for at, line in enumerate(lines[:HEAD_LINES_MAX]):
        here = cells_of(line)
        if here and any(_BODY_START.match(cell) for cell in here[:1]) and not _own_date(here[0]):
            return Head(cells, at)
        cells.extend(here or [""])
    return Head(cells, min(len(lines), HEAD_LINES_MAX))


def _own_date(cell: str) -> re.Match[str] | None:
    """A date line of the document itself: nothing but place and date, wholly or up to a gap."""
    match = _DATE_LINE.search(cell)
    if match is None or not (match["month"] or match["year"] or match["year2"] or "tháng" in match["line"]):
        return None
    before, after = cell[: match.start()].strip(" ,"), cell[match.end() :].strip(" .…")
    return match if (not before or _NUMBER.search(before)) and not after else None


def own_number(cells: Sequence[str]) -> tuple[str | None, str | None]:
    for cell in cells:
        match = _NUMBER.search(cell)
        if match is None:
            continue
        code = match["code"].strip()
        # "Số: 12/KH-UBND Bắc Ninh, ngày …": what follows the code on the same line belongs to the date.
        if match["digits"] is None:
            return None, code
        return cell[match.start("digits") : match.end("code")].strip(), code
    return None, None


def issue_date(cells: Sequence[str]) -> tuple[date | None, str | None]:
    for cell in cells:
        number = _NUMBER.search(cell)
        match = _own_date(cell[number.end() :].strip() if number else cell) or (_own_date(cell) if number else None)
        if match is None:
            continue
        day, month, year = match["day"], match["month"] or match["month2"], match["year"] or match["year2"]
        return whole_date(day, month, year), match["line"].strip()[:_ISSUED_TEXT_MAX]
    return None, None


def whole_date(day: str | None, month: str | None, year: str | None) -> date | None:
    if not (day and month and year):
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def issuer_of(cells: Sequence[str]) -> str | None:
    """The lowest organisation of the head: the last line in capitals that names one, with what runs on under it."""
    top: list[str] = []
    for cell in cells:
        if _KIND_LINE.match(cell) or _ABOUT.match(cell):
            break
        number, dated = _NUMBER.search(cell), _DATE_LINE.search(cell)
        starts = [match.start() for match in (number, dated) if match]
        plain = cell[: min(starts)].strip() if starts else cell
        if plain:
            top.append(plain)
    found: list[str] = []
    for cell in top:
        words = re.sub(r"[\W\d_]", "", cell)
        if not words or words != words.upper():
            continue
        if _ORGANISATION.match(cell):
            found = [cell]
        elif found:
            found.append(cell)
    issuer = tidy(" ".join(found))
    return issuer if 0 < len(issuer) <= _ISSUER_MAX else None


def kind_and_subject(cells: Sequence[str]) -> tuple[str | None, str | None]:
    """(kind, subject): after "V/v", or under the kind of document."""
    for at, cell in enumerate(cells):
        if _ABOUT.match(cell) and len(cell) > 3:
            return None, _run_on(_ABOUT.sub("", cell), cells[at + 1 :], blank_ends=True)
        kind = _KIND_LINE.match(cell) or (_KIND_LINE_MIXED.match(cell) if cell else None)
        if kind is None:
            continue
        rest = kind[2] if kind.re is _KIND_LINE else ""
        if _NUMBER.match(rest) or _DATE_LINE.search(rest):
            rest = ""
        following = [c for c in cells[at + 1 :] if not (_NUMBER.match(c) or _own_date(c))]
        while following and not following[0] and not rest:
            following.pop(0)
        return kind[1], _run_on(_ABOUT.sub("", rest), following, blank_ends=True)
    return None, None


def _run_on(first: str, following: Sequence[str], *, blank_ends: bool) -> str | None:
    parts = [first] if first else []
    for at, cell in enumerate(following):
        if not cell:
            nxt = next((c for c in following[at:] if c), "")
            # A blank line between two halves of one sentence: the second half starts small or with a quotation mark.
            if parts and blank_ends and not (nxt[:1].islower() or parts[-1].endswith((",", "và", "của", "về"))):
                break
            continue
        if _NUMBER.match(cell) or _own_date(cell) or _BODY_START.match(cell) or cell.startswith("(Kèm theo"):
            break
        parts.append(_ABOUT.sub("", cell) if not parts else cell)
        if len(parts) >= 8:
            break
    return tidy(" ".join(parts)) or None


def asking_issuer(body: Sequence[str]) -> str | None:
    """Who asks, where no head names the issuer: "…, Sở Thông tin và Truyền thông đề nghị …"."""
    for paragraph in body:
        match = _ASKING.search(paragraph)
        if match:
            return match["issuer"].strip()
    return None
