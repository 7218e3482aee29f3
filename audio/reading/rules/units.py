"""Numbers with money, measures and percent, and ranges of them."""

from __future__ import annotations

import re
from typing import Final

from audio.reading.letters import LOWER
from audio.reading.measures import EACH, MEASURES, MONEY
from audio.reading.model import BY_CONTEXT, after, before, rule
from audio.reading.numerals import NUMBER, number, value


def _alternatives(table: dict[str, str]) -> str:
    return "|".join(re.escape(unit) for unit in sorted(table, key=len, reverse=True))


# with a unit behind it, 115 000 is one number
_NUM: Final = rf"(?:\d{{1,3}}(?: \d{{3}})+(?![\d.,]\d|\d)|{NUMBER})"
# đ/c, đ/v are words: `07 đ/c`
_UNIT: Final = rf"(?:(?!đ/[cv](?!\w))(?:{_alternatives(MONEY)}|{_alternatives(MEASURES)})(?![\w²³]))"
_SECOND: Final = (
    r"(?:[ ]?(?:đồng|đ|vnđ|vnd|usd|đô la|ndt|cny|eur|euro|jpy|krw|sgd|thb|lak|gbp|aud|"
    r"tấn|lít|ha|kg|m2|m3|km2)(?![\w²³]))"
)
_PER: Final = rf"(?:[ ]?/[ ]?(?:{_alternatives(EACH)})(?!\w)){{1,2}}"
# Behind money whatever stands there: 60 triệu đồng/nhà, 50.000đ/thẻ.
_PER_THING: Final = rf"(?:{_PER}|[ ]?/[ ]?(?-i:[{LOWER}]{{2,8}})(?!\w))"
_EDGE: Final = r"(?:(?<![\w.,/])|(?<=\d[xX×]))(?<!\d[ ]-)"


def unit(text: str) -> str:
    """A unit behind a number, with what it is counted by."""
    head, _, each = text.strip().lower().partition("/")
    if text.strip().lower() in MEASURES:
        return MEASURES[text.strip().lower()]
    said = MONEY.get(head.strip()) or MEASURES.get(head.strip()) or head.strip()
    return (
        f"{said} {'trên' if head.strip() in MEASURES and each.strip() in MEASURES else 'một'} {EACH[each.strip()]}"
        if each
        else said
    )


def _each(text: str, head: str = "") -> list[str]:
    """`/ha/vụ`; of two measures the first stands over the second, but for what is harvested: tấn, tạ."""
    over = head.strip().lower() in MEASURES and head.strip().lower() not in {"tấn", "tạ", "yến"}
    words: list[str] = []
    for part in (part.strip() for part in text.lower().split("/")[1:]):
        words += ["trên" if over and part in MEASURES and not words else "một", EACH.get(part, part)]
    return words


def _quantity(match: re.Match[str]) -> str:
    words = [number(match["number"]), unit(match["unit"])]
    if match["second"]:
        words.append(unit(match["second"]))
    if match["per"]:
        words += _each(match["per"], match["unit"])
    return " ".join(words)


def _signed(match: re.Match[str]) -> str | None:
    """Degrees and percent below or above nothing; before other quantities a dash is a dash."""
    if not re.match(r"(?:°|º|độ|%|oc)", match["unit"].lower()):
        return None
    sign = "âm" if match["sign"] == "-" else "cộng"
    return " ".join(
        [
            sign,
            number(match["number"]),
            unit(match["unit"]),
            *(_each(match["per"], match["unit"]) if match["per"] else []),
        ]
    )


def _range(match: re.Match[str]) -> str | None:
    first, second = match["first"], match["number"]
    if not match["unit1"] and value(first) >= value(second):
        return None
    words = [number(first)]
    if match["unit1"]:
        words.append(unit(match["unit1"]))
    words += ["đến", number(second), unit(match["unit"])]
    if match["second"]:
        words.append(unit(match["second"]))
    if match["per"]:
        words += _each(match["per"], match["unit"])
    return " ".join(words)


def _dollars(match: re.Match[str]) -> str:
    return f"{number(match['number'])} {_CURRENCIES.get(match['sign'], 'đô la mỹ')}"


_CURRENCIES: Final = {"€": "ơ rô", "£": "bảng anh", "¥": "yên", "VNĐ": "đồng", "VND": "đồng"}


def _million_and(match: re.Match[str]) -> str:
    """`2tr5` is two and a half million, `1tỷ2` a thousand and two hundred."""
    rest = "rưỡi" if match["rest"] == "5" else number(match["rest"])
    return f"{number(match['number'])} {MONEY[match['scale']]} {rest}"


_ALONE: Final = r"(?:km2|km²|m2|m²|m3|m³|km/h|km|kg|cm|mm|kwh|kw|mg|ml|mhz|µg|mmhg|°c|ºc)"


def _alone(match: re.Match[str]) -> str | None:
    """A unit that stands by itself, as in a heading of a table or `tính theo kg`."""
    return unit(match.group())


_MEASURED: Final = re.compile(r"\d[ ]?\w{1,3}$")
_COUNTED: Final = re.compile(r"\d[ ]?(?:đ|đồng|k|tr|triệu|nghìn|tỷ|usd|kg|suất|cuốn|quyển|bộ|chỉ tiêu|giờ|tiết|tháng)$")
_I: Final = re.IGNORECASE


def _points(match: re.Match[str]) -> str | None:
    """`22,75đ` where points are spoken of: đ is `điểm`, not money."""
    points = re.sub(r"[.,]0+$", "", match["number"])
    return f"{number(points)} điểm" if _OF_POINTS.search(before(match, 120)) else None


def _age_or_load(match: re.Match[str]) -> str | None:
    """`thọ 90t`, `xe 10T`, `mỗi lần 1v`: years of age, tons or pills, by what stands around."""
    left = before(match)
    if match.group().endswith("v"):
        return f"{number(match['number'])} viên" if _OF_PILLS.search(left) else None
    if _OF_LOAD.search(left):
        return f"{number(match['number'])} tấn"
    if _OF_AGE.search(left) or re.match(r"\s+trở (?:lên|xuống)", after(match)):
        return f"{number(match['number'])} tuổi"
    return None


_OF_LOAD: Final = re.compile(r"(?<!\w)(?:xe|tải|trọng|cầu|hàng|thóc|lúa|gạo|sản lượng|năng suất|rác|phân|trục)(?!\w)")
_OF_HEIGHT: Final = re.compile(r"(?<!\w)(?:cao|trẻ|trẻ em|học sinh|người|nam|nữ)(?!\w)[^.;\d]{0,12}$")
_OF_PILLS: Final = re.compile(r"(?<!\w)(?:uống|thuốc|mỗi lần|viên|ngậm|lần)(?!\w)[^.;]{0,30}$")
_OF_AGE: Final = re.compile(r"(?<!\w)(?:thọ|cụ|ông|bà|người|trẻ|tuổi|từ|nam|nữ|em|cháu)(?!\w)[^.;\d]{0,20}$")
_OF_POINTS: Final = re.compile(r"(?<!\w)(?:điểm|trúng tuyển|thủ khoa|xếp (?:nhất|nhì|thứ))(?!\w)")

RULES = [
    rule("unit", r"(?<![\w.,/])(?P<number>\d{1,2}(?:[.,]\d{1,2})?)[ ]?đ(?![\w/])", _points, begins="digit"),
    rule(
        "unit",
        r"(?<![\w.,/])(?P<number>\d{1,3}(?:[.,]\d)?)[ ]?[tTv](?!\w)",
        _age_or_load,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule("unit", r"(?<!\w)[ΦφØø∅][ ]?(?=\d)", "phi "),
    rule("number", r"(?<!\w)(?P<number>[2-9])K(?![\w/])", lambda m: f"{number(m['number'])} ca", begins="digit"),
    rule("number", r"(?<!\w)(?P<number>[2-6])G(?!\w)", lambda m: f"{number(m['number'])} giê", begins="digit"),
    # trẻ cao dưới 1m2: a height, not a square metre
    rule(
        "unit",
        r"(?<![\w.,])(?P<m>[12])m(?P<tenth>[23])(?!\w)",
        lambda m: f"{number(m['m'])} mét {number(m['tenth'])}" if _OF_HEIGHT.search(before(m)) else None,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule(
        "unit",
        r"(?<![\w.,])(?P<m>\d)m(?![23](?!\d))(?P<cm>\d{1,2})(?!\w)",
        lambda m: f"{number(m['m'])} mét {number(m['cm'])}",
        begins="digit",
    ),
    rule(
        "number",
        rf"{_EDGE}(?P<first>{_NUM})[ ]?[xX×][ ]?(?=\d)",
        lambda m: f"{number(m['first'])} nhân ",
        begins="digit",
    ),
    rule(
        "money",
        r"(?<![\w.,])(?P<number>\d{1,3})[ ]?(?P<scale>tr|tỷ|tỉ)(?P<rest>\d)(?!\w)",
        _million_and,
        begins="digit",
    ),
    rule("money", rf"(?P<sign>USD|US\$|\$|€|£|¥|VNĐ|VND)[ ]?(?P<number>{_NUM})(?!\w)", _dollars),
    rule(
        "unit",
        rf"{_EDGE}(?P<first>{_NUM})[ ]?(?P<unit1>{_UNIT}{_SECOND}?)?[ ]*(?:-|~|đến)[ ]*"
        rf"(?P<number>{_NUM})[ ]?(?P<unit>{_UNIT})(?P<second>{_SECOND})?(?P<per>{_PER_THING})?",
        _range,
        _I,
        begins="digit",
    ),
    rule(
        "unit",
        rf"(?P<sign>[-+])(?:(?<=[\s(].)|(?<=^.))(?P<number>{_NUM})[ ]?(?P<unit>{_UNIT})(?P<per>{_PER})?",
        _signed,
        _I,
    ),
    rule(
        "unit",
        rf"{_EDGE}(?P<number>{_NUM})[ ]?(?P<unit>{_UNIT})(?P<second>{_SECOND})?(?P<per>{_PER_THING})?",
        _quantity,
        _I,
        begins="digit",
    ),
    rule(
        "unit",
        rf"(?<=[{LOWER}]{{2}})(?P<each>{_PER})",
        lambda m: " " + " ".join(_each(m["each"])) if re.search(r"\d[^,.;/]{0,24}$", before(m)) else None,
        _I,
        begins="stroke",
    ),
    # 3.600 USD/HĐ, 2 suất/HS
    rule(
        "unit",
        r"/(?=[A-ZĐ]{2,6}(?![\w/-]))",
        lambda m: " một " if _COUNTED.search(before(m)) else None,
        certainty=BY_CONTEXT,
        begins="stroke",
    ),
    rule("unit", rf"(?<![\w/]){_ALONE}(?:/(?:{_alternatives(EACH)}))?(?![\w/])", _alone, _I),
    rule(
        "unit",
        rf"(?<=[{LOWER}\d³²])[ ]?/[ ]?(?P<number>\d{{1,2}})[ ]?(?P<unit>h|giờ|ngày|phút)(?!\w)",
        lambda m: f" trong {number(m['number'])} {EACH[m['unit'].lower()]}" if _MEASURED.search(before(m)) else None,
        begins="stroke",
    ),
    rule(
        "number",
        r"(?<=\d[ ])(?P<unit>tháng|năm|tuổi|ngày|tuần|giờ|phút|lần|người|hộ|điểm|nghìn|triệu|tỷ)[ ]*-[ ]*"
        r"(?=\d[\d.,]*[ ](?:tháng|năm|tuổi|ngày|tuần|giờ|phút|lần|người|hộ|điểm|nghìn|triệu|tỷ)(?!\w))",
        lambda m: f"{m['unit']} đến ",
    ),
    rule(
        "unit",
        rf"(?:(?<=[^\W\d_]{{2}})|(?<=\d[glLhkm]))/(?P<number>{_NUM})[ ]?(?P<unit>{_UNIT})",
        lambda m: f" trên {number(m['number'])} {unit(m['unit'])}",
        re.IGNORECASE,
        begins="stroke",
    ),
    rule(
        "unit",
        rf"(?<![\w.,/])(?P<first>\d+(?:,\d+)?)/(?P<number>\d+,\d+)(?:[ ]?(?P<unit>{_UNIT}))?(?![\w/])",
        lambda m: f"{number(m['first'])} trên {number(m['number'])} {unit(m['unit'] or '')}",
        _I,
        begins="digit",
    ),
    rule("unit", r"%", " phần trăm "),
    rule("unit", r"‰", " phần nghìn "),
]
