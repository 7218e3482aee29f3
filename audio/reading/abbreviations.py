"""Abbreviations of administrative Vietnamese, and how common foreign words are said.

Plain ones stand in `abbreviations.tsv` and `foreign.tsv` beside this file, one a line, so that whoever knows a better
reading can put it there. Those that depend on what stands around them are rules here.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from audio.reading import letters
from audio.reading.model import BY_CONTEXT, after, before, rule
from audio.reading.numerals import digits, weekday


def _table(name: str) -> dict[str, str]:
    lines = files("audio.reading").joinpath(name).read_text("utf-8").splitlines()
    rows = (line.partition("\t") for line in lines if line and not line.startswith("#"))
    return {written: spoken for written, _, spoken in rows}


SIMPLE: Final = _table("abbreviations.tsv")
FOREIGN: Final = _table("foreign.tsv")

# Those that look like a syllable (CA, AI, TH are letters or words): read only where capitals are not the
# rule, because in a heading in capitals they are words.
_LIKE_WORDS: Final = frozenset(word for word in SIMPLE if letters.is_syllable(word.lower()))

_L: Final = r"(?<![\w])"
_R: Final = r"(?![\w])"

_CULTURE: Final = r"V[ ]?H"


def _known(match: re.Match[str]) -> str | None:
    word = match.group()
    if word in _LIKE_WORDS and _in_capitals(match):
        return None
    return SIMPLE.get(word)


def _in_capitals(match: re.Match[str]) -> bool:
    """The words on both sides, where there are any, are written in capitals too."""
    left = re.search(r"([^\W\d_]+)\W*$", match.string[max(match.start() - 20, 0) : match.start()])
    right = re.match(r"\W*([^\W\d_]+)", match.string[match.end() : match.end() + 20])
    sides = [side.group(1) for side in (left, right) if side and "\n" not in side.group()]
    return bool(sides) and all(side.isupper() and len(side) > 1 and side not in SIMPLE for side in sides)


def _information(_match: re.Match[str]) -> str:
    return "thông tin và truyền thông"


def _culture(match: re.Match[str]) -> str:
    """VHTT: at a department (Sở) culture and sport, at an office (Phòng) culture and information."""
    joint = " và " if match["joint"] in {"&", "và"} else " "
    if re.search(r"(?:sở|bộ|giám đốc sở)\s*$", before(match)):
        return "văn hóa và thể thao"
    return f"văn hóa{joint}thông tin"


def _city(match: re.Match[str]) -> str:
    return {"tp": "thành phố", "tx": "thị xã", "tt": "thị trấn", "p": "phường", "q": "quận", "h": "huyện", "x": "xã"}[
        match["kind"].lower()
    ] + " "


_OFFICES: Final = (
    r"(?i:chủ tịch|giám đốc|bí thư|trưởng|cục trưởng|vụ trưởng|chánh|bộ trưởng|hiệu trưởng|chủ nhiệm|viện trưởng)\b"
)


_NEIGHBOUR: Final = re.compile(r"\d{1,2}\s*[,;)]\s*(?:Q|P|TP|quận|phường|thành phố)")


def _numbered_ward(match: re.Match[str]) -> str | None:
    """P.5, Q.1: a ward or a district of a city, where a point or a neighbour says so."""
    if "." not in match.group() and not re.match(
        r"\d{1,2}\s*[,;)]\s*(?:Q|P|TP|quận|phường|thành phố)", match.string[match.end() :]
    ):
        return None
    return "phường " if match["kind"] == "P" else "quận "


def _farmers(match: re.Match[str]) -> str | None:
    """ND: the farmers' association behind `Hội`, the people's elsewhere (`Công an ND`)."""
    left = before(match)
    if re.search(r"hội\s*$", left):
        return "nông dân"
    return "nhân dân" if re.search(r"(?:công an|quân đội|tòa án|hội đồng|nhà giáo|nghệ sĩ)\s*$", left) else None


def _people(match: re.Match[str]) -> str | None:
    return "dân phố" if re.search(r"tổ\s*$", before(match)) else None


def _sunday(match: re.Match[str]) -> str | None:
    left = before(match)
    if re.search(
        r"(?:thứ (?:\d|\w+)|(?<!\w)t[2-7])\s*(?:,|;|và|-|&|đến|hoặc)\s*$|(?:sáng|trưa|chiều|tối|đêm|ngày)\s+$", left
    ):
        return "chủ nhật"
    return None


def _weekday(match: re.Match[str]) -> str | None:
    """T2, T4: days of the week in a row of them or behind a time of day; a building or a term otherwise."""
    around = (
        match.string[max(match.start() - 12, 0) : match.start()] + " " + match.string[match.end() : match.end() + 12]
    )
    if re.search(r"(?<!\w)(?:T[2-7]|CN)(?!\w)", around) or re.search(
        r"(?:sáng|trưa|chiều|tối|đêm|ngày|giờ|\dh\d*)\s+$", before(match)
    ):
        return "thứ " + weekday(match["day"])
    return None


def _circular(match: re.Match[str]) -> str | None:
    """TT by itself: a circular before a number, a township or centre otherwise isn't known."""
    if re.match(r"\s*(?:số\s*)?\d", after(match)):
        return "thông tư"
    if re.search(r"(?:bộ|sở|ngành|cục)\s*$", before(match)):
        return "thông tin và truyền thông"
    # TT VHTT, TT Y tế: a centre; TT Vôi: a township is written with a point or isn't known.
    return (
        "trung tâm"
        if re.match(r"\s+(?:vh|y tế|gd|dv|dạy|phục vụ|hành chính|dịch vụ|bồi dưỡng|ktv|kn)", after(match))
        else None
    )


def _chapter(match: re.Match[str]) -> str | None:
    following = after(match)
    if re.match(r"\s*(?:số\s*)?\d", following):
        return "chỉ thị"
    if re.match(r"\s+(?:tnhh|cp|cổ phần)\b", following):
        return "công ty"
    if re.match(r"\s+(?:mtqg|mục tiêu|phối hợp|hành động)", following):
        return "chương trình"
    return "chủ tịch" if re.match(r"\s+(?:ubnd|hđnd|nước\b|hội\b)", following) else None


def _supreme(match: re.Match[str]) -> str | None:
    return "tối cao" if re.search(r"(?:vksnd|tand|tòa án nhân dân|viện kiểm sát nhân dân)\s*$", before(match)) else None


def _labour(match: re.Match[str]) -> str | None:
    """LĐ: labour behind what is labour's, the leaders by itself."""
    return "lao động" if re.search(_OF_LABOUR, before(match)) else None


_OF_LABOUR: Final = (
    r"(?:liên đoàn|người|bộ|sở|phòng|hợp đồng|bộ luật|lực lượng|thị trường|xuất khẩu|an toàn|bảo hộ)\s*$"
)


def _shares(match: re.Match[str]) -> str | None:
    return "cổ phần" if re.search(r"(?:công ty|tập đoàn|ngân hàng(?: tmcp)?|ct)\s*$", before(match)) else None


_ROADS: Final = {"QL": "quốc lộ", "TL": "tỉnh lộ", "HL": "hương lộ"}
_SIGNED: Final = {"KT": "ký thay", "TM": "thay mặt", "TL": "thừa lệnh", "TUQ": "thừa ủy quyền", "Q": "quyền"}


def _signed(match: re.Match[str]) -> str:
    return _SIGNED[match["how"]] + " "


_STROKED: Final = {
    "v/v": "về việc", "t/h": "thực hiện", "đ/c": "đồng chí", "k/g": "kính gửi", "n/v": "nhiệm vụ", "t/m": "thay mặt",
    "k/t": "ký thay", "t/l": "thừa lệnh", "q/đ": "quyết định", "b/c": "báo cáo", "c/v": "công văn", "n/d": "nội dung",
    "h/s": "học sinh", "g/v": "giáo viên", "x/n": "xác nhận", "đ/v": "đối với", "s/x": "sản xuất", "p/v": "phóng viên",
    "c/m": "chuyên môn", "h/đ": "hợp đồng",
}  # fmt: skip

_TITLES: Final = {
    "GS": "giáo sư", "PGS": "phó giáo sư", "TS": "tiến sĩ", "ThS": "thạc sĩ", "Ths": "thạc sĩ", "BS": "bác sĩ",
    "KS": "kỹ sư", "CN": "cử nhân", "NSND": "nghệ sĩ nhân dân", "NSƯT": "nghệ sĩ ưu tú", "LS": "luật sư",
    "CKI": "chuyên khoa một", "CKII": "chuyên khoa hai", "TSKH": "tiến sĩ khoa học", "DS": "dược sĩ", "Bs": "bác sĩ",
}  # fmt: skip


def _titles(match: re.Match[str]) -> str:
    return " ".join(_TITLES[title] for title in re.findall(r"[^\W\d_]+", match.group())) + " "


_TITLE: Final = "|".join(sorted(_TITLES, key=len, reverse=True))
# Two capitals at least, as all of the table have.
_WORD: Final = r"[A-ZĐƯƠ][A-Za-zĐƯƠđươ]{0,14}[A-ZĐƯƠ][a-z]?"

RULES = [
    rule("symbol", r"(?<=và)/(?=hoặc)", " "),
    rule("foreign", r"(?<!\w)[Ee]-mail(?!\w)", "i meo"),
    rule("foreign", r"(?<!\w)[Ww]i-[Ff]i(?!\w)", "oai phai"),
    rule("letter", r"(?<!\w)A/(?=H\d)", "a "),
    # Departments of the police by their codes: PA05, PC02.
    rule(
        "letter",
        r"(?<!\w)P[ACKVX](?P<number>\d\d)(?!\w)",
        lambda m: f"{letters.spell(m.group())} {digits(m['number'])}",
    ),
    rule(
        "abbreviation",
        rf"(?<![\w/])(?:{'|'.join(_STROKED)})(?![\w/])",
        lambda m: _STROKED[m.group().lower()],
        re.IGNORECASE,
    ),
    # Names of departments in several parts.
    rule(
        "abbreviation",
        rf"{_L}{_CULTURE}[ ]?[-,]?[ ]?TT[ ]?(?:&|-|và)?[ ]?[-,&]?[ ]?DL{_R}",
        "văn hóa, thể thao và du lịch",
    ),
    rule(
        "abbreviation", rf"{_L}{_CULTURE}[ ]?[-,]?[ ]?TT[ ]?(?:&|-|và|,)?[ ]?TT{_R}", "văn hóa, thông tin và thể thao"
    ),
    rule("abbreviation", rf"{_L}TT{_CULTURE}[ ]?[-,&]?[ ]?TT{_R}", "trung tâm văn hóa thông tin"),
    rule("abbreviation", rf"{_L}{_CULTURE}[ ]?(?P<joint>&|và|-)?[ ]?TT{_R}", _culture, certainty=BY_CONTEXT),
    rule("abbreviation", rf"{_L}{_CULTURE}[ ]?[-&][ ]?XH{_R}", "văn hóa xã hội"),
    rule("abbreviation", rf"{_L}(?:TT[ ]?(?:&|-)[ ]?TT){_R}", _information),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BS])?LĐ[ ]?[-,]?[ ]?TB[ ]?(?:&|-|và|,)?[ ]?XH{_R}",
        lambda m: _headed(m, "lao động, thương binh và xã hội"),
    ),
    rule(
        "abbreviation", rf"{_L}(?P<head>[BS])?GD[ ]?(?:&|-|và)[ ]?ĐT{_R}", lambda m: _headed(m, "giáo dục và đào tạo")
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BS])?NN[ ]?(?:&|-|và)[ ]?PTNT{_R}",
        lambda m: _headed(m, "nông nghiệp và phát triển nông thôn"),
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BS])?NN[ ]?(?:&|-|và)[ ]?MT{_R}",
        lambda m: _headed(m, "nông nghiệp và môi trường"),
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BS])?TN[ ]?(?:&|-|và)[ ]?MT{_R}",
        lambda m: _headed(m, "tài nguyên và môi trường"),
    ),
    rule("abbreviation", rf"{_L}(?P<head>[BS])?KH[ ]?(?:&|-|và)[ ]?ĐT{_R}", lambda m: _headed(m, "kế hoạch và đầu tư")),
    rule(
        "abbreviation", rf"{_L}(?P<head>[BS])?KH[ ]?(?:&|-|và)[ ]?CN{_R}", lambda m: _headed(m, "khoa học và công nghệ")
    ),
    rule(
        "abbreviation", rf"{_L}(?P<head>[BS])?DT[ ]?(?:&|-|và)[ ]?TG{_R}", lambda m: _headed(m, "dân tộc và tôn giáo")
    ),
    rule("abbreviation", rf"{_L}TC[ ]?(?:&|-)[ ]?KH{_R}", "tài chính kế hoạch"),
    rule("abbreviation", rf"{_L}KT[ ]?(?:&|-)[ ]?XH{_R}", "kinh tế xã hội"),
    rule("abbreviation", rf"{_L}CT[ ]?(?:&|-)[ ]?XH{_R}", "chính trị xã hội"),
    rule("abbreviation", rf"{_L}KT[ ]?(?:&|-)[ ]?HT{_R}", "kinh tế hạ tầng"),
    rule("abbreviation", rf"{_L}HN[ ]?(?:&|-|và)[ ]?GĐ{_R}", "hôn nhân và gia đình"),
    rule("abbreviation", rf"{_L}CSGT[ ]?-[ ]?TT{_R}", "cảnh sát giao thông trật tự"),
    rule("abbreviation", rf"{_L}DS[ ]?-[ ]?KHHGĐ{_R}", "dân số kế hoạch hóa gia đình"),
    rule("abbreviation", rf"{_L}TC{_R}", _supreme),
    rule("abbreviation", rf"{_L}LĐ{_R}", _labour, certainty=BY_CONTEXT),
    rule("abbreviation", rf"{_L}CP{_R}", _shares, certainty=BY_CONTEXT),
    rule("abbreviation", rf"(?<=, )T\.[ ]?(?=[{letters.UPPER}][{letters.LOWER}])", "tỉnh "),
    rule("abbreviation", rf"{_L}QP[ ]?(?:&|-)[ ]?AN{_R}", "quốc phòng an ninh"),
    rule("abbreviation", rf"{_L}PT[ ]?(?:&|-)[ ]?TH{_R}", "phát thanh truyền hình"),
    rule("abbreviation", rf"{_L}TT[ ]?(?:&|-)[ ]?TH{_R}", "truyền thanh truyền hình"),
    rule("abbreviation", rf"{_L}PCCC[ ]?(?:&|-|và)[ ]?CNCH{_R}", "phòng cháy chữa cháy và cứu nạn cứu hộ"),
    rule("abbreviation", rf"{_L}PCTT[ ]?(?:&|-|và)[ ]?TKCN{_R}", "phòng chống thiên tai và tìm kiếm cứu nạn"),
    rule("abbreviation", rf"{_L}HIV[ ]?/[ ]?AIDS{_R}", "hát i vê ết"),
    rule("abbreviation", rf"{_L}T\.[ ]?(?:Ư|W)\b\.?|{_L}TW\.", "trung ương"),
    rule("abbreviation", rf"{_L}(?:TP|Tp)\.?[ ]?HCM{_R}", "thành phố hồ chí minh"),
    rule("abbreviation", rf"{_L}(?P<how>Q)\.[ ]?(?={_OFFICES})", lambda _m: "quyền "),
    rule("abbreviation", rf"{_L}P\.[ ]?(?=CT{_R}|GĐ{_R}|{_OFFICES})", "phó "),
    rule("abbreviation", rf"{_L}T\.P\.?[ ]?(?=[{letters.UPPER}])", "thành phố "),
    rule("abbreviation", rf"{_L}(?P<kind>TP|Tp|TX|Tx|TT|Tt|P|Q|H|X)\.[ ]?(?=[{letters.UPPER}][^\W\d_])(?!TTg)", _city),
    rule("abbreviation", rf"{_L}(?P<kind>P|Q)\.?[ ]?(?=\d{{1,2}}(?!\w|[.,/]\d))", _numbered_ward, certainty=BY_CONTEXT),
    rule("abbreviation", rf"{_L}(?P<how>KT|TM|TL|TUQ|Q)\.[ ]?(?=[{letters.UPPER}]{{2}})", _signed),
    rule("abbreviation", rf"{_L}(?:{_TITLE})(?:\.[ ]?(?:{_TITLE}))*\.[ ]?(?=[{letters.UPPER}])", _titles),
    rule("abbreviation", rf"{_L}ĐT\.?[ ]?(?=\d{{3}}(?!\d))", "đường tỉnh "),
    rule("abbreviation", rf"{_L}ĐH\.?[ ]?(?=\d)", "đường huyện "),
    rule(
        "letter",
        rf"{_L}(?:[{letters.UPPER}]\.){{1,3}}[{letters.UPPER}]{_R}\.?(?=[ ]*[,;()]|[ ]+[{letters.LOWER}]|$)",
        lambda m: letters.spell(m.group()),
    ),
    rule(
        "letter",
        rf"(?<=[{letters.LOWER}][ ])[{letters.UPPER}]\.(?=[ ]*[,;()]|[ ]+[{letters.LOWER}])",
        lambda m: letters.spell(m.group()) + " ",
    ),
    rule("abbreviation", rf"{_L}CN{_R}", _sunday, certainty=BY_CONTEXT),
    rule("abbreviation", rf"{_L}BCH{_R}(?=[ ]+(?:[Qq]uân sự|PCTT|[Bb]ộ đội|BĐBP|[Pp]hòng))", "ban chỉ huy"),
    rule("abbreviation", rf"{_L}ĐH{_R}(?=[ ]+(?:[Đđ]ảng|[IVX]+{_R}))", "đại hội"),
    rule(
        "abbreviation", rf"{_L}(?P<law>[ĐKđk])\.[ ]?(?=\d)", lambda m: {"đ": "điều ", "k": "khoản "}[m["law"].lower()]
    ),
    rule("abbreviation", rf"{_L}T(?P<day>[2-7]){_R}", _weekday, certainty=BY_CONTEXT),
    rule("abbreviation", rf"{_L}ND{_R}", _farmers, certainty=BY_CONTEXT),
    rule("abbreviation", rf"{_L}DP{_R}", _people),
    rule("abbreviation", rf"{_L}(?P<road>QL|TL|HL)\.?[ ]?(?=\d)", lambda m: f"{_ROADS[m['road']]} "),
    rule("abbreviation", rf"{_L}TT{_R}", _circular, certainty=BY_CONTEXT),
    rule("abbreviation", rf"{_L}CT{_R}", _chapter, certainty=BY_CONTEXT),
    rule("abbreviation", rf"{_L}{_WORD}{_R}", _known),
]


def _headed(match: re.Match[str], name: str) -> str:
    head = {"B": "bộ ", "S": "sở "}.get(match["head"] or "", "")
    return head + name


_FEWEST, _MOST, _LONGEST = 2, 3, 12
# Capitals that mean several things, where nothing around them tells which; the likeliest first.
_OF_SEVERAL: Final = {
    "TT": ("trung tâm", "thông tin", "thị trấn", "thông tư", "thường trực"),
    "CT": ("chủ tịch", "chỉ thị", "chương trình", "công ty"),
    "KT": ("kinh tế", "kỹ thuật", "kiểm tra"), "GD": ("giáo dục", "giao dịch"), "TC": ("tài chính", "tổ chức"),
    "DT": ("dân tộc", "diện tích", "dự toán"), "DL": ("du lịch", "dương lịch"), "VH": ("văn hóa",),
    "XH": ("xã hội",), "AN": ("an ninh",), "QP": ("quốc phòng",), "DV": ("dịch vụ",), "QL": ("quản lý", "quốc lộ"),
    "ND": ("nhân dân", "nông dân", "nội dung"), "DP": ("dân phố", "dự phòng"), "PT": ("phát thanh", "phát triển"),
    "MT": ("môi trường", "mặt trận", "ma túy"), "KV": ("khu vực",), "SK": ("sức khỏe", "sự kiện"),
    "ĐK": ("điều kiện", "đăng ký"), "NC": ("nội chính", "nâng cao"), "NN": ("nông nghiệp", "nhà nước"),
    "TM": ("thương mại", "thay mặt"), "XD": ("xây dựng",), "YT": ("y tế",), "TN": ("thanh niên", "tài nguyên"),
}  # fmt: skip


def expansions(word: str) -> tuple[str, ...]:
    """What capitals that stand in no table may mean: cut into two or three that do, the longest first; at most three.

    `BCĐPCMT` is `BCĐ` and `PCMT`: ban chỉ đạo phòng chống ma túy.
    """
    if word in _OF_SEVERAL:
        return _OF_SEVERAL[word]
    if not _FEWEST * 2 <= len(word) <= _LONGEST:
        return ()
    found = _cuts(word, _MOST)
    found.sort(key=lambda parts: (len(parts), -max(map(len, parts))))
    return tuple(dict.fromkeys(" ".join(SIMPLE[part] for part in parts) for parts in found))[:3]


def _cuts(word: str, most: int) -> list[list[str]]:
    cuts = [[word]] if word in SIMPLE else []
    if most > 1:
        for end in range(_FEWEST, len(word) - 1):
            if word[:end] in SIMPLE:
                cuts += [[word[:end], *rest] for rest in _cuts(word[end:], most - 1)]
    return cuts
