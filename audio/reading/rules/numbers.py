"""What is left of the numbers: shares, ranges, Roman numbers, letters and digits in one word, single numbers."""

from __future__ import annotations

import re
from typing import Final

from audio.reading import abbreviations, letters
from audio.reading.model import BY_CONTEXT, Said, after, before, rule
from audio.reading.numerals import NUMBER, cardinal, digits, month, number, roman, value
from audio.reading.rules import documents, hotlines
from audio.reading.rules.clock import RATIO_BEFORE

_NUM: Final = rf"(?:{NUMBER})"

_ROMAN_AFTER: Final = (
    r"quý|chương|phần|mục|khóa|khoá|kỳ|thứ|thế kỷ|loại|hạng|cấp|độ|giai đoạn|điều|tập|vùng|đợt|bậc|nhóm|phụ lục|"
    r"đại hội|mẫu|bảng|khu vực|tuyến|lớp|kỳ họp|nhiệm kỳ|bài|hội nghị|hội thi|liên hoan|biểu"
)


def _share(match: re.Match[str]) -> str:
    """`3/5 nạn nhân` is three fifths; `28/30 xã`, `15/15` are so many of so many."""
    top, bottom = match["top"], match["bottom"]
    following = match.string[match.end() :]
    counted = int(top) < int(bottom) <= 10 and not re.match(r"\s*[\"(]?\s*[A-ZĐ]", following)
    counted = counted and not re.search(r"(?:thứ|hạng|xếp|binh|loại)\s*$", before(match))
    counted = counted and not re.match(
        r"\s*(?:thôn|xã|phường|huyện|tỉnh|tổ|bản|ấp|chi bộ|trường|lớp|đơn vị|đại biểu|đồng chí|thành viên|phiếu|"
        r"chỉ tiêu|công trình|dự án|hợp tác xã|cơ quan|nội dung|nhiệm vụ|ủy viên|khu|cụm|khẩu|"
        r"tiêu chí|điểm|trận|ván|séc|sao|bàn)\b",
        following,
    )
    return f"{number(top)} {'phần' if counted else 'trên'} {'tư' if counted and bottom == '4' else number(bottom)}"


_SHARE_BEFORE: Final = re.compile(
    r"(?:tỷ lệ|tỉ lệ|xác suất|khoảng|hơn|gần|chiếm|giảm|tăng|gấp|quá|bằng|chỉ còn|chia|"
    r"tỷ số|binh|binh hạng|nhà|số|ngõ|ngách|hẻm|quý)\s*$"
)
_DAYS, _MONTHS = 31, 12
_COMMON: Final = {("1", "2"), ("1", "3"), ("2", "3"), ("1", "4")}  # halves, thirds and quarters


def _share_of(match: re.Match[str]) -> str | Said:
    """A share; without a thing behind it that is shared out it may be a date as well, and is a doubt."""
    said = _share_said(match)
    if (match["top"], match["bottom"]) in _COMMON:
        return said
    if not re.fullmatch(r"\d{1,2} ?/ ?\d{1,2}", match.group()) or _SHARED_OUT.match(after(match)):
        return said
    if RATIO_BEFORE.search(before(match)):
        return f"{number(match['top'])} trên {number(match['bottom'])}"
    day, of_month = int(match["top"]), int(match["bottom"])
    if not (1 <= day <= _DAYS and 1 <= of_month <= _MONTHS) or _SHARE_BEFORE.search(before(match)):
        return said
    # Nothing is shared out: rather a day, if nothing before says how many.
    date = f"{'mùng ' if day <= 10 else ''}{cardinal(day)} tháng {month(str(of_month))}"
    first = said if _HOW_MANY.search(before(match)) else date
    return Said(first, "date", suggestions=(first, said, date))


_SHARED_OUT: Final = re.compile(
    r"\s*(?!(?:là|tại|ở|này|tới|vừa|sẽ|hằng|hàng|hoặc|và|để|nhằm|do|sau|trước|theo|âm lịch|dương lịch)\b)[^\W\d_]"
)
_HOW_MANY: Final = re.compile(r"(?:đạt|được|có|còn|bằng|là|tới|chỉ|mới|trúng|điểm|thành tích|kết quả)[\s:]*$")


_ROMAN_WORDS: Final = "|".join(
    way for word in _ROMAN_AFTER.split("|") for way in (word, word.capitalize(), word.upper(), word.title())
)


def _share_said(match: re.Match[str]) -> str:
    if len(match["top"]) > 1 and match["top"].startswith("0"):
        return f"{number(match['top'])} trên {number(match['bottom'])}"
    return (
        _share(match)
        if match["top"].isdecimal() and match["bottom"].isdecimal()
        else (f"{number(match['top'])} trên {number(match['bottom'])}")
    )


_SCORED: Final = re.compile(
    r"(?:tỷ số|tỉ số|thắng|thua|hòa|dẫn|gỡ)(?: [^\W\d]+){0,5}(?: \d [^\W\d]+)?[\s:(]*"
    r"(?:\d{1,2} ?- ?\d{1,2}[,;\s]+(?:và )?)*$"
    r"|\d{1,2} ?- ?\d{1,2} ?\((?:ht|h1|pen|hiệp \w+)?[:\s]*$"  # 1-1 (HT 0-1)
)


def _range(match: re.Match[str]) -> str:
    first, second = match["first"], match["second"]
    if _SCORED.search(before(match)) and max(len(first), len(second)) <= 2:
        return f"{number(first)} {number(second)}"
    joint = " đến " if value(first) < value(second) else ", "
    return f"{number(first)}{joint}{number(second)}"


_ANONYMOUS: Final = re.compile(
    r"(?:xã|phường|huyện|tỉnh|thôn|bản|xóm|làng|khu|anh|chị|ông|bà|em|cháu|cô|chú|công ty|"
    r"đối tượng|nước|trường|văn|thị)\s+$"
)


def _romans(match: re.Match[str]) -> str | None:
    values = [(roman(part), sign) for part, sign in re.findall(r"([IVXLC]+)(\s*(?:,|-|và|đến)?\s*)", match["numbers"])]
    if any(one is None for one, _ in values):
        return None
    if not match["word"] and len(match["numbers"]) == 1 and _ANONYMOUS.search(before(match)):
        return None  # xã X, anh X: a letter in place of a name
    said: list[str] = []
    for one, sign in values:
        said.append(cardinal(one or 0))
        said.append({"-": "đến"}.get(sign.strip(), sign.strip()))
    if match["word"].lower().endswith("thứ") and said[0] in {"một", "bốn"}:
        said[0] = {"một": "nhất", "bốn": "tư"}[said[0]]
    return f"{match['word'].lower()} " + " ".join(said).replace(" ,", ",").strip()


def _mixed(match: re.Match[str]) -> Said | None:
    """Letters and digits in one word: `10A1`, `QL1A`, `5G`, `VTV1`, `COVID-19`."""
    words: list[str] = []
    one_by_one = _SERIAL.search(before(match))
    for run in re.findall(r"\d+|[^\W\d_]+|\.", match.group()):
        if run == ".":
            words.append("chấm")
            continue
        if run.isdecimal():
            words.append(digits(run) if one_by_one or (len(run) > 1 and run.startswith("0")) else number(run))
            continue
        words.append(_letters(run))
    return Said(" ".join(word for word in words if word))


_SERIAL: Final = re.compile(r"(?:số khung|số máy|(?<!\w)seri|imei|hộ chiếu|số hiệu)[^.;\d]{0,16}$")
_NAME_MOST: Final = 2


def _letters(run: str) -> str:
    # BC15 is a kind of rice and no report; KP5, QK1 are an area and a region.
    known = abbreviations.NUMBERED.get(run) or (abbreviations.SIMPLE.get(run) if len(run) > _NAME_MOST else None)
    known = known or abbreviations.FOREIGN.get(run.lower())
    if known:
        return known
    folded = letters.fold(run)
    if (
        (len(folded) > 2 or not run.isupper())
        and len(folded) > 1
        and letters.is_plain(folded)
        and (not run.isupper() or letters.is_syllable(folded))
    ):
        return folded
    return letters.spell(run)


def _times(match: re.Match[str]) -> str:
    return f"{number(match['first'])} nhân {number(match['second'])}"


def _single(match: re.Match[str]) -> str:
    return number(match.group())


_FRACTIONS: Final = {
    "½": "một phần hai", "⅓": "một phần ba", "¼": "một phần tư", "¾": "ba phần tư", "⅔": "hai phần ba",
}  # fmt: skip

_COMPARED: Final = {
    "<": "nhỏ hơn", ">": "lớn hơn", "≤": "nhỏ hơn hoặc bằng", "≥": "lớn hơn hoặc bằng", "<=": "nhỏ hơn hoặc bằng",
    ">=": "lớn hơn hoặc bằng", "=": "bằng", "+": "cộng", "±": "cộng trừ", "≈": "xấp xỉ", "~": "khoảng", "×": "nhân",
    "÷": "chia",
}  # fmt: skip


# With a word before them they say how much: `kéo dài >3 ngày`; between two values they compare.
_BEFORE_A_NUMBER: Final = {
    "<": "dưới",
    ">": "trên",
    "≥": "ít nhất",
    "≤": "không quá",
    ">=": "ít nhất",
    "<=": "không quá",
}
_A_VALUE: Final = re.compile(r"(?:^|[\s(])[\d.,]+\s*%?\s*$")


def _sign(match: re.Match[str]) -> str | None:
    sign = match.group()
    between_words = (
        match.string[match.start() - 1 : match.start()] == " " == match.string[match.end() : match.end() + 1]
    )
    if not re.match(r"\s*\d", after(match)) and sign not in {"=", "+"} and not (between_words and sign != "~"):
        return None
    said = _BEFORE_A_NUMBER.get(sign) if not _A_VALUE.search(before(match)) else None
    return f" {said or _COMPARED[sign]} "


def _version(match: re.Match[str]) -> str | None:
    """`2.1.3`; thousands are written in threes and are no version."""
    parts = match.group().split(".")
    return None if all(len(part) == 3 for part in parts[1:]) else " chấm ".join(number(part) for part in parts)


def _section(match: re.Match[str]) -> str | None:
    value = roman(match["roman"])
    return f"{cardinal(value)} chấm {number(match['part'])}" if value else None


def _rated(text: str) -> str:
    """`4,5/5 sao`."""
    got, _, of = text.partition("/")
    return f"{number(got)} trên {number(of)}"


def _named(match: re.Match[str]) -> str | None:
    """What is called by its number: `Ban Chỉ đạo 389`, `Chương trình 135`; `Đề án 06`, `Nghị quyết 06`."""
    text, left = match.group(), before(match)
    by_number = _BY_ITS_NUMBER if len(text) > 2 else _WITH_ITS_ZERO
    if not by_number.search(left) or hotlines.COUNTED.match(after(match)):
        return None
    return digits(text) if len(text) > 2 else f"không {cardinal(int(text))}"


_BY_ITS_NUMBER: Final = re.compile(
    r"(?:ban chỉ đạo|(?<!\w)bcđ|chương trình|đề án|dự án|tổ công tác|(?:trung|tiểu|lữ|sư|binh|quân|hải) đoàn)\s+$"
)
_WITH_ITS_ZERO: Final = re.compile(
    rf"(?<!\w)(?:{'|'.join(sorted(set(documents.TYPES.values()), key=len, reverse=True))}|luật|qđ|nđ|nq|tt|ct|kh|bcđ|"
    r"ban chỉ đạo)(?:\s+số)?:?\s+$"
)


def _feeder(match: re.Match[str]) -> str | None:
    """`lộ 472E7.14`: a line of the grid by its number, with the station that feeds it."""
    if not _GRID.search(before(match)):
        return None
    station = [
        number(run) if run.isdecimal() else letters.spell(run) for run in re.findall(r"\d+|E", match["station"] or "")
    ]
    said = " chấm ".join(station[1:])
    return f"{digits(match['feeder'])} {'e ' if station else ''}{said}".strip()


_GRID: Final = re.compile(r"(?<!\w)(?:lộ|xuất tuyến|máy cắt|đường dây|đz|mc|nhánh rẽ)\s+$")


def _point(match: re.Match[str]) -> str:
    """`mục 2.1`, `tiêu chí 17.5`, `Điều 7.1.c`: what is under what."""
    parts = [cardinal(int(part)) if part.isdecimal() else letters.spell(part) for part in match["parts"].split(".")]
    return f"{match['word'].lower()} {' chấm '.join(parts)}"


RULES = [
    rule(
        "number",
        r"(?<!\w)(?P<word>điều|khoản|mục|tiểu mục|tiêu chí|chỉ tiêu|bảng|biểu|hình|phụ lục|điểm|phần|bài|nhiệm vụ)[ ]+"
        r"(?P<parts>\d{1,3}(?:\.\d{1,2})+(?:\.[a-zđ])?)(?![\w,]|\.\d)(?![ ]*(?:%|điểm|triệu|tỷ|nghìn))",
        _point,
        re.IGNORECASE,
        begins="before digit",
    ),
    rule("number", r"\d(?<![\w.,/-]\d),\d/(?:5|10)(?=[ ](?:sao|điểm))", lambda m: _rated(m.group()), begins="digit"),
    rule(
        "number", r"\d(?<![\w.,/-]\d)(?:\d\d|(?<=0)[1-9])(?!\w|[.,/-]\w)", _named, certainty=BY_CONTEXT, begins="digit"
    ),
    rule("number", r"(?<![\w.,/])\d{1,4}(?:\.\d{1,4}){2,4}(?![\w/]|[.,]\d)", _version, begins="digit"),
    rule("roman", r"(?<!\w)(?P<roman>[IVX]{1,5})\.(?P<part>\d{1,2})(?![\w.])", _section, begins="capital"),
    rule(
        "number",
        r"(?<![\w/.,])(?P<top>\d{1,3}(?:\.\d{3})+|\d+)[ ]?/[ ]?(?P<bottom>\d{1,3}(?:\.\d{3})+|\d+)(?![\w/]|[.,]\d)",
        _share_of,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule(
        "number",
        r"(?<![\w.,/])(?P<top>\d+,\d+)/(?P<bottom>\d+)(?![\w/]|[.,]\d)",
        lambda m: f"{number(m['top'])} trên {number(m['bottom'])}",
        begins="digit",
    ),
    rule(
        "number",
        rf"(?<![\w.,/])(?P<first>{_NUM})[ ]*-[ ]*(?P<second>{_NUM})(?![\w/-])",
        _range,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule("number", rf"(?<![\w.,/])(?P<first>{_NUM})[ ]?[xX×][ ]?(?P<second>{_NUM})(?!\w)", _times, begins="digit"),
    rule(
        "number",
        r"(?<![\w:.,])(?P<first>\d{1,3}):(?P<second>\d{1,3}(?:\.\d{3})+|\d{1,6})(?![\w:])",
        lambda m: f"{number(m['first'])} trên {number(m['second'])}",
        begins="digit",
    ),
    rule(
        "number",
        r"(?<![\w.,/])(?P<number>\d+,\d+)(?P<letters>[A-ZĐ]{1,2})(?!\w)",
        lambda m: f"{number(m['number'])} {'tấn' if m['letters'] == 'T' else letters.spell(m['letters'])}",
        begins="digit",
    ),
    rule(
        "number",
        r"(?<!\w)[kK](?P<clause>\d{1,2})[ ]?[,-]?[ ]?[Đđ](?P<article>\d{1,3})(?!\w)",
        lambda m: f"khoản {cardinal(int(m['clause']))} điều {cardinal(int(m['article']))}",
    ),
    rule(
        "number",
        r"(?<!\w)Đ(?P<article>\d{1,3})(?=[ ]*,?[ ]*(?:(?:của[ ])?(?:BL|BTT|L[A-ZĐ]|Luật|Bộ luật|Nghị|NĐ)|K\d))",
        lambda m: f"điều {cardinal(int(m['article']))}",
        begins="capital",
    ),
    rule(
        "number",
        r"(?<![^\W_])(?P<feeder>\d{3})(?P<station>E\d{1,3}(?:\.\d{1,3})?)?(?![\w/]|[.,]\d)",
        _feeder,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule("roman", r"(?<!\w)I(?=[ ]*(?:,|và|-)[ ]*I[IVX]{1,3}(?!\w))", "một", begins="capital"),
    rule("number", r"(?<!\w)PM[ ]?2[.,]5(?!\d)", "pê em hai phẩy năm", begins="capital"),
    rule(
        "roman",
        rf"(?<!\w)(?P<word>{_ROMAN_WORDS})[ ]+(?P<numbers>[IVXLC]+(?:[ ]*(?:,|-|và|đến)[ ]*[IVXLC]+)*)(?![^\W_])",
        _romans,
        begins="before roman",
    ),
    rule(
        "roman",
        r"(?<!\w)(?P<word>)(?P<numbers>(?:X{1,3}(?:IX|IV|V?I{0,3})|VI{1,3}|I[VX]|I{2,3}))(?![^\W_])",
        _romans,
        begins="capital",
    ),
    rule(
        "number",
        r"(?<!\w)(?:[^\W\d_]{1,12}-?\d|\d{1,6}[^\W\d_])\w{0,24}(?:\.\d{1,3}){0,3}(?!\w)",
        _mixed,
        begins="joined",
    ),
    rule("number", r"[½⅓¼¾⅔]", lambda m: f" {_FRACTIONS[m.group()]} "),
    rule("symbol", r"(?<=\d)\^(?=\d)", " mũ "),
    *hotlines.RULES_LAST,
    rule("number", _NUM, _single, begins="digit"),
    rule("number", r"\d+", _single),
    rule(
        "symbol",
        r"(?<=[^\W_][ ]|[²³%)][ ])[xX×](?=[ ]\d)|"
        rf"(?<=[\d%)²³{letters.LOWER}][ ])[x×](?=[ ](?:[{letters.LOWER}]{{2}}|[(]))",
        "nhân",
    ),
    rule("symbol", r"=>", ","),
    rule("symbol", r"<=|>=|[<>≤≥=+±≈~×÷]", _sign),
    rule("symbol", r"[²³]", lambda m: " bình phương " if m.group() == "²" else " lập phương "),
]
