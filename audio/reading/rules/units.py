"""Numbers with money, measures and percent, and ranges of them."""

from __future__ import annotations

import re
from typing import Final

from audio.reading.letters import LOWER
from audio.reading.model import before, rule
from audio.reading.numerals import NUMBER, number, value

_MONEY: Final = {
    "đồng": "đồng", "đ": "đồng", "vnđ": "đồng", "vnd": "đồng", "usd": "đô la mỹ", "$": "đô la", "eur": "ơ rô",
    "€": "ơ rô", "ndt": "nhân dân tệ", "cny": "nhân dân tệ", "k": "nghìn", "tr": "triệu", "trđ": "triệu đồng",
    "tr.đ": "triệu đồng", "tỷ": "tỷ", "tỉ": "tỷ", "triệu": "triệu", "nghìn": "nghìn", "ngàn": "nghìn",
}  # fmt: skip

_MEASURES: Final = {
    "km/h": "ki lô mét trên giờ", "km/giờ": "ki lô mét trên giờ", "m/s": "mét trên giây", "m3/s": "mét khối trên giây",
    "m³/s": "mét khối trên giây", "km2": "ki lô mét vuông", "km²": "ki lô mét vuông", "m2": "mét vuông",
    "m²": "mét vuông", "m3": "mét khối", "m³": "mét khối", "cm2": "xăng ti mét vuông", "cm²": "xăng ti mét vuông",
    "cm3": "xăng ti mét khối", "cm³": "xăng ti mét khối", "km": "ki lô mét", "hm": "héc tô mét", "dm": "đề xi mét",
    "cm": "xăng ti mét", "mm": "mi li mét", "m": "mét", "ha": "héc ta", "kg": "ki lô gam", "mg": "mi li gam",
    "g": "gam", "gr": "gam", "ml": "mi li lít", "l": "lít", "lít": "lít", "kwh": "ki lô oát giờ",
    "kw": "ki lô oát", "mw": "mê ga oát", "kv": "ki lô vôn", "mhz": "mê ga héc", "khz": "ki lô héc", "ghz": "gi ga héc",
    "mb": "mê ga bai", "gb": "gi ga bai", "kb": "ki lô bai", "tb": "tê ra bai", "mbps": "mê ga bít trên giây",
    "°c": "độ xê", "ºc": "độ xê", "oc": "độ xê", "độ c": "độ xê", "°": "độ", "º": "độ", "db": "đề xi ben",
    "mmhg": "mi li mét thủy ngân", "µg": "mi crô gam", "kcal": "ki lô ca lo", "%": "phần trăm", "‰": "phần nghìn",
    "mg/dl": "mi li gam trên đề xi lít", "mmol/l": "mi li mon trên lít",
    "dl": "đề xi lít", "w": "oát", "v": "vôn",
    "tấn": "tấn", "tạ": "tạ", "yến": "yến", "hz": "héc", "ppm": "phần triệu", "cc": "xê xê",
}  # fmt: skip

# What one thing is counted by behind a stroke: 300.000 đồng/tháng, 2 lần/ngày, 5 tấn/ha.
_EACH: Final = {
    "ngày": "ngày", "tháng": "tháng", "năm": "năm", "tuần": "tuần", "giờ": "giờ", "h": "giờ", "quý": "quý",
    "đêm": "đêm", "phút": "phút", "giây": "giây", "người": "người", "hộ": "hộ", "lần": "lần", "buổi": "buổi",
    "usd": "đô la mỹ", "eur": "ơ rô", "euro": "ơ rô", "vnđ": "đồng", "thùng": "thùng", "hs": "học sinh",
    "kg": "ki lô gam", "g": "gam", "ha": "héc ta", "km": "ki lô mét", "km2": "ki lô mét vuông",
    "km²": "ki lô mét vuông", "m2": "mét vuông", "m²": "mét vuông", "m3": "mét khối", "m³": "mét khối", "m": "mét",
    "lít": "lít", "l": "lít", "mg/dl": "mi li gam trên đề xi lít", "mmol/l": "mi li mon trên lít",
    "dl": "đề xi lít", "w": "oát", "v": "vôn",
    "tấn": "tấn", "tạ": "tạ", "cháu": "cháu", "em": "em", "suất": "suất", "xã": "xã",
    "thôn": "thôn", "sào": "sào", "con": "con", "chiếc": "chiếc", "cái": "cái", "lượt": "lượt", "vụ": "vụ",
    "học sinh": "học sinh", "đợt": "đợt", "lượng": "lượng", "chỉ": "chỉ", "bao": "bao", "hecta": "héc ta",
    "ca": "ca", "khẩu": "khẩu", "nhân khẩu": "nhân khẩu", "mũi": "mũi", "liều": "liều", "cây": "cây", "vé": "vé",
    "bộ": "bộ", "chuyến": "chuyến", "kỳ": "kỳ", "tiết": "tiết", "trang": "trang", "hộp": "hộp", "gói": "gói",
    "gia đình": "gia đình", "trường hợp": "trường hợp", "kwh": "ki lô oát giờ",
}  # fmt: skip


def _alternatives(table: dict[str, str]) -> str:
    return "|".join(re.escape(unit) for unit in sorted(table, key=len, reverse=True))


# with a unit behind it, 115 000 is one number
_NUM: Final = rf"(?:\d{{1,3}}(?: \d{{3}})+(?![\d.,]\d|\d)|{NUMBER})"
_UNIT: Final = rf"(?:(?:{_alternatives(_MONEY)}|{_alternatives(_MEASURES)})(?![\w²³]))"
_SECOND: Final = r"(?:[ ]?(?:đồng|đ|vnđ|vnd|usd|đô la|tấn|lít|ha|kg|m2|m3|km2)(?![\w²³]))"
_PER: Final = rf"(?:[ ]?/[ ]?(?:{_alternatives(_EACH)})(?!\w)){{1,2}}"
_EDGE: Final = r"(?:(?<![\w.,/])|(?<=\d[xX×]))(?<!\d[ ]-)"


def unit(text: str) -> str:
    """A unit behind a number, with what it is counted by."""
    head, _, each = text.strip().lower().partition("/")
    if text.strip().lower() in _MEASURES:
        return _MEASURES[text.strip().lower()]
    said = _MONEY.get(head.strip()) or _MEASURES.get(head.strip()) or head.strip()
    return (
        f"{said} {'trên' if head.strip() in _MEASURES and each.strip() in _MEASURES else 'một'} {_EACH[each.strip()]}"
        if each
        else said
    )


def _each(text: str) -> list[str]:
    return [word for part in text.lower().split("/")[1:] for word in ("một", _EACH[part.strip()])]


def _quantity(match: re.Match[str]) -> str:
    words = [number(match["number"]), unit(match["unit"])]
    if match["second"]:
        words.append(unit(match["second"]))
    if match["per"]:
        words += _each(match["per"])
    return " ".join(words)


def _signed(match: re.Match[str]) -> str | None:
    """Degrees and percent below or above nothing; before other quantities a dash is a dash."""
    if not re.match(r"(?:°|º|độ|%|oc)", match["unit"].lower()):
        return None
    sign = "âm" if match["sign"] == "-" else "cộng"
    return " ".join(
        [sign, number(match["number"]), unit(match["unit"]), *(_each(match["per"]) if match["per"] else [])]
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
        words += _each(match["per"])
    return " ".join(words)


def _dollars(match: re.Match[str]) -> str:
    return f"{number(match['number'])} {_CURRENCIES.get(match['sign'], 'đô la mỹ')}"


_CURRENCIES: Final = {"€": "ơ rô", "VNĐ": "đồng", "VND": "đồng"}


def _million_and(match: re.Match[str]) -> str:
    """`2tr5` is two and a half million, `1tỷ2` a thousand and two hundred."""
    rest = "rưỡi" if match["rest"] == "5" else number(match["rest"])
    return f"{number(match['number'])} {_MONEY[match['scale']]} {rest}"


def _alone(match: re.Match[str]) -> str | None:
    """A unit that stands by itself, as in a heading of a table or `tính theo kg`."""
    return _MEASURES.get(match.group().lower())


_MEASURED: Final = re.compile(r"\d[ ]?\w{1,3}$")
_I: Final = re.IGNORECASE

RULES = [
    rule("number", r"(?<!\w)(?P<number>[2-6])G(?!\w)", lambda m: f"{number(m['number'])} giê", begins="digit"),
    rule(
        "unit",
        r"(?<![\w.,])(?P<m>\d)m(?P<cm>\d{1,2})(?!\w)",
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
    rule("money", rf"{_EDGE}(?P<sign>USD|US\$|\$|€|VNĐ|VND)[ ]?(?P<number>{_NUM})(?!\w)", _dollars),
    rule(
        "unit",
        rf"{_EDGE}(?P<first>{_NUM})[ ]?(?P<unit1>{_UNIT}{_SECOND}?)?[ ]*(?:-|~|đến)[ ]*"
        rf"(?P<number>{_NUM})[ ]?(?P<unit>{_UNIT})(?P<second>{_SECOND})?(?P<per>{_PER})?",
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
        rf"{_EDGE}(?P<number>{_NUM})[ ]?(?P<unit>{_UNIT})(?P<second>{_SECOND})?(?P<per>{_PER})?",
        _quantity,
        _I,
        begins="digit",
    ),
    rule(
        "unit",
        rf"(?<=[{LOWER}])(?P<each>{_PER})",
        lambda m: " " + " ".join(_each(m["each"])) if re.search(r"\d[^,.;/]{0,24}$", before(m)) else None,
        _I,
    ),
    rule("unit", r"(?<![\w/])(?:km2|km²|m2|m²|m3|m³|km/h|km|kg|cm|mm|kwh|kw|mg|ml|mhz|°c|ºc)(?![\w/])", _alone, _I),
    rule(
        "unit",
        rf"(?<=[{LOWER}\d³²])[ ]?/[ ]?(?P<number>\d{{1,2}})[ ]?(?P<unit>h|giờ|ngày|phút)(?!\w)",
        lambda m: f" trong {number(m['number'])} {_EACH[m['unit'].lower()]}" if _MEASURED.search(before(m)) else None,
    ),
    rule(
        "number",
        r"(?<=\d[ ])(?P<unit>tháng|năm|tuổi|ngày|tuần|giờ|phút|lần|người|hộ|điểm|nghìn|triệu|tỷ)[ ]*-[ ]*"
        r"(?=\d[\d.,]*[ ](?:tháng|năm|tuổi|ngày|tuần|giờ|phút|lần|người|hộ|điểm|nghìn|triệu|tỷ)(?!\w))",
        lambda m: f"{m['unit']} đến ",
    ),
    rule("unit", r"%", " phần trăm "),
    rule("unit", r"‰", " phần nghìn "),
]
