"""The numbers that everybody is to know: 111, 112, 113, 114, 115 and 1022. A number to call, or so many of something?

What stands around tells, the surest first:

1. the number of a house, an article, a document: a number (`nhà số 114`, `Điều 111`, `Nghị định số 114`);
2. what follows says whose line it is: to call (`111 là tổng đài …`, `114: cứu hỏa`);
3. a word of calling, a line's name or a lone `số` right before it: to call (`báo ngay số 114`, `tổng đài, 1022`),
   unless what follows is a thing that is counted (`gọi 111 hộ dân`);
4. what follows is a noun, or what stands before says how many: so many (`114 bao thuốc`, `khoảng 114`);
5. a word of calling somewhere before it in its sentence: to call;
6. otherwise it is not known.

(The numbers: 112, 113, 114, 115 by the national plan of telephone numbers; 111 for the protection of children; 1022
for provinces' information lines.)
"""

from __future__ import annotations

import re
from typing import Final, Literal

from audio.reading import letters
from audio.reading.model import BY_CONTEXT, Said, after, before, rule
from audio.reading.numerals import cardinal, digits
from audio.reading.rules.documents import TYPES

Meaning = Literal["call", "count", "unknown"]

NUMBERS: Final = "11[1-5]|1022"
TRIGGER: Final = (
    r"tổng đài|đường dây nóng|hotline|gọi|bấm|nhấn|quay|điện thoại|đt|sđt|đtdđ|số máy|máy nhánh|máy lẻ|số lẻ|"
    r"liên hệ|liên lạc|"
    r"cảnh sát|công an|cấp cứu|cứu thương|cứu hỏa|cứu hoả|cứu nạn|phòng cháy|chữa cháy|zalo|fax|tel|nhắn tin|"
    r"báo tin|trình báo|phản ánh|"
    r"phím|mã số|đầu số|tin nhắn|bảo vệ trẻ em|viber|whatsapp"
)
# Words between such a word and the number: at most four, none of which begins a count or a date.
_BETWEEN: Final = (
    r"(?:[\s:\"(]+(?!năm\b|tháng\b|ngày\b|khoảng\b|hơn\b|gần\b|được\b|có\b|trong\b|làm\b|thu\b|bắt\b|xử\b|theo\b)"
    r"[^\W\d]+){0,4}"
)
RIGHT_BEFORE: Final = re.compile(rf"(?:{TRIGGER}){_BETWEEN}[\s:.\"(]*$")
_ANYWHERE: Final = re.compile(rf"(?:{TRIGGER}|báo ngay|báo cháy)")
# With a comma or a dash the words of a whole line only: "tổng đài, 1022".
_LINE: Final = re.compile(r"(?:tổng đài|đường dây nóng|hotline|số máy|số điện thoại|đầu số)[^,.;:\d]{0,40}[\s:,(-]+$")
_TOLD: Final = re.compile(
    r"(?<!\w)(?:(?<!thông )(?<!cảnh )(?<!dự )báo(?! cáo\b| chí\b)|nhớ|thuộc lòng|"
    r"thuộc(?= số| các số)|a ?lô|lưu(?= lại| sẵn| số))"
    rf"{_BETWEEN}[\s:.\"(]*$"
)
_A_NUMBER: Final = re.compile(r"(?<!tổng )(?<!con )(?<!quân )(?<!sĩ )(?<!dân )\bsố[\s:\"(]*$")
COUNTED: Final = re.compile(
    r"^\s*(?!(?:ngày|tháng|năm)\s+(?:mùng\s+)?\d)"
    r"(?:%|(?:nghìn|triệu|tỷ|tỉ|người|cuộc|vụ|lượt|nạn nhân|trường hợp|hộ|xã|phường|đồng|em|cháu|chị|"
    r"đối tượng|bị|tổ|thôn|"
    r"ngày|giờ|phút|tháng|năm|km|ha|m|kg|cơ sở|đơn vị|cán bộ|chiến sĩ|học sinh|gia đình|ca|tin|"
    r"bài|hồ sơ|đơn|mô hình|điểm)\b)"
)

_DOCUMENTS: Final = "|".join(sorted({*TYPES.values(), "luật", "văn bản", "sắc luật", "hồ sơ"}, key=len, reverse=True))
_NUMBERED: Final = re.compile(
    rf"(?<!\w)(?:(?:{_DOCUMENTS}|nhà|số nhà|căn hộ|căn|phòng|bàn|xe|tàu|lô|thửa|thửa đất|tờ bản đồ|bài|đề|kỳ|vụ án|thẻ|"
    r"phiếu|hòm thư|cửa|khu phố|khu|tổ|tổ dân phố|đội|trạm|cột|cột mốc|mốc|giường|toa|ghế|hàng|tủ|kho|cổng|điểm|nhóm|"
    r"mẫu|biểu|phụ lục|bảng|câu|chương|tập|quyển|trang|đường|phố|tuyến|thôn|xóm|ấp|lớp|đoàn|tiểu đoàn|chuyến)"
    r"\s+số[\s:]*|(?:điều|khoản|mục|trang|chương|bài|số nhà|nhà|ngõ|ngách|hẻm|kiệt|lô|quốc lộ|tỉnh lộ|đường tỉnh|"
    r"đường huyện|km|ql|năm|căn hộ|trung đoàn|tiểu đoàn|sư đoàn|thứ)\s+)$"
)
_ADDRESS: Final = re.compile(r"^,?\s*(?:đường(?! dây)|phố|ngõ|ngách|hẻm)\b")
_NAME: Final = re.compile(r"^\s+[^\W\d_][^\W_]*\s")
_WHOSE: Final = (
    r"số\b|tổng đài|đường dây|hotline|điện thoại|cảnh sát|công an|cấp cứu|cứu hỏa|cứu hoả|cứu nạn|cứu hộ|"
    r"phòng cháy|chữa cháy|báo cháy|bảo vệ trẻ em|gọi"
)
_IS_A_LINE: Final = re.compile(
    rf"^[\s\"]*(?:(?:là|chính là|-|:|\(|=)\s*(?:các |những |đầu |một )?(?:{_WHOSE})|(?:là|:)\s*(?:của\s)?(?:{_WHOSE}))"
)
_HOW_MANY: Final = re.compile(
    r"(?<!\w)(?:hơn|gần|khoảng|trên|dưới|tổng số|tổng cộng|tổng|quá|đạt|đủ|cả|tới|còn lại|thêm|giảm|tăng|những|các|mỗi|"
    r"con số|quân số|sĩ số|dân số|bằng|được)(?:\s+(?:là|có|thêm|đến|số))?\s+$"
)
# After a number to call such words go on with the sentence; another word after a number is what is counted.
_GOES_ON: Final = frozenset(
    """
    là và hoặc hay để khi nếu ngay thì của cho ở tại từ đến với vào trong miễn nhé này đó khẩn kịp giúp nhằm mà còn đã
    sẽ đang rồi bất trước sau do qua gọi báo hoạt trực luôn không theo ngày nhánh
    """.split()  # noqa: SIM905 - a list of words reads better so
)


def meaning(match: re.Match[str]) -> Meaning:
    """Whether such a number is one to call, by what stands around the match; see above."""
    left, right = before(match, 90), after(match)
    if numbered(match):
        return "count"
    if _IS_A_LINE.match(right):
        return "call"
    said = _A_NUMBER.search(left) is not None
    if (RIGHT_BEFORE.search(left[-60:]) or _LINE.search(left) or said) and not COUNTED.match(right):
        return "call"
    if _HOW_MANY.search(left) or _counts(right):
        return "count"
    return "call" if _TOLD.search(left) or _ANYWHERE.search(left) else "unknown"


def numbered(match: re.Match[str]) -> bool:
    """The number of a house, an article, a document or another thing that has a number."""
    left = before(match, 60)
    if _NUMBERED.search(left):
        return True
    if not _A_NUMBER.search(left):
        return False
    named = _NAME.match(match.string[match.end() : match.end() + 40])  # "số 114 Lê Lợi"
    named_street = named and named.group().strip().istitle() and not re.match(rf"\s*(?:{_WHOSE})", after(match))
    return bool(_ADDRESS.match(after(match)) or (named_street and not RIGHT_BEFORE.search(left)))


def _counts(right: str) -> bool:
    if COUNTED.match(right) or re.match(r"\s?(?:-\s?\d|[$€°]|usd\b|vnđ\b)", right):
        return True
    word = re.match(r"\s+([^\W\d_]+)", right)
    return word is not None and letters.is_syllable(word.group(1)) and word.group(1) not in _GOES_ON


def row(match: re.Match[str]) -> Said | None:
    """Numbers to call in a row, each digit by digit; the last is left where it counts something."""
    numbers = list(re.finditer(r"\d+", match.group()))
    if COUNTED.match(after(match)):
        numbers.pop()
    if not numbers:
        return None
    end = numbers[-1].end()
    text = match.group()[:end]
    spoken = re.sub(r"\d+", lambda number: digits(number.group()), text)
    spoken = re.sub(r"[ ]*[/;-][ ]*|[ ]*,[ ]*", ", ", spoken)
    return Said(spoken.lower(), end=match.start() + end)


def _called(match: re.Match[str]) -> Said | None:
    return row(match) if meaning(match) == "call" else None


def _not_known(match: re.Match[str]) -> Said | None:
    """Read as a number, and said that it may be one to call."""
    if meaning(match) != "unknown":
        return None
    counted = cardinal(int(match.group()))
    return Said(counted, "number", suggestions=(counted, digits(match.group())))


CHAIN: Final = r"(?:[ ]*(?:,|;|/|-|và|hoặc|hay)[ ]*(?:(?:số|gọi|tổng đài)[ ]+)?)"
_EDGE: Final = r"(?<![\w.,/-])(?<!\d[ ])"
_END: Final = rf"(?![\w^]|[.,]\d|/[^\W_]|-\d|[ ](?!{NUMBERS})\d{{3}}(?!\d))"

RULES = [
    rule(
        "phone",
        rf"{_EDGE}(?:{NUMBERS})(?!\w)(?:{CHAIN}(?:{NUMBERS})(?!\w)){{0,6}}(?:(?=/1[89]00)|{_END})",
        _called,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
]
# Of what no other rule has read: a unit or a range decides before.
RULES_LAST = [rule("number", rf"{_EDGE}(?:{NUMBERS}){_END}", _not_known, begins="digit")]
