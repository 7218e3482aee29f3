"""Abbreviations that depend on what stands around them; those of the table last."""

from __future__ import annotations

import re
from typing import Final

from audio.reading import abbreviations, around, letters
from audio.reading.model import BY_CONTEXT, after, before, rule
from audio.reading.numerals import digits, month, weekday
from audio.reading.rules import offices

_L: Final = r"(?<![\w])"
_R: Final = r"(?![\w])"


def _known(match: re.Match[str]) -> str | None:
    word = match.group()
    if word in abbreviations.LIKE_WORDS and abbreviations.in_capitals(match):
        return None
    said = abbreviations.SIMPLE.get(word)
    first, _, rest = (said or "").partition(" ")
    return rest if first in {"đất", "tổ"} and before(match, 12).endswith(f" {first} ") else said  # đất LUC, tổ TDP


def _behind(match: re.Match[str]) -> str | None:
    """Capitals whose meaning the word or two before them tell: `vụ ĐX`, `Hội đồng BT`."""
    words = re.findall(r"[^\W\d_]+", before(match, 24))
    for count in (2, 1):
        said = len(words) >= count and abbreviations.BEHIND.get((" ".join(words[-count:]), match.group()))
        if said:
            return said
    return None


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
    if (
        re.search(r"(?<!\w)(?:T[2-7]|CN)(?!\w)", around)
        or _DATED.match(after(match))
        or re.search(r"(?:sáng|trưa|chiều|tối|đêm|ngày|giờ|\dh\d*)\s+$", before(match))
    ):
        return "thứ " + weekday(match["day"])
    return None


_DATED: Final = re.compile(r"[\s,(]+(?:ngày\s+)?\d{1,2}/\d")


def _months(match: re.Match[str]) -> str | None:
    """`T3, T9`, `T10-T12`: months, where one of them is no day of the week."""
    numbers = [int(one) for one in re.findall(r"\d+", match.group())]
    if all(_MONDAY <= one <= _SATURDAY for one in numbers) or (
        len(numbers) == 1 and not _OF_A_MONTH.search(before(match))
    ):
        return None
    said = re.sub(r"[ ]*-[ ]*", " đến ", match.group())
    return re.sub(r"T(\d+)", lambda one: f"tháng {month(one.group(1))}", said)


_MONDAY, _SATURDAY = 2, 7
_OF_A_MONTH: Final = re.compile(
    r"(?<!\w)(?:họp|trong|từ|đến|hết|đầu|giữa|cuối|vụ|lương|tiền|kỳ|học phí|báo cáo|kế hoạch|và)\s+$"
)


def _days_of_week(match: re.Match[str]) -> str:
    """`T2-T6`, `T2-CN`."""
    return f"thứ {weekday(match['first'])} đến {'thứ ' + weekday(match['last']) if match['last'] else 'chủ nhật'}"


def _room(match: re.Match[str]) -> str | None:
    """P.302, P302 nhà A2: a room."""
    if "." not in match.group() and not re.match(r"\d+,?\s+(?:nhà|tòa|chung cư|ct|khu|ks)\b", after(match)):
        return None
    return "phòng "


def _initials(match: re.Match[str]) -> str:
    """Letters with points; where nothing follows the last point ends the sentence too."""
    ends = match.group().endswith(".") and not match.string[match.end() :].split("\n", 1)[0].strip()
    return letters.spell(match.group()) + "." * ends


def _circular(match: re.Match[str]) -> str | None:
    """TT by itself: a circular before a number, a township or centre otherwise isn't known."""
    if re.match(r"\s*(?:số\s*)?\d", after(match)):
        return "thông tư"
    if re.search(r"(?:bộ|sở|ngành|cục)\s*$", before(match)):
        return "thông tin và truyền thông"
    if re.search(r"(?:phó bí thư|phó chủ tịch|phó trưởng ban|ủy viên)\s*$", before(match)):
        return "thường trực"
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


def _members(match: re.Match[str]) -> str | None:
    """ĐV: whose members, by what the sentence speaks of."""
    left = before(match, 120)
    if re.search(r"(?:đảng|chi)\s*bộ|đảng ủy|kết nạp", left):
        return "đảng viên"
    return "đoàn viên" if re.search(r"công đoàn|đoàn thanh niên|đoàn xã|hội viên", left) else None


def _shares(match: re.Match[str]) -> str | None:
    return "cổ phần" if re.search(r"(?:công ty|tập đoàn|ngân hàng(?: tmcp)?|ct)\s*$", before(match)) else None


_ROADS: Final = {"QL": "quốc lộ", "TL": "tỉnh lộ", "HL": "hương lộ"}
_SIGNED: Final = {"KT": "ký thay", "TM": "thay mặt", "TL": "thừa lệnh", "TUQ": "thừa ủy quyền", "Q": "quyền"}


def _signed(match: re.Match[str]) -> str:
    return _SIGNED[match["how"]] + " "


_STROKED: Final = {
    "v/v": "về việc", "t/h": "thực hiện", "đ/c": "đồng chí",
    "k/g": "kính gửi", "n/v": "nhiệm vụ", "t/m": "thay mặt",
    "k/t": "ký thay", "t/l": "thừa lệnh", "q/đ": "quyết định", "b/c": "báo cáo", "c/v": "công văn", "n/d": "nội dung",
    "h/s": "học sinh", "g/v": "giáo viên", "x/n": "xác nhận", "đ/v": "đối với", "s/x": "sản xuất", "p/v": "phóng viên",
    "y/c": "yêu cầu", "t/tin": "thông tin", "c/t": "chi tiết", "đ/k": "đăng ký", "h/v": "hội viên", "k/q": "kết quả",
    "t/tra": "thanh tra", "t/g": "thời gian", "đ/đ": "địa điểm", "t/p": "thành phần", "p/h": "phối hợp",
    "c/bộ": "cán bộ", "h/d": "hướng dẫn", "s/k": "sức khỏe", "k/h": "kế hoạch", "đ/ư": "đảng ủy",
    "c/m": "chuyên môn", "h/đ": "hợp đồng",
}  # fmt: skip

_RHESUS: Final = {"+": "cộng", "-": "trừ"}
_OF_BLOOD: Final = re.compile(r"(?<!\w)(?:nhóm|máu|rh)(?!\w)")

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
    rule("foreign", r"(?<!\w)Co\.[Oo]p(?=[Mm]art|\b)[ ]?(?:[Mm]art)?", "cô óp mát", begins="capital"),
    rule("letter", r"(?<!\w)A/(?=H\d)", "a ", begins="capital"),
    # Departments of the police by their codes: PA05, PC02.
    rule(
        "letter",
        r"(?<!\w)P[ACKVX](?P<number>\d\d)(?!\w)",
        lambda m: f"{letters.spell(m.group())} {digits(m['number'])}",
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"(?<![\w/])(?:{'|'.join(_STROKED)})(?![\w/])",
        lambda m: _STROKED[m.group().lower()],
        re.IGNORECASE,
        begins="stroke",
    ),
    rule("abbreviation", r"(?<!\w)Đ\.c(?!\w)", "đồng chí", begins="capital"),
    # nhóm máu O+, Rh-
    rule(
        "letter",
        r"(?<!\w)(?P<group>AB|A|B|O|Rh)(?P<sign>[+-])(?![\w-])",
        lambda m: f"{letters.spell(m['group'])} {_RHESUS[m['sign']]}" if _OF_BLOOD.search(before(m)) else None,
        certainty=BY_CONTEXT,
        begins="capital",
    ),
    rule("symbol", r"[tT]°(?<!\w[tT]°)(?=[ ]+[^\W\d])", "nhiệt độ"),
    *offices.RULES,
    rule(
        "abbreviation",
        r"(?<![\w/&-])[A-ZĐ]{2,5}(?![\w/&-]|[ ]?&)",
        around.meant,
        certainty=BY_CONTEXT,
        begins="capital",
    ),
    rule(
        "abbreviation",
        r"(?<=[^\W\d_][ ])[A-ZĐƯƠ]{2,5}(?![\w&/-]|[ ]?&|,?[ ](?:và[ ])?TT(?!\w))",
        _behind,
        certainty=BY_CONTEXT,
        begins="capital",
    ),
    rule("abbreviation", rf"(?<=\d )TH{_R}", "trường hợp", begins="capital"),
    rule("abbreviation", rf"{_L}TC{_R}", _supreme, begins="capital"),
    rule("abbreviation", rf"{_L}LĐ{_R}", _labour, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"{_L}ĐV{_R}", _members, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"{_L}CP{_R}", _shares, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"(?<=, )T\.[ ]?(?=[{letters.UPPER}][{letters.LOWER}])", "tỉnh ", begins="capital"),
    rule("abbreviation", rf"{_L}HIV[ ]?/[ ]?AIDS{_R}", "hát i vê ết", begins="capital"),
    rule("abbreviation", rf"{_L}T\.[ ]?(?:Ư|W)\b\.?|{_L}TW\.", "trung ương", begins="capital"),
    rule("abbreviation", rf"{_L}(?:TP|Tp)\.?[ ]?HCM{_R}", "thành phố hồ chí minh", begins="capital"),
    rule("abbreviation", rf"{_L}(?P<how>Q)\.[ ]?(?={_OFFICES})", lambda _m: "quyền ", begins="capital"),
    rule("abbreviation", rf"{_L}P\.[ ]?(?=CT{_R}|GĐ{_R}|{_OFFICES})", "phó ", begins="capital"),
    rule("abbreviation", rf"{_L}T\.P\.?[ ]?(?=[{letters.UPPER}])", "thành phố ", begins="capital"),
    rule(
        "abbreviation",
        rf"{_L}(?P<kind>TP|Tp|TX|Tx|TT|Tt|P|Q|H|X)\.[ ]?(?=[{letters.UPPER}][^\W\d_])(?!TTg)",
        _city,
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<kind>P|Q)\.?[ ]?(?=\d{{1,2}}(?!\w|[.,/]\d))",
        _numbered_ward,
        certainty=BY_CONTEXT,
        begins="capital",
    ),
    rule("abbreviation", rf"{_L}(?P<how>KT|TM|TL|TUQ|Q)\.[ ]?(?=[{letters.UPPER}]{{2}})", _signed, begins="capital"),
    rule(
        "abbreviation",
        rf"{_L}(?:{_TITLE})(?:[. ][ ]?(?:{_TITLE}){_R})*"
        rf"(?:\.[ ]?(?=[{letters.UPPER}])|(?<=GS|TS|hS|BS|KI|II)[ ](?=[{letters.UPPER}][{letters.LOWER}]))",
        _titles,
        begins="capital",
    ),
    rule("abbreviation", rf"{_L}ĐT\.?[ ]?(?=\d{{3}}(?!\d))", "đường tỉnh ", begins="capital"),
    rule("abbreviation", rf"{_L}ĐH\.?[ ]?(?=\d)", "đường huyện ", begins="capital"),
    rule(
        "letter",
        rf"{_L}(?:[{letters.UPPER}]\.){{1,3}}[{letters.UPPER}]{_R}\.?(?=[ ]*[,;()]|[ ]+[{letters.LOWER}]|$)",
        _initials,
        begins="capital",
    ),
    rule(
        "letter",
        rf"(?<=[{letters.LOWER}][ ])[{letters.UPPER}]\.(?=[ ]*[,;()]|[ ]+[{letters.LOWER}])",
        lambda m: letters.spell(m.group()) + " ",
        begins="capital",
    ),
    rule("abbreviation", rf"{_L}CN{_R}", _sunday, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"{_L}BĐ\.?[ ]?(?=[1-3](?!\d)|I{{1,3}}{_R})", "báo động ", begins="capital"),
    rule(
        "abbreviation",
        rf"{_L}BCH{_R}(?=[ ]+(?:[Qq]uân sự|PCTT|[Bb]ộ đội|BĐBP|[Pp]hòng))",
        "ban chỉ huy",
        begins="capital",
    ),
    rule("abbreviation", rf"{_L}ĐH{_R}(?=[ ]+(?:[Đđ]ảng|[IVX]+{_R}))", "đại hội", begins="capital"),
    rule(
        "abbreviation", rf"{_L}(?P<law>[ĐKđk])\.[ ]?(?=\d)", lambda m: {"đ": "điều ", "k": "khoản "}[m["law"].lower()]
    ),
    rule(
        "letter",
        rf"{_L}[A-ZĐ]{{1,3}}-0\d{{1,3}}(?![\w.,/-])",
        lambda m: f"{letters.spell(m.group())} {digits(m.group())}",
        begins="capital",
    ),
    rule(
        "date",
        rf"{_L}T(?:1[0-2]|[1-9])(?:[ ]*(?:,|-|và|đến)[ ]*T(?:1[0-2]|[1-9])){{0,11}}{_R}",
        _months,
        certainty=BY_CONTEXT,
        begins="capital",
    ),
    rule("date", rf"{_L}T(?P<first>[2-7])[ ]?-[ ]?(?:T(?P<last>[2-7])|CN){_R}", _days_of_week, begins="capital"),
    rule("abbreviation", rf"{_L}T(?P<day>[2-7]){_R}", _weekday, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"{_L}P\.?[ ]?(?=\d{{3,4}}(?![\w/.]))", _room, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"{_L}ND{_R}", _farmers, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"{_L}DP{_R}", _people, begins="capital"),
    rule("abbreviation", rf"{_L}(?P<road>QL|TL|HL)\.?[ ]?(?=\d)", lambda m: f"{_ROADS[m['road']]} ", begins="capital"),
    rule("abbreviation", rf"{_L}TT{_R}", _circular, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"{_L}CT{_R}", _chapter, certainty=BY_CONTEXT, begins="capital"),
    rule("abbreviation", rf"{_L}{_WORD}{_R}", _known, begins="capital"),
]
