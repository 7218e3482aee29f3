"""Letters dressed up for social networks (“𝗧𝗵𝗼̂𝗻𝗴 𝗯𝗮́𝗼”, “Ｔｈông báo”) become plain ones, of which they are a style.

Unicode has such alphabets for mathematics and for East Asian print; web pages hand them out as “bold” and “italic”.
Nothing is lost but the look: the letters are the same, and their marks follow them as they did. Signs that merely have
a compatibility form (½, №, ℃) say something by themselves and stay.
"""

from __future__ import annotations

import re
import unicodedata

_MATHEMATICAL = "\U0001d400-\U0001d7ff" + "ℂℊℋℌℍℎℐℑℒℕℙℚℛℜℝℤℨℬℭℯℰℱℳℴ"  # those that Unicode had before
_FULL_WIDTH = "０-９Ａ-Ｚａ-ｚ"
_STYLED = re.compile(f"[{_MATHEMATICAL}{_FULL_WIDTH}]+")


def plain_letters(text: str) -> str:
    """The text with plain letters, composed; one without styled letters as it is."""
    plain = _STYLED.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    return text if plain == text else unicodedata.normalize("NFC", plain)
