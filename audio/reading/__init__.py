"""Written Vietnamese into spoken form: `read("ngày 30/7").spoken` is `ngày ba mươi tháng bảy`.

Rules of our own for administrative text (`rules/`, `abbreviations.tsv`) over sea-g2p, which reads what they don't know.
"""

from __future__ import annotations

from audio.reading.compose import read
from audio.reading.model import Doubt, Lexicon, Reading, Span

__all__ = ["Doubt", "Lexicon", "Reading", "Span", "read"]
