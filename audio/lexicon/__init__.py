"""The lexicon (từ điển cách đọc): how names of villages, people and firms are said, per unit of administration.

`match` finds entries in a text and knows no database; `checks` says what an entry may hold; `store` keeps entries with
their whole history. A commune has its own entries and those of what stands over it; of two for one name the nearest
wins.
"""

from __future__ import annotations

from audio.lexicon.checks import SpokenNotPlain, WrittenUnusable
from audio.lexicon.files import Row, RowsUnusable, parse
from audio.lexicon.match import Lexicon, key_of
from audio.lexicon.store import (
    EntryChanged,
    EntryMissing,
    Sourced,
    apply,
    effective,
    for_unit,
    history,
    layers,
    lexicon_of,
    own,
    put,
    remove,
    restore,
)
from audio.lexicon.tables import LexiconChange

__all__ = [
    "EntryChanged",
    "EntryMissing",
    "Lexicon",
    "LexiconChange",
    "Row",
    "RowsUnusable",
    "Sourced",
    "SpokenNotPlain",
    "WrittenUnusable",
    "apply",
    "effective",
    "for_unit",
    "history",
    "key_of",
    "layers",
    "lexicon_of",
    "own",
    "parse",
    "put",
    "remove",
    "restore",
]
