"""Names of offices and subjects in several parts, joined by signs: VH, TT & DL; LĐ-TB&XH; GD-ĐT."""

from __future__ import annotations

import re
from typing import Final

from audio.reading.model import BY_CONTEXT, before, rule

_L: Final = r"(?<![\w])"
_R: Final = r"(?![\w])"
_CULTURE: Final = r"V[ ]?H"


def _information(_match: re.Match[str]) -> str:
    return "thông tin và truyền thông"


def _culture(match: re.Match[str]) -> str:
    """VHTT: at a department (Sở) culture and sport, at an office (Phòng) culture and information."""
    joint = " và " if match["joint"] in {"&", "và"} else " "
    if re.search(r"(?:sở|bộ|giám đốc sở)\s*$", before(match)):
        return "văn hóa và thể thao"
    return f"văn hóa{joint}thông tin"


def _infrastructure(match: re.Match[str]) -> str:
    return "kinh tế, " * match.group().startswith("KT") + "hạ tầng và đô thị"


def _headed(match: re.Match[str], name: str) -> str:
    head = {"B": "bộ ", "S": "sở ", "P": "phòng "}.get(match["head"] or "", "")
    return head + name


RULES = [
    rule(
        "abbreviation",
        rf"{_L}BT[ ]?,[ ]?HT[ ]?(?P<joint>,|&|và)[ ]?TĐC{_R}",
        lambda m: f"bồi thường, hỗ trợ{',' if m['joint'] == ',' else ' và'} tái định cư",
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}LH{_R}(?=[ ]?[:.]?[ ]?(?:[Aa]nh|[Cc]hị|[Ôô]ng|[Bb]à|ĐT|SĐT|số|\(?\+?\d))",
        "liên hệ",
        begins="capital",
    ),
    rule("abbreviation", rf"{_L}HT[ ]?&[ ]?TĐC{_R}", "hỗ trợ và tái định cư", begins="capital"),
    rule("abbreviation", rf"{_L}TK[ ]?&[ ]?VV{_R}", "tiết kiệm và vay vốn", begins="capital"),
    rule("abbreviation", rf"{_L}(?:KT[ ]?,[ ]?)?HT[ ]?&[ ]?ĐT{_R}", _infrastructure, begins="capital"),
    rule(
        "abbreviation",
        rf"{_L}CB[ ]?[,-][ ]?CC(?P<staff>[ ]?[,-][ ]?VC)?{_R}",
        lambda m: "cán bộ, công chức" + ", viên chức" * bool(m["staff"]),
        begins="capital",
    ),
    rule("abbreviation", rf"(?<=[Bb]an )CTMT{_R}", "công tác mặt trận", begins="capital"),
    rule("abbreviation", rf"{_L}ÂL{_R}|(?<=\d )AL{_R}", "âm lịch", begins="capital"),
    rule("abbreviation", rf"(?<=\d )DL{_R}", "dương lịch", begins="capital"),
    # Names of departments in several parts.
    rule(
        "abbreviation",
        rf"{_L}{_CULTURE}[ ]?[-,]?[ ]?TT[ ]?(?:&|-|và)?[ ]?[-,&]?[ ]?DL{_R}",
        "văn hóa, thể thao và du lịch",
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}{_CULTURE}[ ]?[-,]?[ ]?TT[ ]?(?:&|-|và|,)?[ ]?TT{_R}",
        "văn hóa, thông tin và thể thao",
        begins="capital",
    ),
    rule("abbreviation", rf"{_L}TT{_CULTURE}[ ]?[-,&]?[ ]?TT{_R}", "trung tâm văn hóa thông tin", begins="capital"),
    rule(
        "abbreviation",
        rf"{_L}{_CULTURE}[ ]?(?P<joint>&|và|-)?[ ]?TT{_R}",
        _culture,
        certainty=BY_CONTEXT,
        begins="capital",
    ),
    rule("abbreviation", rf"{_L}{_CULTURE}[ ]?[-&][ ]?XH{_R}", "văn hóa xã hội", begins="capital"),
    rule("abbreviation", rf"{_L}(?:TT[ ]?(?:&|-)[ ]?TT){_R}", _information, begins="capital"),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BSP])?LĐ[ ]?[-,]?[ ]?TB[ ]?(?:&|-|và|,)?[ ]?XH{_R}",
        lambda m: _headed(m, "lao động, thương binh và xã hội"),
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BSP])?GD[ ]?(?:&|-|và)[ ]?ĐT{_R}",
        lambda m: _headed(m, "giáo dục và đào tạo"),
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BSP])?NN[ ]?(?:&|-|và)[ ]?PTNT{_R}",
        lambda m: _headed(m, "nông nghiệp và phát triển nông thôn"),
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BSP])?NN[ ]?(?:&|-|và)[ ]?MT{_R}",
        lambda m: _headed(m, "nông nghiệp và môi trường"),
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BSP])?TN[ ]?(?:&|-|và)[ ]?MT{_R}",
        lambda m: _headed(m, "tài nguyên và môi trường"),
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BSP])?KH[ ]?(?:&|-|và)[ ]?ĐT{_R}",
        lambda m: _headed(m, "kế hoạch và đầu tư"),
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BSP])?KH[ ]?(?:&|-|và)[ ]?CN{_R}",
        lambda m: _headed(m, "khoa học và công nghệ"),
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}(?P<head>[BSP])?DT[ ]?(?:&|-|và)[ ]?TG{_R}",
        lambda m: _headed(m, "dân tộc và tôn giáo"),
        begins="capital",
    ),
    rule(
        "abbreviation", rf"{_L}NHNo[ ]?&[ ]?PTNT{_R}", "ngân hàng nông nghiệp và phát triển nông thôn", begins="capital"
    ),
    rule("abbreviation", rf"{_L}TC[ ]?(?:&|-)[ ]?KH{_R}", "tài chính kế hoạch", begins="capital"),
    rule("abbreviation", rf"{_L}KT[ ]?(?:&|-)[ ]?XH{_R}", "kinh tế xã hội", begins="capital"),
    rule("abbreviation", rf"{_L}CT[ ]?(?:&|-)[ ]?XH{_R}", "chính trị xã hội", begins="capital"),
    rule("abbreviation", rf"{_L}KT[ ]?(?:&|-)[ ]?HT{_R}", "kinh tế hạ tầng", begins="capital"),
    rule("abbreviation", rf"{_L}HN[ ]?(?:&|-|và)[ ]?GĐ{_R}", "hôn nhân và gia đình", begins="capital"),
    rule("abbreviation", rf"{_L}CSGT[ ]?-[ ]?TT{_R}", "cảnh sát giao thông trật tự", begins="capital"),
    rule("abbreviation", rf"{_L}DS[ ]?-[ ]?KHHGĐ{_R}", "dân số kế hoạch hóa gia đình", begins="capital"),
    rule("abbreviation", rf"{_L}QP[ ]?(?:&|-)[ ]?AN{_R}", "quốc phòng an ninh", begins="capital"),
    rule(
        "abbreviation",
        rf"{_L}PT[ ]?(?P<joint>&|-|và)[ ]?TH{_R}",
        lambda m: "phát thanh truyền hình" if m["joint"] == "-" else "phát thanh và truyền hình",
        begins="capital",
    ),
    rule("abbreviation", rf"{_L}TT[ ]?(?:&|-)[ ]?TH{_R}", "truyền thanh truyền hình", begins="capital"),
    rule(
        "abbreviation",
        rf"{_L}PCCC[ ]?(?:&|-|và)[ ]?CNCH{_R}",
        "phòng cháy chữa cháy và cứu nạn cứu hộ",
        begins="capital",
    ),
    rule(
        "abbreviation",
        rf"{_L}PCTT[ ]?(?:&|-|và)[ ]?TKCN{_R}",
        "phòng chống thiên tai và tìm kiếm cứu nạn",
        begins="capital",
    ),
]
