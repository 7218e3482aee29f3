"""sea-g2p under our rules: it reads what no rule of ours knows, in the clause where it stands.

It works in this process from a dictionary in its wheel and never asks a network. What it gives back is held to
letters: a word that it doesn't know it may wrap in tags, and a letter that it drops is dropped silently.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sea_g2p import Normalizer

from audio.reading import letters

log = logging.getLogger(__name__)

_TAG = re.compile(r"</?[a-z]{1,5}>")


@lru_cache(maxsize=1)
def _normalizer() -> Any:
    return Normalizer()


def normalise(text: str) -> list[str]:
    """The words of a piece of text as sea-g2p reads it; empty where it fails."""
    try:
        said = str(_normalizer().normalize(text))
    except BaseException as error:  # a panic of its Rust core is no Exception; a text must not stop on it
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        log.exception("sea-g2p failed")
        return []
    return [word for raw in _TAG.sub(" ", said).split() if (word := letters.fold(raw))]


def in_clause(clause: Sequence[tuple[str, bool]]) -> list[list[str]]:
    """The readings of the marked words of a clause, in order; `clause` holds (word, marked).

    The clause is read as a whole, so that the base sees what stands around; the readings are what it put between the
    words that it left alone. Where those can't be found again, each marked word is read by itself.
    """
    marked = [word for word, wanted in clause if wanted]
    said = normalise(" ".join(word for word, _ in clause))
    found = _between(clause, said)
    return found if found is not None else [normalise(word) for word in marked]


def _between(clause: Sequence[tuple[str, bool]], said: list[str]) -> list[list[str]] | None:
    readings: list[list[str]] = []
    at = 0
    for index, (word, wanted) in enumerate(clause):
        if not wanted:
            if at >= len(said) or said[at] != word:
                return None
            at += 1
            continue
        if index + 1 < len(clause) and clause[index + 1][1]:
            return None  # two marked words side by side: which word belongs to which isn't known
        anchor = clause[index + 1][0] if index + 1 < len(clause) else None
        end = at
        while end < len(said) and said[end] != anchor:
            end += 1
        if anchor is not None and end == len(said):
            return None
        readings.append(said[at:end])
        at = end
    return readings if at == len(said) else None
