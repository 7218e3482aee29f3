"""What an entry may hold: something that can be found in a text, and a reading that an announcer could say as it is."""

from __future__ import annotations

import unicodedata
from typing import Final

from audio import reading
from audio.lexicon.match import key_of
from audio.reading.prepare import prepare
from core.errors import TruyenThanhError

WRITTEN_MAX: Final = 120  # characters; the longest official names of firms are shorter
SPOKEN_MAX: Final = 400
NOTE_MAX: Final = 1000


class WrittenUnusable(TruyenThanhError):
    slug = "lexicon-written-unusable"
    status = 422
    vi = "Mục từ “{written}” chưa dùng được: {why}."
    en = "The entry “{written}” can't be used: {why}."


class SpokenNotPlain(TruyenThanhError):
    slug = "lexicon-spoken-not-plain"
    status = 422
    vi = (
        "Cách đọc “{spoken}” của “{written}” chưa phải lời nói thuần: máy sẽ đọc thành “{read}”. "
        "Hãy ghi đúng như phát thanh viên đọc: chữ thường, không số, không ký hiệu, không dấu chấm câu ở giữa hay cuối."
    )
    en = (
        "The reading “{spoken}” of “{written}” is not plain speech: it would be read as “{read}”. "
        "Write it as an announcer says it: small letters, no digits, no signs, no mark that ends a sentence."
    )


def checked_written(written: str) -> str:
    """What is to be found, in composed letters and with single spaces. Raises `WrittenUnusable`."""
    kept = " ".join(prepare(written).text.split())
    if not any(letter.isalnum() for letter in kept):
        why = "phải có ít nhất một chữ hoặc một số / it needs a letter or a digit"
        raise WrittenUnusable(written=written, why=why)
    if max(len(kept), len(key_of(kept))) > WRITTEN_MAX:
        raise WrittenUnusable(written=written, why=f"dài quá {WRITTEN_MAX} ký tự / it is over {WRITTEN_MAX} characters")
    return kept


def checked_spoken(written: str, spoken: str) -> str:
    """The reading, in composed letters and with single spaces. Raises `SpokenNotPlain` or `WrittenUnusable`."""
    kept = " ".join(unicodedata.normalize("NFC", spoken).split())
    if len(kept) > SPOKEN_MAX:
        why = f"cách đọc dài quá {SPOKEN_MAX} ký tự / its reading is over {SPOKEN_MAX} characters"
        raise WrittenUnusable(written=written, why=why)
    read = reading.read(kept).spoken
    if not read or read != kept or any(mark in kept for mark in ".?!"):
        raise SpokenNotPlain(written=written, spoken=spoken, read=" ".join(read.rstrip(".?!").split()) or "∅")
    return kept


def checked_note(written: str, note: str | None) -> str | None:
    kept = (note or "").replace("\0", "").strip()
    if len(kept) > NOTE_MAX:
        raise WrittenUnusable(written=written, why=f"ghi chú dài quá {NOTE_MAX} ký tự / its note is too long")
    return kept or None
