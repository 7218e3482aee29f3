"""Abbreviations of administrative Vietnamese, and how common foreign words are said.

Plain ones stand in `abbreviations.tsv` and `foreign.tsv` beside this file, one a line, so that whoever knows a better
reading can put it there. Those that depend on what stands around them are rules here.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from audio.reading import letters
from audio.reading.model import Said, after, before, rule


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
    return bool(sides) and all(side.isupper() and len(side) > 1 for side in sides)


def _information(_match: re.Match[str]) -> str:
    return "thông tin và truyền thông"


def _culture(match: re.Match[str]) -> str:
    """VHTT: at a department (Sở) culture and sport, at an office (Phòng) culture and information."""
    joint = " và " if match["joint"] else " "
    if re.search(r"(?:sở|bộ|giám đốc sở)\s*$", before(match)):
        return "văn hóa và thể thao"
    return f"văn hóa{joint}thông tin"


def _city(match: re.Match[str]) -> str:
    return {"tp": "thành phố", "tx": "thị xã", "tt": "thị trấn", "p": "phường", "q": "quận", "h": "huyện", "x": "xã"}[
        match["kind"].lower()
    ] + " "


def _circular(match: re.Match[str]) -> str | None:
    """TT by itself: a circular before a number, a township or centre otherwise isn't known."""
    if re.match(r"\s*(?:số\s*)?\d", after(match)):
        return "thông tư"
    if re.search(r"(?:bộ|sở|ngành|cục)\s*$", before(match)):
        return "thông tin và truyền thông"
    return None


def _chapter(match: re.Match[str]) -> str | None:
    return (
        "chỉ thị"
        if re.match(r"\s*(?:số\s*)?\d", after(match))
        else "chủ tịch"
        if "UBND" in match.string[match.end() :][:8]
        else None
    )


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
_WORD: Final = "|".join(re.escape(word) for word in sorted(SIMPLE, key=len, reverse=True))

RULES = [
    rule("symbol", r"(?<=và)/(?=hoặc)", " "),
    rule("foreign", r"(?<!\w)[Ee]-mail(?!\w)", "i meo"),
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
    rule("abbreviation", rf"{_L}{_CULTURE}[ ]?(?P<joint>&|và|-)?[ ]?TT{_R}", _culture),
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
    rule("abbreviation", rf"{_L}QP[ ]?(?:&|-)[ ]?AN{_R}", "quốc phòng an ninh"),
    rule("abbreviation", rf"{_L}PT[ ]?(?:&|-)[ ]?TH{_R}", "phát thanh truyền hình"),
    rule("abbreviation", rf"{_L}TT[ ]?(?:&|-)[ ]?TH{_R}", "truyền thanh truyền hình"),
    rule("abbreviation", rf"{_L}PCCC[ ]?(?:&|-|và)[ ]?CNCH{_R}", "phòng cháy chữa cháy và cứu nạn cứu hộ"),
    rule("abbreviation", rf"{_L}PCTT[ ]?(?:&|-|và)[ ]?TKCN{_R}", "phòng chống thiên tai và tìm kiếm cứu nạn"),
    rule("abbreviation", rf"{_L}HIV[ ]?/[ ]?AIDS{_R}", "hát i vê ết"),
    rule("abbreviation", rf"{_L}T\.[ ]?(?:Ư|W)\b\.?|{_L}TW\.", "trung ương"),
    rule("abbreviation", rf"{_L}(?:TP|Tp)\.?[ ]?HCM{_R}", "thành phố hồ chí minh"),
    rule("abbreviation", rf"{_L}(?P<kind>TP|Tp|TX|Tx|TT|Tt|P|Q|H|X)\.[ ]?(?=[{letters.UPPER}])(?!TTg)", _city),
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
    rule(
        "abbreviation",
        rf"{_L}CN{_R}",
        lambda m: "chủ nhật" if re.search(r"thứ (?:\d|\w+)\s*(?:,|và|-|đến|hoặc)\s*$", before(m)) else None,
    ),
    rule("abbreviation", rf"{_L}BCH{_R}(?=[ ]+(?:[Qq]uân sự|PCTT|[Bb]ộ đội|BĐBP|[Pp]hòng))", "ban chỉ huy"),
    rule("abbreviation", rf"{_L}TT{_R}", _circular),
    rule("abbreviation", rf"{_L}CT{_R}", _chapter),
    rule("abbreviation", rf"{_L}(?:{_WORD}){_R}", _known),
]


def _headed(match: re.Match[str], name: str) -> str:
    head = {"B": "bộ ", "S": "sở "}.get(match["head"] or "", "")
    return head + name


def unknown(word: str, spoken: str) -> Said:
    """The reading of capitals that stand in no table."""
    return Said(spoken, "abbreviation" if spoken == letters.spell(word) else None)
