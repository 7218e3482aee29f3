"""Abbreviations of administrative Vietnamese, and how common foreign words are said.

They stand in `abbreviations.tsv`, `behind.tsv` (by the word before them), `numbered.tsv` (with a number right behind
them) and `foreign.tsv` beside this file, one a line, so that whoever knows a better reading can put it there. Those
that depend on more of what stands around them are rules (`rules/abbreviations.py`).
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from audio.reading import letters


def table(name: str) -> dict[str, str]:
    """A table of this package: what is written and what is said, a tab between."""
    lines = files("audio.reading").joinpath(name).read_text("utf-8").splitlines()
    rows = (line.partition("\t") for line in lines if line and not line.startswith("#"))
    return {written: spoken for written, _, spoken in rows}


def _behind() -> dict[tuple[str, str], str]:
    rows = (line.split("\t") for line in files("audio.reading").joinpath("behind.tsv").read_text("utf-8").splitlines())
    return {(word, short): said for word, short, said in rows}


SIMPLE: Final = table("abbreviations.tsv")
BEHIND: Final = _behind()
FOREIGN: Final = table("foreign.tsv")
NUMBERED: Final = table("numbered.tsv")

# Those that look like a syllable (CA, AI, TH are letters or words): read only where capitals are not the
# rule, because in a heading in capitals they are words.
LIKE_WORDS: Final = frozenset(word for word in SIMPLE if letters.is_syllable(word.lower()))


def in_capitals(match: re.Match[str]) -> bool:
    """The words on both sides, where there are any, are written in capitals too."""
    sides = _sides(match)
    return bool(sides) and all(side.isupper() and len(side) > 1 and side not in SIMPLE for side in sides)


def stands_out(match: re.Match[str]) -> bool:
    """A word in capitals with a plain word at its side: no heading in capitals."""
    return any(not side.isupper() for side in _sides(match))


def _sides(match: re.Match[str]) -> list[str]:
    left = re.search(r"([^\W\d_]+)\W*$", match.string[max(match.start() - 20, 0) : match.start()])
    right = re.match(r"\W*([^\W\d_]+)", match.string[match.end() : match.end() + 20])
    return [side.group(1) for side in (left, right) if side and "\n" not in side.group()]


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
    "ĐV": ("đảng viên", "đoàn viên", "đơn vị"), "BT": ("bí thư", "bộ trưởng"),
    "PGD": ("phòng giao dịch", "phòng giáo dục"),
    "THA": ("thi hành án", "tăng huyết áp"), "TB": ("thông báo", "thương binh", "trung bình"),
    "HĐ": ("hợp đồng", "hội đồng", "hoạt động"), "CB": ("cán bộ", "chế biến"), "NT": ("nông thôn",),
    "TM": ("thương mại", "thay mặt"), "XD": ("xây dựng",), "YT": ("y tế",), "TN": ("thanh niên", "tài nguyên"),
}  # fmt: skip


def expansions(word: str) -> tuple[str, ...]:
    """What capitals that stand in no table may mean: cut into two or three that do, the longest first; at most three.

    `BCĐPCMT` is `BCĐ` and `PCMT`: ban chỉ đạo phòng chống ma túy.
    """
    if word in _OF_SEVERAL:
        return _OF_SEVERAL[word]
    if word in SIMPLE:  # where no rule read it: HoTen_SDT
        return (SIMPLE[word],)
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
