"""Letters that were dressed up for a social network."""

from __future__ import annotations

import unicodedata

import pytest

from broadcast.bulletin_rules import checked_text, checked_title
from broadcast.encodings import decode
from broadcast.styled import plain_letters

TEXT = "Thông báo: Mời bà con đi họp lúc 7 giờ, mang theo giấy tờ."


def dressed(text: str, capital: int, small: int, digit: int) -> str:
    """Its letters from three other alphabets, their marks behind them."""
    starts = {"A": capital, "a": small, "0": digit}
    out = ""
    for letter in unicodedata.normalize("NFD", text):
        first = "0" if letter in "0123456789" else "a" if "a" <= letter <= "z" else "A" if "A" <= letter <= "Z" else ""
        out += chr(starts[first] + ord(letter) - ord(first)) if first else letter
    return out


@pytest.mark.parametrize(
    "alphabet",
    [(0x1D400, 0x1D41A, 0x1D7CE), (0x1D5D4, 0x1D5EE, 0x1D7EC), (0x1D670, 0x1D68A, 0x1D7F6), (0xFF21, 0xFF41, 0xFF10)],
)
def test_they_become_plain_wherever_a_text_comes_in(alphabet: tuple[int, int, int]) -> None:
    pasted = dressed(TEXT, *alphabet)
    assert plain_letters(pasted) == TEXT
    assert decode(pasted.encode()) == TEXT  # they were taken for TCVN3
    assert checked_text(pasted, 1000) == TEXT
    assert checked_title(pasted) == TEXT


@pytest.mark.parametrize("text", [TEXT, unicodedata.normalize("NFD", TEXT), "½ lít ở 25 ℃, kính gửi ông №1 ②", ""])
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert plain_letters(text) == text
