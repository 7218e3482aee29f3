"""The languages that are spoken to villages: tags (BCP 47) with their Vietnamese and English names.

A tag is the shortest code of ISO 639 that stands for the language itself (two letters where there are two). Sán Dìu and
Sán Chí have no code: they are Sinitic varieties, so they are tagged as private use within Chinese, `zh-x-…`, which
every reader of BCP 47 understands at least as Chinese. Where a people speaks several languages that have codes of
their own (Dao, Mông, Hoa), the finer codes stand beside the usual one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TAG_MAX = 12

# language, script, region, private use: the part of BCP 47 that such tags need.
_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?(?:-x-[a-z0-9]{1,8})?")


@dataclass(frozen=True, slots=True)
class Language:
    """`source` says where the code comes from: a part of ISO 639, or that there is none."""

    tag: str
    vi: str
    en: str
    source: str


LANGUAGES: tuple[Language, ...] = (
    Language("vi", "Tiếng Việt", "Vietnamese", "ISO 639-1"),
    Language("tyz", "Tiếng Tày", "Tày", "ISO 639-3"),
    Language("nut", "Tiếng Nùng", "Nùng (Nung)", "ISO 639-3"),
    Language("ium", "Tiếng Dao", "Iu Mien, most of the Dao", "ISO 639-3"),
    Language("mji", "Tiếng Dao (Kim Mun)", "Kim Mun, other groups of the Dao", "ISO 639-3"),
    Language("zh-x-sandiu", "Tiếng Sán Dìu", "Sán Dìu", "no code of its own: private use within zh"),
    Language("mlc", "Tiếng Cao Lan", "Cao Lan", "ISO 639-3"),
    Language("zh-x-sanchi", "Tiếng Sán Chí", "Sán Chí", "no code of its own: private use within zh"),
    Language("zh", "Tiếng Hoa", "Chinese", "ISO 639-1"),
    Language("yue", "Tiếng Hoa (Quảng Đông)", "Cantonese", "ISO 639-3"),
    Language("hak", "Tiếng Hoa (Khách Gia, Ngái)", "Hakka", "ISO 639-3"),
    Language("hmn", "Tiếng Mông", "Hmong", "ISO 639-2 and 639-3, a macrolanguage"),
    Language("mww", "Tiếng Mông (Mông Trắng)", "Hmong Daw", "ISO 639-3"),
    Language("mtq", "Tiếng Mường", "Muong", "ISO 639-3"),
    Language("blt", "Tiếng Thái (Thái Đen)", "Tai Dam", "ISO 639-3"),
    Language("twh", "Tiếng Thái (Thái Trắng)", "Tai Dón", "ISO 639-3"),
    Language("km", "Tiếng Khmer", "Khmer", "ISO 639-1"),
    Language("rad", "Tiếng Ê Đê", "Rade", "ISO 639-3"),
    Language("jra", "Tiếng Gia Rai", "Jarai", "ISO 639-3"),
    Language("bdq", "Tiếng Ba Na", "Bahnar", "ISO 639-3"),
    Language("cjm", "Tiếng Chăm", "Eastern Cham", "ISO 639-3"),
)
_BY_TAG = {language.tag: language for language in LANGUAGES}


def is_language(tag: str) -> bool:
    """Whether this is written as a language tag ("vi", "tyz", "zh-x-sandiu"), in the table or not."""
    return len(tag) <= TAG_MAX and _TAG.fullmatch(tag) is not None


def name(tag: str, language: str = "vi") -> str:
    """What a language is called in `vi` or `en`; the tag itself where the table doesn't hold it."""
    known = _BY_TAG.get(tag)
    if known is None:
        return tag
    return known.vi if language == "vi" else known.en
