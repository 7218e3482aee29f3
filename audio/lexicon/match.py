"""Finding the entries of a lexicon in a text: whole words, longest first, from left to right.

Both sides are made uniform: composed letters, one kind of space, quote and dash (`reading.prepare`), and the tone mark
where the old orthography puts it (hòa, not hoà). The text is cut into words, spaces and single marks, so an entry never
begins or ends inside a word, and a tree of such pieces finds the longest entry at each place: the time depends on the
text, hardly on how many entries there are.

Capitals: an entry in capitals (QL37) is found in capitals only; one with some (Đồng Bùi) as it is written or wholly in
capitals, as in headings; one without any (hợp tác xã) in any case.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from audio.reading.prepare import prepare

_PIECE: Final = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+|[^\S\n]+|.", re.DOTALL)
_END: Final = ""  # no piece is empty, so it can mark where an entry ends
_Tree = dict[str, Any]

_TONES: Final = "\u0300\u0301\u0303\u0309\u0323"


def _tone_pairs() -> dict[str, str]:
    """oà → òa, oè → òe, uỳ → ùy, with every tone and in every case: two characters for two."""
    pairs = {}
    for first, second in ("oa", "oe", "uy"):
        for one in (first, first.upper()):
            for two in (second, second.upper()):
                for tone in _TONES:
                    new = one + unicodedata.normalize("NFC", two + tone)
                    pairs[new] = unicodedata.normalize("NFC", one + tone) + two
    return pairs


_OLD_TONES: Final = _tone_pairs()
_NEW_TONE: Final = re.compile("|".join(_OLD_TONES))


def old_tones(text: str) -> str:
    """A composed text with its tone marks where the old orthography puts them; as long as it was."""
    return _NEW_TONE.sub(lambda pair: _OLD_TONES[pair.group()], text)


def key_of(written: str) -> str:
    """What makes an entry the same entry: uniform letters and marks, one space between words; capitals count."""
    return old_tones(" ".join(prepare(written).text.split()))


_ALPHABET: Final = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"


def dictionary_order(key: str) -> tuple[list[int], str]:
    """To sort keys as a Vietnamese dictionary does: by letters (a ă â … d đ …), what differs in tones alone after."""
    bare = "".join(mark for mark in unicodedata.normalize("NFD", key.lower()) if mark not in _TONES)
    letters = unicodedata.normalize("NFC", bare)
    return [0x80 + at if (at := _ALPHABET.find(letter)) >= 0 else ord(letter) for letter in letters], key


class Lexicon:
    """Entries ready to be found in texts; `entries` maps a key (see `key_of`) to its spoken form."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self.entries = dict(entries)
        self._exact: dict[str, str] = {}
        self._any_case: dict[str, str] = {}
        self._tree: _Tree = {}
        for key, spoken in self.entries.items():
            self._enter(key)
            if key == key.lower():
                self._any_case[key] = spoken
            else:
                self._exact.setdefault(key.upper(), spoken)
        # An entry that stands in capitals itself goes before what another one is in capitals.
        self._exact.update((key, spoken) for key, spoken in self.entries.items() if key != key.lower())

    def _enter(self, key: str) -> None:
        tree = self._tree
        for piece in _PIECE.findall(key.lower()):
            tree = tree.setdefault(piece, {})
        tree[_END] = True

    def __bool__(self) -> bool:
        return bool(self.entries)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all entries: two lexicons with the same one read every text alike."""
        lines = (f"{key}\t{spoken}\n" for key, spoken in sorted(self.entries.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def claims(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Start, end and spoken form of what is found in a prepared text, in order and without overlap."""
        if not self.entries:
            return
        uniform = old_tones(text)
        pieces = [(match.group(), match.start()) for match in _PIECE.finditer(uniform)]
        at = 0
        while at < len(pieces):
            found = self._longest(uniform, pieces, at)
            if found is None:
                at += 1
                continue
            after, spoken = found
            yield pieces[at][1], _end_of(pieces, after), spoken
            at = after

    def _longest(self, text: str, pieces: list[tuple[str, int]], at: int) -> tuple[int, str] | None:
        """The index of the piece behind the longest entry that begins at piece `at`, and its spoken form."""
        tree: _Tree | None = self._tree.get(pieces[at][0].lower())
        if tree is None:
            return None
        ends: list[int] = []
        index = at + 1
        while tree is not None:
            if _END in tree:
                ends.append(index)
            if index == len(pieces):
                break
            piece = pieces[index][0]
            tree = tree.get(" " if piece != "\n" and piece.isspace() else piece.lower())
            index += 1
        for end in reversed(ends):
            start, stop = pieces[at][1], _end_of(pieces, end)
            surface = " ".join(text[start:stop].split())
            spoken = self._exact.get(surface) or self._any_case.get(surface.lower())
            if spoken is not None and _stands_alone(text, start, stop):
                return end, spoken
        return None


def _end_of(pieces: list[tuple[str, int]], after: int) -> int:
    last, start = pieces[after - 1]
    return start + len(last)


# Whole stretches without a space that are one thing: document codes, addresses of the web.
_CODE: Final = re.compile(
    r"\d[\w.-]*/[^\W\d_]|/[^\W\d_]+-[^\W\d_]|\w@\w|://|\bwww\.|[a-z0-9-]\.(?:vn|com|org|net|info|edu|gov)\b",
    re.IGNORECASE,
)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Not a part of something larger without a space in it: a decimal, a name with ' or -, a code, an address."""
    if _is_cut_out(text, start, end):
        return False
    left = start
    while left and not text[left - 1].isspace():
        left -= 1
    right = end
    while right < len(text) and not text[right].isspace():
        right += 1
    if not any(letter.isalnum() for letter in text[left:start] + text[end:right]):
        return True
    return _CODE.search(text, left, right) is None


_DECIMAL_BEFORE: Final = re.compile(r"\d[.,]")
_DECIMAL_BEHIND: Final = re.compile(r"[.,]\d")
_JOINED_BEFORE: Final = re.compile(r"[^\W_]'")  # H'Mông, R'Lấp
_JOINED_BEHIND: Final = re.compile(r"'[^\W_]")


def _is_cut_out(text: str, start: int, end: int) -> bool:
    before, behind = text[max(start - 2, 0) : start], text[end : end + 2]
    decimal = (text[start].isdigit() and _DECIMAL_BEFORE.fullmatch(before)) or (
        text[end - 1].isdigit() and _DECIMAL_BEHIND.match(behind)
    )
    joined = _JOINED_BEFORE.fullmatch(before) or _JOINED_BEHIND.match(behind)
    # Ma-rốc is one name; Yên Bái-Lào Cai are two.
    hyphened = (before[1:] == "-" and before[:1].isalpha() and text[start].islower()) or (
        behind[:1] == "-" and behind[1:].islower()
    )
    return bool(decimal or joined or hyphened)
