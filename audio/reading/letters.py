"""Letters and syllables: what is a Vietnamese syllable, what is only letters, and how letters are named."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

NAMES: Final = {
    "a": "a", "ă": "á", "â": "ớ", "b": "bê", "c": "xê", "d": "dê", "đ": "đê", "e": "e", "ê": "ê", "f": "ép", "g": "giê",
    "h": "hát", "i": "i", "j": "gi", "k": "ca", "l": "e lờ", "m": "em", "n": "en", "o": "o", "ô": "ô", "ơ": "ơ",
    "p": "pê", "q": "quy", "r": "e rờ", "s": "ét", "t": "tê", "u": "u", "ư": "ư", "v": "vê", "w": "vê kép", "x": "ích",
    "y": "y", "z": "dét",
}  # fmt: skip

_ONSETS: Final = (
    "ngh", "ng", "nh", "gh", "gi", "kh", "ph", "qu", "th", "tr", "ch",
    "b", "c", "d", "đ", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "x", "",
)  # fmt: skip

_RIMES: Final = frozenset(
    """
    a ac ach ai am an ang anh ao ap at au ay ă ăc ăm ăn ăng ăp ăt ăk â âc âm ân âng âp ât âu ây
    e ec em en eng eo ep et ê êc êch êm ên ênh êp êt êu i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu
    y yêm yên yêng yêt yêu ych ynh yp
    o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong ooc oong op
    ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt
    u ua uân uâng uât uây uc uê uêch uênh ui um un ung uô uôc uôi uôm uôn uông uôt uơ up ut uy uya uych uynh uyên uyêt
    uyn uyp uyt uyu ư ưa ưc ưi ưng ươc ươi ươm ươn ương ươp ươt ươu ưt ưu
    """.split()  # noqa: SIM905 - a table of rimes reads better so
)

_TONES: Final = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
_STOPPED: Final = ("c", "ch", "p", "t")  # such syllables carry the rising or the heavy tone
_HIGH_OR_LOW: Final = {"\u0301", "\u0323"}

VIETNAMESE: Final = frozenset(
    unicodedata.normalize("NFC", base + tone) for base in "aăâeêioôơuưy" for tone in ("", *sorted(_TONES))
) | frozenset("abcdđeghiklmnopqrstuvxyfjwz")
# For character classes: ranges such as À-Ỹ hold small and capital letters in turn.
LOWER: Final = "".join(sorted(VIETNAMESE))
UPPER: Final = LOWER.upper()
_VOWELS: Final = frozenset(letter for letter in VIETNAMESE if unicodedata.normalize("NFD", letter)[0] in "aeiouy")

# hoà, khoẻ, thuỷ: the tone on the second vowel, as some write; hòa, khỏe, thủy are what the tables hold.
_LATE_TONE: Final = re.compile(r"[oO](?:[àáảãạ]|[ÀÁẢÃẠ]|[èéẻẽẹ]|[ÈÉẺẼẸ])(?!\w)|(?<![qQ])[uU][ỳýỷỹỵỲÝỶỸỴ](?!\w)")
_MOVED: Final = {
    late: early
    for second, first in (("a", "o"), ("e", "o"), ("y", "u"))
    for tone in "\u0300\u0301\u0303\u0309\u0323"
    for one in (first, first.upper())
    for two in (second, second.upper())
    for late, early in [
        (unicodedata.normalize("NFC", one + two + tone), unicodedata.normalize("NFC", one + tone + two))
    ]
}


def early_toned(text: str) -> str:
    """Every tone where the tables have it; as many characters as before."""
    return _LATE_TONE.sub(lambda match: _MOVED[match.group()], text)


_FOLDED: Final = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "ð": "d", "þ": "th", "ı": "i"}


def has_vowel(word: str) -> bool:
    return any(letter in _VOWELS for letter in word)


@lru_cache(maxsize=4096)
def fold(word: str) -> str:
    """A word in lower case in Vietnamese and basic Latin letters; empty where it is of another script."""
    folded: list[str] = []
    for letter in unicodedata.normalize("NFC", word.lower()):
        if letter in VIETNAMESE:
            folded.append(letter)
            continue
        base = _FOLDED.get(letter) or "".join(one for one in unicodedata.normalize("NFKD", letter) if one.isascii())
        folded += [one for one in base if one in VIETNAMESE]
    return early_toned("".join(folded))


def _split_tone(word: str) -> tuple[str, str]:
    tone = ""
    kept: list[str] = []
    for mark in unicodedata.normalize("NFD", word):
        if mark in _TONES:
            tone += mark
        else:
            kept.append(mark)
    return unicodedata.normalize("NFC", "".join(kept)), tone


def _spelled_together(onset: str, rime: str) -> bool:
    """`gh` and `ngh` stand before e, ê, i, c does not; `yên`, `yêu` begin no other than with `qu`."""
    if rime.startswith(("yê", "ye")):
        return onset in {"", "qu"}
    front = rime.startswith(("e", "ê", "i"))
    return front if onset in {"gh", "ngh"} else not (front and onset == "c")


@lru_cache(maxsize=8192)
def is_syllable(word: str) -> bool:
    """A lower-case word is one well-formed Vietnamese syllable."""
    bare, tone = _split_tone(word)
    if len(tone) > 1:
        return False
    for onset in _ONSETS:
        if not bare.startswith(onset):
            continue
        rime = bare[len(onset) :]
        if not _spelled_together(onset, rime):
            continue
        if rime in _RIMES or (onset == "gi" and "i" + rime in _RIMES) or (onset == "qu" and "u" + rime in _RIMES):
            return not rime.endswith(_STOPPED) or tone in _HIGH_OR_LOW
    return bare in {"gi", "gin"}


def is_toneless(word: str) -> bool:
    """No tone mark, no circumflex or breve on it: what capitals that abbreviate look like; Đ, Ơ and Ư may be in it."""
    return not any(mark in _NO_ABBREVIATION for mark in unicodedata.normalize("NFD", word))


_NO_ABBREVIATION: Final = _TONES | {"\u0302", "\u0306"}


def spell(word: str) -> str:
    """The names of the letters of a word; tone marks are passed over."""
    return " ".join(NAMES[letter] for letter in _split_tone(fold(word))[0] if letter in NAMES)


def is_plain(word: str) -> bool:
    """A word that is read as it stands: lower case, Vietnamese or basic Latin letters, with a vowel."""
    return all(letter in VIETNAMESE for letter in word) and has_vowel(word)


@lru_cache(maxsize=8192)
def is_toneless_syllable(word: str) -> bool:
    """A word of basic letters is a syllable once marks are put on it, as in addresses: `cong`, `viet`."""
    return any(
        word.startswith(onset) and (rime := word[len(onset) :]) in _BARE_RIMES and _spelled_together(onset, rime)
        for onset in _ONSETS
    )


def _bare(rime: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFD", rime) if mark.isascii())


_BARE_RIMES: Final = frozenset(_bare(rime) for rime in _RIMES)
