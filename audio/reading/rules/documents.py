"""Codes of official documents: 193/QĐ-TTg, 48-CT/TW, 05/2020/TT-BTTTT, 66/2011/QH12, 614/TTCS-TTTQ.

An announcer says the number, the year and, where the sentence doesn't name the issuer itself, who issued it; the type
is said where the sentence doesn't, before the number as in speech: `Số: 45/KH-UBND` is `kế hoạch số bốn mươi lăm của
ủy ban nhân dân`. (Forms of codes: Decree 30/2020/NĐ-CP, Annex III; Party documents: 36-QĐ/TW's form.)
"""

from __future__ import annotations

import re
from typing import Final

from audio.reading import letters
from audio.reading.abbreviations import SIMPLE, expansions
from audio.reading.model import BY_CONTEXT, Said, after, before, rule
from audio.reading.numerals import cardinal, digits

TYPES: Final = {
    "QĐ": "quyết định", "KH": "kế hoạch", "CT": "chỉ thị", "NQ": "nghị quyết", "NĐ": "nghị định", "TT": "thông tư",
    "TTLT": "thông tư liên tịch", "CV": "công văn", "BC": "báo cáo", "TB": "thông báo", "HD": "hướng dẫn",
    "TTR": "tờ trình", "CĐ": "công điện", "GM": "giấy mời", "QC": "quy chế", "QYC": "quy chế", "QYĐ": "quy định",
    "ĐA": "đề án", "CTR": "chương trình", "CTHĐ": "chương trình hành động", "KL": "kết luận", "L": "lệnh",
    "PA": "phương án", "VBHN": "văn bản hợp nhất", "GP": "giấy phép", "HĐ": "hợp đồng", "BB": "biên bản",
    "TL": "thông lệnh", "NQLT": "nghị quyết liên tịch", "KHLT": "kế hoạch liên tịch", "CTPH": "chương trình phối hợp",
    "TC": "thông cáo", "DT": "dự thảo", "PL": "pháp lệnh", "SL": "sắc lệnh", "HDLN": "hướng dẫn liên ngành",
    "KHLN": "kế hoạch liên ngành", "TTPH": "thông tri phối hợp", "QCPH": "quy chế phối hợp",
}  # fmt: skip

_MINISTRIES: Final = {
    "TTTT": "thông tin và truyền thông", "CA": "công an", "TP": "tư pháp", "QP": "quốc phòng",
    "LĐTBXH": "lao động, thương binh và xã hội", "VHTTDL": "văn hóa, thể thao và du lịch",
    "VHTT": "văn hóa và thể thao", "YT": "y tế", "GDĐT": "giáo dục và đào tạo", "NV": "nội vụ", "TC": "tài chính",
    "CT": "công thương", "XD": "xây dựng", "GTVT": "giao thông vận tải", "TNMT": "tài nguyên và môi trường",
    "NNPTNT": "nông nghiệp và phát triển nông thôn", "NNMT": "nông nghiệp và môi trường", "KHĐT": "kế hoạch và đầu tư",
    "KHCN": "khoa học và công nghệ", "NN": "nông nghiệp và phát triển nông thôn",
    "DL": "du lịch", "QHKT": "quy hoạch kiến trúc", "NG": "ngoại giao", "DTTG": "dân tộc và tôn giáo", "DT": "dân tộc",
}  # fmt: skip

ISSUERS: Final = {
    "UBND": "ủy ban nhân dân", "HĐND": "hội đồng nhân dân", "CP": "chính phủ", "TTG": "thủ tướng chính phủ",
    "TW": "trung ương đảng", "TƯ": "trung ương đảng", "BCT": "bộ chính trị", "BBT": "ban bí thư", "TU": "tỉnh ủy",
    "HU": "huyện ủy", "ĐU": "đảng ủy", "VPCP": "văn phòng chính phủ", "CTN": "chủ tịch nước",
    "UBTVQH": "ủy ban thường vụ quốc hội", "QH": "quốc hội", "TTCS": "cục thông tin cơ sở",
    "BCĐ": "ban chỉ đạo", "BTGTW": "ban tuyên giáo trung ương", "BTG": "ban tuyên giáo",
    "BTGDVTW": "ban tuyên giáo và dân vận trung ương", "BTGDV": "ban tuyên giáo và dân vận",
    "MTTQ": "mặt trận tổ quốc", "UBMTTQ": "ủy ban mặt trận tổ quốc", "MTTW": "ủy ban trung ương mặt trận tổ quốc",
    "ĐCT": "đoàn chủ tịch hội liên hiệp phụ nữ", "HLHPN": "hội liên hiệp phụ nữ", "LĐLĐ": "liên đoàn lao động",
    "TANDTC": "tòa án nhân dân tối cao", "VKSNDTC": "viện kiểm sát nhân dân tối cao",
    "HĐTP": "hội đồng thẩm phán tòa án nhân dân tối cao", "CAT": "công an tỉnh", "CATP": "công an thành phố",
    "CAX": "công an xã", "CA": "công an", "BCA": "bộ công an", "ĐTN": "đoàn thanh niên", "BCH": "ban chấp hành",
    "BĐBP": "bộ đội biên phòng", "NHNN": "ngân hàng nhà nước", "TTCP": "thanh tra chính phủ",
    "BHXH": "bảo hiểm xã hội", "VPUBND": "văn phòng ủy ban nhân dân", "TLĐ": "tổng liên đoàn lao động",
    "VP": "văn phòng", "VPTU": "văn phòng tỉnh ủy", "BTVTU": "ban thường vụ tỉnh ủy", "BTVHU": "ban thường vụ huyện ủy",
    "BTVQH": "ủy ban thường vụ quốc hội", "UBKT": "ủy ban kiểm tra", "UBKTTW": "ủy ban kiểm tra trung ương",
    "BTCTW": "ban tổ chức trung ương", "BDVTW": "ban dân vận trung ương", "BNCTW": "ban nội chính trung ương",
    "TTU": "thường trực tỉnh ủy", "TTHĐND": "thường trực hội đồng nhân dân",
    "THĐND": "thường trực hội đồng nhân dân", "CTUBND": "chủ tịch ủy ban nhân dân", "TANDT": "tòa án nhân dân tỉnh",
    "TAND": "tòa án nhân dân", "TATC": "tòa án nhân dân tối cao", "VKSND": "viện kiểm sát nhân dân",
    "VKSTC": "viện kiểm sát nhân dân tối cao", "KTNN": "kiểm toán nhà nước", "CAH": "công an huyện",
    "CAP": "công an phường", "CATT": "công an thị trấn", "BTL": "bộ tư lệnh", "BTM": "bộ tổng tham mưu",
    "BCHQS": "bộ chỉ huy quân sự", "BQS": "ban chỉ huy quân sự", "TCCT": "tổng cục chính trị",
    "HND": "hội nông dân", "HNDVN": "hội nông dân việt nam", "HCCB": "hội cựu chiến binh", "CCB": "hội cựu chiến binh",
    "HPN": "hội phụ nữ", "HLHPNVN": "hội liên hiệp phụ nữ việt nam", "HCTĐ": "hội chữ thập đỏ",
    "HNCT": "hội người cao tuổi", "NCT": "hội người cao tuổi", "TWHPN": "trung ương hội liên hiệp phụ nữ",
    "TWĐTN": "trung ương đoàn thanh niên", "TĐTN": "tỉnh đoàn thanh niên", "TĐ": "tỉnh đoàn", "HĐĐ": "hội đồng đội",
    "MTTQVN": "mặt trận tổ quốc việt nam", "UBMTTQVN": "ủy ban mặt trận tổ quốc việt nam", "MT": "mặt trận tổ quốc",
    "BTT": "ban thường trực", "BTV": "ban thường vụ", "BCHTW": "ban chấp hành trung ương đảng",
    "BCĐTW": "ban chỉ đạo trung ương", "BCĐQG": "ban chỉ đạo quốc gia", "UBQG": "ủy ban quốc gia",
    "BCHPCTT": "ban chỉ huy phòng chống thiên tai", "PCTT": "ban chỉ huy phòng chống thiên tai",
    "BCHPCTTTKCN": "ban chỉ huy phòng chống thiên tai và tìm kiếm cứu nạn",
    "BCHPTDS": "ban chỉ huy phòng thủ dân sự", "BCĐPTDS": "ban chỉ đạo phòng thủ dân sự",
    "BHXHVN": "bảo hiểm xã hội việt nam", "NHCS": "ngân hàng chính sách xã hội",
    "NHCSXH": "ngân hàng chính sách xã hội", "TCT": "tổng cục thuế", "TCHQ": "tổng cục hải quan",
    "CTK": "cục thống kê", "TCTK": "tổng cục thống kê", "UBDT": "ủy ban dân tộc", "TTX": "thông tấn xã việt nam",
    "ĐTNVN": "đài tiếng nói việt nam", "TTBYT": "trung tâm y tế", "TTYT": "trung tâm y tế", "TYT": "trạm y tế",
    "PGDĐT": "phòng giáo dục và đào tạo", "PVHTT": "phòng văn hóa thông tin", "PTP": "phòng tư pháp",
    "PNV": "phòng nội vụ", "PVHXH": "phòng văn hóa xã hội", "PKT": "phòng kinh tế",
    "BQL": "ban quản lý", "HĐTĐ": "hội đồng thi đua khen thưởng", "HĐBC": "hội đồng bầu cử",
    "HĐBCQG": "hội đồng bầu cử quốc gia", "UBBC": "ủy ban bầu cử", "KTHT": "phòng kinh tế hạ tầng",
    "KTHTĐT": "phòng kinh tế hạ tầng và đô thị", "VHXH": "phòng văn hóa xã hội",
    "TTPVHCC": "trung tâm phục vụ hành chính công", "THADS": "thi hành án dân sự",
    "CTHADS": "cục thi hành án dân sự", "QK": "quân khu",
} | {
    letter + code: f"{body} {name}" for letter, body in (("B", "bộ"), ("S", "sở")) for code, name in _MINISTRIES.items()
    if letter + code != "BCT"  # the Politburo comes before the ministry
}  # fmt: skip

_PART: Final = r"[A-ZĐƯ][A-Za-zĐđƯư]{0,11}\d{0,3}"
_JOINED: Final = rf"{_PART}(?:(?:[ ]?[-/&][ ]?|,(?=[A-ZĐ]{{2}})){_PART}){{0,7}}"
_CODE: Final = re.compile(
    rf"(?P<lead>(?<!\w)[Ss][ốỐ][ ]*:?[ ]*)?"
    rf"(?<![\w/.,-])(?P<number>\d{{1,5}}(?:\.\d{{1,2}})?)(?P<letter>[A-Za-zđĐ])?"
    rf"(?:[ ]?[/-][ ]?(?P<year>(?:19|20)\d\d))?"
    rf"[ ]?(?P<sign>[/-])[ ]?(?P<code>{_JOINED})(?:/(?P<late>(?:19|20)\d\d)(?![\w/]))?(?![\w])"
)
_BLANK: Final = re.compile(
    rf"(?<=[Ss]ố)[ ]*:?[ .…_]*[/-][ ]?(?P<code>{_JOINED})(?!\w)|(?<=SỐ)[ ]*:?[ .…_]*/[ ]?(?P<upper>{_JOINED})(?!\w)"
)
_BARE: Final = re.compile(
    rf"(?<![\w/-])(?P<type>QĐ|NĐ|NQ|CT|KH|TT|CV|TB|HD|BC)[ ]?[-/][ ]?(?P<issuer>{_PART}(?:-{_PART})?)(?!\w)"
)

_OTHER_KINDS: Final = frozenset(
    {"luật", "văn bản", "thông tri", "điều lệ", "thư", "giấy", "phiếu", "đơn", "đề cương", "thể lệ"}
)
_KINDS: Final = "|".join(sorted({*TYPES.values(), *_OTHER_KINDS}, key=len, reverse=True))
_SHORT_KINDS: Final = "|".join(sorted({kind.lower() for kind in TYPES}, key=len, reverse=True))
_OF_A_KIND: Final = re.compile(rf"(?<!\w)(?:{_KINDS}|{_SHORT_KINDS})(?:\s+số)?\W*$")
_NAMED_ISSUER: Final = re.compile(
    r"^\s*\)?,?\s*(?:ngày [^.;\n]{0,40}?)?,?\s*của\b|^\s*(?:ngày [^.;\n]{0,30}?)?\s*(?:do|giữa)\b"
)

# Several codes of one issuer, who is named behind the last: `số 100/2019/NĐ-CP, số 123/2021/NĐ-CP của Chính phủ`.
_IN_A_ROW: Final = re.compile(
    r"(?:\s*(?:ngày [^.;,\n]{0,30}?)?\s*(?:,|;|và|hoặc)\s*(?:và\s+)?(?:[^\W\d]+\s+){0,4}\d{1,5}[-/]\S{2,40})+"
)

_THEN_DATED: Final = re.compile(r"\s*ngày\s+(?:mùng\s+)?\d")


def _parts(code: str) -> list[str]:
    """`SVHTT&DL-QLVH` is `SVHTTDL` and `QLVH`."""
    return [part.strip() for part in re.split(r"[-/]", re.sub(r"[ ]?[&,][ ]?", "", code))]


def issuer(part: str) -> str | None:
    """Who issues under a code: `UBND`, `TTg`, `QH15`; None where it isn't known."""
    name = part.upper().rstrip("0123456789")
    term = part[len(name) :]
    said = ISSUERS.get(name) or _office_of(name)
    if said is None:
        return None
    if not term:
        return said
    if name in {"QH", "UBTVQH"}:
        return f"{said} khóa {cardinal(int(term))}"
    return f"{said} {digits(term) if len(term) > 2 else cardinal(int(term))}"  # BCĐ389: ba tám chín


# Whose office it is, at the end of a code: `BTGDVTU`, `VPHU`, `HNDX`.
_OWNERS: Final = {
    "TU": "tỉnh ủy", "TW": "trung ương", "TƯ": "trung ương", "HU": "huyện ủy", "ĐU": "đảng ủy", "THU": "thành ủy",
    "QU": "quận ủy", "TXU": "thị ủy", "UBND": "ủy ban nhân dân", "HĐND": "hội đồng nhân dân", "VN": "việt nam",
    "QH": "quốc hội", "CP": "chính phủ", "CTN": "chủ tịch nước",
    "T": "tỉnh", "H": "huyện", "X": "xã", "P": "phường", "TP": "thành phố",
}  # fmt: skip


def _office_of(name: str) -> str | None:
    for length in (4, 3, 2, 1):
        owner, office = _OWNERS.get(name[-length:]), name[:-length]
        if owner and (said := ISSUERS.get(office) or (SIMPLE.get(office) if len(office) > 1 else None)):
            return f"{said} {owner}"
    said = SIMPLE.get(name) if len(name) > _SHORT else None
    return said if said and said.startswith(_BODIES) else None


_BODIES: Final = (
    "ban ", "bảo hiểm", "bệnh viện", "bộ ", "chi cục", "chi nhánh", "công an", "công ty", "cục ", "đài ", "đảng ủy",
    "đoàn", "đội ", "hội ", "hợp tác xã", "liên đoàn", "ngân hàng", "phòng ", "quân khu", "sở ", "tòa án", "tổng ",
    "trạm ", "trung tâm",    "trường ", "ủy ban", "văn phòng", "viện ",
)  # fmt: skip
_SHORT: Final = 2  # shorter ones mean too much


def _issuer_of(code: str) -> str | None:
    """Who issued it; all of them where several did (`TTLT-BCA-BQP`)."""
    parts = _parts(code)
    joint = parts[0].upper() in _JOINT
    named = [
        said for part in parts if part.upper() not in TYPES and (said := issuer(part) or (joint and SIMPLE.get(part)))
    ]
    if not named:
        return None
    if parts[0].upper() == "TT" and "BCT" in parts:
        return "bộ công thương"  # circulars are a ministry's; elsewhere BCT is the Politburo
    if joint and len(named) > 1:
        return f"{', '.join(named[:-1])} và {named[-1]}"
    return named[0]


_JOINT: Final = frozenset({"KHLN", "TTLT", "NQLT", "KHLT", "CTPH", "HDLN", "QCPH", "TTPH"})


def _type_of(code: str) -> str | None:
    first = _parts(code)[0].upper()
    return TYPES.get(first)


def _read(match: re.Match[str]) -> str | Said | None:
    code = match["code"]
    kind = _type_of(code)
    parts = _parts(code)
    if not _is_code(match, kind, parts):
        return None
    words = [_numbered(match["number"])]
    if match["letter"]:
        words.append(match["letter"].lower().replace("b", "bê").replace("c", "xê").replace("d", "dê"))
    if year := match["year"] or match["late"]:
        words += ["năm", cardinal(int(year))]
    context = before(match, 60)
    # "Số: 45/KH-UBND" in a head is "kế hoạch số …": the kind comes from the code unless the sentence has it.
    if kind and kind not in context and not _OF_A_KIND.search(context):
        words = [kind, "số", *words]
    elif match["lead"]:
        words = ["số", *words]
    by = _issuer_of(code)
    following = after(match, 300)
    row = _IN_A_ROW.match(following)
    named = _NAMED_ISSUER.match(following) or (row and _NAMED_ISSUER.match(following[row.end() :]))
    if by and not named and by not in context:
        words += ["của", by]
    said = " ".join(words) + (", " if _THEN_DATED.match(following) else "")
    unknown = [part for part in parts if part.upper() not in TYPES]
    if by or named or not unknown:
        return said
    # Who issued it isn't known and isn't said: told, with what the capitals may mean.
    offers = [*expansions(unknown[0]), " ".join(map(letters.spell, unknown))]
    return Said(said, "abbreviation", suggestions=(said, *(f"{' '.join(words)} của {one}" for one in offers)))


def _numbered(number: str) -> str:
    """`193`, `05`, and `66.4`, a resolution of a series."""
    first, _, part = number.partition(".")
    said = digits(first) if first.startswith("0") and len(first) > 2 else cardinal(int(first))
    if first.startswith("0") and len(first) == 2:
        said = f"không {said}"
    return f"{said} chấm {cardinal(int(part))}" if part else said


def _is_code(match: re.Match[str], kind: str | None, parts: list[str]) -> bool:
    """A code, not a fraction with a unit (`60/KM`) nor a dash between a number and a name (`2 - Phòng`)."""
    tight = " " not in match.string[match.start("number") : match.start("code")]
    known = kind is not None or issuer(parts[0]) is not None
    if not tight:
        return known and (len(parts) > 1 or match["sign"] == "/")
    capital = all(sum(letter.isupper() for letter in part) >= min(2, len(part)) for part in parts)
    return (
        known
        or bool(match["year"])
        or (capital and len(parts) > 1)
        or (capital and match["sign"] == "/" and len(parts[0]) > 2)
    )


def _of_a_year(match: re.Match[str]) -> str | None:
    """`Nghị định 100/2019`: number and year of a kind of document."""
    if not _OF_A_KIND.search(before(match, 60)):
        return None
    number = match["number"]
    said = "không " * number.startswith("0") + cardinal(int(number))
    return f"{said} năm {cardinal(int(match['year']))}"


def _form(match: re.Match[str]) -> str:
    """`mẫu số 04/ĐK`, `mẫu 01a/TK-SDDPNN`: a form by its number and letters."""
    words = ["số" if match["so"] else "", _numbered(match["number"]), letters.spell(match["letter"] or "")]
    return " ".join(filter(None, [*words, letters.spell(match["code"])]))


def _read_blank(match: re.Match[str]) -> Said:
    by = _issuer_of(match["code"] or match["upper"])
    return Said(f"của {by}" if by else "", "blank")


def _read_bare(match: re.Match[str]) -> str | None:
    by = _issuer_of(match["issuer"])
    return f"{TYPES[match['type']]} của {by}" if by else None


RULES = [
    rule(
        "document",
        r"(?<![\w/.,-])(?P<number>\d{1,4})/(?P<year>(?:19|20)\d\d)(?![\w/-])",
        _of_a_year,
        certainty=BY_CONTEXT,
        begins="digit",
    ),
    rule(
        "document",
        r"(?<=[Mm]ẫu[ ])(?P<so>số[ ]*:?[ ]*)?(?P<number>\d{1,3})(?P<letter>[a-zđ])?[/-]"
        r"(?P<code>[A-ZĐ]{1,10}(?:[-/][A-ZĐ]{1,10})*)(?!\w)",
        _form,
        begins="numbered",
    ),
    rule("document", _CODE.pattern, _read, begins="numbered"),
    rule("document", _BLANK.pattern, _read_blank),
    rule("document", _BARE.pattern, _read_bare, begins="capital"),
]
