"""The body of a dispatch: addressees, demands, references, day of observance. See `dispatch_facts` for how it goes."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from broadcast.dispatch_facts import Demand, Reference, tidy
from broadcast.dispatch_head import whole_date

ADDRESSEES_MAX = 60

_END = re.compile(r"^(?:Nơi nhận\b|NƠI NHẬN\b|(?:KT|TM|TL|TUQ|T/M|T/L|K/T)\s?\.?\s?[A-ZĐ])")
_MARKER = re.compile(
    r"^(?P<marker>[-–—+•*·]\s+|(?P<roman>[IVX]{1,5})\s?[.)/]\s*|(?P<number>\d{1,2}(?:\.\d{1,2}){0,2})\s?[.)/](?!\d)\s*"
    r"|(?P<article>Điều\s\d{1,2})\.\s*|(?P<letter>[a-zđ])[.)]\s+|[-–•](?=[A-ZĐÀ-Ỹ]))(?P<rest>.+)$"
)
_CLOSING = re.compile(
    r"^(?:Đề nghị (?:các|quý|thủ trưởng|Ủy ban|UBND)|Yêu cầu (?:các|thủ trưởng)|Trên đây|Trong quá trình|Nhận được"
    r"|Trân trọng|Kết quả (?:thực hiện|triển khai)|Căn cứ (?:nội dung|công văn này)|Công điện này|Quyết định này)",
    re.IGNORECASE,
)
_WRAPPED_AT = 60  # a line this long without an end mark was cut by the page, not by the writer


@dataclass(frozen=True, slots=True)
class _Line:
    """One logical line: its marker ("-", "1", "II", "a", ""), its text, whether a blank line stood before it."""

    marker: str
    text: str
    after_blank: bool

    @property
    def is_section(self) -> bool:
        return bool(self.marker) and (
            self.marker[0].isdigit() or self.marker.startswith("Điều") or self.marker.isupper()
        )


def _logical(body: Sequence[str]) -> Iterator[_Line]:
    """Lines put together again that the page had cut, up to the signature."""
    current: _Line | None = None
    blank = False
    for line in body:
        if _END.match(line):
            break
        if not line:
            blank = True
            continue
        match = _MARKER.match(line)
        if match is None and current is not None and _goes_on(current.text, line, after_blank=blank):
            current = _Line(current.marker, f"{current.text} {line}", current.after_blank)
        else:
            if current is not None:
                yield current
            if match is None:
                current = _Line("", line, blank)
            else:
                marker = match["roman"] or match["number"] or match["article"] or match["letter"] or "-"
                current = _Line(marker, match["rest"].strip(), blank)
        blank = False
    if current is not None:
        yield current


def _goes_on(before: str, line: str, *, after_blank: bool) -> bool:
    ended = before.endswith((".", ";", ":", "!", "?", "./."))
    if line[0].islower():
        return not ended or before.endswith(";") is False
    return not ended and not after_blank and len(before) >= _WRAPPED_AT


def paragraphs(body: Sequence[str]) -> list[str]:
    """The body's paragraphs and points, without their bullets and numbers."""
    return [line.text for line in _logical(body)]


def addressees(body: Sequence[str], head: Sequence[str]) -> tuple[str, ...]:
    """Who it is addressed to: after "Kính gửi", or the list under "… điện:"."""
    telegraphs = next((cell for cell in reversed(head) if cell), "").rstrip().endswith("điện:")
    for at, line in enumerate(body):
        match = re.match(r"^(?:Kính gửi|KÍNH GỬI|Gửi)\s*:?\s*(.*)$", line)
        if match:
            return _listed(match[1], body[at + 1 :])
        if telegraphs and line:
            return _listed("", body[at:])
        if at > 30:
            break
    return ()


def _listed(first: str, following: Sequence[str]) -> tuple[str, ...]:
    items = [first] if first else []
    bulleted = False
    for at, line in enumerate(following):
        if len(items) >= ADDRESSEES_MAX or _END.match(line):
            break
        if not line:
            nxt = next((later for later in following[at:] if later), "")
            if items and not re.match(r"[-–+•*]\s?\S", nxt):
                break
            continue
        bullet = re.match(r"^[-–+•*]\s?(.+)$", line)
        if bullet:
            bulleted = True
            items.append(bullet[1])
        elif items and line[0].islower():
            items[-1] = f"{items[-1]} {line}"
        elif (bulleted and items) or (items and not items[-1].endswith((";", ","))):
            break
        else:
            items.append(line)
    parts = [tidy(part).rstrip(" .,;/") for item in items for part in item.split(";")]
    return tuple(part for part in parts if part)


def demands(body: Sequence[str]) -> tuple[Demand, ...]:
    """The numbered sections with their points; without numbers the bullets; without bullets what is asked for."""
    lines = list(_logical(_after_addressees(body)))
    if any(line.is_section for line in lines):
        return tuple(_sections(lines))
    bullets = [at for at, line in enumerate(lines) if line.marker]
    if bullets:
        before = lines[bullets[0] - 1].text if bullets[0] > 0 else ""
        heading = before if before.endswith(":") else ""
        return (Demand("", heading, tuple(line.text for line in lines if line.marker)),)
    asked = [line.text for line in lines if re.search(r"\b(?:đề nghị|yêu cầu)\b", line.text, re.IGNORECASE)]
    return (Demand("", "", tuple(asked)),) if asked else ()


def _after_addressees(body: Sequence[str]) -> Sequence[str]:
    for at, line in enumerate(body[:40]):
        if re.match(r"^(?:Kính gửi|KÍNH GỬI)", line):
            rest = at + 1
            while rest < len(body) and (not body[rest] or re.match(r"[-–+•*]\s?\S", body[rest])):
                rest += 1
            return body[rest:]
    return body


def _sections(lines: Sequence[_Line]) -> Iterator[Demand]:
    number, heading, points = "", "", list[str]()
    opened = False
    for line in lines:
        if line.is_section:
            if opened:
                yield Demand(number, heading, tuple(points))
            number, heading, points, opened = line.marker, line.text, [], True
        elif opened and not line.marker and line.after_blank and _CLOSING.match(line.text):
            break
        elif opened:
            points.append(line.text)
    if opened:
        yield Demand(number, heading, tuple(points))


# --- References --------------------------------------------------------------------------------------------------

_CITED_KINDS = (
    "Công văn|Kế hoạch|Quyết định|Chỉ thị|Nghị quyết|Nghị định|Thông tư liên tịch|Thông tư|Luật|Bộ luật|Công điện"
    "|Hướng dẫn|Kết luận|Thông báo|Chương trình|Văn bản|Thông tri|Pháp lệnh|Quy định|Tờ trình|Báo cáo|Lời kêu gọi"
)
_REFERENCE = re.compile(
    rf"(?P<kind>{_CITED_KINDS})(?:\s[^\d;:.\n“”()]{{1,80}}?)?\s(?:số\s*:?\s*)?"
    r"(?P<number>\d{1,5}[a-z]?(?:\s?[/-]\s?\d{4})?\s?[/-]\s?[A-ZĐ][A-Za-zĐđƯư0-9&]{0,12}(?:\s?[-–/]\s?[A-ZĐ][A-Za-zĐđƯư0-9&]{0,12}){0,4})"
    r"(?:,?\s*ngày\s*(?P<day>\d{1,2})(?:\s?/\s?(?P<month>\d{1,2})\s?/\s?(?P<year>\d{4})"
    r"|\stháng\s(?P<month2>\d{1,2})\snăm\s(?P<year2>\d{4})))?",
    re.IGNORECASE,
)


def references(body: Sequence[str]) -> tuple[Reference, ...]:
    """The documents cited in the body, in order, each once."""
    found: dict[str, Reference] = {}
    for paragraph in body:
        for match in _REFERENCE.finditer(paragraph):
            number = match["number"].strip()
            dated = whole_date(match["day"], match["month"] or match["month2"], match["year"] or match["year2"])
            found.setdefault(number, Reference(match[0].strip(), match["kind"], number, dated))
    return tuple(found.values())


# --- The day of observance ---------------------------------------------------------------------------------------

_DAY = r"(?P<day>\d{1,2})\s?[/-]\s?(?P<month>\d{1,2})(?:\s?/\s?(?P<year>\d{4}))?(?![\d/])"
_DAY_WORDS = r"ngày\s+(?P<day>\d{1,2})\s+tháng\s+(?P<month>\d{1,2})(?!\s+năm)(?!\d)"
# What stands right before a deadline, a span or a cited document is not the day that is observed.
_NOT_OBSERVED = re.compile(
    r"(?:trước|đến|từ|hết|chậm nhất|tới|kể từ|vào|hồi|lúc)\s+(?:hết\s+)?(?:ngày\s+)?$|(?:số\s|[A-ZĐ]\s?,?\s+ngày\s+)$"
    r"|\d{1,5}/[A-ZĐ][\w-]*,?\s+ngày\s+$",
    re.IGNORECASE,
)
_OCCASION = r"(?:[Hh]ưởng ứng|[Nn]hân|[Kk]ỷ niệm|[Cc]hào mừng|[Tt]hế giới|[Tt]oàn dân|[Qq]uốc tế|hằng năm|hàng năm)"


def observance(subject: str | None, body: Sequence[str]) -> tuple[int, int] | None:
    """(day, month) that the campaign is about: from the subject, else from a sentence that names an occasion."""
    if subject:
        for found in _days(subject):
            return found
    for paragraph in body:
        for sentence in re.split(r"(?<=[.;])\s", paragraph):
            if re.search(_OCCASION, sentence) is None:
                continue
            for found in _days(sentence, bare_year=False):
                return found
    return None


def _days(text: str, *, bare_year: bool = True) -> Iterator[tuple[int, int]]:
    for pattern in (_DAY, _DAY_WORDS):
        for match in re.finditer(pattern, text):
            before = text[: match.start()]
            if before[-1:].isalnum() or before.endswith(("/", ".")) or _NOT_OBSERVED.search(before):
                continue
            near = re.search(r"(?:[Nn]gày\s+|[-–—(]\s*|người\s+|[”\"]\s*)$", before) is not None
            if pattern is _DAY and not near and not _ends_an_occasion(before):
                continue
            if pattern is _DAY and match["year"] and not bare_year and not before.endswith("("):
                continue
            day, month = int(match["day"]), int(match["month"])
            # 24/7 is round the clock; 2000 is a leap year, so 29/2 is a day.
            if (day, month) == (24, 7) and not re.search(r"[Nn]gày[^,.;]{0,80}$", before):
                continue
            if 1 <= month <= 12 and 1 <= day <= calendar.monthrange(2000, month)[1]:
                yield day, month


def _ends_an_occasion(before: str) -> bool:
    """The day follows the name of the occasion: “Ngày toàn dân phòng, chống mua bán người 30/7”."""
    return re.search(r"[Nn]gày\s[^.;:\d]{3,120}\s$", before) is not None
