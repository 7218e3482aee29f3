"""The window of days that a dispatch sets for the campaign: "từ ngày 15/3/2025 đến ngày 30/4/2025", "Tháng 7/2027".

Many spans stand in a dispatch: of the cases of last year, of a power cut, of a report. The campaign's is one that

1. follows the label "Thời gian …:", on its line or in the paragraph behind it, or else
2. stands in a sentence about a peak or a round (cao điểm, đợt, chiến dịch, tháng hành động), or else
3. stands in a sentence about speaking to people (tuyên truyền, phát thanh, hưởng ứng);

the first of the best of these. What tells of the past, asks for reports or sets a deadline is none, whatever it names.
A year that isn't written is that of the span's other end, else the one in which the span isn't over when the dispatch
is issued; where that isn't known either there is no window.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

from broadcast.dispatch_head import whole_date

DAYS_MAX = 366

_AT = r"(?:\d{1,2}\s?(?:giờ|h)\s?(?:\d{1,2}\s?)?(?:phút)?,?\s+)?(?:ngày\s+)?"
_MONTH = (
    r"(?:\s?[/.]\s?(?P<m{0}>\d{{1,2}})(?:\s?[/.]\s?(?P<y{0}>\d{{4}}))?"
    r"|\s+tháng\s+(?P<w{0}>\d{{1,2}})(?:\s+năm\s+(?P<v{0}>\d{{4}}))?)"
)
_TO = r"\s*,?\s*(?:đến|tới|[-–—])\s*(?:hết\s+)?"
_SPAN = re.compile(
    rf"(?<![\d/.,])(?:(?P<now>từ\s+(?:nay|ngày\s+ký|ngày\s+ban\s+hành))|{_AT}(?P<d1>\d{{1,2}}){_MONTH.format(1)}?)"
    rf"{_TO}{_AT}(?P<d2>\d{{1,2}}){_MONTH.format(2)}(?![/.]?\d)",
    re.IGNORECASE,
)
_MONTHS = re.compile(
    rf"(?<!\w)(?:từ\s+)?tháng\s+(?P<m1>\d{{1,2}})(?:(?:\s?/\s?|\s+năm\s+)(?P<y1>\d{{4}}))?"
    rf"(?:{_TO}(?:tháng\s+)?(?P<m2>\d{{1,2}})(?:(?:\s?/\s?|\s+năm\s+)(?P<y2>\d{{4}}))?)?(?![/.]?\d)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^thời gian(?:\s*,\s*(?:địa điểm|địa bàn)|\s+và\s+địa điểm)?(?:\s+(?:tổ chức|triển khai|thực hiện|tuyên truyền|"
    r"truyền thông|phát thanh|phát sóng|phát|cao điểm|chiến dịch|hưởng ứng|đợt|tiến hành|áp dụng)[^.;:\d]{0,80}?)?"
    r"\s*(?P<mark>:|(?=\s(?:từ|trong|tháng)\b)|\.?$)",
    re.IGNORECASE,
)
_ROUND = re.compile(r"cao điểm|(?<!\w)đợt\b|chiến dịch|tháng hành động|tuần lễ|tháng an toàn", re.IGNORECASE)
_SPEAKING = re.compile(
    r"tuyên truyền|truyền thông|truyền thanh|phát thanh|phát sóng|hưởng ứng|bản tin|loa", re.IGNORECASE
)
_NOT_IT = re.compile(
    r"xảy ra|phát hiện|bắt giữ|khởi tố|thống kê|số liệu|ghi nhận|năm ngoái|năm trước|báo cáo|tổng kết|(?<!\w)đã\b|"
    r"ngừng cấp|giai đoạn|đăng ký|nhận hồ sơ|chấm thi|nộp",
    re.IGNORECASE,
)


def window(
    subject: str | None, body: Sequence[str], issued_on: date | None, issued_text: str | None
) -> tuple[date, date] | None:
    """First and last day, both inclusive; see above."""
    year = re.search(r"(\d{4})\s*$", issued_text or "")
    issued = issued_on or (date(int(year[1]), 1, 1) if year and int(year[1]) > 0 else None)
    found = sorted(_ranked(subject, body), key=lambda one: one[0])  # stable: of equals the first
    return next(
        (span for _, text, labelled in found for span in _spans(text, issued, issued_on, months=labelled)), None
    )


def _ranked(subject: str | None, body: Sequence[str]) -> Iterator[tuple[int, str, bool]]:
    """(rank, text, whether a whole month may be meant) of whatever may hold the window."""
    paragraphs = [subject or "", *body]
    for before, paragraph in pairwise(["", *paragraphs]):
        label, above = _LABEL.match(paragraph), _LABEL.match(before)
        if label:
            yield 1, paragraph[label.end() :], True
        elif above and above.end() == len(before):
            yield 1, paragraph, True
        for sentence in re.split(r"(?<=[.;])\s", paragraph):
            if _NOT_IT.search(sentence):
                continue
            if _ROUND.search(sentence):
                yield 2, sentence, "cao điểm" in sentence.lower()
            elif _SPEAKING.search(sentence):
                yield 3, sentence, False


def _spans(text: str, issued: date | None, day_of_issue: date | None, *, months: bool) -> Iterator[tuple[date, date]]:
    for match in _SPAN.finditer(text):
        month2, year2 = match["m2"] or match["w2"], match["y2"] or match["v2"]
        month1, year1 = match["m1"] or match["w1"] or month2, match["y1"] or match["v1"]
        if match["now"]:
            last = _dated(match["d2"], month2, year2, issued)
            if day_of_issue and last and day_of_issue <= last:
                yield day_of_issue, last
            continue
        yield from _between((match["d1"], month1, year1), (match["d2"], month2, year2), issued)
    for match in _MONTHS.finditer(text) if months else ():
        month2, year2 = match["m2"] or match["m1"], match["y2"] or (None if match["m2"] else match["y1"])
        yield from _between(("1", match["m1"], match["y1"]), (None, month2, year2), issued)


Written = tuple[str | None, str, str | None]  # day (None: the last of the month), month, year


def _between(first: Written, last: Written, issued: date | None) -> Iterator[tuple[date, date]]:
    (day1, month1, year1), (day2, month2, year2) = first, last
    if year2 is None and year1 is not None:
        year2 = str(int(year1) + (int(month2) < int(month1)))
    end = _dated(day2, month2, year2, issued)
    if end is None:
        return
    begin = whole_date(day1, month1, year1 or str(end.year - (int(month1) > end.month)))
    if begin and begin <= end and end - begin < timedelta(days=DAYS_MAX):
        yield begin, end


def _dated(day: str | None, month: str, year: str | None, issued: date | None) -> date | None:
    """The day; without a year the first such day that isn't over when the dispatch is issued."""
    if not 1 <= int(month) <= 12:
        return None
    years = [int(year)] if year else [issued.year, issued.year + 1] if issued else []
    for one in years:
        if not 1 < one < 9999:
            continue
        found = whole_date(day or str(calendar.monthrange(one, int(month))[1]), month, str(one))
        if found and (year or issued is None or found >= issued):
            return found
    return None
