"""What is probably a misprint: a word that stands twice in a row, or a pair of words that does. Flagged, never changed.

Vietnamese doubles many words on purpose (`ngày ngày`, `luôn luôn`, `xanh xanh`); those that announcers meet stand in
`doubled.tsv`. Two pairs may meet at the same word (`truyền thông thông qua`, `Ủy ban ban hành`): `joints.tsv`. Words
that were numbers (`5 năm`) are none of it: only words that stand as they were written count.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

MEANT: Final = frozenset(files("audio.reading").joinpath("doubled.tsv").read_text("utf-8").split()[1:])


def _joints() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    lines = files("audio.reading").joinpath("joints.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {word: (frozenset(before.split(",")), frozenset(behind.split(","))) for word, before, behind in rows}


_JOINTS: Final = _joints()


def doubled(words: Sequence[str]) -> list[tuple[int, int]]:
    """Places (first word, how many words are repeated) in a clause of lower-case words, left to right."""
    places: list[tuple[int, int]] = []
    for index in range(1, len(words)):
        if words[index] == words[index - 1] and words[index] not in MEANT and not _joint(words, index):
            places.append((index - 1, 1))
        elif index >= _PAIRS - 1 and _pair_again(words, index):
            places.append((index - _PAIRS + 1, 2))
    return places


def _joint(words: Sequence[str], index: int) -> bool:
    """The second of two equal words begins another pair than the first ends."""
    if not 2 <= index < len(words) - 1 or words[index] not in _JOINTS:
        return False
    before, behind = _JOINTS[words[index]]
    return words[index - 2] in before and words[index + 1] in behind


_PAIRS: Final = 4  # words in a pair and its double


def _pair_again(words: Sequence[str], index: int) -> bool:
    first, second, third, fourth = words[index - 3 : index + 1]
    return first == third and second == fourth and first != second
